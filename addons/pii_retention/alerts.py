"""Anomaly rules, evaluated on the access log's own connection before anything is opened.

The rules are data (``pii.alert.rule``); what each kind means is here. It costs some tenths of a millisecond: the rules
are kept in memory, and a user's own baseline is counted once a day in each process.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta

import pytz

from odoo.tools import SQL

from . import channel
from .access_log.chain import utc_now

_logger = logging.getLogger(__name__)

SERVICE_GROUP = "pii_retention.group_service"
_MAX_BASELINES = 10_000
_mutex = threading.Lock()
#: ``{(database, user, rule): (day, mean)}``
_baselines: dict[tuple[str, int, int], tuple[object, float]] = {}


def evaluate(env, uid: int, purpose: str | None, subjects):
    """Return the alert that the rows just written raise, or None; it stands written and the officers are told.

    :param env: superuser environment on the log's own cursor, on which the rows are, uncommitted
    :param uid: who asked; where somebody else sits at the browser, that person is meant
    :param subjects: ``pii.subject`` recordset that was asked for
    :return: ``pii.alert`` (``suspends`` says whether nothing may open), the gravest of several
    """
    person = channel.caller().uid or uid
    now = utc_now()
    fired = []
    for rule in env["pii.alert.rule"]._rules():
        if rule["purpose"] and rule["purpose"] != purpose:
            continue
        if detail := _KINDS[rule["kind"]](env, rule, person, subjects, now):
            fired.append((rule, detail))
    if not fired:
        return None
    user = env["res.users"].browse(person).exists()
    if not user:
        return None  # made in a transaction that is not committed: nobody can be signed in as that
    is_service = user._has_group(SERVICE_GROUP)
    raised = env["pii.alert"]
    for rule, detail in fired:
        if not (is_service and rule["persons_only"]):
            raised |= _raise(env["pii.alert"], rule["id"], user, purpose, subjects, detail)
    return raised.sorted("suspends", reverse=True)[:1] or None


def _raise(alerts, rule_id, user, purpose, subjects, detail):
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
    # sudo: which company a subject belongs to is no personal data
    company = alerts.env["res.company"].browse(subjects.sudo().company_id.ids[:1] or user.company_id.ids)
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


# === KINDS === #


def _canary(env, rule, uid, subjects, now) -> str | None:
    # sudo: who is planted is a secret of the officers
    touched = subjects.sudo().filtered("is_canary")
    if touched:
        return env._("The planted customer %s was asked for.", ", ".join(touched.mapped("reference")))
    return None


def _bulk(env, rule, uid, subjects, now) -> str | None:
    if len(subjects) > rule["threshold"]:
        return env._("%(count)s customers at once; %(limit)s are usual.", count=len(subjects), limit=rule["threshold"])
    return None


def _off_hours(env, rule, uid, subjects, now) -> str | None:
    env.cr.execute(SQL("SELECT p.tz FROM res_users u JOIN res_partner p ON p.id = u.partner_id WHERE u.id = %s", uid))
    row = env.cr.fetchone()
    if row is None:
        return None
    local = pytz.utc.localize(now).astimezone(pytz.timezone(row[0] or "UTC"))
    hour = local.hour + local.minute / 60
    if str(local.weekday()) in rule["weekdays"] and rule["hour_from"] <= hour < rule["hour_to"]:
        return None
    return env._("Outside of working hours: %s.", local.strftime("%A %H:%M"))


def _refusals(env, rule, uid, subjects, now) -> str | None:
    # the rows of one question share their moment and count once
    env.cr.execute(
        SQL(
            """SELECT count(*), bool_and(refused)
                 FROM (SELECT bool_and(outcome = 'refused') AS refused FROM pii_access_log
                        WHERE user_ref = %s AND at > %s GROUP BY at ORDER BY at DESC LIMIT %s) AS questions""",
            uid,
            now - timedelta(minutes=rule["window_minutes"]),
            rule["threshold"],
        )
    )
    count, all_refused = env.cr.fetchone()
    if count >= rule["threshold"] and all_refused:
        return env._(
            "Refused %(count)s times in a row within %(minutes)s minutes.", count=count, minutes=rule["window_minutes"]
        )
    return None


def _hourly(env, rule, uid, subjects, now) -> str | None:
    return _above_baseline(env, rule, uid, now, now - timedelta(hours=1), "hour")


def _daily(env, rule, uid, subjects, now) -> str | None:
    return _above_baseline(env, rule, uid, now, datetime.combine(now.date(), datetime.min.time()), "day")


def _above_baseline(env, rule, uid, now, since, unit) -> str | None:
    """Compare what was opened since ``since`` with the user's own mean in hours or days with any work."""
    limit = max(rule["threshold"], int(rule["factor"] * _baseline(env, rule, uid, now, unit)))
    env.cr.execute(
        SQL(
            """SELECT count(*) FROM (SELECT FROM pii_access_log
                WHERE user_ref = %s AND at > %s AND outcome = 'opened' %s LIMIT %s) AS rows""",
            uid,
            since,
            SQL("AND purpose = %s", rule["purpose"]) if rule["purpose"] else SQL(),
            limit + 1,
        )
    )
    (count,) = env.cr.fetchone()
    if count <= limit:
        return None
    if unit == "hour":
        return env._("More than %s customers within an hour, far above this person's own mean.", limit)
    return env._("More than %s customers today, far above this person's own mean.", limit)


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
                WHERE user_ref = %s AND at >= %s AND at < %s AND outcome = 'opened' %s""",
            unit,
            uid,
            today - timedelta(days=rule["baseline_days"]),
            today,
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
}
