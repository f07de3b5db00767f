"""A key store in a PostgreSQL database: dumped, restored, and its registers joined with newer ones."""

from __future__ import annotations

import os
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import make_dsn, parse_dsn

from odoo.tools.misc import find_pg_tool

from ..crypto.stores import pgrows
from ..crypto.stores.pgconnection import PgConnection
from . import sealing
from .errors import BackupError

#: Columns of the registers to which rows are only added.
_COLUMNS = {
    **dict.fromkeys(("tombstone", "subject", "revoked"), ("id", "day", "at", "reason")),
    "anchor": ("name", "at", "value"),
}
_FURTHER = """
INSERT INTO pii_keys.head AS h (name, number, value) VALUES (%s, %s, %s)
    ON CONFLICT (name) DO UPDATE SET number = excluded.number, value = excluded.value WHERE h.number < excluded.number
"""


def is_dsn(place: str) -> bool:
    """Tell a database (a URL, or ``name=value …``) from a folder."""
    return "://" in place or "dbname=" in place


def command_line(dsn: str) -> tuple[str, dict[str, str]]:
    """Return what may stand on a command line, which everybody on the machine reads, and the environment for the rest.

    :raise BackupError: it cannot be read; it is not repeated, it may hold a password
    """
    try:
        parts = parse_dsn(dsn)
    except psycopg2.Error:
        parts = {}
    if "dbname" not in parts:
        raise BackupError("The DSN of the key database cannot be read; it reads postgresql://user@host:5432/database.")
    password = parts.pop("password", None)
    return f"--dbname={make_dsn(**parts)}", dict(os.environ) | ({"PGPASSWORD": password} if password else {})


def restore(path: Path, dsn: str, identities: list[Any], newest: str | None) -> dict[str, int]:
    """Make a key store from a backup, in a database that holds none; a failed attempt leaves none.

    :param newest: DSN of what is left of the store that was lost, or of a replica of it
    :return: what was joined: ``{register: entries}``
    :raise BackupError: there is a store already, or the backup does not open
    """
    target = PgConnection(dsn)
    if target.run(_has_schema):
        raise BackupError("This database holds a key store. One that is whole is never replaced by an older one.")
    place, environment = command_line(dsn)
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    try:
        with sealing.opened(path, identities) as reader:
            command = [find_pg_tool("pg_restore"), *options, place]
            code = subprocess.run(command, stdin=reader, env=environment, check=False).returncode
            while reader.read(1 << 20):  # to the end, where the encryption proves that nothing is missing
                pass
        if code:
            raise BackupError("pg_restore failed; what it said stands above.")
        joined = _join(target, PgConnection(newest)) if newest else {}
        # what the joined registers say is destroyed; the next check of the store writes the table anew
        target.run(pgrows.bury_restored)
    except BaseException:
        target.run(lambda cursor: cursor.execute("DROP SCHEMA IF EXISTS pii_keys CASCADE"))
        raise
    return joined


def _has_schema(cursor) -> bool:
    cursor.execute("SELECT to_regnamespace('pii_keys') IS NOT NULL")
    return cursor.fetchone()[0]


def _join(target: PgConnection, newer: PgConnection) -> dict[str, int]:
    """Add to the registers what a newer copy of them holds; return how many rows to each.

    :raise BackupError: it is a copy of another store
    """
    if target.run(pgrows.read_marker) != newer.run(pgrows.read_marker):
        raise BackupError("The newer copy (--newest) is one of another key store; nothing was joined.")
    joined = {}
    for register, columns in _COLUMNS.items():
        table, names = sql.Identifier("pii_keys", register), sql.SQL(", ").join(map(sql.Identifier, columns))
        read = sql.SQL("SELECT {} FROM {} ORDER BY position").format(names, table)
        write = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(table, names, sql.SQL(", ").join(_places(columns)))
        key = len(columns) if register == "anchor" else 1  # an anchor is told by all of it, the others by their id
        known = {row[:key] for row in target.run(partial(_rows, statement=read))}
        rows = [row for row in newer.run(partial(_rows, statement=read)) if row[:key] not in known]
        target.run(partial(_write, statement=write, rows=rows))
        joined[register] = len(rows)
    heads = newer.run(partial(_rows, statement="SELECT name, number, value FROM pii_keys.head"))
    target.run(partial(_write, statement=_FURTHER, rows=heads))
    return joined


def _places(columns: tuple[str, ...]) -> list[sql.Placeholder]:
    return [sql.Placeholder()] * len(columns)


def _rows(cursor, statement) -> list[tuple]:
    cursor.execute(statement)
    return cursor.fetchall()


def _write(cursor, statement, rows) -> None:
    cursor.executemany(statement, rows)
