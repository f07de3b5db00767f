"""Fixed points outside the database: what a log said, kept where whoever edits the log cannot reach.

::

    <directory>/<name>.jsonl    every anchor in order, one JSON object per line, synced before ``append`` returns
    <directory>/<name>.head     how far the log had come: a number and a value, overwritten in place, not synced

An anchor can be added, never changed. The head costs some tens of microseconds and survives the process; after a power
failure it may lag behind, which weakens what it proves and never accuses anybody. Neither holds anything personal.
"""

import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .errors import InvalidName, KeyStoreError
from .posix import LOCK_SECONDS, explain, locked, private_file, publish, read_all, temporary_name, write_all

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_VALUE = re.compile(r"[\x20-\x7e]{1,400}")
_HEAD = re.compile(rb"([0-9]{20}) ([\x20-\x7e]{1,400})\n")
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Anchor:
    """``at``: when it was written, UTC, seconds (``…Z``); ``value``: as it was given."""

    at: str
    value: str


class FileAnchors:
    """Anchors of any number of logs in one directory, shared by any number of processes.

    :param directory: made on first use, with mode 0700; must lie in a private directory

    All methods raise :class:`InvalidName` for a malformed name (``a-z 0-9 -``, at most 64) or value (printable ASCII,
    at most 400) and :class:`KeyStoreError` when the file system or a damaged file does not allow it.
    """

    def __init__(self, directory: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        self._directory = directory
        self._lock_seconds = lock_seconds

    def append(self, name: str, value: str) -> None:
        """Add an anchor; on return it is on the disk."""
        path = self._path(name, "jsonl")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line = (
            json.dumps({"v": _VERSION, "at": now, "value": check_value(value)}, separators=(",", ":")).encode() + b"\n"
        )
        try:
            self._make(path)
            with private_file(path, os.O_RDWR | os.O_APPEND, path.name) as fd, locked(fd, self._lock_seconds):
                size = os.fstat(fd).st_size
                whole = read_all(fd).rfind(b"\n") + 1
                if whole < size:  # torn by a crash, confirmed to nobody
                    os.ftruncate(fd, whole)
                try:
                    write_all(fd, line)
                except OSError:
                    os.ftruncate(fd, whole)
                    raise
        except OSError as error:
            raise KeyStoreError(f"the anchor file {path.name} could not be written: {explain(error)}") from None

    def entries(self, name: str) -> list[Anchor]:
        """All anchors of a log in the order they were written; none for a name never used."""
        path = self._path(name, "jsonl")
        try:
            with private_file(path, os.O_RDONLY, path.name) as fd:
                lines = read_all(fd).split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise KeyStoreError(f"the anchor file {path.name} could not be read: {explain(error)}") from None
        found = []
        for number, line in enumerate(lines, 1):
            try:
                data = json.loads(line)
                if data["v"] != _VERSION:
                    raise ValueError
                found.append(Anchor(data["at"], data["value"]))
            except (ValueError, TypeError, KeyError):
                raise KeyStoreError(f"line {number} of the anchor file {path.name} is damaged") from None
        return found

    def names(self) -> list[str]:
        """The logs that have anchors, sorted."""
        try:
            return sorted(
                name.removesuffix(".jsonl") for name in os.listdir(self._directory) if name.endswith(".jsonl")
            )
        except FileNotFoundError:
            return []
        except OSError as error:
            raise KeyStoreError(f"the anchors could not be listed: {explain(error)}") from None

    def advance(self, name: str, number: int, value: str, *, force: bool = False) -> None:
        """Remember how far a log has come; a lower ``number`` than the one remembered is ignored unless forced.

        :param number: 0 or more, below 10²⁰
        """
        path = self._path(name, "head")
        data = f"{number:020d} {check_value(value)}\n".encode("ascii")
        try:
            self._make(path)
            with private_file(path, os.O_RDWR, path.name) as fd, locked(fd, self._lock_seconds):
                before = _HEAD.fullmatch(read_all(fd))
                if force or before is None or int(before[1]) <= number:
                    os.pwrite(fd, data, 0)
                    os.ftruncate(fd, len(data))
        except OSError as error:
            raise KeyStoreError(f"the head file {path.name} could not be written: {explain(error)}") from None

    def furthest(self, name: str) -> tuple[int, str] | None:
        """What :meth:`advance` remembered last, None if it never was called."""
        path = self._path(name, "head")
        try:
            with private_file(path, os.O_RDWR, path.name) as fd, locked(fd, self._lock_seconds):
                data = read_all(fd)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyStoreError(f"the head file {path.name} could not be read: {explain(error)}") from None
        if not data:  # made and not written yet
            return None
        if not (found := _HEAD.fullmatch(data)):
            raise KeyStoreError(f"the head file {path.name} is damaged; delete it once the log was verified")
        return int(found[1]), found[2].decode("ascii")

    def _path(self, name: str, suffix: str) -> Path:
        return self._directory / f"{check_name(name)}.{suffix}"

    def _make(self, path: Path) -> None:
        if not path.exists():
            self._directory.mkdir(mode=0o700, exist_ok=True)
            publish(path, b"", temporary_name(self._directory))


def check_name(name: str) -> str:
    """Return the name of a log if it is well-formed.

    :raises InvalidName: unless it is 1-64 characters a-z, 0-9 or -
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidName("The name of an anchored log is 1-64 characters a-z, 0-9 or -.")
    return name


def check_value(value: str) -> str:
    """Return the value of an anchor if it is well-formed.

    :raises InvalidName: unless it is 1-400 printable ASCII characters
    """
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise InvalidName("The value of an anchor is 1-400 printable ASCII characters.")
    return value
