"""Ends of transactions in work that is done in steps, each of which has to be on the disk before the next begins.

A key is destroyed for ever; what was decided about it must not be undone by a later error. These are functions of their
own so that a test, whose transaction never ends, can stand in for them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import closing

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED

from odoo.sql_db import db_connect

#: Another transaction has changed the same rows, or holds them: worth another try.
CONFLICTS = (
    psycopg2.errors.SerializationFailure,
    psycopg2.errors.DeadlockDetected,
    psycopg2.errors.LockNotAvailable,
)


def commit(env, processed: int = 0, remaining: int | None = None) -> float:
    """Commit, telling the scheduler how much was done; return the seconds that are left for this run of it."""
    return env["ir.cron"]._commit_progress(processed, remaining=remaining)


def rollback(env) -> None:
    """Undo what was done since the last commit."""
    env.cr.rollback()
    env.invalidate_all(flush=False)


@contextlib.contextmanager
def lock_cursor(env) -> Iterator:
    """Yield a cursor whose locks outlive the commits of the work and end with the process.

    It keeps no snapshot between its statements: an old one would keep a vacuum from removing what the work has deleted.
    """
    with closing(db_connect(env.cr.dbname).cursor()) as cr:
        cr._cnx.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED)
        yield cr
