"""The blind index of data subjects: which key, how many bits, and what is sealed already.

Functions, not methods of a model: some of them hold plaintext, and what a server action or a template evaluates reaches
models, never modules.
"""

from __future__ import annotations

import hmac

import psycopg2

from odoo.tools import SQL

from . import blind_index, buckets, keys
from .crypto import CryptoError

#: A sealed column holds one token a line: the first as the channel delivered it, then corrections in order.
SEPARATOR = "\n"
_BITS = "pii_retention.index_bits"

#: A company with more live subjects is not indexed again, and never more of them in one go.
WIDENED_ROWS = 4096
WIDENED_AT_ONCE = 100

COLUMNS = tuple(f"{field}_index" for field in blind_index.FIELDS)


def mac_of(keyring, key_id: str) -> blind_index.Mac:
    """Return the digest of a bucket: ``mac(field, data)``, a key of its own for each field.

    For one batch: the keys are derived once, and would outlive the bucket's key.
    """
    secrets = {}

    def mac(field: str, data: bytes) -> bytes:
        if field not in secrets:
            secrets[field] = keyring.mac_key(key_id, label=f"blind/{field}")
        return hmac.digest(secrets[field].expose(), data, "sha256")

    return mac


def plan_bits(env, company, arriving: int = 0) -> int:
    """Return how many bits an entry made now keeps, by the number of the company's live subjects.

    Counted never further than the planner looks, and remembered for :func:`bits_for` until the transaction ends.

    :param arriving: subjects that are about to be added
    """
    env["pii.subject"].flush_model(["state", "company_id"])
    env.cr.execute(
        SQL(
            """SELECT count(*) FROM (
                   SELECT 1 FROM pii_subject WHERE company_id = %s AND state = 'live' LIMIT %s) counted""",
            company.id,
            blind_index.MAX_ROWS,
        )
    )
    bits = env.cr.cache[_BITS, company.id] = blind_index.planned_bits(env.cr.fetchone()[0] + arriving)
    return bits


def bits_for(env, company) -> int:
    """Return what :func:`plan_bits` said last in this transaction, asking it once."""
    bits = env.cr.cache.get((_BITS, company.id))
    return plan_bits(env, company) if bits is None else bits


def widen(env, company, limit: int = WIDENED_AT_ONCE) -> int:
    """Index live subjects again whose entries keep fewer bits than entries made now, and return how many.

    While a shop grows, what its first customers keep matches more and more people by coincidence, and each is
    somebody's data opened for nothing. A large shop has few of them for its size and is left alone.
    """
    bits = bits_for(env, company)
    if bits > blind_index.planned_bits(WIDENED_ROWS):
        return 0
    Subject = env["pii.subject"].sudo()  # sudo: importers seal, they need not read subjects
    Subject.flush_model([*COLUMNS, "state", "company_id", "deadline"])
    try:
        with env.cr.savepoint(flush=False):
            env.cr.execute(
                SQL(
                    """SELECT id FROM pii_subject
                        WHERE company_id = %s AND state = 'live' AND deadline > %s
                          AND split_part(coalesce(name_index, email_index, phone_index), ':', 1)::int < %s
                        ORDER BY deadline DESC, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED""",
                    company.id,
                    company._pii_day(),
                    bits,
                    limit,
                ),
                log_exceptions=False,
            )
            ids = [row[0] for row in env.cr.fetchall()]
    except psycopg2.errors.SerializationFailure:
        return 0  # another import has just done it; what is left is done with the next arrival
    found = Subject.browse(ids)
    found.fetch(["deadline", "country_id", "company_id", "uuid", *(f"{cls}_token" for cls in blind_index.CLASSES)])
    keyring, macs, done = keys.keyring(env) if found else None, {}, 0
    for subject in found:
        tokens = {cls: subject[f"{cls}_token"] for cls in blind_index.CLASSES}
        day, country = subject.deadline, subject.country_id.code
        try:
            if day not in macs:
                macs[day] = mac_of(keyring, buckets.key_for(env, keyring, company._pii_domain(), day))
            columns = columns_of_sealed(keyring, subject, day, country, tokens, macs[day])
        except CryptoError:
            continue  # the daily check of the keys names it
        subject.write(columns)
        done += 1
    return done


def columns_for(mac: blind_index.Mac, company, content: dict[str, dict[str, str]], country: str | bool) -> dict:
    """Return the index columns of ``{class: {key: text}}``.

    :param mac: the digest of the bucket, see :func:`mac_of`
    :param country: ISO code of the subject's country, if it is known
    """
    return blind_index.columns(content, country or None, bits_for(company.env, company), mac)


def columns_of_sealed(
    keyring, subject, deadline, country: str | bool, tokens: dict[str, str | bool], mac: blind_index.Mac | None = None
) -> dict:
    """Return the index columns of what is sealed in ``tokens`` (``{class: column}``), for the bucket of ``deadline``.

    :param mac: the digest of that bucket, if it is at hand
    :raise CryptoError: a token cannot be opened
    """
    domain = subject.company_id._pii_domain()
    content = opened(keyring, domain, subject.uuid, tokens)
    mac = mac or mac_of(keyring, buckets.key_for(subject.env, keyring, domain, deadline))
    return columns_for(mac, subject.company_id, content, country)


def opened(keyring, domain: str, uuid: str, tokens: dict[str, str | bool]) -> dict[str, dict[str, str]]:
    """Return ``{class: {key: text}}`` of the classes that are looked up by; corrections win over what they correct."""
    result = {}
    for cls in blind_index.CLASSES:
        for token in filter(None, (tokens.get(cls) or "").split(SEPARATOR)):
            result.setdefault(cls, {}).update(keyring.open_record(domain, uuid, cls, token))
    return result
