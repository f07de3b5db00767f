"""The seal on a proof: a MAC over what it says, with a key outside of the database.

Whoever writes to the database can write a row that says "0 found". It counts only when its seal fits, and when it is
the newest that was made: of each company the key store remembers which one that was, so that a proof with findings
cannot be deleted in favour of the one before. Which one is newer says its number, never a clock: that can be put back.
"""

from __future__ import annotations

import hmac
import json

from odoo import fields

from .. import keys
from ..crypto import secret_key_id

LABEL = "proof"


def _terms(proof) -> bytes:
    """Return what a proof says, in the one encoding that is sealed."""
    lines = proof.line_ids.sorted("code")
    said = {
        "number": proof.number,
        "at": fields.Datetime.to_string(proof.at),
        "company": proof.company_id._pii_domain(),
        "day": fields.Date.to_string(proof.day),
        "person": proof.person or "",
        "user": proof.user_ref,
        "blocks": proof.blocks or "",
        "found": proof.found,
        "lines": [[line.code, line.scope, line.looked, line.found] for line in lines],
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def _mac(keyring, proof) -> str:
    key_id = keyring.ensure(secret_key_id(proof.company_id._pii_domain()))
    return keyring.mac(key_id, _terms(proof), label=LABEL).hex()


def _name(proof_or_company) -> str:
    company = proof_or_company.company_id if proof_or_company._name == "pii.proof" else proof_or_company
    return f"proof-{company._pii_domain()}"


def newest(company):
    """Return the newest proof of a company in the database (superuser), empty without one; it may be a forged one."""
    # sudo: what is proven decides about everybody's intake
    return (
        company.env["pii.proof"].sudo().search([("company_id", "=", company.id)], order="number desc, id desc", limit=1)
    )


def next_number(company) -> int:
    """Return the number of the company's next proof: above all that were ever made, in the database or not.

    :raise CryptoError: the key store cannot be used
    """
    known = keys.keyring(company.env).anchors.furthest(_name(company))
    return max(newest(company).number, known[0] if known else 0) + 1


def seal(proof) -> None:
    """Seal a proof as it stands, and remember beside the keys that it is the newest once it is committed."""
    keyring = keys.keyring(proof.env)
    # sudo: the seal is closed to everybody; the caller has just made the proof
    proof = proof.sudo()
    proof.seal = mac = _mac(keyring, proof)
    name, number = _name(proof), proof.number
    proof.env.cr.postcommit.add(lambda: keyring.anchors.advance(name, number, mac))


def is_genuine(proof) -> bool:
    """Tell whether a proof says what was sealed.

    :raise CryptoError: the key store cannot be used
    """
    proof = proof.sudo()  # sudo: as in seal
    return bool(proof.seal) and hmac.compare_digest(proof.seal, _mac(keys.keyring(proof.env), proof))


def was_superseded(proof) -> bool:
    """Tell whether a later proof than this one was made: this one is the newest in the database only.

    :raise CryptoError: the key store cannot be used
    """
    known = keys.keyring(proof.env).anchors.furthest(_name(proof))
    if known is None or known[0] < proof.number:
        return False  # the one remembered last is older: the process died between the commit and that
    return known[1] != proof.sudo().seal  # sudo: as in seal


def was_ever_made(company) -> bool:
    """Tell whether a proof of this company was made, whatever the database says.

    :raise CryptoError: the key store cannot be used
    """
    return keys.keyring(company.env).anchors.furthest(_name(company)) is not None
