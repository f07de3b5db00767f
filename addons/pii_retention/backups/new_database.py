"""A database that is being restored: nobody's but the restore's until it is whole.

It is marked as a template, which Odoo neither lists nor runs scheduled actions in: a server beside it must not send the
mails of a restored copy. A comment says that it is unfinished; the next attempt takes away what a killed one has left.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import psycopg2

from odoo.modules.registry import Registry
from odoo.sql_db import close_db, db_connect
from odoo.tools import SQL, config

from .errors import BackupError

_UNFINISHED = "pii_restore: not finished"
_LONGEST = 63
"""Bytes of a name in PostgreSQL, which cuts off the rest without a word."""
_COPY = "_restored_"
FILLER = "pii_restore: pg_restore"
"""What a ``pg_restore`` of ours calls itself: one whose restore was killed goes on until it wants more to read."""
#: What an unfinished database looks like. A copy for a test is known by its name too: whoever was killed between the
#: two statements of :func:`make` has left no comment.
_IS_UNFINISHED = SQL(
    """(d.datistemplate AND (shobj_description(d.oid, 'pg_database') = %s
                             OR shobj_description(d.oid, 'pg_database') IS NULL AND d.datname ~ %s))""",
    _UNFINISHED,
    f"{_COPY}[0-9]{{14}}$",
)


def copy_name(database: str, moment: datetime) -> str:
    """Return the name of a copy of ``database`` that is restored to see whether its backup works."""
    ending = f"{_COPY}{moment:%Y%m%d%H%M%S}"
    return database.encode()[: _LONGEST - len(ending)].decode(errors="ignore") + ending


def is_copy_of(name: str, database: str) -> bool:
    """Tell whether ``name`` is one that :func:`copy_name` gives for ``database``, whenever."""
    ending = re.search(f"{_COPY}[0-9]{{14}}$", name)
    return bool(ending) and name == database.encode()[: _LONGEST - len(ending[0])].decode(errors="ignore") + ending[0]


@contextmanager
def at_work(name: str) -> Iterator[None]:
    """Be seen at work in the database while the context lasts (:func:`unfinished`), whatever else is in it."""
    with closing(db_connect(name).cursor()):
        yield


@contextmanager
def _postgres() -> Iterator:
    with closing(db_connect("postgres").cursor()) as cr:
        cr._cnx.autocommit = True  # databases are not made in a transaction
        yield cr


def make(name: str) -> None:
    """Make an empty database, and take away an unfinished one of this name.

    :raise BackupError: there is one, or its files are there, or PostgreSQL refuses
    """
    if len(name.encode()) > _LONGEST:
        raise BackupError(f"PostgreSQL allows names of {_LONGEST} bytes; {name} is longer. Restore under another name.")
    if name in unfinished():
        remove(name)
    folder = Path(config.filestore(name))
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"There are files of a database {name} already, in {folder}; restore under another name.")
    with _postgres() as cr:
        try:
            cr.execute(
                SQL(
                    "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8' IS_TEMPLATE true",
                    SQL.identifier(name),
                ),
                log_exceptions=False,
            )
        except psycopg2.errors.DuplicateDatabase:
            raise BackupError(
                f"There is a database {name}; nothing is overwritten. Restore under another name."
            ) from None
        except psycopg2.Error as error:
            raise BackupError(f"The database {name} could not be made: {error.diag.message_primary}.") from error
        cr.execute(SQL("COMMENT ON DATABASE %s IS %s", SQL.identifier(name), _UNFINISHED))


def finish(name: str) -> None:
    """Let everybody see the database."""
    with _postgres() as cr:
        cr.execute(SQL("COMMENT ON DATABASE %s IS NULL", SQL.identifier(name)))
        cr.execute(SQL("ALTER DATABASE %s IS_TEMPLATE false", SQL.identifier(name)))


def unfinished() -> list[str]:
    """Return the names of databases whose restore has not finished and in which none is :func:`at_work`."""
    with _postgres() as cr:
        cr.execute(
            SQL(
                """SELECT d.datname FROM pg_database d
                    WHERE %s AND NOT EXISTS (SELECT FROM pg_stat_activity a
                                              WHERE a.datid = d.oid AND a.usesysid IS NOT NULL
                                                    AND a.application_name <> %s)""",
                _IS_UNFINISHED,  # an automatic vacuum is nobody: it has no user
                FILLER,
            )
        )
        return [name for (name,) in cr.fetchall()]


def remove(name: str) -> None:
    """Remove an unfinished database and its files; nothing happens to any other."""
    Registry.delete(name)
    close_db(name)
    with _postgres() as cr:
        cr.execute(
            SQL("SELECT 1 FROM pg_database d WHERE d.datname = %s AND %s", name, _IS_UNFINISHED),
        )
        if not cr.fetchone():
            return
        cr.execute(SQL("ALTER DATABASE %s IS_TEMPLATE false", SQL.identifier(name)))
        # Not WITH (FORCE): that refuses while an automatic vacuum is in it, which a plain DROP ends by itself.
        cr.execute(
            SQL(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = current_user",
                name,
            )
        )
        cr.execute(SQL("DROP DATABASE %s", SQL.identifier(name)))
    shutil.rmtree(config.filestore(name), ignore_errors=True)
