"""The way from a printer's record to the printer: its address, its password, and whether an officer released it.

Functions, not methods of a model: what is evaluated reaches models, never modules, and an endpoint holds a password.
"""

from __future__ import annotations

import hmac
import json

from odoo.exceptions import UserError

from odoo.addons.pii_retention import keys
from odoo.addons.pii_retention.crypto import CryptoError, secret_key_id

from .ipp import Endpoint

LABEL = "printer"


def password_name(printer) -> str:
    """Return the name under which a printer's password is sealed."""
    return f"printer/{printer.id}"


def endpoint(printer) -> Endpoint:
    """Return where the printer is and how to speak to it.

    :raise UserError: its password cannot be opened
    """
    known = printer.sudo()  # sudo: whoever may print need not see how the printer is reached
    password = None
    if known.password_sealed:
        password = keys.open_secret(known.company_id, password_name(known), known.password_sealed)
    return Endpoint(
        uri=known.uri,
        allow_network=known.allow_network,
        fingerprint=known.fingerprint or None,
        username=known.username or None,
        password=password,
        connect_seconds=known.connect_seconds,
        total_seconds=known.total_seconds,
    )


def _mac(printer) -> str:
    known = printer.sudo()  # sudo: as in endpoint
    terms = [known.id, known.company_id.id, known.uri, known.allow_network, known.fingerprint or ""]
    keyring = keys.keyring(known.env)
    try:
        key_id = keyring.ensure(secret_key_id(known.company_id._pii_domain()))
        return keyring.mac(key_id, json.dumps(terms).encode(), label=LABEL).hex()
    except CryptoError as error:
        raise UserError(str(error)) from error


def seal_release(printer) -> None:
    """Seal where the printer is; the caller has checked who decides."""
    printer.sudo().release_seal = _mac(printer)  # sudo: the seal is closed to everybody


def is_released(printer) -> bool:
    """Tell whether an officer released the printer for exactly the place where it is now.

    A printer gets whatever is printed on it: who changes its address, in Odoo or in the database, redirects documents.

    :raise UserError: the key store cannot be used
    """
    found = printer.sudo().release_seal  # sudo: as in seal_release
    return bool(found) and hmac.compare_digest(found, _mac(printer))
