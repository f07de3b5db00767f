"""Erasing people: their rows, files, index entries and what mail has left of them.

Functions, not methods of a model: what a server action or a template evaluates reaches models, never modules, and
these destroy for ever. They commit between their steps: what is destroyed cannot be rolled back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from odoo import fields
from odoo.exceptions import UserError
from odoo.tools import SQL, split_every

from . import certificates, filestore, keys, leftovers, moving, rotation, tombstones, transactions
from .certificates import REASONS
from .crypto import CryptoError
from .purposes import CLASSES

#: Subjects that are erased in one transaction.
BATCH = 2000

_TOKENS = tuple(f"{cls}_token" for cls in CLASSES)
_INDEXES = ("name_index", "email_index", "phone_index")


@dataclass(slots=True)
class Counts:
    """What was erased: people, their sealed files, rows of mail and the like; ``key_ids`` had sealed their data."""

    subjects: int = 0
    files: int = 0
    leftovers: int = 0
    key_ids: set[str] = field(default_factory=set)

    def add(self, other: Counts) -> None:
        self.subjects += other.subjects
        self.files += other.files
        self.leftovers += other.leftovers
        self.key_ids |= other.key_ids


def forget(env, subject_ids: Sequence[int], reason: str, certificate=None, *, key_ids: Collection[str] = ()) -> Counts:
    """Erase people in this transaction: tombstones first, then columns, files and leftovers; idempotent.

    No key is touched and nothing is sealed: dumps still hold the people until their keys die, see
    :func:`rotation.queue`. Who was erased before is passed over, except for what was left of them.

    :param reason: code, see :data:`~.certificates.REASONS`
    :param certificate: open ``pii.certificate`` that will say so; without one, the next purge seals one
    :param key_ids: keys under which they lie in dumps, beside those that are found here
    :raise UserError: the key store cannot be used; nothing was changed but tombstones
    """
    if reason not in dict(REASONS):
        raise ValueError(f"{reason} is no reason for an erasure")
    counts = Counts()
    for ids in split_every(BATCH, subject_ids):
        counts.add(_forget(env, list(ids), reason, certificate, key_ids))
    return counts


def _forget(env, ids: list[int], reason: str, certificate, key_ids: Collection[str]) -> Counts:
    env.flush_all()
    env.cr.execute(
        SQL(
            """SELECT id, company_id, state, uuid, origin, reference FROM pii_subject
                WHERE id = ANY(%s) ORDER BY id FOR UPDATE""",
            ids,
        )
    )
    counts = Counts()
    by_company: dict[int, list[tuple]] = {}
    for row in env.cr.fetchall():
        by_company.setdefault(row[1], []).append(row)
    for company_id, rows in by_company.items():
        counts.add(_forget_of(env, env["res.company"].browse(company_id), rows, reason, certificate, key_ids))
    env.invalidate_all()
    return counts


def _forget_of(env, company, rows: list[tuple], reason: str, certificate, key_ids: Collection[str]) -> Counts:
    """Erase subjects of one company: ``(id, company id, state, uuid, origin, reference)``; else as :func:`forget`."""
    ids, day, domain = [row[0] for row in rows], company._pii_day(), company._pii_domain()
    fresh = [row[0] for row in rows if row[2] == "live"]
    stones = (
        (entry, day, reason)
        for _id, _company, _state, uuid, origin, reference in rows
        for entry in tombstones.ids_of(domain, uuid, origin, reference)
    )
    try:
        # first: whatever happens now, no restored dump and no channel brings them back
        keys.keyring(env).subjects.append_many(stones)
    except CryptoError as error:
        raise UserError(str(error)) from error
    if fresh and not certificate:
        certificate = certificates.begin(env, company, "deadline" if reason == "deadline" else "early", reason=reason)
    counts = Counts(subjects=len(fresh))
    if not certificate or not certificate.run_id:  # the purge of a day knows its keys
        # dumps hold them under the keys of all days that they were ever sealed for
        counts.key_ids = key_ids_of(env, ids) | moving.stale_keys(env["pii.subject"].browse(fresh)) | set(key_ids)
    counts.leftovers = leftovers.erase(env, ids)
    _empty_columns(env, ids, fresh, reason, certificate)
    counts.files = filestore.delete_of(env, ids)
    if certificate:
        certificates.count(certificate, counts.files, counts.leftovers, counts.key_ids)
        env.flush_all()
    return counts


def key_ids_of(env, subject_ids: Sequence[int]) -> set[str]:
    """Return the keys that the data of these subjects is sealed with, as their tokens and indexes say."""
    env.cr.execute(
        SQL(
            r"""SELECT DISTINCT found.key[1]
                  FROM pii_subject s, unnest(ARRAY[%s]) AS token,
                       regexp_matches(token, '(?:^|\n)v1\.([^.\n]+)\.', 'g') AS found (key)
                 WHERE s.id = ANY(%s)""",
            SQL(", ").join(SQL.identifier("s", name) for name in _TOKENS),
            list(subject_ids),
        )
    )
    return {row[0] for row in env.cr.fetchall()}


def _empty_columns(env, ids: list[int], fresh: list[int], reason: str, certificate) -> None:
    """Empty the columns.

    To write noise into them first would overwrite nothing: PostgreSQL writes a new version of the row beside the old
    one. The purge vacuums the table; what stays on the disk until its place is used again is noise without its key.
    """
    texts = (*_TOKENS, "content_mac")
    held = SQL(" OR ").join(SQL("%s IS NOT NULL", SQL.identifier(name)) for name in (*texts, *_INDEXES))
    emptied = SQL(", ").join(SQL("%s = NULL", SQL.identifier(name)) for name in (*texts, *_INDEXES))
    if fresh:
        env.cr.execute(
            SQL(
                """UPDATE pii_subject SET %(emptied)s, state = 'erased', erased_on = %(now)s,
                          erased_reason = %(reason)s, certificate_id = %(certificate)s,
                          write_date = %(now)s, write_uid = %(uid)s
                    WHERE id = ANY(%(ids)s)""",
                emptied=emptied,
                now=fields.Datetime.now(),
                reason=reason,
                certificate=certificate.id if certificate else None,
                uid=env.uid,
                ids=fresh,
            )
        )
    if rest := sorted(set(ids).difference(fresh)):
        env.cr.execute(SQL("UPDATE pii_subject SET %s WHERE id = ANY(%s) AND (%s)", emptied, rest, held))


def erase_early(env, subjects, reason: str, request_ref: str = ""):
    """Erase people before their day, from all dumps too: forget, then new keys for their neighbours, then certify.

    It commits between its steps; call it last. Where somebody is sealing into a bucket for long, its rotation stays in
    the queue and the certificate open: the purge finishes both.

    :param subjects: ``pii.subject`` recordset, of any companies
    :param reason: as in :func:`forget`
    :param request_ref: what asked for it, such as the number of a request; never a person's name
    :return: ``pii.certificate``, one for each company
    :raise UserError: the key store cannot be used
    """
    subjects = subjects.sudo()  # sudo: the caller has checked who decides; nothing is read from them
    made = env["pii.certificate"]
    kind = "request" if request_ref else "early"
    for company, group in subjects.grouped("company_id").items():
        certificate = certificates.begin(env, company, kind, reason=reason, request_ref=request_ref)
        made |= certificate
        transactions.commit(env)
        key_ids: set[str] = set()
        for ids in split_every(BATCH, group.ids):
            counts = forget(env, list(ids), reason, certificate)
            for key_id in counts.key_ids:
                rotation.queue(env, key_id, reason)
            key_ids |= counts.key_ids
            transactions.commit(env)
        for key_id in sorted(key_ids):
            rotation.run(env, key_id)
        certificates.finish_if_done(certificate)
        transactions.commit(env)
    return made
