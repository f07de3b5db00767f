"""A set of ids that stays small: 16 bytes of digest an id instead of a Python string and its place in a set."""

from __future__ import annotations

import hashlib

_WIDTH = 16
_EMPTY = bytes(_WIDTH)


class IdSet:
    """Ids that were added, as BLAKE2b digests of 128 bits in one block of memory (24-48 bytes an id).

    Two ids that share a digest cannot be told apart; with 10⁶ ids that has a chance of less than 2⁻⁸⁸.
    """

    def __init__(self) -> None:
        self._count = 0
        self._mask = 1023
        self._slots = bytearray(_WIDTH * (self._mask + 1))

    def __len__(self) -> int:
        return self._count

    def __contains__(self, entry_id: str) -> bool:
        return self._find(_digest(entry_id)) is None

    def add(self, entry_id: str) -> None:
        """Add an id; nothing happens if it is there."""
        digest = _digest(entry_id)
        place = self._find(digest)
        if place is None:
            return
        self._slots[place : place + _WIDTH] = digest
        self._count += 1
        if 3 * self._count > 2 * (self._mask + 1):
            self._grow()

    def _find(self, digest: bytes) -> int | None:
        """Return where ``digest`` belongs, None if it is there."""
        slots, mask = self._slots, self._mask
        index = int.from_bytes(digest[:8], "big") & mask
        while True:
            place = index * _WIDTH
            found = slots[place : place + _WIDTH]
            if found == digest:
                return None
            if found == _EMPTY:
                return place
            index = (index + 1) & mask

    def _grow(self) -> None:
        before = self._slots
        self._mask = 2 * self._mask + 1
        self._slots = bytearray(_WIDTH * (self._mask + 1))
        for place in range(0, len(before), _WIDTH):
            digest = bytes(before[place : place + _WIDTH])
            if digest != _EMPTY and (free := self._find(digest)) is not None:
                self._slots[free : free + _WIDTH] = digest


def _digest(entry_id: str) -> bytes:
    return hashlib.blake2b(entry_id.encode(), digest_size=_WIDTH).digest()
