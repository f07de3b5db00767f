"""Information of a channel that is about nobody, and that no statute keeps, goes after its months (18 by default).

An addon registers what it holds with :func:`sweep`; what was deleted is written down in ``pii.sweep``: how much, of
which time, under which figure, and what was left because an invoice keeps it.

Functions, not methods of a model: typed code would call them with a period of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from dateutil.relativedelta import relativedelta

from odoo import fields

#: Items that are deleted in one transaction.
BATCH = 500
#: Names of documents that a record of a sweep lists at most.
_NAMED = 200


@dataclass(frozen=True, slots=True)
class Swept:
    """What one batch has deleted.

    :ivar count: items; 0 ends the sweep
    :ivar oldest: end of the oldest one, naive UTC; None when nothing was deleted
    :ivar newest: end of the newest one
    :ivar kept: numbers of the documents that a statute keeps, with what they say of the items
    """

    count: int
    oldest: datetime | None = None
    newest: datetime | None = None
    kept: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Sweep:
    """One kind of information: ``batch(env, company, cutoff, limit)`` deletes what ended at ``cutoff`` or before."""

    code: str
    label: str
    module: str
    batch: Callable[..., Swept]


_SWEEPS: dict[str, Sweep] = {}


def sweep(code: str, label: str, *, module: str) -> Callable:
    """Register the decorated function; see :class:`Sweep`."""

    def register(function):
        _SWEEPS[code] = Sweep(code, label, module, function)
        return function

    return register


def sweeps(env) -> Iterator[Sweep]:
    """Yield the sweeps of the addons that this database has."""
    for code in sorted(_SWEEPS):
        if _SWEEPS[code].module in env.registry._init_modules:
            yield _SWEEPS[code]


def label_of(code: str) -> str:
    """Return what a sweep deletes, in English; the code itself for one that is gone."""
    return _SWEEPS[code].label if code in _SWEEPS else code


def cutoff(company, now: datetime | None = None) -> datetime:
    """Return the moment (naive UTC) up to which information must have ended to be deleted now."""
    return (now or fields.Datetime.now()) - relativedelta(months=company._pii_figure("nonpersonal_months"))


def run(env, checkpoint: Callable[[int], bool]) -> bool:
    """Sweep all companies, batch by batch; return whether all is done.

    :param env: superuser environment
    :param checkpoint: called with the number of items after each batch, to commit it; False when time is up
    """
    for company in env["res.company"].with_context(active_test=False).search([], order="id"):
        until = cutoff(company)
        for one in sweeps(env):
            while (done := one.batch(env, company, until, BATCH)).count:
                _note(env, company, one.code, until, done)
                if not checkpoint(done.count):
                    return False
    return True


def _note(env, company, code: str, until: datetime, done: Swept) -> None:
    """Add a batch to the record of the company's day."""
    day = company._pii_day()
    rows = env["pii.sweep"]
    row = rows.search([("company_id", "=", company.id), ("code", "=", code), ("day", "=", day)], limit=1)
    row = row or rows.create({"company_id": company.id, "code": code, "day": day, "user_ref": env.uid})
    names = [*(row.kept_text or "").splitlines(), *done.kept]
    row.write(
        {
            "cutoff": until,
            "months": company._pii_figure("nonpersonal_months"),
            "count": row.count + done.count,
            "kept_count": row.kept_count + len(done.kept),
            "kept_text": "\n".join(names[:_NAMED]) or False,
            "oldest": min(filter(None, (row.oldest, done.oldest)), default=False),
            "newest": max(filter(None, (row.newest, done.newest)), default=False),
        }
    )
