"""What a check of the proof is, what it is given, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

from odoo import api
from odoo.tools import SQL

from .. import calendar
from ..crypto import Keyring

#: Whom a check speaks about: each company for itself, or the whole database.
COMPANY, DATABASE = "company", "database"
#: Ids of records that a line of a proof names at most.
EXAMPLES = 20
#: The longest that personal data may be kept, whatever a company's policy says (``pii.policy`` refuses more), and a
#: day for clocks that differ.
LONGEST_DAYS = 30 + 1


@dataclass(frozen=True, slots=True)
class Found:
    """What one check has seen.

    :ivar company_id: whose rows; None for the whole database
    :ivar looked: rows, files or keys looked at
    :ivar found: how many of them must not be there
    :ivar ids: some of these, as ids of records of the check's model, or as names of keys; never a value
    """

    company_id: int | None
    looked: int
    found: int
    ids: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True)
class Company:
    """A company at the moment of the proof.

    :ivar today: its calendar day
    :ivar due: the last day whose purge must be done by now: today, once the day is ``purge_hours`` old
    :ivar last: the latest day on which anything sealed today may die
    """

    id: int
    domain: str
    today: date
    due: date
    last: date


@dataclass
class Look:
    """What a check works with: one snapshot of the database, the key store, and the companies' days.

    :ivar env: superuser environment; everything a check reads is read by ``env.cr``
    :ivar now: the moment, naive UTC
    """

    env: api.Environment
    keyring: Keyring
    now: datetime
    companies: Sequence[Company] = field(default_factory=tuple)

    @cached_property
    def values(self) -> SQL:
        """A relation ``c (id, domain, today, due, last)`` of the companies, for FROM."""
        rows = [
            SQL("(%s::int, %s::text, %s::date, %s::date, %s::date)", row.id, row.domain, row.today, row.due, row.last)
            for row in self.companies
        ]
        return SQL("(VALUES %s) AS c (id, domain, today, due, last)", SQL(", ").join(rows))

    @cached_property
    def protected(self) -> SQL:
        """A relation ``p`` of the protected contacts, with facts of their subjects and the ``pseudonym``."""
        return SQL(
            """(SELECT p.id, s.company_id, s.state, s.erased_on, p.country_id, p.state_id,
                       o.prefix || s.reference || o.suffix AS pseudonym
                  FROM res_partner p
                  JOIN pii_subject s ON s.id = p.pii_subject_id
                  JOIN %s ON o.origin = s.origin) AS p""",
            self._pseudonyms,
        )

    @cached_property
    def _pseudonyms(self) -> SQL:
        """A relation ``o (origin, prefix, suffix)``: what stands around the reference in a pseudonym."""
        subjects = self.env["pii.subject"]
        subjects.flush_model(["origin"])
        # one index-friendly step for each origin instead of a pass over all subjects
        self.env.cr.execute(
            """WITH RECURSIVE found (origin) AS (
                   (SELECT origin FROM pii_subject ORDER BY origin LIMIT 1)
                   UNION ALL
                   SELECT (SELECT origin FROM pii_subject WHERE origin > found.origin ORDER BY origin LIMIT 1)
                     FROM found WHERE found.origin IS NOT NULL)
               SELECT origin FROM found WHERE origin IS NOT NULL"""
        )
        rows = []
        for (origin,) in self.env.cr.fetchall():
            mark = "\N{REPLACEMENT CHARACTER}"
            prefix, _mark, suffix = subjects.new({"origin": origin, "reference": mark})._pseudonym().partition(mark)
            rows.append(SQL("(%s, %s, %s)", origin, prefix, suffix))
        rows = rows or [SQL("('', '', '')")]
        return SQL("(VALUES %s) AS o (origin, prefix, suffix)", SQL(", ").join(rows))

    def has(self, table: str, *columns: str) -> bool:
        """Tell whether the database has this table with these columns."""
        return {*columns} <= self._columns(table) if columns else bool(self._columns(table))

    def _columns(self, table: str) -> set[str]:
        known = self._tables
        if table not in known:
            self.env.cr.execute(
                """SELECT a.attname FROM pg_attribute a
                    WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped""",
                [table],
            )
            known[table] = {name for (name,) in self.env.cr.fetchall()}
        return known[table]

    @cached_property
    def _tables(self) -> dict[str, set[str]]:
        return {}

    def count(self, relation: SQL, company: SQL, condition: SQL, key: SQL) -> list[Found]:
        """Count the rows of ``relation`` and those of them that fulfil ``condition``, by company.

        :param relation: what stands behind FROM
        :param company: the company's id; ``NULL::int`` for the whole database
        :param key: the id by which a row is named
        """
        self.env.cr.execute(
            SQL(
                """SELECT %(company)s, count(*), count(*) FILTER (WHERE %(condition)s) FROM %(relation)s GROUP BY 1""",
                company=company,
                condition=condition,
                relation=relation,
            )
        )
        rows = self.env.cr.fetchall()
        result = []
        for company_id, looked, found in rows:
            ids = self.examples(relation, company, company_id, condition, key) if found else ()
            result.append(Found(company_id, looked, found, ids))
        return result

    def examples(self, relation: SQL, company: SQL, company_id, condition: SQL, key: SQL) -> tuple[int, ...]:
        """Return some ids of the rows that fulfil ``condition``."""
        self.env.cr.execute(
            SQL(
                """SELECT %(key)s FROM %(relation)s
                    WHERE %(condition)s AND (%(company)s) IS NOT DISTINCT FROM %(id)s LIMIT %(limit)s""",
                key=key,
                relation=relation,
                condition=condition,
                company=company,
                id=company_id,
                limit=EXAMPLES,
            )
        )
        return tuple(row[0] for row in self.env.cr.fetchall())


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is looked for.

    :ivar code: a short name that stays for ever: proofs are compared by it
    :ivar scope: :data:`COMPANY` or :data:`DATABASE`
    :ivar label: what is looked for, as a sentence for officers
    :ivar model: model of the ids that are named, empty when they are no records
    :ivar module: the addon it belongs to; it is left out of databases that do not have the addon
    :ivar look: ``look(Look)`` -> the :class:`Found` of each company that has any rows, or of the database
    """

    code: str
    scope: str
    label: str
    model: str
    module: str
    look: Callable[[Look], Iterable[Found]]


_CHECKS: dict[str, Check] = {}


def check(code: str, scope: str, label: str, *, model: str = "", module: str = "pii_retention") -> Callable:
    """Register the decorated function as a check; see :class:`Check` for the arguments.

    An addon that brings new places for personal data brings the check that they are empty::

        @check("labels_kept", COMPANY, "Labels of orders whose customer is gone", model="my.label", module="my_addon")
        def _labels(look: Look) -> list[Found]: ...
    """

    def register(function):
        if code in _CHECKS and _CHECKS[code].module != module:
            raise ValueError(f"There is a check {code} already.")
        _CHECKS[code] = Check(code, scope, label, model, module, function)
        return function

    return register


def checks(env) -> Iterator[Check]:
    """Yield the checks of the addons that this database has, in the order of their codes."""
    for code in sorted(_CHECKS):
        if _CHECKS[code].module in env.registry._init_modules:
            yield _CHECKS[code]


def label_of(code: str) -> str:
    """Return what a check looks for, in English; the code itself for one that is gone."""
    return _CHECKS[code].label if code in _CHECKS else code


def model_of(code: str) -> str:
    """Return the model whose ids a check names, empty if none."""
    return _CHECKS[code].model if code in _CHECKS else ""


def companies_at(env, now: datetime) -> list[Company]:
    """Return all companies, archived ones too, with their days at ``now`` (naive UTC)."""
    result = []
    for company in env["res.company"].with_context(active_test=False).search([], order="id"):
        zone = company._pii_figure("tz")
        grace = timedelta(hours=company._pii_figure("purge_hours"))
        today = calendar.day_at(now, zone)
        due = calendar.day_at(now - grace, zone)
        result.append(Company(company.id, company._pii_domain(), today, due, today + timedelta(days=LONGEST_DAYS)))
    return result
