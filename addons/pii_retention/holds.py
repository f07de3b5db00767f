"""Legal holds: which ones are in force, and the seal on what two persons decided.

A hold keeps data alive that would be dead, so nothing that somebody wrote into the database is believed: the terms of a
hold are sealed with a key outside of the database when an officer approves them. The seal is made here, by functions
that nothing evaluated can reach.
"""

from __future__ import annotations

import hmac
import json
import logging

from odoo.exceptions import UserError

from . import alerts, keys
from .crypto import CryptoError, secret_key_id

_logger = logging.getLogger(__name__)
LABEL = "hold"


def _mac(company, agreed: dict) -> str:
    keyring = keys.keyring(company.env)
    key_id = keyring.ensure(secret_key_id(company._pii_domain()))
    terms = json.dumps(agreed, sort_keys=True, separators=(",", ":")).encode()
    return keyring.mac(key_id, terms, label=LABEL).hex()


def seal(hold, agreed: dict) -> None:
    """Seal the terms that were decided about, whatever has become of the row since.

    :param agreed: ``_terms`` as the decider has read them, with what the decision itself has changed
    :raise UserError: the key store cannot be used
    """
    try:
        # sudo: the seal is closed to everybody; the caller has checked who decides
        hold.sudo().terms_seal = _mac(hold.company_id, agreed)
    except CryptoError as error:
        raise UserError(str(error)) from error


def is_genuine(hold) -> bool:
    """Tell whether the hold's terms are those that were sealed.

    :raise UserError: the key store cannot be used
    """
    found = hold.sudo().terms_seal  # sudo: as in seal
    try:
        return bool(found) and hmac.compare_digest(found, _mac(hold.company_id, hold._terms()))
    except CryptoError as error:
        raise UserError(str(error)) from error


def active(company):
    """Return the holds of a company that are in force today (superuser recordset).

    One that says it is but was not sealed so is none, and the officers are told.

    :raise UserError: the key store cannot be used: then nobody knows what is held, and nothing may be destroyed
    """
    env = company.env
    # sudo: holds bind everybody
    found = (
        env["pii.hold"]
        .sudo()
        .search([("company_id", "=", company.id), ("state", "=", "approved"), ("date_end", ">=", company._pii_day())])
    )
    genuine = found.filtered(is_genuine)
    for forged in found - genuine:
        alerts.tell(
            env,
            "hold",
            company,
            env._("Hold %s is not what was approved", forged.name),
            env._("It keeps nobody's data. Find out who wrote it, lift it, and request it anew if it is needed."),
        )
    return genuine


def of_subjects(subjects):
    """Return those of ``subjects`` (superuser) that a hold in force keeps."""
    kept = subjects.browse()
    for company, found in subjects.filtered(lambda subject: subject.state == "live").grouped("company_id").items():
        for hold in active(company):
            if rest := found - kept:
                kept |= rest.filtered_domain(hold._subject_domain())
    return kept


def report(company) -> list[dict]:
    """Return what the daily proof says about a company's holds; nothing personal.

    :return: ``[{"id", "name", "basis", "article", "until", "approved_by", "subjects", "past_their_day"}]``: the id of
        the hold, its last day (ISO), how many live customers it covers, and how many of them it alone keeps alive
    """
    result = []
    for hold in active(company):
        covered = hold._covered()
        result.append(
            {
                "id": hold.id,
                "name": hold.name,
                "basis": hold.basis,
                "article": hold.article,
                "until": hold.date_end.isoformat(),
                "approved_by": hold.decided_by_id.id,
                "subjects": len(covered),
                "past_their_day": len(covered.filtered(lambda subject: subject.deadline_rule == "held")),
            }
        )
    return result
