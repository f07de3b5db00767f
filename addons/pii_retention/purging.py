"""The purge of a company, step by step. Each step is on the disk before the next begins, and may be repeated.

===============  =====================================================================================================
``holds``        people under a legal hold move to the next day
``keys``         the keys that die are written down, committed, and destroyed: from here on nothing of them opens,
                 in no copy. The list comes from the key store, because a restored database knows less
``rotations``    days that somebody left early get their next key
``rows``         tombstones, then columns, files and remains of the people, some thousand at a time
``files``        files that an interrupted process has left, and old messages of the bus
``archive``      documents that a statute kept until the end of a year that is over
``vacuum``       the touched tables, so that the place of the old rows is used again; once more at the next purge
``certificate``  verified and sealed
===============  =====================================================================================================

Functions, not methods of a model: nothing that is evaluated says what day it is or that an officer has agreed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from datetime import date, timedelta

import psycopg2

from odoo import fields
from odoo.exceptions import UserError
from odoo.sql_db import db_connect
from odoo.tools import SQL

from . import (
    archive,
    buckets,
    certificate_seals,
    certificates,
    filestore,
    holds,
    keys,
    moving,
    purge_day,
    purge_due,
    rotation,
    transactions,
)
from . import purge as erasing
from .crypto import CryptoError, day_key_id, parse_key_id
from .crypto.ledger import Tombstone

_logger = logging.getLogger(__name__)

STEPS = [
    ("holds", "Legal holds"),
    ("keys", "Keys"),
    ("rotations", "Rotations"),
    ("rows", "Data subjects"),
    ("files", "Files"),
    ("archive", "Legal archive"),
    ("vacuum", "Vacuum"),
    ("certificate", "Certificate"),
    ("done", "Done"),
]
ACTIVITY = "pii_retention.activity_purge"
#: Tables whose files hold old versions of rows after a purge, where they exist.
_TOUCHED = (
    "pii_subject",
    "ir_attachment",
    "mail_message",
    "mail_mail",
    "mail_activity",
    "mail_tracking_value",
    "mail_notification",
    "mail_followers",
    "pii_doomed_file",
    "bus_bus",
)


# === THE PURGE === #


def purge(env, company):
    """Destroy what is due for a company; return the ``pii.purge.run``, empty if there was nothing to do.

    It commits as it goes. Where another process is at work for the company, nothing happens. Errors are written on the
    run, and the officers are told.
    """
    runs = env["pii.purge.run"]
    with transactions.lock_cursor(env) as lock:
        if not buckets.try_to_work(lock, company._pii_domain()):
            return runs
        transactions.commit(env)  # to see what the process before has done
        env.invalidate_all()
        run = runs.search([("company_id", "=", company.id), ("state", "!=", "done")], limit=1)
        if waiting := runs.search([("to_vacuum", "=", True)]):
            _vacuum(env)
            waiting.to_vacuum = False
            transactions.commit(env)
        try:
            holds.tell_missing(company)
            certificate_seals.tell_missing(company)
            found = purge_due.due(env, company)
            if refusal := purge_day.refusal(env, company, run, found):
                return _stop(env, company, run, found.day, "refused", refusal)
            if not run and not found:
                purge_day.passed(env, company, found.day)
                return runs
            run = _begin(env, company, run, found)
            _go_on(run, found)
        except (CryptoError, UserError, *transactions.CONFLICTS) as error:
            transactions.rollback(env)
            return _stop(env, company, run.exists(), company._pii_day(), "failed", str(error))
    return run


def _begin(env, company, run, found: purge_due.Due):
    vals = {"state": "running", "problem": False, "day": found.day}
    if run:
        run.write(vals)
    else:
        run = env["pii.purge.run"].create({**vals, "company_id": company.id, "operator": certificates.operator(env)})
    transactions.commit(env)
    return run


def _stop(env, company, run, day: date, state: str, problem: str):
    """Write down why the purge does not go on, and tell the officers, once."""
    told = run.state == state and run.problem == problem
    if not run:
        run = env["pii.purge.run"].create(
            {"company_id": company.id, "day": day, "operator": certificates.operator(env)}
        )
    run.write({"state": state, "problem": problem})
    if not told:
        for officer in env["pii.grant"]._officers(company):
            run.with_context(mail_activity_automation_skip=False).activity_schedule(
                ACTIVITY, user_id=officer.id, summary=env._("Personal data is not being purged")
            )
        _logger.warning("The purge of company %s has stopped (%s).", company.id, state)
    transactions.commit(env)
    return run


def _go_on(run, found: purge_due.Due) -> None:
    """Take every step from the first one on: each finds by itself what is left to do."""
    env, company, day = run.env, run.company_id, found.day
    certificate = run.certificate_ids or env["pii.certificate"]
    if certificate.state == "sealed":
        return _end(run)
    _step(run, "holds")
    _move_held(run, day)
    samples = certificates.sample(env, company, SQL("s.state = 'live' AND s.deadline <= %s", day))
    if (found.key_ids or found.subjects) and not certificate:
        certificate = certificates.begin(env, company, "deadline", reason="deadline", run=run)
    _step(run, "keys")
    _destroy_keys(run, certificate, day)
    _step(run, "rotations")
    rotate_queued(env, company, locked=True)
    _step(run, "rows")
    _forget_due(run, certificate, day)
    _step(run, "files")
    filestore.collect_left(env)
    # what was not delivered to a browser within the hour is read again from the documents
    env.cr.execute("DELETE FROM bus_bus WHERE create_date < (now() AT TIME ZONE 'UTC') - interval '1 hour'")
    _step(run, "archive")
    archive.destroy_due(env, company, day)
    transactions.commit(env)
    _step(run, "vacuum")
    _vacuum(env)
    _step(run, "certificate")
    if certificate and not _with_patience(env, lambda: certificates.finish_if_done(certificate, samples)):
        raise UserError(env._("A key that had to be destroyed is alive again. The next purge destroys it."))
    transactions.commit(env)
    finish_certificates(env, company)
    _end(run)


def _step(run, step: str) -> None:
    run.step = step
    transactions.commit(run.env)


def _end(run) -> None:
    env = run.env
    done = {"state": "done", "step": "done", "problem": False, "finished_on": fields.Datetime.now()}
    run.write(done | {"to_vacuum": True})
    run.activity_unlink([ACTIVITY])
    certificate_seals.anchor_missing(env, run.company_id)
    purge_day.passed(env, run.company_id, run.day, run)


def _with_patience(env, work):
    """Return what ``work`` does, tried again when somebody else was faster."""
    for tries in range(5):
        try:
            return work()
        except transactions.CONFLICTS:
            if tries == 4:
                raise
            transactions.rollback(env)


# === STEPS === #


def _move_held(run, day: date) -> None:
    held = purge_due.held(run.env, run.company_id, day)
    for start in range(0, len(held), rotation.BATCH):
        some = held[start : start + rotation.BATCH]
        moving.move(some, day + timedelta(days=1), "held")
        run.held_count += len(some)
        transactions.commit(run.env)


def _destroy_keys(run, certificate, day: date) -> None:
    env = run.env
    key_ids = purge_due.keys_due(env, run.company_id, day)
    known = sorted({*(run.key_ids or "").split(), *key_ids, *_dead_before(run, day)})
    if not known:
        return
    run.write({"key_ids": "\n".join(known), "key_count": len(known)})
    certificates.count(certificate, key_ids=known)
    transactions.commit(env)
    keyring = keys.keyring(env)
    for key_id in key_ids:
        keyring.destroy(key_id, "deadline")


def _dead_before(run, day: date) -> set[str]:
    """Return the keys of people who are due that were destroyed before: the rows came back with a restored database."""
    env, company = run.env, run.company_id
    env.cr.execute(
        SQL(
            "SELECT DISTINCT deadline FROM pii_subject WHERE company_id = %s AND state = 'live' AND deadline <= %s",
            company.id,
            day,
        )
    )
    keyring, found = keys.keyring(env), set()
    for (deadline,) in env.cr.fetchall():
        key_id = day_key_id(company._pii_domain(), deadline)
        while keyring.destroyed(key_id):
            found.add(key_id)
            key_id = str(parse_key_id(key_id).next())
    return found


def rotate_queued(env, company, *, locked: bool = False) -> None:
    """Rotate every day of a company that somebody left early; what cannot be done now stays in the queue.

    A day that fails says so on its rotation, and keeps neither the others nor the purge from going on.

    :raise UserError: the key store cannot be used
    """
    for key_id, reason in purge_due.keys_to_replace(env, company).items():
        rotation.queue(env, key_id, reason)
        try:
            rotation.run(env, key_id, locked=locked)
        except UserError:
            _logger.warning("Key %s could not be replaced; its rotation says why.", key_id)


def _forget_due(run, certificate, day: date) -> None:
    env, tries = run.env, 0
    while True:
        env.cr.execute(
            SQL(
                """SELECT id FROM pii_subject WHERE company_id = %s AND state = 'live' AND deadline <= %s
                    ORDER BY deadline, id LIMIT %s FOR UPDATE SKIP LOCKED""",
                run.company_id.id,
                day,
                erasing.BATCH,
            )
        )
        ids = [row[0] for row in env.cr.fetchall()]
        if not ids:
            return
        try:
            _forget_rows(run, certificate, ids)
            transactions.commit(env, len(ids))
            tries = 0
        except transactions.CONFLICTS:
            transactions.rollback(env)
            if (tries := tries + 1) == 5:
                raise


def _forget_rows(run, certificate, ids: list[int]) -> erasing.Counts:
    counts = erasing.forget(run.env, ids, "deadline", certificate)
    run.write(
        {
            "subject_count": run.subject_count + counts.subjects,
            "file_count": run.file_count + counts.files,
            "leftover_count": run.leftover_count + counts.leftovers,
        }
    )
    return counts


def resume_rows(env, company, ids: list[int]) -> erasing.Counts:
    """Erase those of ``ids`` whom an interrupted purge was just erasing: they count for it, as if it had gone on.

    Their tombstones were written and their rows were not yet. It does not commit.

    :raise UserError: the key store cannot be used
    """
    run = env["pii.purge.run"].search([("company_id", "=", company.id), ("state", "!=", "done")], limit=1)
    certificate = run.certificate_ids.filtered(lambda one: one.state == "open")
    domain = [("id", "in", ids), ("state", "=", "live"), ("deadline", "<=", run.day)]
    due = env["pii.subject"].search(domain).ids if certificate else []
    return _forget_rows(run, certificate, due) if due else erasing.Counts()


def resume_early(env, company, ids: list[int], stones: Mapping[str, Tombstone]) -> erasing.Counts:
    """Erase those of ``ids`` whom an interrupted early erasure was just erasing: they count for its certificate.

    :param stones: what the ledger says of them, by uuid
    :raise UserError: the key store cannot be used
    """
    counts = erasing.Counts()
    domain = [("company_id", "=", company.id), ("state", "=", "open"), ("kind", "in", ("early", "request"))]
    for certificate in env["pii.certificate"].search(domain, order="id"):
        since = f"{certificate.started_on:%Y-%m-%dT%H:%M:%SZ}"
        begun = env["pii.subject"].search([("id", "in", ids), ("state", "=", "live")])
        begun = begun.filtered(
            lambda one, certificate=certificate, since=since: (
                stones[one.uuid].reason == certificate.reason and stones[one.uuid].at >= since
            )
        )
        if begun:
            found = erasing.forget(env, begun.ids, certificate.reason, certificate)
            for key_id in found.key_ids:
                rotation.queue(env, key_id, certificate.reason)
            counts.add(found)
    return counts


def finish_certificates(env, company) -> None:
    """Seal the certificates of early erasures whose keys are all gone; those of one reason become one."""
    waiting = env["pii.certificate"].search([("company_id", "=", company.id), ("state", "=", "open")], order="id")
    keyring = keys.keyring(env)
    ready = waiting.filtered(
        lambda one: not one.run_id and all(keyring.destroyed(key_id) for key_id in (one.key_ids or "").split())
    )
    for group in ready.grouped(lambda one: (one.kind, one.reason, one.request_ref)).values():
        _with_patience(env, lambda group=group: certificates.finish_if_done(certificates.united(group)))
        transactions.commit(env)


def _vacuum(env) -> None:
    """Vacuum and analyze the touched tables on a connection of its own; what is locked is left to autovacuum."""
    env.cr.execute("SELECT name FROM unnest(%s) AS name WHERE to_regclass(name) IS NOT NULL", [list(_TOUCHED)])
    tables = [row[0] for row in env.cr.fetchall()]
    transactions.commit(env)
    try:
        with closing(db_connect(env.cr.dbname).cursor()) as cr:
            cr._cnx.autocommit = True
            cr.execute(
                SQL("VACUUM (ANALYZE, SKIP_LOCKED) %s", SQL(", ").join(SQL.identifier(table) for table in tables))
            )
    except psycopg2.Error as error:
        _logger.info("The tables of personal data are left to autovacuum: %s", type(error).__name__)
