"""Make a proof: run all checks on one snapshot, write down what they saw, seal it."""

from __future__ import annotations

import logging
import time
from collections import defaultdict

from odoo import SUPERUSER_ID, fields
from odoo.exceptions import ConcurrencyError, UserError

from .. import alarms, keys
from ..crypto import CryptoError
from . import exceptions, registry, sealing
from .registry import COMPANY, Found, Look

_logger = logging.getLogger(__name__)

#: Why the intake stops after a proof: it found something, or proofs had been missing for too long before it.
FOUND, LAPSED = "found", "lapsed"
#: Who stands behind a proof: a privacy officer at the browser, or somebody with a shell on the server.
OFFICER, OPERATOR = "officer", "operator"


def run(env, *, person: str = "", alarm: bool = True):
    """Look for everything in every company and write a proof for each.

    :param env: any environment; the checks read with its cursor, as superuser, what it sees now
    :param person: :data:`OFFICER` or :data:`OPERATOR` when a person acts: that alone ends a block. The caller has
        checked who it is
    :return: the new ``pii.proof`` records, one for each company
    :raise UserError: the key store cannot be used; then there is no proof, which is an alarm of its own in time
    :raise ConcurrencyError: another proof was made since this transaction began; begin it anew, as Odoo does with a
        request
    """
    # superuser: the proof reads everything, and shows counts; nobody has a right to write what it finds
    system = env(user=SUPERUSER_ID, su=True, context={"active_test": False, "lang": None})
    system.flush_all()
    now = fields.Datetime.now()
    # one at a time: two that end together would both be the newest
    system.cr.execute("SELECT pg_advisory_xact_lock(hashtext('pii_retention.proof'))")
    _see_the_newest(system)
    look = Look(system, keys.keyring(system), now)
    look.companies = registry.companies_at(system, now)
    started = time.monotonic()
    lines = _lines(look)
    spent = time.monotonic() - started
    proofs = system["pii.proof"]
    for company in look.companies:
        record = system["res.company"].browse(company.id)
        before = _last(record)
        proof = proofs.create(
            {
                "company_id": company.id,
                "number": _next_number(record),
                "at": now,
                "day": company.today,
                "user_ref": env.uid,
                "person": person,
                "seconds": spent,
            }
        )
        system["pii.proof.line"].create([{**vals, "proof_id": proof.id} for vals in lines[company.id]])
        proof.blocks = _blocks(proof, before)
        try:
            sealing.seal(proof)
        except CryptoError as error:
            raise UserError(str(error)) from error
        proofs |= proof
    if alarm:
        _tell(proofs)
    return proofs.with_env(env)


def _see_the_newest(env) -> None:
    """Make sure that this transaction sees the newest proof there is.

    Its snapshot may be older than a proof that ended while it waited; to it, that proof would be one that the key store
    knows and the database has lost.

    :raise ConcurrencyError: it does not
    """
    newest = "SELECT COALESCE(MAX(id), 0) FROM pii_proof"
    env.cr.execute(newest)
    (seen,) = env.cr.fetchone()
    with env.registry.cursor() as cr:
        cr.execute(newest)
        (committed,) = cr.fetchone()
    if committed > seen:
        raise ConcurrencyError("a proof of absence was made at the same time")


def _last(company):
    """Return the newest proof of a company that is genuine and was not superseded by one that is gone."""
    proof = sealing.newest(company)
    try:
        genuine = proof and sealing.is_genuine(proof) and not sealing.was_superseded(proof)
    except CryptoError as error:
        raise UserError(str(error)) from error
    return proof if genuine else proof.browse()


def _next_number(company) -> int:
    try:
        return sealing.next_number(company)
    except CryptoError as error:
        raise UserError(str(error)) from error


def _blocks(proof, before) -> str | bool:
    """Return why the intake stops after this proof, False if it does not.

    What was found once, or was not looked for in time, keeps the intake stopped until a person looks: a purge that
    works again by itself does not say what happened meanwhile.
    """
    if proof.found:
        return FOUND
    if proof.person:
        return False
    if not before:
        # the first one of all; else somebody took the proofs away
        return LAPSED if sealing.was_ever_made(proof.company_id) else False
    if before.blocks and not exceptions.covering(before):
        return before.blocks
    # a clock that went back is as good as a day without proof
    age = abs((proof.at - before.at).total_seconds()) / 3600
    return LAPSED if age > proof.company_id._pii_figure("proof_hours") else False


def _lines(look: Look) -> dict[int, list[dict]]:
    """Return the values of the lines of each company's proof; those of the whole database are in each of them."""
    result: dict[int, list[dict]] = defaultdict(list)
    for check in registry.checks(look.env):
        started = time.monotonic()
        found = {row.company_id: row for row in check.look(look)}
        spent = time.monotonic() - started
        for company in look.companies:
            row = found.get(company.id if check.scope == COMPANY else None) or Found(None, 0, 0)
            result[company.id].append(
                {
                    "code": check.code,
                    "scope": check.scope,
                    "looked": row.looked,
                    "found": row.found,
                    "examples": ", ".join(str(key) for key in row.ids) or False,
                    "seconds": spent,
                }
            )
    return result


def _tell(proofs) -> None:
    for proof in proofs.filtered("blocks"):
        _logger.info("Proof of absence %s of company %s: %s found.", proof.id, proof.company_id.id, proof.found)
        env = proof.env
        if proof.blocks == FOUND:
            said = proof.line_ids.filtered("found").sorted("found", reverse=True)
            text = env._(
                "Personal data was found where it must be gone: %s. The vault takes in no new personal data until a "
                "privacy officer has looked into it.",
                "; ".join(f"{line.name} ({line.found})" for line in said[:5]),
            )
        else:
            text = env._(
                "For more than %s hours nobody proved that erased data is gone. The vault takes in no new personal "
                "data until a privacy officer presses “Check again”.",
                proof.company_id._pii_figure("proof_hours"),
            )
        alarms.raise_alarm(env, "proof", f"proof_{proof.blocks}", proof.company_id, text)
