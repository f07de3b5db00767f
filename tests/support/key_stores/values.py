"""Ids and master keys that the tests of key stores share."""

from __future__ import annotations

import multiprocessing
from datetime import date

from pii_retention.crypto import (
    MasterKeyUnavailable,
    Secret,
    Wrapping,
    day_key_id,
)
from pii_retention.crypto.wrapping import LocalWrapper

fork = multiprocessing.get_context("fork")
KEY_ID = day_key_id("acme", date(2026, 12, 21))
KEY_IDS = [f"day/acme/2026-12-{day:02d}" for day in range(1, 29)]
SUBJECT = "0b8d7f0e-5a53-4f0b-8d1c-3f1f6a0c9d11"
FIRST = LocalWrapper(Secret(bytes(range(32))), "test")
SECOND = LocalWrapper(Secret(bytes(range(1, 33))), "test")
ONE, OTHER, BOTH = Wrapping(FIRST), Wrapping(SECOND), Wrapping(SECOND, [FIRST])


class NoAnswer(LocalWrapper):
    """A master key whose service does not answer (after a number of calls)."""

    def __init__(self, calls=0):
        super().__init__(Secret(bytes(range(32))), "test")
        self.calls = calls

    def _count(self):
        self.calls -= 1
        if self.calls < 0:
            raise MasterKeyUnavailable("the service that holds the master key does not answer")

    def wrap(self, key_id, secret):
        self._count()
        return super().wrap(key_id, secret)

    def unwrap(self, key_id, wrapped):
        self._count()
        return super().unwrap(key_id, wrapped)
