"""What is due for a company: asked of the key store first, because a restored database knows less.

Functions, not methods of a model: what a server action or a template evaluates reaches models, never modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from odoo.exceptions import UserError
from odoo.tools import SQL

from . import archive, keys
from .crypto import CryptoError, parse_key_id


@dataclass(frozen=True, slots=True)
class Due:
    """What a purge would destroy: ``key_ids`` of the key store, people, rotations, certificates and files to finish.

    ``archive_key_ids`` of years that are over, and ``archived`` documents whose statute has ended.
    """

    day: date
    key_ids: tuple[str, ...]
    subjects: int
    files: int
    held: int
    rotations: int
    certificates: int
    doomed_files: int
    archive_key_ids: tuple[str, ...] = ()
    archived: int = 0

    def __bool__(self) -> bool:
        if self.archive_key_ids or self.archived:
            return True
        return bool(self.key_ids or self.subjects or self.rotations or self.certificates or self.doomed_files)


def due(env, company) -> Due:
    """Return what is due for a company today.

    :raise UserError: the key store cannot be used
    """
    env.flush_all()
    day = company._pii_day()
    key_ids = keys_due(env, company, day)
    env.cr.execute(
        SQL(
            """SELECT count(*), (SELECT count(*) FROM ir_attachment a JOIN pii_subject t ON t.id = a.pii_subject_id
                                  WHERE t.company_id = %(company)s AND t.state = 'live' AND t.deadline <= %(day)s),
                      (SELECT count(*) FROM pii_certificate WHERE company_id = %(company)s AND state = 'open'),
                      (SELECT count(*) FROM pii_doomed_file)
                 FROM pii_subject s
                WHERE s.company_id = %(company)s AND s.state = 'live' AND s.deadline <= %(day)s""",
            company=company.id,
            day=day,
        )
    )
    subjects, files, open_certificates, doomed = env.cr.fetchone()
    rotations = len(keys_to_replace(env, company))
    kept = len(held(env, company, day)) if subjects else 0
    archive_keys, archived = tuple(archive.keys_due(company, day)), len(archive.over(env, company, day))
    return Due(day, tuple(key_ids), subjects, files, kept, rotations, open_certificates, doomed, archive_keys, archived)


def keys_due(env, company, day: date) -> list[str]:
    try:
        live = keys.keyring(env).list(f"day/{company._pii_domain()}")
    except CryptoError as error:
        raise UserError(str(error)) from error
    return [key_id for key_id in live if date.fromisoformat(parse_key_id(key_id).bucket) <= day]


def held(env, company, day: date):
    """Return the people whose day has come and whom a legal hold keeps."""
    subjects = env["pii.subject"].sudo()  # sudo: the purge acts for the company
    domain = [("company_id", "=", company.id), ("state", "=", "live"), ("deadline", "<=", day)]
    return subjects.search(domain)._held()


def keys_to_replace(env, company) -> dict[str, str]:
    """Return ``{key id: reason}`` of the live keys under which somebody who was erased early lies in dumps.

    Whoever was forgotten and queued no rotation must not stay there either: the open certificates know the keys.
    """
    keyring = keys.keyring(env)
    domain = [("company_id", "=", company.id)]
    waiting = env["pii.rotation"].search([*domain, ("state", "in", ("queued", "running"))]).sorted("due_on")
    found = {one.key_id: one.reason for one in waiting}
    for certificate in env["pii.certificate"].search([*domain, ("state", "=", "open"), ("run_id", "=", False)]):
        for key_id in (certificate.key_ids or "").split():
            if parse_key_id(key_id).kind == "day" and not keyring.destroyed(key_id):
                found.setdefault(key_id, certificate.reason)
    return found
