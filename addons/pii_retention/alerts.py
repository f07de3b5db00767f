"""Anomaly rules, evaluated on the access log's own connection before anything is opened.

The rules are data (``pii.alert.rule``); what each kind means is here. It costs some tenths of a millisecond: the rules
are kept in memory, and a user's own baseline is counted once a day in each process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytz

from odoo import api
from odoo.tools import SQL

from . import channel, counts, facts, volumes
from .access_log.chain import utc_now
from .facts import Asked, Person

_logger = logging.getLogger(__name__)

SERVICE_GROUP = "pii_retention.group_service"
_MAX_BASELINES = 10_000
_mutex = threading.Lock()
#: ``{(database, user, rule): (day, mean)}``
_baselines: dict[tuple[str, int, int], tuple[object, float]] = {}


@dataclass(slots=True)
class Event:
    """A question that was just answered, and what else of it the rules ask for, read when the first one does.

    :param env: superuser environment on the log's own cursor, on which its rows are, uncommitted
    :param uid: the person
    :param subjects: who was asked for
    :param opened: what the person has opened lately, this included; None: still to be read
    :param person: the facts about the person; None: still to be read
    :param refused: False when something was opened
    """

    env: api.Environment
    uid: int
    purpose: str | None
    subjects: Sequence[Asked]
    now: datetime
    opened: counts.Counts | None
    person: Person | None
    refused: bool

    def counted(self) -> counts.Counts:
        if self.opened is None:
            self.opened = counts.read(self.env.cr, self.uid, self.now)
        return self.opened

    def zone(self) -> str | None:
        """Return the person's time zone; None when there is no such user."""
        if self.person is None or self.person.id != self.uid:
            self.person = facts.person(self.env, self.uid)
        return self.person and (self.person.tz or "UTC")


def evaluate(
    env,
    uid: int,
    purpose: str | None,
    subjects: Sequence[Asked],
    *,
    opened: counts.Counts | None = None,
    person: Person | None = None,
):
    """Return the alert that the rows just written raise, or None; it stands written and the officers are told.

    :param env: superuser environment on the log's own cursor, on which the rows are, uncommitted
    :param uid: who asked; where somebody else sits at the browser, that person is meant
    :param subjects: who was asked for
    :param opened: what ``uid`` has opened lately, these included; without it the question was refused, or nobody knows
    :param person: the facts about ``uid``, if they are known
    :return: ``pii.alert`` (``suspends`` says whether nothing may open), the gravest of several
    """
    sitting = channel.caller().uid or uid
    known = opened if sitting == uid else None
    event = Event(env, sitting, purpose, subjects, utc_now(), known, person, opened is None)
    fired = []
    for rule in env["pii.alert.rule"]._rules():
        if rule["purpose"] and rule["purpose"] != purpose:
            continue
        if detail := _KINDS[rule["kind"]](event, rule):
            fired.append((rule, detail))
    if not fired:
        return None
    user = env["res.users"].browse(sitting).exists()
    if not user:
        return None  # made in a transaction that is not committed: nobody can be signed in as that
    is_service = user._has_group(SERVICE_GROUP)
    raised = env["pii.alert"]
    for rule, detail in fired:
        if not (is_service and rule["persons_only"]):
            raised |= _raise(env["pii.alert"], rule["id"], user, purpose, subjects, detail)
    return raised.sorted("suspends", reverse=True)[:1] or None


def _raise(alerts, rule_id, user, purpose, subjects: Sequence[Asked], detail):
    """Write an alert, tell the officers, and end the user's access where the rule says so.

    Within the quiet time of a rule the alert of this user that is there already is returned. No method: typed code
    would end anybody's access with it.

    :param alerts: the empty model, on the log's cursor
    """
    rule = alerts.env["pii.alert.rule"].browse(rule_id)
    suspends = rule.action == "suspend"
    earlier = alerts.search(
        [
            ("rule_id", "=", rule.id),
            ("user_id", "=", user.id),
            ("at", ">", utc_now() - timedelta(minutes=rule.quiet_minutes)),
        ],
        limit=1,
    )
    if earlier and (not suspends or not alerts._suspendable(user)):
        return earlier
    company = alerts.env["res.company"].browse(subjects[0].company_id if subjects else user.company_id.id)
    grants = alerts._suspendable(user) if suspends else alerts.env["pii.grant"]
    alert = alerts.create(
        {
            "name": alerts.env._("%(rule)s: %(user)s", rule=rule.name, user=user.name),
            "rule_id": rule.id,
            "kind": rule.kind,
            "user_id": user.id,
            "company_id": company.id,
            "purpose": purpose,
            "detail": detail,
            "suspends": suspends,
            "grants_ended": len(grants),
        }
    )
    if grants:
        grants._revoke(alerts.env._("Ended by the alert “%s”.", alert.name))
    alert._tell_officers()
    _logger.info("Alert %s (%s) about user %s.", alert.id, rule.kind, user.id)
    return alert


def tell(env, kind, company, name, detail, *, once=False):
    """Write an alert that no rule raises, and tell the officers; one that is not examined yet is not repeated.

    No method: typed code would bury a true alert among false ones.

    :param kind: of ``pii_alert.FINDINGS``
    :param company: ``res.company``, may be empty
    :param once: one that was examined is not repeated either: what it is about stays as it is
    :return: the ``pii.alert``, new or not
    """
    # sudo: alerts are written by the product only
    found = env["pii.alert"].sudo()
    domain = [("kind", "=", kind), ("company_id", "=", company.id), ("name", "=", name)]
    if not once:
        domain.append(("state", "=", "new"))
    if earlier := found.search([*domain, ("detail", "=", detail)], limit=1):
        return earlier
    alert = found.create({"kind": kind, "company_id": company.id, "name": name, "detail": detail})
    alert._tell_officers()
    _logger.info("Alert %s (%s) of company %s.", alert.id, kind, company.id)
    return alert


def raise_review(env, user, purpose: str, subjects: Sequence[Asked], detail: str) -> None:
    """Raise the alerts about a review that nobody made in time.

    :param env: superuser environment
    :param user: whose access is to be reviewed
    """
    for rule in env["pii.alert.rule"]._rules():
        if rule["kind"] == "review" and rule["purpose"] in (False, purpose):
            _raise(env["pii.alert"].sudo(), rule["id"], user, purpose, subjects, detail)  # sudo: a job tells officers


# === KINDS === #


def _canary(event: Event, rule) -> str | None:
    touched = [subject.reference for subject in event.subjects if subject.is_canary]
    if touched:
        return event.env._("The planted customer %s was asked for.", ", ".join(touched))
    return None


def _bulk(event: Event, rule) -> str | None:
    # whom a decided request names is no unusual number
    if not volumes.grant_id() and (count := len(event.subjects)) > rule["threshold"]:
        return event.env._("%(count)s customers at once; %(limit)s are usual.", count=count, limit=rule["threshold"])
    return None


def _off_hours(event: Event, rule) -> str | None:
    zone = event.zone()
    if zone is None:
        return None
    local = pytz.utc.localize(event.now).astimezone(pytz.timezone(zone))
    hour = local.hour + local.minute / 60
    if str(local.weekday()) in rule["weekdays"] and rule["hour_from"] <= hour < rule["hour_to"]:
        return None
    return event.env._("Outside of working hours: %s.", local.strftime("%A %H:%M"))


def _refusals(event: Event, rule) -> str | None:
    if not event.refused:
        return None  # the newest question was answered: nothing is in a row
    env = event.env
    # the rows of one question share their moment and count once
    env.cr.execute(
        SQL(
            """SELECT count(*), bool_and(refused)
                 FROM (SELECT bool_and(outcome = 'refused') AS refused FROM pii_access_log
                        WHERE user_ref = %s AND at > %s GROUP BY at ORDER BY at DESC LIMIT %s) AS questions""",
            event.uid,
            event.now - timedelta(minutes=rule["window_minutes"]),
            rule["threshold"],
        )
    )
    count, all_refused = env.cr.fetchone()
    if count >= rule["threshold"] and all_refused:
        return env._(
            "Refused %(count)s times in a row within %(minutes)s minutes.", count=count, minutes=rule["window_minutes"]
        )
    return None


def _hourly(event: Event, rule) -> str | None:
    limit = _limit(event, rule, "hour")
    if event.counted().opened(counts.HOUR, rule["purpose"]) <= limit:
        return None
    return event.env._("More than %s customers within an hour, far above this person's own mean.", limit)


def _daily(event: Event, rule) -> str | None:
    limit = _limit(event, rule, "day")
    if event.counted().opened(counts.TODAY, rule["purpose"]) <= limit:
        return None
    return event.env._("More than %s customers today, far above this person's own mean.", limit)


def _limit(event: Event, rule, unit) -> int:
    """Return how many subjects in ``unit`` (an hour or a day with any work) are usual for the person."""
    return max(rule["threshold"], int(rule["factor"] * _baseline(event.env, rule, event.uid, event.now, unit)))


def _baseline(env, rule, uid, now, unit) -> float:
    key = (env.cr.dbname, uid, rule["id"])
    with _mutex:
        day, mean = _baselines.get(key, (None, 0.0))
    if day == (now.date(), rule["baseline_days"]):
        return mean
    today = datetime.combine(now.date(), datetime.min.time())
    env.cr.execute(
        SQL(
            """SELECT count(*), count(DISTINCT date_trunc(%s, at)) FROM pii_access_log
                WHERE user_ref = %s AND at >= %s AND at < %s AND outcome = 'opened' AND %s %s""",
            unit,
            uid,
            today - timedelta(days=rule["baseline_days"]),
            today,
            counts.SEEN,
            SQL("AND purpose = %s", rule["purpose"]) if rule["purpose"] else SQL(),
        )
    )
    rows, units = env.cr.fetchone()
    mean = rows / units if units else 0.0
    with _mutex:
        if len(_baselines) >= _MAX_BASELINES:
            _baselines.clear()
        _baselines[key] = ((now.date(), rule["baseline_days"]), mean)
    return mean


_KINDS = {
    "hourly": _hourly,
    "daily": _daily,
    "off_hours": _off_hours,
    "bulk": _bulk,
    "refusals": _refusals,
    "canary": _canary,
    "review": lambda event, rule: None,  # time raises it, no question does
}
