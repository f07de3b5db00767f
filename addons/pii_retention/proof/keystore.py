"""Checks of the key store itself: what it lists as alive, whatever the database says."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta

from odoo.tools import SQL

from ..crypto import KeyId, parse_key_id
from .registry import COMPANY, DATABASE, EXAMPLES, Found, Look, check


def _keys(look: Look, kind: str) -> list[KeyId]:
    return [parse_key_id(key_id) for key_id in look.keyring.list(kind)]


def _by_company(look: Look, keys: list[KeyId], is_wrong) -> list[Found]:
    by_domain = {company.domain: company for company in look.companies}
    looked, wrong = Counter(), defaultdict(list)
    for key in keys:
        company = by_domain.get(key.domain)
        if company is None:
            continue
        looked[company.id] += 1
        if is_wrong(key, company):
            wrong[company.id].append(str(key))
    return [
        Found(company_id, looked[company_id], len(wrong[company_id]), tuple(wrong[company_id][:EXAMPLES]))
        for company_id in looked
    ]


@check("key_expired", COMPANY, "Keys that live past their day in the key store")
def _expired(look: Look) -> list[Found]:
    return _by_company(look, _keys(look, "day"), lambda key, company: date.fromisoformat(key.bucket) <= company.due)


@check("key_late", COMPANY, "Keys whose day lies further ahead than any policy allows")
def _late(look: Look) -> list[Found]:
    return _by_company(look, _keys(look, "day"), lambda key, company: date.fromisoformat(key.bucket) > company.last)


@check("key_archive_expired", COMPANY, "Keys of the legal archive that live past their year")
def _archive(look: Look) -> list[Found]:
    return _by_company(look, _keys(look, "archive"), lambda key, company: int(key.bucket) < company.due.year)


@check("key_of_nobody", DATABASE, "Keys past their day of a company that this database does not have")
def _of_nobody(look: Look) -> list[Found]:
    """Another database may use the store too: its keys are its own business until their day is over everywhere."""
    domains = {company.domain for company in look.companies}
    over = look.now.date() - timedelta(days=2)
    keys = [key for key in _keys(look, "day") if key.domain not in domains]
    wrong = [str(key) for key in keys if date.fromisoformat(key.bucket) <= over]
    return [Found(None, len(keys), len(wrong), tuple(wrong[:EXAMPLES]))]


@check("key_not_rotated", COMPANY, "Keys that were not replaced in time after somebody of their day was erased early")
def _not_rotated(look: Look) -> list[Found]:
    """The live key of a day must be younger than the last early erasure from that day, or a dump still opens it.

    When somebody was erased is read in the list beside the keys: after a restore, rows say when they were erased again.
    """
    look.env.cr.execute(
        SQL(
            """SELECT s.uuid, s.company_id, s.deadline FROM pii_subject s JOIN %s ON c.id = s.company_id
                WHERE s.state = 'erased' AND s.deadline > c.today AND s.erased_reason IS NOT NULL""",
            look.values,
        )
    )
    early = {uuid: (company_id, day.isoformat()) for uuid, company_id, day in look.env.cr.fetchall()}
    erased: dict[tuple[int, str], datetime] = {}
    for stone in look.keyring.subjects.entries() if early else ():
        if bucket := early.get(stone.id):
            erased[bucket] = max(erased.get(bucket, datetime.min), _naive(stone.at))
    wait = {company.id: _patience(look, company.id) for company in look.companies}
    created = {entry.key_id: entry.created for entry in look.keyring.entries("day")}

    def is_wrong(key: KeyId, company) -> bool:
        at, made = erased.get((company.id, key.bucket)), created.get(str(key))
        return bool(at and made) and at + wait[company.id] <= look.now and _naive(made) < at

    return _by_company(look, _keys(look, "day"), is_wrong)


def _naive(moment: str) -> datetime:
    return datetime.fromisoformat(moment).astimezone(UTC).replace(tzinfo=None)


def _patience(look: Look, company_id: int) -> timedelta:
    return timedelta(hours=look.env["res.company"].browse(company_id)._pii_figure("cancelled_hours"))


@check("rotation_overdue", COMPANY, "Replacements of keys that wait for too long", model="pii.rotation")
def _rotation_overdue(look: Look) -> list[Found]:
    """What waits, beside what can be seen without asking for it (``key_not_rotated``)."""
    relation = SQL("(SELECT id, company_id, due_on FROM pii_rotation WHERE state IN ('queued', 'running')) AS r")
    return look.count(relation, SQL("r.company_id"), SQL("r.due_on < %s", look.now), SQL("r.id"))
