"""Chance that repeats itself: every draw depends only on the words it is keyed with.

Python's own ``hash()`` differs between processes, and one generator shared by many orders makes each order depend on
the ones before it. Here each order, and each aspect of an order, rolls its own dice.
"""

from __future__ import annotations

from hashlib import blake2b
from random import Random

__all__ = ["dice", "number"]


def number(*key: object, below: int) -> int:
    """A number in ``range(below)`` that depends only on the key."""
    digest = blake2b("\x1f".join(map(str, key)).encode(), digest_size=16).digest()
    return int.from_bytes(digest, "big") % below


def dice(*key: object) -> Random:
    """A fresh generator seeded by the key."""
    return Random(number(*key, below=1 << 96))
