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
    """Blocks of a sorted table, Snappy undone. (For its ``.log`` files see :func:`leveldb_log`.)"""
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


# === LevelDB's log: https://github.com/google/leveldb/blob/main/doc/log_format.md ===

_LOG_BLOCK = 32768
_LOG_HEADER = 7


def is_leveldb_log(data: Buffer) -> bool:
    """Whether the first record of ``data`` has the checksum that it states; random data has not."""
    head = bytes(data[:_LOG_HEADER])
    if len(head) < _LOG_HEADER or not 1 <= head[6] <= 4:
        return False
    size = int.from_bytes(head[4:6], "little")
    if not 0 < size <= _LOG_BLOCK - _LOG_HEADER or len(data) < _LOG_HEADER + size:
        return False
    return int.from_bytes(head[:4], "little") == log_checksum(head[6:7] + bytes(data[_LOG_HEADER : _LOG_HEADER + size]))


def leveldb_log(data: Buffer, _context: Context) -> Iterator[Child]:
    """The records put together again: the log cuts them into blocks, a picture in the middle of its base64."""
    whole, joined, position = bytes(data), bytearray(), 0
    while position + _LOG_HEADER <= len(whole):
        left = _LOG_BLOCK - position % _LOG_BLOCK
        if left < _LOG_HEADER:
            position += left
            continue
        size, kind = int.from_bytes(whole[position + 4 : position + 6], "little"), whole[position + 6]
        if kind > 4 or size > left - _LOG_HEADER:
            break
        if not kind and not size:  # room that was made and not used
            position += left
            continue
        joined += whole[position + _LOG_HEADER : position + _LOG_HEADER + size]
        if kind in (1, 4):  # the last part of a record, or all of it
            joined += b"\n"
        position += _LOG_HEADER + size
    yield Child("leveldb log", bytes(joined) + whole[position:])


def _crc32c_table() -> list[int]:
    table = []
    for value in range(256):
        for _bit in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC32C = _crc32c_table()


def log_checksum(data: bytes) -> int:
    """CRC-32C as LevelDB stores it: turned and with a constant added, as it lies in data that has checksums itself."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC32C[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


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
