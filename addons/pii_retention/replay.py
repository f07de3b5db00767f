"""The ledger of erased subjects, applied to a database that may have been restored from a backup.

The database remembers how far into the ledger it has come. A restored dump remembers an earlier point: whoever was
erased since is erased again, before anybody logs in (:func:`at_start`). Where nothing happened this costs one ``stat``.

Functions, not methods of a model: what they do cannot be undone, and nothing that is evaluated reaches them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg2

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.tools import SQL, split_every

from . import binding, certificates, keys, orphans, purge, purge_day, purge_due, purging, rotation, transactions
from .crypto import CryptoError, LedgerOutdated
from .crypto.ledger import OUTDATED, Tombstone

_logger = logging.getLogger(__name__)

#: System parameter: store and mark of the ledger up to which this database has applied it.
SEEN = "pii_retention.ledger_seen"
#: Number of the advisory lock: one process of a database replays, the others wait for it.
_LOCK = 507_720_140
_BATCH = 2000
_mutex = threading.Lock()
_busy = threading.local()
#: How long the work at a start waits for a table; what it could not do is tried again before the next use of a key.
_PATIENCE = "60s"
#: ``{database name: what was done when it was loaded}``, for whoever asked for it by a command
started: dict[str, Counts] = {}


@dataclass(slots=True)
class Counts:
    """What a replay did.

    :param read: entries of the ledger that this database had not seen
    :param erased: people whose data was there again
    :param files: their sealed files
    :param certificates: numbers of the certificates about it
    :param overdue: keys past their day that were in the store again, and were destroyed
    :param waiting: why a purge waits for a person, in words
    """

    read: int = 0
    erased: int = 0
    files: int = 0
    certificates: tuple[str, ...] = ()
    overdue: int = 0
    waiting: tuple[str, ...] = ()


def _parameters(env):
    return env["ir.config_parameter"].sudo()  # sudo: system parameters, no secret


def _seen(env, keyring) -> str:
    """Return the mark up to which this database has applied the ledger; ``""`` if it never did, or another store's."""
    store, _blank, mark = (_parameters(env).get_param(SEEN) or "").partition(" ")
    return mark if store == keyring.store_id else ""


def is_due(env) -> bool:
    """Tell whether the ledger says anything that this database has not applied.

    :raise UserError: the key store cannot be used, or serves another database
    """
    keyring = keys.keyring(env)
    try:
        return keyring.subjects.mark() != _seen(env, keyring)
    except CryptoError as error:
        raise UserError(str(error)) from error


def run(env) -> Counts:
    """Erase everybody who is in the ledger and still, or again, in the database. Commits between its steps.

    :raise UserError: the key store cannot be used, serves another database, or its ledger lacks what this database has
        seen of it; nothing was changed
    """
    keyring = keys.keyring(env)
    # two processes that start at once: the second finds nothing left
    with transactions.lock_cursor(env) as lock:
        lock.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        transactions.commit(env)  # what the other one did is seen from here on
        env.invalidate_all()
        env.registry.clear_cache("stable")
        return _run(env, keyring)


def _run(env, keyring) -> Counts:
    counts = Counts()
    try:
        _check_latest(env, keyring)
        mark = keyring.subjects.mark()
        if mark == _seen(env, keyring):
            return counts
        for stones in split_every(_BATCH, keyring.subjects.since(_seen(env, keyring))):
            counts.read += len(stones)
            _erase(env, {stone.id: stone for stone in stones}, counts)
    except LedgerOutdated as error:
        raise UserError(
            env._(
                "%(error)s Whoever was erased lately could come back with this copy. If there is no newer one, run "
                "“odoo-bin pii_post_restore --older-ledger”: it writes again what this database knows.",
                error=str(error),
            )
        ) from error
    except CryptoError as error:
        raise UserError(str(error)) from error
    _parameters(env).set_param(SEEN, f"{keyring.store_id} {mark}")
    transactions.commit(env)
    return counts


def _check_latest(env, keyring) -> None:
    """Compare the latest erasures of this database with the ledger, which was written before them.

    :raise LedgerOutdated: it lacks one
    """
    env.cr.execute(
        "SELECT uuid FROM pii_subject WHERE state = 'erased' AND certificate_id IS NOT NULL "
        "ORDER BY erased_on DESC NULLS LAST, id DESC LIMIT 100"
    )
    known = {uuid for (uuid,) in env.cr.fetchall()}
    if known - keyring.subjects.buried(known):
        raise LedgerOutdated(OUTDATED)


def _erase(env, stones: Mapping[str, Tombstone], counts: Counts) -> None:
    """Erase those of the ledger who are in the database with anything left of them, and certify it for each company.

    :param stones: by uuid
    """
    env.cr.execute(
        SQL(
            """SELECT company_id, array_agg(id ORDER BY id) FROM pii_subject
                WHERE uuid = ANY(%s) AND (state <> 'erased' OR operational_token IS NOT NULL
                      OR fiscal_token IS NOT NULL OR quarantine_token IS NOT NULL)
                GROUP BY company_id ORDER BY company_id""",
            list(stones),
        )
    )
    for company_id, ids in env.cr.fetchall():
        company = env["res.company"].browse(company_id)
        ended = purging.resume_rows(env, company, ids)
        ended.add(purging.resume_early(env, company, ids, stones))
        counts.erased += ended.subjects
        counts.files += ended.files
        transactions.commit(env)
        ids = env["pii.subject"].browse(ids).filtered(lambda one: one.state == "live" or one.held_classes).ids
        if not ids:
            continue
        certificate = certificates.begin(env, company, "restore", reason="restored")
        found = purge.forget(env, ids, "restored", certificate)
        keyring = keys.keyring(env)
        living = sorted(key_id for key_id in found.key_ids if not keyring.destroyed(key_id))
        for key_id in living:
            rotation.queue(env, key_id, "restored")
        transactions.commit(env)
        for key_id in living:
            rotation.run(env, key_id)
        certificates.finish_if_done(certificate)
        transactions.commit(env)
        counts.erased += len(ids)
        counts.files += found.files
        counts.certificates += (certificate.display_name,)


# === AT START === #


def at_start(env) -> None:
    """Apply the ledger to a database that has just been loaded, before anybody works in it; never raises.

    Databases that never used a key store are left alone. What could not be done is tried again before the next use of
    a key, which is refused until it is done (:func:`ensure`).
    """
    name = env.cr.dbname
    try:
        with env.registry.cursor() as cr:
            orphans.sweep_if_asked(api.Environment(cr, SUPERUSER_ID, {}))
        if keys.is_in_use(env):
            binding.unapplied.add(name)
            ensure(env)
    except (UserError, CryptoError, psycopg2.Error, OSError) as error:
        _logger.warning("Nobody's personal data opens in the database %s: %s", name, error)


def ensure(env) -> None:
    """Do what :func:`at_start` could not do, if anything.

    :raise UserError: it still cannot be done
    """
    if env.cr.dbname not in binding.unapplied or getattr(_busy, "now", False):
        return
    with _mutex:
        if env.cr.dbname not in binding.unapplied:
            return
        with repairing():
            started[env.cr.dbname] = catch_up(env, overdue=False)
        binding.unapplied.discard(env.cr.dbname)


@contextmanager
def repairing() -> Iterator[None]:
    """Let this thread use keys although the ledger could not be applied: to repair it, or to decide whose they are."""
    before, _busy.now = getattr(_busy, "now", False), True
    try:
        yield
    finally:
        _busy.now = before


def catch_up(env, *, overdue: bool = True, date_is_right: bool = False) -> Counts:
    """Apply the ledger and purge what is overdue, on a connection of its own.

    :param overdue: purge in any case; without it only where the ledger brought somebody back, and else leave it to the
        scheduled purge: a start is not to wait for it
    :param date_is_right: the operator has compared the server's date: a purge needs not wait for an officer to do so
    :raise UserError: as :func:`run`
    """
    with env.registry.cursor() as cr:
        # whoever waits for this one may hold what this one waits for
        cr.execute(SQL("SELECT set_config('lock_timeout', %s, true)", _PATIENCE))
        own = api.Environment(cr, SUPERUSER_ID, {})
        counts = run(own)
        if overdue or counts.erased:
            _purge_overdue(own, counts, date_is_right)
    if counts.erased or counts.overdue:
        _logger.info(
            "After a restore: %s people of the ledger erased again, %s files, %s keys past their day destroyed.",
            counts.erased,
            counts.files,
            counts.overdue,
        )
    return counts


def take_over(env, *, environment_changed: bool = False, date_is_right: bool = False) -> Counts:
    """Make this database the one that the keys serve, then apply the ledger to it; the caller has checked who decides.

    :param environment_changed: the operator says that the instance is another one now (``environment``)
    :raise UserError: the key store cannot be used, or the instance calls itself differently than before
    """
    keyring, configured = keys.unbound(env)
    try:
        binding.take_over(env, keyring, configured.environment, keys.actor(), environment_changed=environment_changed)
    except CryptoError as error:
        raise UserError(str(error)) from error
    transactions.commit(env)
    with repairing():
        counts = catch_up(env, date_is_right=date_is_right)
    binding.unapplied.discard(env.cr.dbname)
    return counts


def _purge_overdue(env, counts: Counts, date_is_right: bool) -> None:
    """Purge what is past its day: a restored key store holds keys whose day has come."""
    # sudo: work of the server for all companies
    for company in env["res.company"].sudo().search([], order="id"):
        found = purge_due.due(env, company).key_ids
        if not found:
            continue
        run = purging.purge(env, company)
        if run.state == "refused" and date_is_right:
            purge_day.confirm(run)
            run = purging.purge(env, company)
        if run.state in ("refused", "failed"):
            counts.waiting += (run.problem or run.state,)
        keyring = keys.keyring(env)
        counts.overdue += sum(keyring.destroyed(key_id) for key_id in found)
