"""Certificates of erasure: what was destroyed, how, and how that was verified; sealed in a chain.

A certificate is begun before anything is destroyed, counts what is erased in the very transactions that erase it, and
is finished once: when every key it names is gone. Its seal is a MAC over what it says and over the seal before, with a
key outside of the database, and is kept beside the keys as well: whoever changes, removes or inserts a certificate in
the database is found out by :func:`~.certificate_seals.faults`. It names nobody.

Functions, not methods of a model: nothing that is evaluated makes or seals a certificate.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import uuid4

from odoo import fields
from odoo.exceptions import UserError
from odoo.tools import SQL

from . import alerts, certificate_seals, channel, keys
from .crypto import CryptoError, KeyDestroyed, secret_key_id
from .purposes import CLASSES

_logger = logging.getLogger(__name__)

#: Why a person's data was erased; tombstones beside the keys carry the same codes.
REASONS = [
    ("deadline", "Its day had come"),
    ("cancelled", "Order cancelled"),
    ("no_purpose", "No purpose any more"),
    ("amazon_deletion", "Amazon asked for deletion"),
    ("amazon_return", "Returned to Amazon"),
    ("data_subject", "The person asked for it"),
    ("company_left", "The company has left"),
    ("early_erasure", "Erased before its day"),
    ("restored", "Had been erased before a backup was restored"),
]

#: In the words of NIST SP 800-88 Rev. 2 (sanitization method, technique), kept with each certificate as it was.
METHOD = (
    "Purge by Cryptographic Erase (NIST SP 800-88 Rev. 2). All personal data was encrypted with AES-256-GCM before its "
    "first write to any medium; every copy, in live storage, transaction logs, dumps and backups, exists as ciphertext "
    "under the keys named here only."
)
TECHNIQUE = (
    "Zeroisation of externally managed 256-bit keys: the stored key was overwritten and removed in the key store, "
    "which lies outside of the database and its backups, and a tombstone forbids its re-creation. The ciphertext was "
    "removed from live storage: columns, blind indexes and digests emptied, sealed files overwritten and unlinked, "
    "remains in messages, mails and activities removed, the tables vacuumed. What the database's files and logs still "
    "hold of old row versions until their space is used again is noise without the keys. Each data subject has a "
    "tombstone beside the keys."
)

#: Tokens that are kept in memory to try them once the keys are gone.
_SAMPLE = 20


class Sampled(NamedTuple):
    """A sealed value as it was before the erasure."""

    domain: str
    uuid: str
    cls: str
    token: str


def operator(env) -> str:
    """Say who is at work: the person at the browser, else the identity that scheduled work runs as."""
    person = channel.caller()
    user = env["res.users"].browse(person.uid or env.uid).sudo()  # sudo: the name of a member of staff
    how = {channel.WEB: "in person", channel.RPC: "by a program"}.get(person.channel, "scheduled work")
    return f"{user.name} (user {user.id}, {how})"


def begin(env, company, kind: str, *, reason: str, request_ref: str = "", run=None):
    """Return a new certificate that is open: subjects and counts are added to it."""
    # sudo: certificates are made here only
    made = (
        env["pii.certificate"]
        .sudo()
        .create(
            {
                "company_id": company.id,
                "kind": kind,
                "reason": reason,
                "request_ref": request_ref or False,
                "run_id": run.id if run else False,
                "operator": operator(env),
            }
        )
    )
    made.open_seal = certificate_seals.open_mac(made)
    return made


def count(certificate, files: int = 0, leftovers: int = 0, key_ids: Iterable[str] = ()) -> None:
    """Add to what an open certificate counts, in the transaction that erases.

    One that somebody else has written to stays as it is found, without a seal that fits: that is said at its end.
    """
    if not certificate:
        return
    untouched = certificate_seals.is_untouched(certificate)
    known = set((certificate.key_ids or "").split())
    certificate.write(
        {
            "file_count": certificate.file_count + files,
            "leftover_count": certificate.leftover_count + leftovers,
            "key_ids": "\n".join(sorted(known | set(key_ids))) or False,
        }
    )
    if untouched:
        certificate.open_seal = certificate_seals.open_mac(certificate)


def united(group):
    """Return one open certificate for several of one company, kind and reason; the others are taken into it."""
    first, rest = group[0], group[1:]
    for other in rest:
        if not certificate_seals.is_untouched(other):
            first.open_seal = False
        count(first, other.file_count, other.leftover_count, (other.key_ids or "").split())
    if rest:
        first.env.flush_all()
        first.env.cr.execute(
            SQL("UPDATE pii_subject SET certificate_id = %s WHERE certificate_id = ANY(%s)", first.id, rest.ids)
        )
        rest.unlink()
    return first


def sample(env, company, where: SQL) -> list[Sampled]:
    """Return some sealed values of subjects (alias ``s``) of the company, to try them later; nothing is opened."""
    domain = company._pii_domain()
    found = []
    for cls in CLASSES:
        column = SQL.identifier("s", f"{cls}_token")
        env.cr.execute(
            SQL(
                "SELECT uuid, split_part(%s, E'\\n', 1) FROM pii_subject s "
                "WHERE company_id = %s AND %s IS NOT NULL AND %s LIMIT %s",
                column,
                company.id,
                column,
                where,
                _SAMPLE,
            )
        )
        found += [Sampled(domain, uuid, cls, token) for uuid, token in env.cr.fetchall()]
    return found[:_SAMPLE]


def finish_if_done(certificate, samples: Sequence[Sampled] = ()) -> bool:
    """Verify, number and seal an open certificate if all its keys are gone; tell whether it is sealed now.

    The caller commits.

    :raise UserError: the key store cannot be used
    """
    if certificate.state == "sealed":
        return True
    keyring = keys.keyring(certificate.env)
    try:
        if not all(keyring.destroyed(key_id) for key_id in (certificate.key_ids or "").split()):
            return False
        _finish(certificate, keyring, samples)
    except CryptoError as error:
        raise UserError(str(error)) from error
    return True


def _finish(certificate, keyring, samples: Sequence[Sampled]) -> None:
    env = certificate.env
    env.flush_all()
    subject_count, digest = certificate_seals.subjects_of(certificate)
    problems, text = _verification(certificate, keyring, samples)
    company = certificate.company_id
    # an interrupted process may have left the one before without its place in the chain
    certificate_seals.anchor_missing(env, company)
    chain = certificate_seals.anchored(company)
    taken = {number for number, _seal in chain}
    # one number after the other, without gaps: whoever waits for it in an older snapshot is refused and tries again
    name = env["ir.sequence"].sudo().next_by_code("pii.certificate")  # sudo: numbers are given out here only
    while name in taken:  # a restored database has forgotten certificates that were given out
        name = env["ir.sequence"].sudo().next_by_code("pii.certificate")  # sudo: as above
    previous = env["pii.certificate"].search(
        [("company_id", "=", company.id), ("state", "=", "sealed")], order="name desc", limit=1
    )
    last_seal = previous.seal
    if chain and not env["pii.certificate"].search_count(
        [("company_id", "=", company.id), ("name", "=", chain[-1][0])], limit=1
    ):
        last_seal = chain[-1][1]
    certificate.write(
        {
            "name": name,
            "method": METHOD,
            "technique": TECHNIQUE,
            "subject_count": subject_count,
            "digest": digest,
            "finished_on": fields.Datetime.now(),
            "verification": "failed" if problems else "passed",
            "verification_text": "\n".join(problems or [text]),
            "previous_seal": last_seal or False,
        }
    )
    key_id = keyring.ensure(secret_key_id(company._pii_domain()))
    seal = certificate_seals.mac(certificate, keyring, key_id)
    certificate.write({"seal": seal, "seal_key_id": key_id, "state": "sealed"})
    anchor = company, f"{name} {seal}"
    env.cr.postcommit.add(lambda: certificate_seals.anchor(keyring, *anchor))
    if problems:
        _logger.warning("The verification of certificate %s has failed.", name)


def _verification(certificate, keyring, samples: Sequence[Sampled]) -> tuple[list[str], str]:
    """Return ``(problems, text)``: what contradicts the erasure, and what is said when nothing does."""
    env = certificate.env
    problems = []
    if not certificate_seals.is_untouched(certificate):
        problems.append("Somebody wrote to this certificate while the erasure was under way: its counts and keys lie.")
        alerts.tell(
            env,
            "certificate",
            certificate.company_id,
            env._("A certificate of erasure was changed while it was under way"),
            env._(
                "Certificate of %(moment)s (row %(row)s). Find out who wrote it.",
                moment=certificate.started_on,
                row=certificate.id,
            ),
        )
    key_ids = (certificate.key_ids or "").split()
    for key_id in key_ids:
        try:
            keyring.subject_key(key_id, uuid4(), "operational")
            problems.append(f"Key {key_id} can still be read.")
        except KeyDestroyed:
            continue
    for sampled in samples:
        try:
            keyring.open_record(*sampled)
            problems.append(f"A value of subject {sampled.uuid} that was kept for the test still opens.")
        except CryptoError:
            continue
    held = SQL(" OR ").join(
        SQL("%s IS NOT NULL", SQL.identifier(name))
        for name in (*(f"{cls}_token" for cls in CLASSES), "content_mac", "name_index", "email_index", "phone_index")
    )
    env.cr.execute(SQL("SELECT count(*) FROM pii_subject WHERE certificate_id = %s AND (%s)", certificate.id, held))
    if rows := env.cr.fetchone()[0]:
        problems.append(f"{rows} erased data subjects still have a sealed value.")
    env.cr.execute(
        SQL(
            """SELECT count(*) FROM ir_attachment a JOIN pii_subject s ON s.id = a.pii_subject_id
                WHERE s.certificate_id = %s""",
            certificate.id,
        )
    )
    if rows := env.cr.fetchone()[0]:
        problems.append(f"{rows} sealed files of erased data subjects are still there.")
    text = (
        f"Keys asked for, and refused by the key store as destroyed: {len(key_ids)}. Sealed values kept in memory from "
        f"before the erasure, none of which opens: {len(samples)}. Sealed values left in rows: 0. Sealed files left: 0."
    )
    return problems, text
