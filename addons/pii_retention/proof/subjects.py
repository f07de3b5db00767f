"""Checks of the subjects' rows: what each still holds, and under which key."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

from odoo import fields
from odoo.tools import SQL

from ..purposes import CLASSES
from .registry import COMPANY, EXAMPLES, Found, Look, check

#: For so long a tombstone may stand before the row is changed: the purge writes it first and commits the row then.
_GRACE = timedelta(minutes=10)
_CHUNK = 20_000


def sealed_columns(env) -> list[str]:
    """Return the columns of a subject that hold anything about the person: all that are closed to everybody."""
    return sorted(
        name
        for name, field in env["pii.subject"]._fields.items()
        if field.store and field.groups == fields.NO_ACCESS and field.column_type
    )


def _relation(look: Look) -> SQL:
    return SQL("pii_subject s JOIN %s ON c.id = s.company_id", look.values)


def _holds(look: Look) -> SQL:
    columns = SQL(", ").join(SQL.identifier("s", name) for name in sealed_columns(look.env))
    return SQL("num_nonnulls(%s) > 0", columns)


def _count(look: Look, condition: SQL) -> list[Found]:
    return look.count(_relation(look), SQL("s.company_id"), condition, SQL("s.id"))


@check(
    "subject_expired_values",
    COMPANY,
    "Customers past their day of whom something is still held (sealed values, index entries, digests)",
    model="pii.subject",
)
def _expired_values(look: Look) -> list[Found]:
    return _count(look, SQL("s.deadline <= c.due AND %s", _holds(look)))


@check("subject_expired_live", COMPANY, "Customers past their day who are not marked as erased", model="pii.subject")
def _expired_live(look: Look) -> list[Found]:
    return _count(look, SQL("s.deadline <= c.due AND s.state = 'live'"))


@check("subject_erased_values", COMPANY, "Erased customers of whom something is still held", model="pii.subject")
def _erased_values(look: Look) -> list[Found]:
    return _count(look, SQL("s.state = 'erased' AND %s", _holds(look)))


@check(
    "subject_late",
    COMPANY,
    "Customers whose day lies further ahead than any policy allows",
    model="pii.subject",
)
def _late(look: Look) -> list[Found]:
    return _count(look, SQL("s.deadline > c.last AND %s", _holds(look)))


@check(
    "subject_held",
    COMPANY,
    "Customers said to be kept by a legal hold for longer than the next day",
    model="pii.subject",
)
def _held(look: Look) -> list[Found]:
    """A hold keeps somebody from one day to the next. ``looked`` is how many it keeps past their own day."""
    relation = SQL(
        """(SELECT id, company_id, deadline FROM pii_subject WHERE state = 'live' AND deadline_rule = 'held') AS s
             JOIN %s ON c.id = s.company_id""",
        look.values,
    )
    return look.count(relation, SQL("s.company_id"), SQL("s.deadline > c.today + 1"), SQL("s.id"))


@check(
    "subject_other_key",
    COMPANY,
    "Customers sealed with another key than the one that dies on their day",
    model="pii.subject",
)
def _other_key(look: Look) -> list[Found]:
    tokens = SQL(", ").join(SQL.identifier("s", f"{cls}_token") for cls in CLASSES)
    condition = SQL(
        """s.state <> 'erased' AND EXISTS (
               SELECT FROM unnest(string_to_array(concat_ws(E'\n', %(tokens)s), E'\n')) AS t,
                           concat('v1.day/', c.domain, '/', to_char(s.deadline, 'YYYY-MM-DD')) AS k
                WHERE NOT starts_with(t, k || '.') AND NOT starts_with(t, k || '/'))""",
        tokens=tokens,
    )
    return _count(look, condition)


@check(
    "subject_returned",
    COMPANY,
    "Customers who are in the list of the erased beside the keys, and hold something again",
    model="pii.subject",
)
def _returned(look: Look) -> list[Found]:
    """Go through all who hold something, live or not, and ask the ledger about them."""
    looked, found, examples = Counter(), Counter(), defaultdict(list)
    suspects: dict[str, tuple[int, int]] = {}
    for rows in _stream(look, _holds(look)):
        looked.update(company_id for _id, company_id, _uuid in rows)
        known = {uuid: (subject_id, company_id) for subject_id, company_id, uuid in rows}
        suspects.update({uuid: known[uuid] for uuid in look.keyring.subjects.buried(known)})
    for uuid in _settled(look, suspects):
        subject_id, company_id = suspects[uuid]
        found[company_id] += 1
        if len(examples[company_id]) < EXAMPLES:
            examples[company_id].append(subject_id)
    return [Found(company, looked[company], found[company], tuple(examples[company])) for company in looked]


def _settled(look: Look, suspects: dict[str, tuple[int, int]]) -> list[str]:
    """Return those of ``suspects`` whose tombstone is no work in progress."""
    if not suspects:
        return []
    now = look.now.replace(tzinfo=UTC)
    return [
        stone.id
        for stone in look.keyring.subjects.entries()
        if stone.id in suspects and not timedelta(0) <= now - datetime.fromisoformat(stone.at) < _GRACE
    ]


@check(
    "subject_not_buried",
    COMPANY,
    "Erased customers who are missing in the list of the erased beside the keys",
    model="pii.subject",
)
def _not_buried(look: Look) -> list[Found]:
    """Whoever was never held (the data came after its day) needs no tombstone: such rows have no reason."""
    looked, found, examples = Counter(), Counter(), defaultdict(list)
    for rows in _stream(look, SQL("s.state = 'erased' AND s.erased_reason IS NOT NULL")):
        buried = look.keyring.subjects.buried([uuid for _id, _company, uuid in rows])
        for subject_id, company_id, uuid in rows:
            looked[company_id] += 1
            if uuid not in buried:
                found[company_id] += 1
                if len(examples[company_id]) < EXAMPLES:
                    examples[company_id].append(subject_id)
    return [Found(company, looked[company], found[company], tuple(examples[company])) for company in looked]


def _stream(look: Look, condition: SQL):
    """Yield lists of ``(id, company id, uuid)``; memory stays flat. Each list is in the order of ids."""
    last = 0
    while True:
        look.env.cr.execute(
            SQL(
                """SELECT s.id, s.company_id, s.uuid FROM %s WHERE s.id > %s AND %s ORDER BY s.id LIMIT %s""",
                _relation(look),
                last,
                condition,
                _CHUNK,
            )
        )
        rows = look.env.cr.fetchall()
        if not rows:
            return
        yield rows
        last = rows[-1][0]
