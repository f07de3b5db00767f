"""Seals: a statement about a stretch of the log, in the database and, as an anchor, beside the keys.

================  ===============================================================================================
``start``         a chain begins after row ``last_row``; ``row_count`` older rows without seal stand before it
``day``           rows ``first_row`` to ``last_row`` were written by the end of ``day``, the last has ``last_mac``
``expired``       rows up to ``last_row`` were deleted because they were older than the retention
``break``         the head had gone back to row ``first_row - 1``; rows ``first_row`` to ``last_row`` had been written
================  ===============================================================================================
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime

from ..crypto import CryptoError, Keyring
from . import chain
from .base import Head, database_uuid, month_key

_logger = logging.getLogger(__name__)

_SELECT = """SELECT id, at, kind, chain, database, day, first_row, last_row, row_count, last_mac, previous_mac, mac
               FROM pii_log_seal ORDER BY id"""
_INSERT = """INSERT INTO pii_log_seal (id, at, kind, chain, database, day, first_row, last_row, row_count, last_mac,
                                       previous_mac, mac) VALUES %s"""


@dataclass(frozen=True, slots=True)
class Seal:
    """A row of ``pii_log_seal``; see the module for what ``kind`` means."""

    id: int
    at: datetime
    kind: str
    chain: str
    database: str
    day: date | None
    first_row: int
    last_row: int
    row_count: int
    last_mac: str
    previous_mac: str
    mac: str

    @property
    def values(self) -> tuple[chain.Value, ...]:
        """What its MAC covers."""
        return tuple(getattr(self, name) for name in chain.SEAL_COLUMNS)

    @property
    def anchor(self) -> str:
        """What is kept of it beside the keys."""
        rows = f"{self.first_row}-{self.last_row}"
        return f"{self.id} {self.kind} {rows} {self.last_mac} {self.mac} {self.database}"


def parse_anchor(text: str) -> tuple[int, str, int, str, str, str]:
    """Return ``(seal id, kind, last row, last MAC, MAC of the seal, database)`` of an anchor.

    :raise ValueError: it is not one of ours
    """
    number, kind, rows, last_mac, mac, database = text.split(" ")
    return int(number), kind, int(rows.partition("-")[2]), last_mac, mac, database


def load(cr) -> list[Seal]:
    """Return all seals in order; one a day, some hundreds a year."""
    cr.execute(_SELECT)
    return [Seal(*row) for row in cr.fetchall()]


def add(
    env, keyring: Keyring, head: Head, kind: str, day: date | None, first: int, last: int, count: int, mac: str
) -> Seal:
    """Write a seal behind the last one; the log's lock is held, the caller commits.

    :param head: whose chain and time it gets
    :param mac: the MAC of row ``last``
    """
    cr = env.cr
    cr.execute("SELECT id, mac FROM pii_log_seal ORDER BY id DESC LIMIT 1")
    number, previous = cr.fetchone() or (0, chain.START)
    # a seal that was removed from the database keeps its number
    for entry in anchored(keyring, head.chain):
        if entry[0] > number:
            number, previous = entry[0], entry[4]
    values = (number + 1, head.now, kind, head.chain, database_uuid(env), day, first, last, count, mac)
    key = month_key(keyring, head.chain, head.now, chain.SEAL_LABEL)
    seal = Seal(*values, previous, chain.next_mac(key, previous, values))
    cr.execute(_INSERT, [(*seal.values, seal.previous_mac, seal.mac)])
    cr.postcommit.add(lambda: anchor(keyring, seal))
    return seal


def anchored(keyring: Keyring, chain_id: str) -> list[tuple[int, str, int, str, str, str]]:
    """Return what :func:`parse_anchor` finds in each anchor of a chain; nothing, with a warning, if unreadable."""
    try:
        return [parse_anchor(entry.value) for entry in keyring.anchors.entries(chain_id)]
    except (CryptoError, ValueError) as error:
        _logger.warning("The access log's anchors could not be read: %s", error)
        return []


def anchor(keyring: Keyring, seal: Seal) -> None:
    """Keep a seal beside the keys; a failure is logged, and made good by the next daily run."""
    try:
        keyring.anchors.append(seal.chain, seal.anchor)
    except CryptoError as error:
        _logger.warning("Seal %s of the access log could not be anchored beside the keys: %s", seal.id, error)
