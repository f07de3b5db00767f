"""The log of what was done with keys: created, destroyed, re-wrapped, failed. No key bytes, nothing about a person.

The file form is one JSON object per line, ``{"v": 1, "at": "…Z", "operation": …, "key_id": …, "outcome": …, "detail":
…, "actor": …}``, only ever appended to. It informs; what counts are the tombstones (a destruction holds even if the
disk was too full to log it).
"""

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from .errors import KeyStoreError
from .posix import LOCK_SECONDS, explain, locked, private_file, publish, temporary_name, write_all

_VERSION = 1
_MAX_TEXT = 300
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_BLOCK = 1 << 16

#: Operations and outcomes as they are written; readers must expect others of later releases.
INITIALISE, CREATE, READ, DESTROY, REWRAP, TIDY = "initialise", "create", "read", "destroy", "rewrap", "tidy"
DONE, FAILED = "done", "failed"


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the log.

    :param at: UTC, seconds (``…Z``)
    :param operation: ``initialise``, ``create``, ``read`` (failures only), ``destroy``, ``rewrap``, ``tidy``
    :param key_id: empty for the store as a whole
    :param outcome: ``done`` or ``failed``. A creation is logged before the key appears: a crash in between leaves the
        line without a key, never a key without the line
    :param detail: label of the wrapping, reason of a destruction, text of an error
    :param actor: who the caller said it was; ``""`` if it did not say
    """

    at: str
    operation: str
    key_id: str
    outcome: str
    detail: str = ""
    actor: str = ""


class OperationLog(Protocol):
    """Where operations are written."""

    def append(self, operation: Operation) -> None:
        """Write a line; raises :class:`KeyStoreError` if it cannot be written."""

    def last(self, count: int) -> Sequence[Operation]:
        """The newest ``count`` lines, newest first."""


def printable(text: str) -> str:
    """``text`` as ASCII without line breaks, at most 300 characters."""
    return _UNPRINTABLE.sub("?", text)[:_MAX_TEXT]


class FileOperationLog:
    """A log in a file beside the keys, shared by any number of processes.

    :param marker: a file that a whole store has; without it no log is made (an empty mount point stays empty)
    """

    def __init__(self, path: Path, marker: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        self._path = path
        self._marker = marker
        self._lock_seconds = lock_seconds

    def append(self, operation: Operation) -> None:
        line = json.dumps({"v": _VERSION, **asdict(operation)}, separators=(",", ":")).encode("ascii") + b"\n"
        try:
            if not self._path.exists() and self._marker.exists():
                publish(self._path, b"", temporary_name(self._path.parent))
            with (
                private_file(self._path, os.O_RDWR | os.O_APPEND, self._path.name) as fd,
                locked(fd, self._lock_seconds),
            ):
                size = os.fstat(fd).st_size
                if size and os.pread(fd, 1, size - 1) != b"\n":
                    line = b"\n" + line  # torn by a crash; it stays visible as a damaged line
                try:
                    write_all(fd, line)
                except OSError:
                    os.ftruncate(fd, size)
                    raise
        except OSError as error:
            raise KeyStoreError(f"the log of key operations could not be written: {explain(error)}") from None

    def last(self, count: int) -> list[Operation]:
        found: list[Operation] = []
        try:
            with private_file(self._path, os.O_RDONLY, self._path.name) as fd:
                for line in _backwards(fd):
                    if len(found) >= count:
                        break
                    if line:
                        found.append(_parse(line))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise KeyStoreError(f"the log of key operations could not be read: {explain(error)}") from None
        return found


def _backwards(fd: int) -> Iterator[bytes]:
    """The lines of a file from the last to the first, without reading more of it than is asked for."""
    end, rest = os.fstat(fd).st_size, b""
    while end > 0:
        start = max(0, end - _BLOCK)
        rest, *lines = (os.pread(fd, end - start, start) + rest).split(b"\n")
        yield from reversed(lines)
        end = start
    yield rest


def _parse(line: bytes) -> Operation:
    try:
        data = json.loads(line)
        if data.pop("v") == _VERSION:
            return Operation(**{name: str(value) for name, value in data.items()})
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    return Operation("", "damaged", "", FAILED, "This line of the log is damaged or of a later release.")


class Quietly:
    """Keeps the same failure from filling the log: each is passed on once a minute.

    :param seconds: how long the same one is held back
    """

    _MAX = 512

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._seen: dict[tuple[str, str, str], float] = {}

    def again(self, *what: str) -> bool:
        """Whether this was passed on a short while ago; remembers it if not."""
        now = time.monotonic()
        key = (what + ("", "", ""))[:3]
        if now - self._seen.get(key, -self._seconds) < self._seconds:
            return True
        if len(self._seen) >= self._MAX:
            self._seen.clear()
        self._seen[key] = now
        return False
