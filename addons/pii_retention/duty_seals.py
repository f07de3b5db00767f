"""Ends of duties, and the seal on what a person has signed.

The register of duties is evidence, and a row can be written by whoever writes to the database. A signature is a MAC
over what was signed with a key outside of the database. Functions, not methods of a model: typed code would sign in
somebody's name.
"""

from __future__ import annotations

import hmac
import json
from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError

from . import alerts, duties, keys
from .crypto import CryptoError, secret_key_id

LABEL = "duty"
#: These end by themselves, when a fact does that can be looked up again; all others are signed by a person.
BY_ITSELF = frozenset({"leaver", "secret_rotation"})
#: The first duty of a company begins while the addon is installed, its row dates from the beginning of that.
_SLACK = timedelta(days=1)


def _terms(duty) -> bytes:
    said = {
        "id": duty.id,
        "code": duty.code,
        "company": duty.company_id._pii_domain(),
        "subject": duty.subject or "",
        "started": fields.Datetime.to_string(duty.started_at),
        "due": fields.Datetime.to_string(duty.due_at),
        "done": fields.Datetime.to_string(duty.done_at),
        "by": duty.done_by_id.id,
        "evidence": duty.evidence or "",
        "files": sorted(duty.evidence_ids.mapped(lambda file: [file.id, file.checksum or ""])),
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def _mac(duty) -> str:
    keyring = keys.keyring(duty.env)
    key_id = keyring.ensure(secret_key_id(duty.company_id._pii_domain()))
    return keyring.mac(key_id, _terms(duty), label=LABEL).hex()


def end(ended, evidence: str, user=None) -> None:
    """Write down that duties are done, seal what a person has signed, and begin the recurring ones anew.

    :param ended: ``pii.duty`` records; the caller has checked that they are done, and who says so
    :param user: who signs; without one they ended by themselves
    :raise UserError: the key store cannot be used
    """
    now = fields.Datetime.now()
    for duty in ended.sudo():  # sudo: the outcome is not written by hand; the callers have checked
        duty.write({"done_at": now, "done_by_id": user and user.id, "evidence": evidence})
        if user:
            try:
                duty.seal = _mac(duty)
            except CryptoError as error:
                raise UserError(str(error)) from error
        duty.activity_unlink(["pii_retention.activity_duty"])
        duty.flush_recordset()
        if duties.DUTIES[duty.code].recurring:
            duty.create(
                {"code": duty.code, "company_id": duty.company_id.id, "started_at": now, "previous_id": duty.id}
            )


def is_genuine(duty) -> bool:
    """Tell whether a duty that is done was signed as the register says, or ended by itself as such duties do.

    :raise CryptoError: the key store cannot be used
    """
    duty = duty.sudo()  # sudo: the seal is closed to everybody
    if not duty.done_by_id and not duty.seal:
        return duty.code in BY_ITSELF
    return bool(duty.seal) and hmac.compare_digest(duty.seal, _mac(duty))


def watch(env) -> None:
    """Tell the officers of signatures that nobody gave, and put clocks back that somebody put forward.

    :param env: superuser environment
    """
    register = env["pii.duty"]
    for duty in register.search([("done_at", "!=", False)]):
        try:
            if not is_genuine(duty):
                text = env._("Nobody has signed it as the register says. Find out who wrote it, and do the duty anew.")
                _tell_once(duty, env._("%s: the signature does not fit", duty.display_name), text)
        except (CryptoError, UserError):
            return  # the daily check of the keys says what is wrong with them
    for duty in register.search([("done_at", "=", False)]):
        if not duties.DUTIES[duty.code].recurring:
            continue
        last = [("company_id", "=", duty.company_id.id), ("code", "=", duty.code), ("done_at", "!=", False)]
        began = max(register.search(last).filtered(is_genuine).mapped("done_at"), default=duty.create_date)
        if duty.started_at > began + _SLACK:
            text = env._("It counts from %s (UTC), not from when somebody wrote. Find out who wrote it.", began)
            _tell_once(duty, env._("%s: the clock was put forward", duty.display_name), text)
            duty.started_at = began
            duty._wind()


def _tell_once(duty, name: str, text: str) -> None:
    """Tell the officers, and not again once they have looked: the row stays as it is."""
    kind, alert = "duty", duty.env["pii.alert"]
    name = f"{name} ({duty.id})"
    if not alert.search_count([("kind", "=", kind), ("name", "=", name)], limit=1):
        alerts.tell(duty.env, kind, duty.company_id, name, text)
