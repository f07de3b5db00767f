"""What the gate believes about who asks and about whom: read at the moment of the question, one statement each.

Plain SQL on purpose: the ORM reads rows through the caches and overrides of other modules, column by column, and
everybody else waits for the log meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from odoo.tools import SQL

from .purposes import CLASSES


@dataclass(frozen=True, slots=True)
class Person:
    """A user, as committed now.

    :param groups: ids of all groups, implied ones too
    :param companies: ids of the active companies that the user works for
    :param second_factor: an authenticator app is set up
    """

    id: int
    active: bool
    tz: str | None
    second_factor: bool
    groups: frozenset[int]
    companies: frozenset[int]


@dataclass(frozen=True, slots=True)
class Asked:
    """A data subject that is asked for; nothing personal.

    :param held: retention classes of which something is held
    :param deadline: the day of the company from which on nothing may open
    """

    id: int
    uuid: str
    reference: str
    company_id: int
    is_canary: bool = False
    held: frozenset[str] = frozenset()
    deadline: date | None = None


def person(fresh, uid: int) -> Person | None:
    """Return what is committed about a user; None when there is none of that id.

    :param fresh: superuser environment on a connection that sees what is committed now
    """
    # the column is there with the addon for authenticator apps only
    totp = SQL("u.totp_secret IS NOT NULL") if "totp_secret" in fresh["res.users"]._fields else SQL("false")
    fresh.cr.execute(
        SQL(
            """SELECT u.active, p.tz, %s, ARRAY(SELECT gid FROM res_groups_users_rel WHERE uid = u.id),
                      ARRAY(SELECT c.id FROM res_company_users_rel r JOIN res_company c ON c.id = r.cid
                             WHERE r.user_id = u.id AND c.active)
                 FROM res_users u JOIN res_partner p ON p.id = u.partner_id WHERE u.id = %s""",
            totp,
            uid,
        )
    )
    row = fresh.cr.fetchone()
    if row is None:
        return None
    active, tz, has_totp, own, companies = row
    implied = fresh["res.groups"]._get_group_definitions().get_superset_ids(own)
    return Person(uid, bool(active), tz, has_totp, frozenset(own).union(implied), frozenset(companies))


def has_group(fresh, who: Person, xmlid: str) -> bool:
    """Tell whether a user is a member of a group, by itself or implied; False for a group that is not installed."""
    return fresh["res.groups"]._get_group_definitions().get_id(xmlid) in who.groups


def asked(subjects) -> list[Asked]:
    """Return the facts about those of ``subjects`` that exist, in their order."""
    env = subjects.env
    env.flush_all()
    held = SQL(", ").join(SQL("%s IS NOT NULL", SQL.identifier(f"{cls}_token")) for cls in CLASSES)
    env.cr.execute(
        SQL(
            """SELECT id, uuid, reference, company_id, coalesce(is_canary, false), deadline, %s
                 FROM pii_subject WHERE id = ANY(%s)""",
            held,
            list(subjects.ids),
        )
    )
    found = {
        row[0]: Asked(*row[:5], frozenset(cls for cls, flag in zip(CLASSES, row[6:], strict=True) if flag), row[5])
        for row in env.cr.fetchall()
    }
    return [found[subject_id] for subject_id in subjects.ids if subject_id in found]
