"""Legal holds: which ones are in force, and the seal on what two persons decided.

A hold keeps data alive that would be dead, so nothing that somebody wrote into the database is believed: the terms of a
hold are sealed with a key outside of the database when an officer approves them. The seal is made here, by functions
that nothing evaluated can reach. Beside the keys it is written down that a hold was approved and that it was lifted:
one that was lifted is not put back, and one that is missing is noticed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from datetime import date

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
    company = hold.company_id
    try:
        keyring, made = keys.keyring(hold.env), _mac(company, agreed)
        # sudo: the seal is closed to everybody; the caller has checked who decides
        hold.sudo().terms_seal = made
        chain, entry = _chain(company), _entry(made, agreed["end"], hold.name)
    except CryptoError as error:
        raise UserError(str(error)) from error
    hold.env.cr.postcommit.add(lambda: _anchor(keyring, chain, entry))


def _entry(made: str, end: str, name: str) -> str:
    return f"{made} {end} {name}"


def _anchor(keyring, chain: str, entry: str) -> None:
    try:
        keyring.anchors.append(chain, entry)
    except CryptoError as error:
        _logger.warning("A legal hold could not be noted beside the keys; the next purge does it: %s", error)


def _chain(company) -> str:
    return "holds-" + hashlib.sha256(company._pii_domain().encode()).hexdigest()[:32]


def note_lifted(hold) -> None:
    """Write beside the keys that a hold is over, whoever puts its row back; its seal goes with it.

    :raise UserError: the key store cannot be used; the hold stays in force then
    """
    stated = hold.sudo()  # sudo: as in seal
    if not stated.terms_seal:
        return
    try:
        register = keys.keyring(hold.env).revoked
        register.append(_register_id(stated.terms_seal), hold.company_id._pii_day(), "lifted")
    except CryptoError as error:
        raise UserError(str(error)) from error
    stated.terms_seal = False


def _register_id(made: str) -> str:
    return f"hold/{made}"


def is_genuine(hold) -> bool:
    """Tell whether the hold's terms are those that were sealed, and it was never lifted since.

    :raise UserError: the key store cannot be used
    """
    found = hold.sudo().terms_seal  # sudo: as in seal
    try:
        if not found or not hmac.compare_digest(found, _mac(hold.company_id, hold._terms())):
            return False
        return not keys.keyring(hold.env).revoked.contains(_register_id(found))
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


def tell_missing(company) -> list[str]:
    """Tell the officers about holds that two persons decided and that are not over, but no longer there as decided.

    Whom they covered is not known any more: their data goes on its day unless somebody acts before.

    :return: the names of these holds
    :raise UserError: the key store cannot be used
    """
    env, chain, today = company.env, _chain(company), company._pii_day()
    if not keys.is_in_use(env):
        return []
    present = {
        hold.terms_seal: _entry(hold.terms_seal, hold.date_end.isoformat(), hold.name) for hold in active(company)
    }
    try:
        keyring = keys.keyring(env)
        known = [entry.value.split(" ", 2) for entry in keyring.anchors.entries(chain)]
        for made in sorted(present.keys() - {entry[0] for entry in known}):
            keyring.anchors.append(chain, present[made])
        missing = [
            (name, end)
            for made, end, name in known
            if made not in present
            and date.fromisoformat(end) >= today
            and not keyring.revoked.contains(_register_id(made))
        ]
    except CryptoError as error:
        raise UserError(str(error)) from error
    for name, end in missing:
        alerts.tell(
            env,
            "hold",
            company,
            env._("Hold %s is missing", name),
            env._(
                "It was approved until %s and nobody lifted it, but it is deleted or changed in the database. The data "
                "that it kept is erased on its day: request the hold anew today, and find out who did it.",
                end,
            ),
            once=True,
        )
    return [name for name, _end in missing]


def of_subjects(subjects):
    """Return those of ``subjects`` (superuser) that a hold in force keeps."""
    kept = subjects.browse()
    for company, found in subjects.filtered(lambda subject: subject.state == "live").grouped("company_id").items():
        for hold in active(company):
            if rest := found - kept:
                kept |= rest.filtered_domain(hold._subject_domain())
    return kept
