"""Exceptions: two privacy officers let the intake go on for a while although a proof found something."""

from __future__ import annotations

import hmac
import json

from odoo import fields

from .. import keys
from ..crypto import secret_key_id

LABEL = "proof/exception"


def counts_of(proof) -> dict[str, int]:
    """Return ``{code: found}`` of the lines that found anything."""
    return {line.code: line.found for line in proof.sudo().line_ids if line.found}  # sudo: counts are no secret


def _mac(exception) -> str:
    exception = exception.sudo()  # sudo: the seal is closed to everybody; the callers check who decides
    keyring = keys.keyring(exception.env)
    said = {
        "company": exception.company_id._pii_domain(),
        "covered": exception.covered or {},
        "reason": exception.reason,
        "requested_by": exception.requested_by_id.id,
        "decided_by": exception.decided_by_id.id,
        "start": fields.Datetime.to_string(exception.date_start),
        "end": fields.Datetime.to_string(exception.date_end),
    }
    key_id = keyring.ensure(secret_key_id(exception.company_id._pii_domain()))
    return keyring.mac(key_id, json.dumps(said, sort_keys=True).encode(), label=LABEL).hex()


def seal(exception) -> None:
    """Seal an exception that a second officer has just approved."""
    exception.sudo().seal = _mac(exception)  # sudo: as in _mac


def is_genuine(exception) -> bool:
    """Tell whether the exception is what two officers agreed on.

    :raise CryptoError: the key store cannot be used
    """
    found = exception.sudo().seal  # sudo: as in _mac
    return (
        bool(found)
        and exception.requested_by_id != exception.decided_by_id
        and hmac.compare_digest(found, _mac(exception))
    )


def covering(proof):
    """Return the exception in force that covers all that a proof found; empty without one.

    Covered is what was found when the exception was asked for: not one more, and nothing else.

    :raise CryptoError: the key store cannot be used
    """
    now = fields.Datetime.now()
    # sudo: whether one is in force decides about everybody's intake
    rows = (
        proof.env["pii.proof.exception"]
        .sudo()
        .search(
            [
                ("company_id", "=", proof.company_id.id),
                ("state", "=", "approved"),
                ("date_start", "<=", now),
                ("date_end", ">", now),
            ]
        )
    )
    found = counts_of(proof)
    for exception in rows:
        covered = exception.covered or {}
        if all(count <= covered.get(code, 0) for code, count in found.items()) and is_genuine(exception):
            return exception
    return rows.browse()
