"""Append rows to the log, one writer at a time.

The head (table ``pii_log_head``, one row) holds the number and MAC of the last row. A writer locks it, seals its rows
one after the other, inserts them, moves the head, and commits at once. Where the head stood last is remembered in this
process and beside the keys: a head that went backwards (a restored or edited database) is noticed by the next writer,
which notes it (a *break*) and goes on, because nobody's work should stop for a restored backup.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import contextmanager
from uuid import uuid4

import psycopg2.extras

from ..crypto import CryptoError, Keyring
from . import chain, sealing
from .base import Head, database_uuid, month_key, now, own_env

_logger = logging.getLogger(__name__)

# LOCK TABLE takes no snapshot: what is read after it is what the writer before has committed. A lock of the head's
# row alone would have to be taken in a snapshot from before the wait, and fail. Who waits longer than this waits for a
# transaction of its own thread, or for a stopped process.
_LOCK = "SET LOCAL lock_timeout = '10s'; LOCK TABLE pii_log_head IN SHARE ROW EXCLUSIVE MODE"

_INSERT = """
    WITH written AS (
        INSERT INTO pii_access_log (
            id, at, user_ref, company_ref, subject_uuid, reference, classes, purpose, reason, channel, session,
            address, outcome, cause, grant_ref, document, acting_ref, previous_mac, mac)
        VALUES %s RETURNING id, mac)
    UPDATE pii_log_head SET (number, mac) = (SELECT id, mac FROM written ORDER BY id DESC LIMIT 1) WHERE id = 1"""

_mutex = threading.Lock()
#: ``{(database, chain): (number, mac)}``: the heads that this process wrote last.
_written: dict[tuple[str, str], tuple[int, str]] = {}


@contextmanager
def cursor(env):
    """Yield a cursor of its own that holds the log's lock; it commits at the end, or rolls back on an error.

    Nobody appends while it is open: keep it short. What was committed before is visible on it.

    :raise psycopg2.errors.LockNotAvailable: after ten seconds; the request is then tried again by Odoo
    """
    with env.registry.cursor() as cr:
        lock(cr)
        yield cr


def lock(cr) -> None:
    """Wait for the other writers; the first statement of a transaction that will append."""
    cr.execute(_LOCK, log_exceptions=False)


def append(cr, keyring: Keyring, rows: Sequence[Sequence[chain.Value]]) -> None:
    """Seal and insert ``rows`` on ``cr``; the caller commits.

    :param keyring: from the caller's environment, which may have noted the store's identity and not committed it yet
    :param rows: the values of ``chain.ROW_COLUMNS`` from ``user_ref`` on
    :raise UserError: when the month's key cannot be had; nothing is written then
    """
    head = ensure_head(own_env(cr), keyring)
    key = month_key(keyring, head.chain, head.now, chain.ROW_LABEL)
    number, mac, sealed = head.number, head.mac, []
    for row in rows:
        number += 1
        values = (number, head.now, *row)
        previous, mac = mac, chain.next_mac(key, mac, values)
        sealed.append((*values, previous, mac))
    psycopg2.extras.execute_values(cr, _INSERT, sealed, page_size=1000)
    written = (number, mac)
    cr.postcommit.add(lambda: _remember(cr.dbname, keyring, head.chain, written))


# === THE HEAD === #


def ensure_head(env, keyring: Keyring) -> Head:
    """Return where the chain stands, locked; begin, continue or mend it where the database does not say."""
    cr = env.cr
    cr.execute(
        """SELECT chain, database, number, mac, clock_timestamp() AT TIME ZONE 'UTC'
             FROM pii_log_head WHERE id = 1 FOR UPDATE"""
    )
    row = cr.fetchone()
    database = database_uuid(env)
    if row is None:
        return _begin(env, keyring, database)
    head = Head(row[0], row[2], row[3], row[4])
    if row[1] != database:
        # a copy of the database goes on with a chain, and keys, of its own
        return _new_chain(env, keyring, database, head.number, head.mac)
    known = furthest_known(cr.dbname, keyring, head.chain)
    if known and (known[0] > head.number or (known[0] == head.number and known[1] != head.mac)):
        return _mend(env, keyring, head, known)
    return head


def furthest_known(dbname: str, keyring: Keyring, chain_id: str) -> tuple[int, str] | None:
    """Return number and MAC of the furthest row that this process or the key store remembers."""
    with _mutex:
        known = [_written.get((dbname, chain_id))]
    try:
        known.append(keyring.anchors.furthest(chain_id))
    except CryptoError as error:
        _logger.warning("The access log's head beside the keys could not be read: %s", error)
    return max(filter(None, known), default=None, key=lambda found: found[0])


def _remember(dbname: str, keyring: Keyring, chain_id: str, written: tuple[int, str]) -> None:
    with _mutex:
        if _written.get((dbname, chain_id), (0, ""))[0] <= written[0]:
            _written[dbname, chain_id] = written
    try:
        keyring.anchors.advance(chain_id, *written)
    except CryptoError as error:
        _logger.warning("The access log's head could not be noted beside the keys: %s", error)


def _begin(env, keyring: Keyring, database: str) -> Head:
    """Begin the chain, or put the head back that somebody removed."""
    cr = env.cr
    cr.execute("SELECT chain, database FROM pii_log_seal ORDER BY id DESC LIMIT 1")
    last_seal = cr.fetchone()
    cr.execute("SELECT id, mac FROM pii_access_log ORDER BY id DESC LIMIT 1")
    number, mac = cr.fetchone() or (0, None)
    if not last_seal or last_seal[1] != database:
        return _new_chain(env, keyring, database, number, mac or chain.START)
    cr.execute(
        "INSERT INTO pii_log_head (id, chain, database, number, mac) VALUES (1, %s, %s, %s, %s)",
        [last_seal[0], database, number, mac or chain.START],
    )
    head = Head(last_seal[0], number, mac or chain.START, now(cr))
    known = furthest_known(cr.dbname, keyring, head.chain)
    return _mend(env, keyring, head, known if known and known[0] >= number else (number, head.mac))


def _new_chain(env, keyring: Keyring, database: str, number: int, mac: str) -> Head:
    cr = env.cr
    head = Head(str(uuid4()), number, mac, now(cr))
    cr.execute("SELECT count(*) FROM pii_access_log WHERE id <= %s AND mac IS NULL", [number])
    (count,) = cr.fetchone()
    cr.execute(
        """INSERT INTO pii_log_head (id, chain, database, number, mac) VALUES (1, %s, %s, %s, %s)
           ON CONFLICT (id) DO UPDATE SET chain = EXCLUDED.chain, database = EXCLUDED.database""",
        [head.chain, database, number, mac],
    )
    sealing.add(env, keyring, head, "start", None, number + 1, number, count, mac)
    return head


def _mend(env, keyring: Keyring, head: Head, known: tuple[int, str]) -> Head:
    """Go on behind the furthest row ever written, and note that the database said otherwise.

    Numbers are never used again: the lost rows stay a gap, which the check names.
    """
    cr = env.cr
    number, mac = known
    mended = Head(head.chain, number, mac, head.now)
    _logger.warning("The access log's head stood at row %s, but row %s was written before.", head.number, number)
    cr.execute("UPDATE pii_log_head SET number = %s, mac = %s WHERE id = 1", [number, mac])
    cr.execute("SELECT kind, at FROM pii_log_seal ORDER BY id DESC LIMIT 1")
    last = cr.fetchone()
    # two copies that write to one chain would otherwise note it with each row
    if not last or last[0] != "break" or last[1].date() != head.now.date():
        sealing.add(env, keyring, mended, "break", None, head.number + 1, number, number - head.number, mac)
    return mended
