"""Below SQL: the bytes of a PostgreSQL data directory, where deleted rows, old WAL and statistics stay readable."""

from __future__ import annotations

import os
import re
import struct
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .places import Scanner

_LONG_HEADER = 0x0002
_SEGMENT_NAME = re.compile(r"[0-9A-F]{24}")
_RELATION = re.compile(r"(base/\d+|global)/(\d+)(?:_(fsm|vm|init))?(?:\.\d+)?")


def scan_cluster(scanner: Scanner, data_dir: Path, place: str, dsn: str | None) -> None:
    """Search all files under ``data_dir``.

    Heap, index, TOAST and statistics files are searched as they lie on disk, WAL with its page headers taken out (a
    value may cross a page), logs and the rest like any other file. Values compressed with pglz are found by their
    literal runs, with lz4 mostly so; live ones are read in full by :func:`canary.database.scan_database`.
    """
    names = _relations(dsn) if dsn else {}
    if not data_dir.is_dir():
        scanner.report.skip(place, "no such folder")
        return

    def unreadable(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            scanner.report.skip(str(error.filename), f"cannot be listed: {type(error).__name__}")

    # Tablespaces are symbolic links in pg_tblspc, and pg_wal may be one.
    for folder, folders, files in os.walk(data_dir, onerror=unreadable, followlinks=True):
        folders.sort()
        for name in sorted(files):
            path = Path(folder, name)
            relative = path.relative_to(data_dir).as_posix()
            if relative.startswith("pg_wal/") and _SEGMENT_NAME.fullmatch(name):
                _wal(scanner, path, place)
            elif relative.startswith(
                ("base/", "global/", "pg_tblspc/", "pg_xact/", "pg_multixact/", "pg_stat", "pg_wal/")
            ):
                match = _RELATION.fullmatch(relative)
                title = names.get((match[1], match[2])) if match else None
                scanner.scan_file(path, f"{place}/{relative}{f' ({title})' if title else ''}", descend=False)
            elif path.is_file():
                scanner.scan_file(path, f"{place}/{relative}")


def _relations(dsn: str) -> dict[tuple[str, str], str]:
    """(folder, file node) -> kind and name, of one database and the shared catalogue; makes a checkpoint first."""
    import psycopg2

    kinds = {"r": "heap", "i": "index", "t": "toast", "m": "view", "S": "sequence"}
    result = {}
    with closing(psycopg2.connect(dsn, application_name="canary-scan")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")
            cursor.execute(
                "SELECT pg_relation_filepath(c.oid), c.relkind, c.relname, o.relname FROM pg_class c"
                " LEFT JOIN pg_class o ON o.reltoastrelid = c.oid WHERE pg_relation_filepath(c.oid) IS NOT NULL"
            )
            for filepath, relkind, name, owner in cursor.fetchall():
                folder, _, node = filepath.rpartition("/")
                result[folder, node] = f"{kinds.get(relkind, relkind)} {'of ' + owner if owner else name}"
    return result


def _wal(scanner: Scanner, path: Path, place: str) -> None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        scanner.report.skip(f"{place}/pg_wal/{path.name}", f"cannot be read: {type(error).__name__}")
        return
    pieces, block, recycled = stitch(data, path.name)
    state = "recycled" if recycled else "live"
    if block:
        scanner.scan_bytes(pieces, f"{place}/pg_wal/{path.name} ({state})")
    else:
        scanner.scan_bytes(data, f"{place}/pg_wal/{path.name} (no header)")


def stitch(data: bytes, name: str) -> tuple[bytes, int, bool]:
    """The records of a WAL segment without page headers.

    :return: bytes, page size (0: no WAL header, nothing done), whether it is a recycled segment, that is one whose
        pages belong to another place in the log than its name says
    """
    if len(data) < 40:
        return data, 0, False
    magic, info, _timeline, address = struct.unpack_from("<HHIQ", data)
    segment, block = struct.unpack_from("<II", data, 32)
    if magic >> 8 != 0xD1 or not info & _LONG_HEADER or block not in (1 << power for power in range(10, 17)):
        return data, 0, False
    log, part = int(name[8:16], 16), int(name[16:24], 16)
    recycled = address != log << 32 | part * segment
    pages = [data[40:block]]
    for start in range(block, len(data), block):
        long_header = struct.unpack_from("<H", data, start + 2)[0] & _LONG_HEADER
        pages.append(data[start + (40 if long_header else 24) : start + block])
    return b"".join(pages), block, recycled
