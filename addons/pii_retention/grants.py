"""The seal on a grant: what an officer approved, and nothing else, opens data.

A row in the database can be written by whoever writes to the database. The seal is a MAC over the row's terms with a
key outside of the database; the gate checks it at each use. It is made here, by functions that nothing evaluated can
reach, and only after the decision of a person was checked.
"""

from __future__ import annotations

import hmac
import json

from . import keys
from .crypto import secret_key_id

LABEL = "grant"


def _mac(grant, agreed: dict) -> str:
    keyring = keys.keyring(grant.env)
    key_id = keyring.ensure(secret_key_id(grant.company_id._pii_domain()))
    terms = json.dumps(agreed, sort_keys=True, separators=(",", ":")).encode()
    return keyring.mac(key_id, terms, label=LABEL).hex()


def seal(grant, agreed: dict) -> None:
    """Seal the terms that were decided about, whatever has become of the row since.

    Writing a decision runs other code (automation, fields of an administrator's own), which may write as well.

    :param agreed: ``_terms`` as the decider has read them, with what the decision itself has changed
    """
    # sudo: the seal is closed to everybody; the caller has checked who decides
    grant.sudo().terms_seal = _mac(grant, agreed)


def is_genuine(grant) -> bool:
    """Tell whether the grant's terms are those that were sealed.

    :raise CryptoError: the key store cannot be used
    """
    found = grant.sudo().terms_seal  # sudo: as in seal
    return bool(found) and hmac.compare_digest(found, _mac(grant, grant._terms()))
