"""Tombstones: an append-only list of what must never come back.

One file, one JSON object per line, ``{"v": 1, "id": …, "day": "YYYY-MM-DD", "at": "…Z", "reason": …}``. It holds key
ids or subject UUIDs, days and reason codes, nothing about a person. Used twice: destroyed keys may not be created
again, and erased subjects may not return with a restored dump or a re-import.

A line counts once it is on the disk. A line torn by a crash was never confirmed to anybody: if it is not yet a whole
object it is ignored, and cut off by the next append. A damaged line anywhere else is an error, because a ledger with
a hole would let the dead come back.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from threading import RLock

from .errors import InvalidName, KeyStoreError, LedgerOutdated
from .idset import IdSet
from .posix import LOCK_SECONDS, explain, locked, private_file, publish, read_all, temporary_name, write_all

_ID = re.compile(r"[a-z0-9][a-z0-9_/-]{0,127}")
_REASON = re.compile(r"[a-z][a-z0-9_]{0,31}")
_VERSION = 1
_MAX_LINE = 512
_BLOCK = 1 << 20
#: A line as it is written here, which is told from a damaged one much faster than JSON is read.
_LINE = re.compile(
    rb'\{"v":1,"id":"([a-z0-9][a-z0-9_/-]{0,127})","day":"([0-9]{4}-[0-9]{2}-[0-9]{2})",'
    rb'"at":"([0-9TZ:-]{20})","reason":"([a-z][a-z0-9_]{0,31})"\}'
)
#: Why :meth:`Ledger.since` refuses.
OUTDATED = (
    "the ledger is older than what this database has seen of it, or another one; put the newest copy of it in its place"
)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """``day``: calendar day of death, ISO; ``at``: when it was written, UTC, seconds; ``reason``: a code, no prose."""

    id: str
    day: str
    at: str
    reason: str


class Ledger:
    """Tombstones in one file, shared by any number of processes.

    :meth:`contains` costs one ``stat`` and a set lookup; new lines of other processes are read incrementally. The ids
    are kept in memory, at most 48 bytes each.

    :param path: the file; :meth:`create` makes it. A missing file is an error, never an empty ledger.
    """

    def __init__(self, path: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        self._path = path
        self._lock_seconds = lock_seconds
        self._mutex = RLock()
        self._forget()

    @classmethod
    def create(cls, path: Path, *, lock_seconds: float = LOCK_SECONDS) -> "Ledger":
        """Open the ledger, making an empty one if there is none.

        :raises KeyStoreError: if it cannot be made
        """
        try:
            publish(path, b"", temporary_name(path.parent))
        except OSError as error:
            raise KeyStoreError(f"the ledger {path.name} could not be created: {explain(error)}") from None
        return cls(path, lock_seconds=lock_seconds)

    def append(self, entry_id: str, day: date, reason: str) -> bool:
        """Bury ``entry_id``; on return the line is on the disk.

        :param reason: a code such as ``deadline`` or ``early_erasure``; free text is refused, it could name a person
        :returns: False if it was in the ledger already (the first entry stands)
        :raises InvalidName: malformed id or reason
        :raises KeyStoreError: nothing was written
        """
        return self.append_many([(entry_id, day, reason)]) == 1

    def append_many(self, entries: Iterable[tuple[str, date, str]]) -> int:
        """Bury many ids with one lock and one write; on return all lines are on the disk.

        A crash in between leaves some of them buried and none half; calling again buries the rest.

        :param entries: ``(id, day, reason)`` as for :meth:`append`
        :returns: how many were not in the ledger before
        :raises InvalidName: malformed id or reason; nothing was written
        :raises KeyStoreError: nothing was written
        """
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines: dict[str, bytes] = {}
        for entry_id, day, reason in entries:
            check_entry(entry_id, reason)
            if entry_id not in lines:
                lines[entry_id] = (
                    f'{{"v":{_VERSION},"id":"{entry_id}","day":"{day.isoformat()}","at":"{at}","reason":"{reason}"}}\n'
                ).encode("ascii")
        if not lines:
            return 0
        with self._mutex, self._errors(), private_file(self._path, os.O_RDWR | os.O_APPEND, self._path.name) as fd:
            with locked(fd, self._lock_seconds):
                self._read(fd)
                fresh = [line for entry_id, line in lines.items() if entry_id not in self._ids]
                if fresh:
                    self._append_lines(fd, b"".join(fresh))
                    self._read(fd)
                return len(fresh)

    def contains(self, entry_id: str) -> bool:
        """Whether ``entry_id`` is buried.

        :raises KeyStoreError: if the ledger is gone, damaged or unreadable; it never answers False by mistake
        """
        with self._mutex, self._errors():
            info = os.stat(self._path)
            if (info.st_ino, info.st_size, info.st_mtime_ns) != self._seen:
                with private_file(self._path, os.O_RDONLY, self._path.name) as fd:
                    self._read(fd)
            return entry_id in self._ids

    def entries(self) -> Iterator[Tombstone]:
        """All tombstones in the order they were written, freshly read and verified.

        :raises KeyStoreError: naming the line, if one is damaged
        """
        number = 0
        with self._errors(), private_file(self._path, os.O_RDONLY, self._path.name) as fd:
            for line, whole in _lines(fd, 0):
                stone = _parse(line)
                if whole:
                    number += 1
                    if stone is None:
                        raise self._damaged(number)
                if stone is not None:
                    yield stone

    def buried(self, entry_ids: Iterable[str]) -> set[str]:
        """Those of ``entry_ids`` that are buried; one ``stat`` for all. Errors as :meth:`contains`."""
        with self._mutex:
            self.contains("")  # brings the memory up to date
            return {entry_id for entry_id in entry_ids if entry_id in self._ids}

    def mark(self) -> str:
        """How far the ledger has come: a text to remember, for :meth:`since`. Costs one ``stat``."""
        with self._mutex:
            self.contains("")
            return f"{self._offset}:{self._last}"

    def since(self, mark: str) -> Iterator[Tombstone]:
        """The tombstones written after ``mark`` was made; ``""`` stands for the beginning.

        :raises LedgerOutdated: this ledger never came to that mark: it is an older copy, or another one
        :raises KeyStoreError: as :meth:`entries`
        """
        offset, last = parse_mark(mark)
        with self._errors(), private_file(self._path, os.O_RDONLY, self._path.name) as fd:
            size = os.fstat(fd).st_size
            if offset > size:
                raise LedgerOutdated(OUTDATED)
            if offset:
                start = max(0, offset - _MAX_LINE)
                before = os.pread(fd, offset - start, start)
                stone = _parse(before[:-1].rpartition(b"\n")[2]) if before.endswith(b"\n") else None
                if stone is None or stone.id != last:
                    raise LedgerOutdated(OUTDATED)
            for line, whole in _lines(fd, offset):
                stone = _parse(line)
                if whole and stone is None:
                    raise KeyStoreError(f"a line of {self._path.name} is damaged; restore the ledger from its copy")
                if stone is not None:
                    yield stone

    def check(self) -> int:
        """Verify every line and return how many there are; errors as :meth:`entries`."""
        return sum(1 for _stone in self.entries())

    def _forget(self) -> None:
        self._ids = IdSet()
        self._offset = 0  # bytes of whole lines read so far
        self._lines = 0
        self._last = ""  # id in the last whole line
        self._seen = (0, -1, 0)

    def _read(self, fd: int) -> None:
        info = os.fstat(fd)
        stamp = (info.st_ino, info.st_size, info.st_mtime_ns)
        if stamp == self._seen:
            return
        if stamp[0] != self._seen[0] or stamp[1] <= self._seen[1]:
            self._forget()  # another file, a restored one, or changed in place: trust nothing read before
        for line, whole in _lines(fd, self._offset):
            stone = _parse(line)
            if whole and stone is None:
                raise self._damaged(self._lines + 1)
            if stone is not None:
                self._ids.add(stone.id)
            if whole:
                self._last = stone.id
                self._offset += len(line) + 1
                self._lines += 1
        self._seen = stamp

    def _append_lines(self, fd: int, lines: bytes) -> None:
        size = os.fstat(fd).st_size
        tail = read_all(fd, self._offset)
        if tail and _parse(tail):
            lines = b"\n" + lines
        elif tail:
            size = self._offset
            os.ftruncate(fd, size)
        try:
            write_all(fd, lines)
        except OSError:
            os.ftruncate(fd, size)
            raise

    def _damaged(self, number: int) -> KeyStoreError:
        return KeyStoreError(f"line {number} of {self._path.name} is damaged; restore the ledger from its copy")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise KeyStoreError(f"the ledger {self._path.name} is gone; restore it from its copy") from None
        except OSError as error:
            raise KeyStoreError(f"the ledger {self._path.name} could not be used: {explain(error)}") from None


def parse_mark(mark: str) -> tuple[int, str]:
    """Position and last id of a :meth:`Ledger.mark`; ``(0, "")`` for the beginning.

    :raises InvalidName: it is none
    """
    position, separator, last = (mark or "0:").partition(":")
    if not separator or not position.isdecimal() or (last and not _ID.fullmatch(last)):
        raise InvalidName("A mark of the ledger is a number, a colon and the id that was written last.")
    return int(position), last


def check_entry(entry_id: str, reason: str) -> None:
    """Refuse an id or a reason that could hold anything but an id or a code.

    :raises InvalidName: malformed id or reason
    """
    if not _ID.fullmatch(entry_id) or not _REASON.fullmatch(reason):
        raise InvalidName("A tombstone takes an id of a-z 0-9 _ - / and a reason of 1-32 characters a-z 0-9 _.")


def _lines(fd: int, offset: int) -> Iterator[tuple[bytes, bool]]:
    """Yield the lines of a file from ``offset`` on, and whether each was ended; a torn or absent last one was not.

    Reads a block at a time: a ledger of a million lines never lies in memory as a whole.
    """
    rest = b""
    while block := os.pread(fd, _BLOCK, offset):
        offset += len(block)
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line, True
    if rest:
        yield rest, False


@lru_cache(maxsize=1024)
def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _parse(line: bytes) -> Tombstone | None:
    if found := _LINE.fullmatch(line):
        stone = Tombstone(*(part.decode("ascii") for part in found.groups()))
        return stone if _is_day(stone.day) else None
    try:
        data = json.loads(line)
        if data.pop("v") != _VERSION:
            return None
        stone = Tombstone(**data)
        date.fromisoformat(stone.day)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return stone if _ID.fullmatch(stone.id) and _REASON.fullmatch(stone.reason) else None
