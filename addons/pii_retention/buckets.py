"""The keys of a day, and who may seal with them while a bucket changes to its next key.

Whoever seals holds a shared lock on the bucket until the transaction ends; it is taken before the key store is asked
for the newest key. A rotation makes the next key first and then waits once for all who hold the lock: from there on
nobody seals with the old key any more, and nobody has to wait while the neighbours are sealed again.
"""

from __future__ import annotations

from datetime import date

from odoo.tools import SQL

from .crypto import day_key_id

#: First number of the advisory locks: sealing into a bucket against its rotation, and one purge a company at a time.
_SEALING = 507_720_112
_WORKING = 507_720_113


def key_for(env, keyring, domain: str, day: date) -> str:
    """Return the id of the key to seal with for ``day``, which no rotation takes away before this transaction ends.

    :raise KeyDestroyed: the day has come
    """
    bucket = day_key_id(domain, day)
    env.cr.execute(SQL("SELECT pg_advisory_xact_lock_shared(%s, hashtext(%s))", _SEALING, bucket))
    return keyring.ensure(bucket)


def wait_for_sealers(cr, domain: str, day: date, seconds: int) -> None:
    """Wait until everybody who asked for a key of ``day`` before this call has ended their transaction.

    The lock is held until this transaction ends: commit at once, also for a snapshot that shows what they have written.

    :raise psycopg2.errors.LockNotAvailable: one of them takes longer than ``seconds``
    """
    cr.execute(SQL("SELECT set_config('lock_timeout', %s, true)", f"{seconds}s"))
    cr.execute(SQL("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", _SEALING, day_key_id(domain, day)))


def try_to_work(cr, domain: str) -> bool:
    """Tell whether this transaction is the one that destroys for a company; the lock is held until it ends."""
    cr.execute(SQL("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", _WORKING, domain))
    return cr.fetchone()[0]
