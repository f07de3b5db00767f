"""The seal on a request: what was decided, and nothing else, is carried out.

As with grants (``pii_retention.grants``): a row in the database can be written by whoever writes to the database, so
what is carried out is compared with a MAC whose key lies outside of it. Made by functions that nothing evaluated can
reach, after the person who decides was checked.
"""

from __future__ import annotations

import hashlib
import hmac
import json

from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from odoo.addons.pii_retention import channel, keys
from odoo.addons.pii_retention.crypto import CryptoError, secret_key_id

LABEL = "request"
OFFICER = "pii_retention.group_privacy_officer"


def check_officer(env) -> None:
    """Refuse unless a privacy officer is there in person.

    :raise AccessError: a script, a remote call, typed code, somebody else's session, or no officer
    """
    if not channel.in_person(env):
        raise AccessError(env._("A privacy officer decides in person, signed in to Odoo."))
    if not env.user.has_group(OFFICER):
        raise AccessError(env._("Only a privacy officer decides about a request."))


def items_digest(request) -> str:
    """Return a digest of whom the request is about: the UUIDs of its items, in order."""
    request.env["pii.request.item"].flush_model(["request_id", "subject_uuid"])
    request.env.cr.execute(
        SQL(
            "SELECT string_agg(subject_uuid, ' ' ORDER BY subject_uuid) FROM pii_request_item WHERE request_id = %s",
            request.id,
        )
    )
    return hashlib.sha256((request.env.cr.fetchone()[0] or "").encode()).hexdigest()


def _mac(request, terms: dict) -> str:
    keyring = keys.keyring(request.env)
    key_id = keyring.ensure(secret_key_id(request.sudo().company_id._pii_domain()))  # sudo: the key domain is no secret
    text = json.dumps(terms, sort_keys=True, separators=(",", ":")).encode()
    return keyring.mac(key_id, text, label=LABEL).hex()


def seal(request, terms: dict) -> None:
    """Seal the terms that were decided about, whatever has become of the row since.

    :param terms: ``_terms`` as the decider has read them, with what the decision itself has changed
    :raise UserError: the key store cannot be used
    """
    try:
        # sudo: the seal is closed to everybody; the caller has checked who decides
        request.sudo().decision_seal = _mac(request, terms)
    except CryptoError as error:
        raise UserError(str(error)) from error


def is_genuine(request) -> bool:
    """Tell whether what the request says now is what was decided.

    :raise UserError: the key store cannot be used
    """
    found = request.sudo().decision_seal  # sudo: as in seal
    try:
        return bool(found) and hmac.compare_digest(found, _mac(request, request._terms()))
    except CryptoError as error:
        raise UserError(str(error)) from error
