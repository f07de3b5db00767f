"""Failed attempts to sign in, counted per account in the database, so that all workers share them.

Each count is a transaction of its own: the one of the attempt is rolled back. Accounts that do not exist are counted
like those that do, and answer alike, so that nobody learns which ones there are.
"""

from __future__ import annotations

import hashlib
import logging
from contextvars import ContextVar
from datetime import datetime, timedelta

import psycopg2

from odoo import SUPERUSER_ID, api, fields
from odoo.tools import SQL

from odoo.addons.pii_retention import alerts

_logger = logging.getLogger(__name__)

#: Whether the attempt that goes on in this thread is counted by whoever began it.
counted: ContextVar[bool] = ContextVar("dpp_attempt_is_counted", default=False)


def key_of(login: str) -> str:
    """Return what an account is counted under: the log of attempts names no one who mistyped."""
    return hashlib.sha256(login.encode()).hexdigest()


def locked_until(registry, login: str) -> datetime | None:
    """Return until when an account is locked (naive UTC), None if it is not."""
    with registry.cursor() as cr:
        cr.execute(
            SQL("SELECT locked_until FROM dpp_lockout WHERE key = %s AND locked_until > %s", key_of(login), _now())
        )
        row = cr.fetchone()
    return row[0] if row else None


def failed(registry, login: str) -> bool:
    """Count a failed attempt; tell whether the account is locked by it.

    Attempts that lie further apart than an account is locked for do not add up.
    """
    with registry.cursor() as cr:
        attempts, minutes = api.Environment(cr, SUPERUSER_ID, {})["res.users"]._dpp_lock_figures()
    lockout_id, failures = count(registry, login, attempts, minutes)
    if failures < attempts:
        return False
    # an answer to this account's password that is kept in memory would pass
    registry.clear_cache()
    registry.signal_changes()
    _tell(registry, lockout_id)
    return True


def count(registry, login: str, attempts: int, minutes: int) -> tuple[int, int]:
    """Add one to the failed attempts of an account and lock it if they are too many; return its row and their number.

    Guesses that come at the same moment stand in line here: each is counted, none fails over the other.

    :param attempts: so many lock it
    :param minutes: for so long
    """
    now = _now()
    with registry.cursor() as cr:
        # before the first statement that reads: what was counted while waiting is seen then
        cr.execute("LOCK TABLE dpp_lockout IN SHARE ROW EXCLUSIVE MODE")
        cr.execute(
            SQL(
                """INSERT INTO dpp_lockout (key, user_id, failures, last_at)
                        VALUES (%(key)s, (SELECT min(id) FROM res_users WHERE login = %(login)s AND active), 1, %(now)s)
                   ON CONFLICT (key) DO UPDATE
                      SET failures = CASE WHEN dpp_lockout.last_at <= %(since)s
                                            OR dpp_lockout.locked_until <= %(now)s
                                          THEN 1 ELSE dpp_lockout.failures + 1 END,
                          locked_until = CASE WHEN dpp_lockout.locked_until > %(now)s
                                              THEN dpp_lockout.locked_until END,
                          user_id = EXCLUDED.user_id, last_at = %(now)s
                RETURNING id, failures""",
                key=key_of(login),
                login=login,
                now=now,
                since=now - timedelta(minutes=minutes),
            )
        )
        lockout_id, failures = cr.fetchone()
        if failures >= attempts:
            cr.execute(
                SQL(
                    "UPDATE dpp_lockout SET locked_until = %s, locks = COALESCE(locks, 0) + 1 WHERE id = %s",
                    now + timedelta(minutes=minutes),
                    lockout_id,
                )
            )
    return lockout_id, failures


def succeeded(registry, login: str) -> None:
    """Forget the failed attempts of an account."""
    with registry.cursor() as cr:
        cr.execute(SQL("SELECT FROM dpp_lockout WHERE key = %s", key_of(login)))
        if cr.fetchone() is not None:
            cr.execute(SQL("DELETE FROM dpp_lockout WHERE key = %s", key_of(login)))


def _tell(registry, lockout_id: int) -> None:
    """Tell the officers when an account with access to personal data, or an administrator's, was locked.

    In a transaction of its own: the account stays locked when they cannot be told at this moment.
    """
    try:
        with registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            user = env["dpp.lockout"].browse(lockout_id).exists().user_id
            if user and user._dpp_is_bound():
                alerts.tell(
                    env,
                    "lockout",
                    user.company_id,
                    env._("Failed attempts to sign in: %s", user.name),
                    env._("The account was locked. Ask the person whether it was they, then unlock it under Privacy."),
                )
    except psycopg2.OperationalError as error:
        _logger.info("The officers could not be told of a locked account now, the list shows it: %s", error.pgcode)


def unlock(registry, login: str) -> bool:
    """Let an account sign in again, for the operator (``odoo-bin dpp_unlock``); tell whether anything was counted."""
    with registry.cursor() as cr:
        cr.execute(SQL("DELETE FROM dpp_lockout WHERE key = %s RETURNING id", key_of(login)))
        return cr.fetchone() is not None


def _now() -> datetime:
    return fields.Datetime.now()
