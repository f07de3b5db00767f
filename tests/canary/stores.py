"""Files that are databases: SQLite, LevelDB (browser profiles), PostgreSQL dumps; and formats that need a command."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from .containers import Child, Context, Opener
from .matcher import Buffer

_FLUSH = 1 << 22
_TIMEOUT = 600


def find_program(name: str, folders: Iterable[Path] = ()) -> str | None:
    """Path of a program: in ``folders``, in PATH, or among PostgreSQL's, which Debian keeps apart (newest first)."""
    if found := shutil.which(name, path=os.pathsep.join(map(str, folders))) or shutil.which(name):
        return found
    candidates = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4].split(".")[0])
    )
    return str(candidates[-1]) if candidates else None


def by_command(label: str, command: tuple[str, ...]) -> Opener:
    """An opener that pipes the data through ``command``."""

    def opener(data: Buffer, context: Context) -> Iterator[Child]:
        if not shutil.which(command[0]):
            context.skip(f"{label} data was not read: {command[0]} is not installed")
            return
        done = subprocess.run(command, input=bytes(data), capture_output=True, timeout=_TIMEOUT, check=False)
        if done.returncode:
            context.skip(f"{label} data was not read: damaged")
        yield Child(label, done.stdout)

    return opener


def pg_dump(data: Buffer, context: Context) -> Iterator[Child]:
    """A custom-format dump as SQL text.

    The table of contents of the tar and folder formats has the same signature; it is plain, its data lies beside it.
    """
    if bytes(data[10:11]) != b"\x01":
        return
    program = find_program("pg_restore", context.programs)
    if not program:
        context.skip("a PostgreSQL dump was not read: pg_restore is not installed")
        return
    with tempfile.TemporaryDirectory(prefix="canary-scan-") as folder:
        source, target = Path(folder, "dump"), Path(folder, "sql")
        source.write_bytes(bytes(data))
        done = subprocess.run(
            [program, "-f", str(target), str(source)], capture_output=True, timeout=_TIMEOUT, check=False
        )
        if done.returncode:
            context.skip("a PostgreSQL dump was not read: pg_restore refuses it (newer version or damaged)")
            return
        yield Child("pg_dump", target.read_bytes())


def sqlite(data: Buffer, context: Context) -> Iterator[Child]:
    """Rows of a SQLite file: long values span pages, so that the file itself shows them in pieces."""
    with tempfile.TemporaryDirectory(prefix="canary-scan-") as folder:
        path = Path(folder, "db")
        path.write_bytes(bytes(data))
        try:
            connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
            connection.text_factory = bytes
            tables = [
                row[0].decode() for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            for table in tables:
                yield from _sqlite_table(connection, table)
            connection.close()
        except sqlite3.Error as error:
            context.skip(f"a SQLite file was not read by rows: {type(error).__name__}")


def _sqlite_table(connection: sqlite3.Connection, table: str) -> Iterator[Child]:
    buffer = bytearray()
    quoted = table.replace('"', '""')
    for row in connection.execute(f'SELECT * FROM "{quoted}"'):
        for cell in row:
            if isinstance(cell, bytes):
                if len(cell) > 64:
                    yield Child(f"sqlite:{table}", cell)
                else:
                    buffer += cell + b"\n"
            elif cell is not None:
                buffer += str(cell).encode() + b"\n"
        if len(buffer) > _FLUSH:
            yield Child(f"sqlite:{table}", bytes(buffer))
            buffer.clear()
    yield Child(f"sqlite:{table}", bytes(buffer))


# === LevelDB: https://github.com/google/leveldb/blob/main/doc/table_format.md ===


def leveldb(data: Buffer, context: Context) -> Iterator[Child]:
    """Blocks of a sorted table, Snappy undone. (Its ``.log`` files are plain.)"""
    whole = bytes(data)
    try:
        footer = whole[-48:]
        position = 0
        for _ in range(2):  # handle of the meta index, not needed
            _value, position = _varint(footer, position)
        index, _ = _block(whole, *_handle(footer, position))
        for _key, handle in _entries(index):
            block, known = _block(whole, *_handle(handle, 0))
            if not known:
                context.skip("a LevelDB block was not read: compressed with something else than Snappy")
                continue
            # Keys share prefixes: put each together.
            yield Child("leveldb", b"\n".join(key + b"\t" + value for key, value in _entries(block)))
    except (IndexError, ValueError):
        context.skip("a LevelDB table was not read: damaged")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _handle(data: bytes, position: int) -> tuple[int, int]:
    offset, position = _varint(data, position)
    size, _position = _varint(data, position)
    return offset, size


def _block(whole: bytes, offset: int, size: int) -> tuple[bytes, bool]:
    raw, compression = whole[offset : offset + size], whole[offset + size]
    if compression == 1:
        return unsnap(raw), True
    return raw, compression == 0


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 - 4 * restarts
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        unshared, position = _varint(block, position)
        length, position = _varint(block, position)
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length


def unsnap(data: bytes) -> bytes:
    """Undo Snappy's raw format.

    :raises ValueError, IndexError: damaged
    """
    size, position = _varint(data, 0)
    out = bytearray()
    while position < len(data):
        tag = data[position]
        position += 1
        if tag & 3 == 0:
            length = tag >> 2
            if length >= 60:
                extra = length - 59
                length = int.from_bytes(data[position : position + extra], "little")
                position += extra
            out += data[position : position + length + 1]
            position += length + 1
            continue
        if tag & 3 == 1:
            length, offset = 4 + (tag >> 2 & 7), (tag >> 5) << 8 | data[position]
            position += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            length, offset = (tag >> 2) + 1, int.from_bytes(data[position : position + width], "little")
            position += width
        if not 0 < offset <= len(out):
            raise ValueError("bad copy")
        for _ in range(length):
            out.append(out[-offset])
    if len(out) != size:
        raise ValueError("bad length")
    return bytes(out)
