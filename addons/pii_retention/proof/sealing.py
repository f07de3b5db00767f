"""The seal on a proof: a MAC over what it says, with a key outside of the database.

Whoever writes to the database can write a row that says "0 found". It counts only when its seal fits, and when it is
the newest that was made: of each company the key store remembers which one that was, so that a proof with findings
cannot be deleted in favour of the one before.
"""

from __future__ import annotations

import hmac
import json
from datetime import UTC

from odoo import fields

from .. import keys
from ..crypto import secret_key_id

LABEL = "proof"


def _terms(proof) -> bytes:
    """Return what a proof says, in the one encoding that is sealed."""
    lines = proof.line_ids.sorted("code")
    said = {
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


def _number(proof) -> int:
    return int(proof.at.replace(tzinfo=UTC).timestamp())


def seal(proof) -> None:
    """Seal a proof as it stands, and remember beside the keys that it is the newest once it is committed."""
    keyring = keys.keyring(proof.env)
    # sudo: the seal is closed to everybody; the caller has just made the proof
    proof = proof.sudo()
    proof.seal = mac = _mac(keyring, proof)
    name, number = _name(proof), _number(proof)
    # forced: after a clock was put back the newest proof is still the one that was made last
    proof.env.cr.postcommit.add(lambda: keyring.anchors.advance(name, number, mac, force=True))


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
    newest = keys.keyring(proof.env).anchors.furthest(_name(proof))
    return newest is not None and newest[0] > _number(proof) and newest[1] != proof.sudo().seal  # sudo: as in seal


def was_ever_made(company) -> bool:
    """Tell whether a proof of this company was made, whatever the database says.

    :raise CryptoError: the key store cannot be used
    """
    return keys.keyring(company.env).anchors.furthest(_name(company)) is not None
