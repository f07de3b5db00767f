"""Notice that scheduled work of the vault stands still, whoever or whatever stopped it.

Odoo archives a scheduled action that failed for a week, without a word; a person can archive, delete, postpone or
rewrite one in a second; and a server without workers runs none. So four carriers look, none of which needs the other:
the watchdog's own scheduled action, each intake of personal data (at the proof), whoever opens Odoo in a browser (once
an hour), and ``odoo-bin pii_watch``, which the operator's own scheduler runs: where no scheduled action runs and nobody
signs in, only something outside of Odoo notices.
What a job that runs *says* is not believed here either: that is what the proof of absence is for.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg2

from odoo import SUPERUSER_ID, fields
from odoo.tools import SQL, groupby

from . import alarms, proof

_logger = logging.getLogger(__name__)

#: A job that failed is given so long to succeed at its next turn.
FAILING_AFTER = timedelta(hours=1)
FAILURES = 3
#: A job may be so late: other jobs may be long, the server may be restarted.
LATE_AFTER = timedelta(hours=3)
#: So many jobs that stand still in the same way are told one by one, more in one alarm.
FEW = 3
#: Seconds between two looks of one process for people who open Odoo.
_PAUSE = 3600


@dataclass(frozen=True, slots=True)
class Job:
    """A scheduled action that must run.

    :ivar xmlid: its external id
    :ivar model: the model that it runs on
    :ivar code: what it runs, exactly
    :ivar longest: the longest interval it may have
    :ivar label: what it does, for officers
    """

    xmlid: str
    model: str
    code: str
    longest: timedelta
    label: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a job.

    :ivar cause: a code: ``<job>_<way>``
    :ivar text: says what to do
    :ivar way: how it stands still; empty for a proof
    :ivar label: what the job does
    """

    cause: str
    text: str
    way: str = ""
    label: str = ""


_JOBS: dict[str, Job] = {}
#: Since when this process can have seen anything: after a pause of the server all jobs are late, and about to run.
_since = fields.Datetime.now()


def was_always_there() -> None:
    """Judge at once what is late: for a process that is started anew for each look."""
    global _since  # noqa: PLW0603 one moment of the process
    _since = datetime.min


def watch(xmlid: str, model: str, code: str, *, longest: timedelta, label: str) -> None:
    """Add a scheduled action to those that must run; an addon calls it when it is imported."""
    _JOBS[xmlid] = Job(xmlid, model, code, longest, label)


#: The scheduled actions of this addon: external id, model, method, the longest interval in hours, what it does.
_OWN = (
    ("cron_purge", "pii.purge.run", "_cron_purge", 1, "Purge of what is due"),
    ("cron_clock", "pii.subject", "_cron_clock", 1, "Deadlines of open orders and legal holds"),
    ("cron_proof", "pii.proof", "_cron_proof", 12, "Proof of absence"),
    ("cron_watch", "pii.proof", "_cron_watch", 2, "Watch over scheduled work"),
    ("cron_sweep", "pii.sweep", "_cron_sweep", 24, "Deletion of other information"),
    ("cron_replay", "pii.subject", "_cron_replay", 1, "List of the erased people, applied again"),
    ("cron_archive", "pii.archive.item", "_cron_archive", 1, "Register of the legal archive"),
    ("cron_hold_report", "pii.hold", "_cron_report", 24, "Daily report of legal holds"),
    ("cron_backup_check", "pii.backup", "_cron_check", 24, "Backups that must be gone, or should be there"),
    ("cron_grant_lapse", "pii.grant", "_cron_lapse", 1, "Review and lapse of role assignments"),
    ("cron_duty_clocks", "pii.duty", "_cron_clocks", 1, "Clocks of the duties"),
    ("cron_policy_watch", "pii.policy", "_cron_watch", 1, "Policy: what was agreed on"),
    ("cron_log_daily", "pii.log.seal", "_cron_daily", 24, "Seal on the access log"),
    ("cron_log_verify", "pii.log.check", "_cron_verify", 24, "Check of the access log"),
    ("cron_recipient_assessments", "pii.recipient", "_cron_remind_assessments", 24, "Recipients to assess"),
)
for _name, _model, _method, _hours, _label in _OWN:
    watch(f"pii_retention.{_name}", _model, f"model.{_method}()", longest=timedelta(hours=_hours), label=_label)


def jobs(env) -> Iterator[Job]:
    """Yield the jobs of the addons that this database has."""
    for job in _JOBS.values():
        if job.xmlid.partition(".")[0] in env.registry._init_modules:
            yield job


def findings(env) -> list[Finding]:
    """Return what is wrong with the jobs at this moment. Reads two small tables."""
    now = fields.Datetime.now()
    found = []
    for job in jobs(env):
        row = _row(env, job)
        wrong = _deleted(env, job) if row is None else _judge(env, job, row, now)
        if wrong:
            found.append(Finding(f"{job.xmlid.replace('.', '_')}_{wrong[0]}", wrong[1], wrong[0], job.label))
    return found


def _together(env, found: list[Finding]) -> list[Finding]:
    """Make one of many findings of the same kind: a server without workers is one thing to see to, not twenty."""
    result = []
    for way, alike in groupby(found, lambda one: one.way):
        if len(alike) <= FEW:
            result += alike
            continue
        text = env._(
            "%(count)s scheduled actions of the vault stand still: %(jobs)s. Of the first: %(text)s",
            count=len(alike),
            jobs=", ".join(one.label for one in alike),
            text=alike[0].text,
        )
        result.append(Finding(f"many_{way}", text, way))
    return result


def _row(env, job: Job) -> dict | None:
    module, name = job.xmlid.split(".")
    env.cr.execute(
        SQL(
            """SELECT c.active, c.nextcall, c.lastcall, c.failure_count, c.first_failure_date, c.interval_number,
                      c.interval_type, s.code, s.state, m.model, (u.active OR u.id = %s) AS user_active
                 FROM ir_model_data d
                 JOIN ir_cron c ON c.id = d.res_id
                 JOIN ir_act_server s ON s.id = c.ir_actions_server_id
                 JOIN ir_model m ON m.id = s.model_id
                 LEFT JOIN res_users u ON u.id = c.user_id
                WHERE d.module = %s AND d.name = %s AND d.model = 'ir.cron'""",
            SUPERUSER_ID,
            module,
            name,
        )
    )
    found = env.cr.dictfetchall()
    return found[0] if found else None


def _deleted(env, job: Job) -> tuple[str, str]:
    return "deleted", env._(
        "The scheduled action “%s” is gone. Update the addon to restore it, and find out who deleted it.", job.label
    )


def _judge(env, job: Job, row: dict, now: datetime) -> tuple[str, str] | None:
    label = job.label
    if not row["active"]:
        return "disabled", env._(
            "The scheduled action “%s” is archived: by a person, or by Odoo after it had failed for a week. Look into "
            "the server's log, then activate it again under Settings → Technical → Scheduled Actions.",
            label,
        )
    runs = (row["state"], row["model"], (row["code"] or "").strip())
    if runs != ("code", job.model, job.code):
        return "changed", env._(
            "The scheduled action “%s” runs something else than it should. Find out who changed it, and restore it by "
            "updating the addon after deleting the action.",
            label,
        )
    interval = _interval(row["interval_number"], row["interval_type"])
    if interval > job.longest or row["nextcall"] > now + max(interval, job.longest) + LATE_AFTER:
        return "postponed", env._(
            "The scheduled action “%(job)s” is planned for %(next)s UTC, too far ahead. Set its interval and next run "
            "back under Settings → Technical → Scheduled Actions.",
            job=label,
            next=row["nextcall"].strftime("%Y-%m-%d %H:%M"),
        )
    since = row["first_failure_date"]
    if row["failure_count"] and (row["failure_count"] >= FAILURES or (since and since <= now - FAILING_AFTER)):
        return "failing", env._(
            "The scheduled action “%(job)s” fails (%(count)s times since %(since)s UTC). The server's log says why.",
            job=label,
            count=row["failure_count"],
            since=since.strftime("%Y-%m-%d %H:%M") if since else "?",
        )
    if not row["user_active"]:
        return "disabled", env._("The user of the scheduled action “%s” is archived: it does not run.", label)
    # a job that runs for hours keeps its place in the plan until it ends, as one does that never begins
    if row["nextcall"] < now - LATE_AFTER and now - _since >= LATE_AFTER:
        return "late", env._(
            "The scheduled action “%(job)s” was due at %(next)s UTC and has not ended since. Either no worker runs "
            "scheduled actions (max_cron_threads), or it takes too long: look into the server's log.",
            job=label,
            next=row["nextcall"].strftime("%Y-%m-%d %H:%M"),
        )
    return None


def _interval(number: int, kind: str) -> timedelta:
    days = {"minutes": 1 / 1440, "hours": 1 / 24, "days": 1, "weeks": 7, "months": 31}
    return timedelta(days=number * days[kind])


def look(env) -> list[Finding]:
    """Look at the jobs and at the newest proof of each company; tell the officers what is wrong.

    :return: what is wrong, told now or before
    """
    wrong = _together(env, findings(env))
    for found in wrong:
        alarms.raise_alarm(env, "watch", found.cause, None, found.text)
    companies = env["res.company"].sudo().search([])  # sudo: the watch is kept over all of them
    for company in companies:
        found = proof.standing(env, company)
        if found.is_open or (found.code == "none" and not _has_subjects(company)):
            continue
        alarms.raise_alarm(env, "proof", f"proof_{found.code}", company, found.text)
        wrong.append(Finding(f"proof_{found.code}", found.text))
    return wrong


def _has_subjects(company) -> bool:
    # sudo: whether there are any, no more
    return bool(company.env["pii.subject"].sudo().search_count([("company_id", "=", company.id)], limit=1))


_mutex = threading.Lock()
_looked: dict[str, float] = {}


def look_in_passing(env) -> None:
    """Look, at most once an hour in each process, on a connection of its own: somebody opens Odoo.

    It never disturbs that person: a lock is not waited for, and what fails is for the log.
    """
    with _mutex:
        now = time.monotonic()
        if now - _looked.get(env.cr.dbname, -_PAUSE) < _PAUSE:
            return
        _looked[env.cr.dbname] = now
    try:
        with env.registry.cursor() as cr:
            cr.execute("SET LOCAL lock_timeout = '2s'")
            look(env(cr=cr, su=True, context={}))
    except psycopg2.Error:
        # the watchdog's own action and the next person look again
        with _mutex:
            _looked.pop(env.cr.dbname, None)
    except Exception:
        # a fault in here must not keep people from signing in
        _logger.exception("The watch over the scheduled work of the vault failed.")
