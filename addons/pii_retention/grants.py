"""Grants as the gate sees them, and the seal on them: what an officer approved, and nothing else, opens data.

A row in the database can be written by whoever writes to the database. The seal is a MAC over the row's terms with a
key outside of the database; the gate checks it at each use. It is made here, by functions that nothing evaluated can
reach, and only after the decision of a person was checked.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from odoo import fields
from odoo.exceptions import UserError
from odoo.tools import SQL

from . import keys
from .crypto import CryptoError, secret_key_id

_logger = logging.getLogger(__name__)

LABEL = "grant"
#: In this order one of several grants is named in the log.
KINDS = ("standing", "temporary", "break_glass", "service")


@dataclass(frozen=True, slots=True)
class Grant:
    """One row of ``pii_grant`` with what belongs to it; ids of records, naive UTC.

    :param domain: the key domain of its company, None for a service's grant for all companies
    :param uuid: identifies it for ever; ids of rows come again after a restore
    :param subjects: ``{id: uuid}`` of the only customers that it covers; empty for all of its scope
    :param scope: ``{column: value}`` of what other addons narrow it by
    """

    id: int
    user: int
    purpose: str
    kind: str
    company: int | None
    domain: str | None
    origin: str | None
    start: datetime | None
    end: datetime | None
    requested_by: int | None
    decided_by: int | None
    seal: str | None
    uuid: str | None
    subjects: dict[int, str]
    scope: dict[str, int | None]

    def terms(self) -> dict:
        """Return what the seal covers: everything that the gate believes of a grant."""
        return {
            "id": self.id,
            "user": self.user,
            "purpose": self.purpose,
            "kind": self.kind,
            "company": self.company or False,
            "origin": self.origin or "",
            "subjects": sorted(self.subjects.values()),
            "start": fields.Datetime.to_string(self.start) if self.start else False,
            "end": fields.Datetime.to_string(self.end) if self.end else False,
            "requested_by": self.requested_by or False,
            "decided_by": self.decided_by or False,
            **{name.removesuffix("_id"): value or False for name, value in self.scope.items()},
            # grants of earlier releases have none
            **({"uuid": self.uuid} if self.uuid else {}),
        }

    def register_id(self) -> str:
        """Return the id under which the revocation of this grant is kept beside the keys."""
        return f"grant/{self.uuid or self.seal or self.id}"


_COLUMNS = (
    "id",
    "user_id",
    "purpose",
    "kind",
    "company_id",
    "origin",
    "date_start",
    "date_end",
    "requested_by_id",
    "decided_by_id",
    "terms_seal",
    "uuid",
)


def _read(env, condition: SQL) -> list[Grant]:
    scope = sorted(env["pii.grant"]._scope_fields())
    env.cr.execute(
        SQL(
            """SELECT %s, c.pii_domain, o.ids, o.uuids
                 FROM pii_grant g
                 LEFT JOIN res_company c ON c.id = g.company_id
                 CROSS JOIN LATERAL (
                     SELECT coalesce(array_agg(s.id), '{}') AS ids, coalesce(array_agg(s.uuid), '{}') AS uuids
                       FROM pii_grant_pii_subject_rel r JOIN pii_subject s ON s.id = r.pii_subject_id
                      WHERE r.pii_grant_id = g.id) o
                WHERE %s ORDER BY g.id DESC""",
            SQL(", ").join(SQL.identifier("g", name) for name in (*_COLUMNS, *scope)),
            condition,
        )
    )
    found = []
    for row in env.cr.fetchall():
        own, further, (domain, ids, uuids) = row[: len(_COLUMNS)], row[len(_COLUMNS) : -3], row[-3:]
        subjects = dict(zip(ids, uuids, strict=True))
        found.append(Grant(*own[:5], domain, *own[5:], subjects, dict(zip(scope, further, strict=True))))
    return found


def live(env, uid: int, purpose: str) -> list[Grant]:
    """Return a user's grants in force for a purpose, in the order of :data:`KINDS`; whether a seal is right is asked
    with :func:`is_genuine`.

    :param env: superuser environment on a connection that sees what is committed now
    """
    now = fields.Datetime.now()
    condition = SQL(
        """g.user_id = %(user)s AND g.purpose = %(purpose)s AND g.state = 'approved' AND g.date_start <= %(now)s
           AND (g.date_end > %(now)s OR g.kind = 'service')""",
        user=uid,
        purpose=purpose,
        now=now,
    )
    return sorted(_read(env, condition), key=lambda grant: KINDS.index(grant.kind))


def of_records(records) -> list[Grant]:
    """Return these ``pii.grant`` records as they are in their transaction."""
    records.env.flush_all()
    found = {grant.id: grant for grant in _read(records.env, SQL("g.id = ANY(%s)", list(records.ids)))}
    return [found[record_id] for record_id in records.ids if record_id in found]


# === SCOPE === #


def scope(env, grant: Grant, alias: str) -> SQL:
    """Return the condition on a table of subjects that a grant covers; addons narrow it (a warehouse)."""
    return env["pii.grant"]._scope_sql(grant, alias)


def covered(env, candidates: Sequence[Grant], subject_ids: Sequence[int]) -> list[set[int]]:
    """Return for each grant which of the subjects it covers, as the transaction of ``env`` sees them."""
    if not candidates or not subject_ids:
        return [set() for _grant in candidates]
    flags = SQL(", ").join(scope(env, grant, "s") for grant in candidates)
    rows = env.execute_query(SQL("SELECT s.id, %s FROM pii_subject s WHERE s.id = ANY(%s)", flags, list(subject_ids)))
    return [{row[0] for row in rows if row[number]} for number, _grant in enumerate(candidates, 1)]


# === SEAL === #


def _mac(env, domain: str, terms: dict) -> str:
    keyring = keys.keyring(env)
    key_id = keyring.ensure(secret_key_id(domain))
    data = json.dumps(terms, sort_keys=True, separators=(",", ":")).encode()
    return keyring.mac(key_id, data, label=LABEL).hex()


def seal(grant, agreed: dict) -> None:
    """Seal the terms that were decided about, whatever has become of the row since.

    Writing a decision runs other code (automation, fields of an administrator's own), which may write as well.

    :param grant: ``pii.grant`` record
    :param agreed: ``_terms`` as the decider has read them, with what the decision itself has changed
    """
    # sudo: the seal is closed to everybody; the caller has checked who decides
    grant.sudo().terms_seal = _mac(grant.env, grant.company_id._pii_domain(), agreed)


def is_genuine(grant) -> bool:
    """Tell whether the terms of a ``pii.grant`` record are those that were sealed.

    :raise CryptoError: the key store cannot be used
    """
    return all(has_seal(grant.env, row) for row in of_records(grant.sudo()))  # sudo: as in seal


def has_seal(env, grant: Grant) -> bool:
    """Tell whether the terms of a grant are those that were sealed, and it was never revoked since.

    :raise CryptoError: the key store cannot be used
    """
    if not grant.seal or not grant.domain:
        return False
    if not hmac.compare_digest(grant.seal, _mac(env, grant.domain, grant.terms())):
        return False
    return not keys.keyring(env).revoked.contains(grant.register_id())


# === REVOCATION === #


def note_revoked(env, revoked: Sequence[Grant]) -> bool:
    """Note beside the keys that these grants open nothing any more, whoever puts their rows back.

    A revocation does not fail for want of a key store: nothing opens then anyhow, and the hourly job notes it later.

    :return: whether all are noted now
    """
    if not revoked:
        return True  # a database without grants has made no key store either
    try:
        register = keys.keyring(env).revoked
        missing = {grant.register_id() for grant in revoked} - register.buried(grant.register_id() for grant in revoked)
        for register_id in sorted(missing):
            register.append(register_id, datetime.now(UTC).date(), "revoked")
    except (CryptoError, UserError) as error:
        _logger.info("Revoked grants could not be noted beside the keys yet: %s", error)
        return False
    return True
