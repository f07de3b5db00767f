"""The blind index of data subjects: which key, how many bits, and what is sealed already.

Functions, not methods of a model: some of them hold plaintext, and what a server action or a template evaluates reaches
models, never modules.
"""

from __future__ import annotations

from odoo.tools import SQL

from . import blind_index, buckets

#: A sealed column holds one token a line: the first as the channel delivered it, then corrections in order.
SEPARATOR = "\n"
_BITS = "pii_retention.index_bits"

COLUMNS = tuple(f"{field}_index" for field in blind_index.FIELDS)


def mac_of(keyring, key_id: str) -> blind_index.Mac:
    """Return the digest of a bucket: ``mac(field, data)``, a key of its own for each field."""
    return lambda field, data: keyring.mac(key_id, data, label=f"blind/{field}")


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


def columns_for(keyring, key_id: str, company, content: dict[str, dict[str, str]], country: str | bool) -> dict:
    """Return the index columns of ``{class: {key: text}}`` under the key of the bucket.

    :param country: ISO code of the subject's country, if it is known
    """
    bits = bits_for(company.env, company)
    return blind_index.columns(content, country or None, bits, mac_of(keyring, key_id))


def columns_of_sealed(keyring, subject, deadline, country: str | bool, tokens: dict[str, str | bool]) -> dict:
    """Return the index columns of what is sealed in ``tokens`` (``{class: column}``), for the bucket of ``deadline``.

    :raise CryptoError: a token cannot be opened
    """
    domain = subject.company_id._pii_domain()
    content = opened(keyring, domain, subject.uuid, tokens)
    key_id = buckets.key_for(subject.env, keyring, domain, deadline)
    return columns_for(keyring, key_id, subject.company_id, content, country)


def opened(keyring, domain: str, uuid: str, tokens: dict[str, str | bool]) -> dict[str, dict[str, str]]:
    """Return ``{class: {key: text}}`` of the classes that are looked up by; corrections win over what they correct."""
    result = {}
    for cls in blind_index.CLASSES:
        for token in filter(None, (tokens.get(cls) or "").split(SEPARATOR)):
            result.setdefault(cls, {}).update(keyring.open_record(domain, uuid, cls, token))
    return result
