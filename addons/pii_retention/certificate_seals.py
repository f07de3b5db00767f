"""The seals of certificates: a MAC over what a certificate says and over the seal before it, anchored beside the keys.

Functions, not methods of a model: nothing that is evaluated seals a certificate.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging

from odoo import fields
from odoo.exceptions import UserError
from odoo.tools import SQL

from . import alerts, keys
from .crypto import CryptoError, secret_key_id

_logger = logging.getLogger(__name__)

LABEL = "certificate"

#: What the seal covers, in this order.
SEALED = (
    "name",
    "kind",
    "reason",
    "request_ref",
    "method",
    "technique",
    "key_ids",
    "subject_count",
    "file_count",
    "leftover_count",
    "digest",
    "started_on",
    "finished_on",
    "verification",
    "verification_text",
    "operator",
)


#: What is known while the erasure is under way.
COUNTED = ("kind", "reason", "request_ref", "key_ids", "file_count", "leftover_count", "started_on", "operator")


def open_mac(certificate) -> str:
    """Return the seal on an open certificate as it stands: until its own is made, nobody else writes it either.

    :raise CryptoError: the key store cannot be used
    """
    company, keyring = certificate.company_id, keys.keyring(certificate.env)
    said = {name: certificate[name] for name in COUNTED} | {"id": certificate.id, "run": certificate.run_id.id}
    said["started_on"] = fields.Datetime.to_string(certificate.started_on)
    key_id = keyring.ensure(secret_key_id(company._pii_domain()))
    return keyring.mac(key_id, json.dumps(said, sort_keys=True).encode(), label="certificate/open").hex()


def is_untouched(certificate) -> bool:
    """Tell whether an open certificate says what the erasure has counted.

    :raise CryptoError: the key store cannot be used
    """
    return hmac.compare_digest(certificate.open_seal or "", open_mac(certificate))


def subjects_of(certificate) -> tuple[int, str]:
    """Return how many subjects point to a certificate, and the digest over their identifiers."""
    certificate.env.cr.execute(
        SQL(
            """SELECT count(*),
                      encode(sha256(coalesce(string_agg(uuid, E'\n' ORDER BY uuid COLLATE "C"), '')::bytea), 'hex')
                 FROM pii_subject WHERE certificate_id = %s""",
            certificate.id,
        )
    )
    return certificate.env.cr.fetchone()


def _statement(certificate) -> bytes:
    said = {name: certificate[name] for name in SEALED}
    said |= {name: fields.Datetime.to_string(said[name]) for name in ("started_on", "finished_on")}
    said |= {"company": certificate.company_id._pii_domain(), "previous": certificate.previous_seal or ""}
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def mac(certificate, keyring, key_id: str) -> str:
    return keyring.mac(key_id, _statement(certificate), label=LABEL).hex()


def _chain(company) -> str:
    return "certificates-" + hashlib.sha256(company._pii_domain().encode()).hexdigest()[:32]


def anchor(keyring, company, value: str) -> None:
    try:
        keyring.anchors.append(_chain(company), value)
    except CryptoError as error:
        _logger.warning("A certificate could not be anchored beside the keys; the next purge tries again: %s", error)


def anchor_missing(env, company) -> None:
    """Keep beside the keys what an interrupted process has not: the seals of finished certificates.

    :raise CryptoError: the key store cannot be used
    """
    keyring = keys.keyring(env)
    known = {entry.value for entry in keyring.anchors.entries(_chain(company))}
    # sudo: whoever purges; nothing is shown
    sealed = env["pii.certificate"].sudo().search([("company_id", "=", company.id), ("state", "=", "sealed")])
    for certificate in sealed.sorted("name"):
        if (value := f"{certificate.name} {certificate.seal}") not in known:
            keyring.anchors.append(_chain(company), value)


def anchored(company) -> list[tuple[str, str]]:
    """Return ``(number, seal)`` of the company's certificates, in order, as they are kept beside the keys.

    :raise CryptoError: the key store cannot be used
    """
    entries = keys.keyring(company.env).anchors.entries(_chain(company))
    return [tuple(entry.value.split(" ", 1)) for entry in entries]


def tell_missing(company) -> list[str]:
    """Tell the officers about certificates that the key store knows and the database does not; return their numbers.

    :raise CryptoError: the key store cannot be used
    """
    env = company.env
    if not keys.is_in_use(env):
        return []
    names = [name for name, _seal in anchored(company)]
    # sudo: whoever purges; nothing is shown
    there = env["pii.certificate"].sudo().search([("company_id", "=", company.id), ("state", "=", "sealed")])
    missing = sorted(set(names) - set(there.mapped("name")))
    if missing:
        alerts.tell(
            env,
            "certificate",
            company,
            env._("Certificates of erasure are missing in the database (%s)", len(missing)),
            env._(
                "%(first)s to %(last)s: deleted, or a backup from before them was restored. The erasures stand; the "
                "key store still names the seals. Keep the prints of these certificates, and find out what happened.",
                first=missing[0],
                last=missing[-1],
            ),
            once=True,
        )
    return missing


def faults(certificate) -> list[str]:
    """Return what is wrong with a sealed certificate, as sentences; nothing if it is as it was sealed.

    :raise UserError: the key store cannot be used
    """
    env = certificate.env
    keyring = keys.keyring(env)
    found = []
    try:
        if not hmac.compare_digest(certificate.seal or "", mac(certificate, keyring, certificate.seal_key_id or "")):
            found.append(env._("What it says is not what was sealed."))
        chain = anchored(certificate.company_id)
        place = next((at for at, (name, _seal) in enumerate(chain) if name == certificate.name), None)
        if place is None:
            found.append(env._("The key store does not know it."))
        else:
            before = chain[place - 1][1] if place else ""
            if chain[place][1] != certificate.seal or before != (certificate.previous_seal or ""):
                found.append(env._("The key store remembers another certificate under this number."))
        for key_id in (certificate.key_ids or "").split():
            if not keyring.destroyed(key_id):
                found.append(env._("Key %s is not destroyed.", key_id))
    except CryptoError as error:
        raise UserError(str(error)) from error
    subject_count, digest = subjects_of(certificate)
    if subject_count == certificate.subject_count and digest != certificate.digest:
        found.append(env._("Other data subjects than those it was made for point to it."))
    return found
