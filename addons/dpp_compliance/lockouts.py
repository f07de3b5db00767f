"""Failed attempts to sign in, counted per account in the database, so that all workers share them.

Each count is a transaction of its own: the one of the attempt is rolled back. Accounts that do not exist are counted
like those that do, and answer alike, so that nobody learns which ones there are.
"""

from __future__ import annotations

import hashlib
from contextvars import ContextVar
from datetime import datetime, timedelta

from odoo import SUPERUSER_ID, api, fields
from odoo.tools import SQL

from odoo.addons.pii_retention import alerts

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
    now = _now()
    with registry.cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        attempts, minutes = env["res.users"]._dpp_lock_figures()
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
        if failures < attempts:
            return False
        cr.execute(
            SQL(
                "UPDATE dpp_lockout SET locked_until = %s, locks = COALESCE(locks, 0) + 1 WHERE id = %s",
                now + timedelta(minutes=minutes),
                lockout_id,
            )
        )
        _tell(env, lockout_id)
    # an answer to this account's password that is kept in memory would pass
    registry.clear_cache()
    registry.signal_changes()
    return True


def succeeded(registry, login: str) -> None:
    """Forget the failed attempts of an account."""
    with registry.cursor() as cr:
        cr.execute(SQL("SELECT FROM dpp_lockout WHERE key = %s", key_of(login)))
        if cr.fetchone() is not None:
            cr.execute(SQL("DELETE FROM dpp_lockout WHERE key = %s", key_of(login)))


def _tell(env, lockout_id: int) -> None:
    """Tell the officers when an account with access to personal data, or an administrator's, was locked."""
    user = env["dpp.lockout"].browse(lockout_id).user_id
    if user and user._dpp_is_bound():
        alerts.tell(
            env,
            "lockout",
            user.company_id,
            env._("Failed attempts to sign in: %s", user.name),
            env._("The account was locked. Ask the person whether it was they, then unlock it under Privacy."),
        )


def _now() -> datetime:
    return fields.Datetime.now()
