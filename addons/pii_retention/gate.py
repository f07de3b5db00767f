"""The one function that every decryption passes.

It asks who is really there (:mod:`.channel`), what for (:mod:`.purposes`), by whose leave (``pii.grant``), and how
much already (``pii.purpose.limit``), and writes the answer into the access log before a key is read. Facts that can
change at any second (grants, the user's deactivation, what the log says) are read on a fresh connection, not in the
snapshot of the caller's transaction. Without a row in the log nothing opens.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass

from odoo import SUPERUSER_ID, api, fields
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from . import alerts, channel, evaluated, grants, reasons
from .access_log import writer
from .crypto import CryptoError
from .purposes import PURPOSES, ROLE_GROUPS, Purpose

SERVICE_GROUP = "pii_retention.group_service"


class Refusal(Exception):
    """Not to be opened; ``cause`` is the code for the log, the text says what to do."""

    def __init__(self, cause: str, message: str):
        super().__init__(message)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the gate.

    :param env: of the person or service that asks, never trusted for who that is
    :param fresh: superuser environment on a connection of its own, which sees what is committed now
    :param cr: the cursor on which the log is written
    """

    env: api.Environment
    fresh: api.Environment
    cr: object
    subjects: object
    purpose: Purpose
    reason: str | None
    caller: channel.Caller


def authorise(subjects, code, reason=None, document=None) -> Purpose:
    """Return the purpose when its data may be opened now, having logged that; log and raise otherwise.

    :param subjects: non-empty ``pii.subject`` recordset in the environment of whoever asks
    :param document: what is shown or printed (``model,id`` or a report), for the log; never a name
    :raise AccessError: refused; the log says why
    :raise UserError: the log or the key store cannot be used
    """
    env = subjects.env
    caller = channel.caller()
    purpose = PURPOSES.get(code)
    with ruling(env) as cr:
        fresh = _facts(env, cr)
        log = env["pii.access.log"]
        row = {"reason": reasons.for_log(reason), "caller": caller, "document": document, "cr": cr}
        classes = purpose.classes if purpose else ()
        try:
            if purpose is None:
                raise Refusal("purpose", env._("There is no such purpose for which personal data may be seen."))
            question = Question(env, fresh, cr, subjects, purpose, reason, caller)
            grant_ref = _decide(question)
        except CryptoError as error:
            log._append(subjects, code if purpose else None, "failed", classes=classes, **row)
            raise UserError(str(error)) from None
        except Refusal as refusal:
            log._append(subjects, code if purpose else None, "refused", classes=classes, cause=refusal.cause, **row)
            alerts.evaluate(api.Environment(cr, SUPERUSER_ID, {}), env.uid, code, subjects)
            raise AccessError(str(refusal)) from None
        sealed, empty = _split(subjects, purpose)
        if empty:
            log._append(empty, code, "empty", classes=classes, grant_ref=grant_ref, **row)
        if sealed:
            log._append(sealed, code, "opened", classes=classes, grant_ref=grant_ref, **row)
        alert = alerts.evaluate(api.Environment(cr, SUPERUSER_ID, {}), env.uid, code, subjects)
        if alert and alert.suspends:
            log._append(subjects, code, "refused", classes=classes, cause="suspended", **row)
            raise AccessError(
                env._("Your access to personal data was suspended. The privacy officers know and will contact you.")
            )
    return purpose


@contextmanager
def ruling(env):
    """Yield the log's cursor; a refusal raised in the block leaves it only after its rows are committed."""
    refusal = None
    with writer.cursor(env) as cr:
        try:
            yield cr
        except UserError as error:
            refusal = error
    if refusal is not None:
        raise refusal


def _facts(env, cr):
    """Return the environment in which the facts about users and grants are read: what is committed at this moment."""
    # without a time zone, comparing with "now" reads the superuser and his contact first
    return api.Environment(cr, SUPERUSER_ID, {"tz": "UTC"})


def _split(subjects, purpose):
    """Return the subjects that hold something for the purpose, and those that do not."""
    names = [f"{cls}_token" for cls in purpose.classes]
    known = subjects.sudo()  # sudo: the tokens are closed to everybody
    sealed = known.filtered(lambda subject: any(subject[name] for name in names))
    return sealed.with_env(subjects.env), (known - sealed).with_env(subjects.env)


def _decide(question: Question) -> int:
    """Return the id of the grant that lets the question through.

    :raise Refusal: at the first of the conditions that does not hold
    """
    env = question.env
    if evaluated.is_evaluated():
        raise Refusal(
            "evaluated",
            env._(
                "Code of a server action cannot open personal data. Use the print and reveal buttons, or a scheduled "
                "action that calls one method of an installed module."
            ),
        )
    user = question.fresh["res.users"].browse(env.uid)
    _check_person(question, user)
    _check_company(question, user)
    grant = _find_grant(question, user)
    _check_second_factor(question, user)
    _check_reason(question)
    _check_limits(question)
    return grant.id


def _check_person(question: Question, user) -> None:
    env, caller = question.env, question.caller
    # here and below: the ORM would read all columns, while everybody else waits for the log
    question.fresh.cr.execute(SQL("SELECT active FROM res_users WHERE id = %s", user.id))
    if (True,) not in question.fresh.cr.fetchall():
        raise Refusal("impersonation", env._("This user is not active."))
    if not user._is_internal():
        raise Refusal("no_role", env._("Only employees see customers' personal data."))
    is_service = user._has_group(SERVICE_GROUP)
    if caller.channel == channel.RPC:
        raise Refusal(
            "api_key",
            env._(
                "Personal data does not open for an API key or a remote call with a password: sign in to Odoo in a "
                "browser, or let an installed module do it under a service identity."
            ),
        )
    if caller.channel == channel.WEB and (caller.uid != env.uid or is_service):
        raise Refusal(
            "impersonation",
            env._("Personal data opens for the person who is signed in, never in the name of somebody else."),
        )
    if caller.channel == channel.SERVER and not is_service:
        raise Refusal(
            "impersonation",
            env._("Outside of a browser session personal data opens for service identities only, never for a person."),
        )


def _check_company(question: Question, user) -> None:
    query = "SELECT id FROM res_company JOIN res_company_users_rel ON cid = id WHERE user_id = %s AND active"
    question.fresh.cr.execute(SQL(query, user.id))
    allowed = {row[0] for row in question.fresh.cr.fetchall()}
    # sudo: which company a subject belongs to is no personal data
    if not allowed.issuperset(question.subjects.sudo().company_id.ids):
        raise Refusal("company", question.env._("This customer belongs to a company that you do not work for."))


def _find_grant(question: Question, user):
    """Return the grant that covers all subjects, a standing one first."""
    env, purpose = question.env, question.purpose
    found = question.fresh["pii.grant"]._live(user.id, purpose.code)
    if question.caller.channel == channel.SERVER:
        found = found.filtered(lambda grant: grant.kind == "service" and _is_service_of(question, user))
    else:
        found = found.filtered(lambda grant: grant.kind != "service" and grants.is_genuine(grant))
    # each by itself: leave for one customer does not stand in for the role that leave for another takes
    found = found.filtered(lambda grant: _has_role(question, user, grant))
    found = found.sorted(lambda grant: ("standing", "temporary", "break_glass", "service").index(grant.kind))
    covered = question.subjects.browse()
    for grant in found:
        covered |= grant._covered(question.subjects)
        if covered == question.subjects:
            return grant
    if not any(user._has_group(group) for group in purpose.groups):
        raise Refusal(
            "no_role",
            env._(
                "You have no role for the purpose “%s”. Request access from the customer's card, or ask an "
                "administrator for the role.",
                purpose.label,
            ),
        )
    raise Refusal(
        "no_grant",
        env._(
            "No grant lets you see this customer's personal data for the purpose “%s”. Request access from the "
            "customer's card; a privacy officer approves it.",
            purpose.label,
        ),
    )


def _is_service_of(question: Question, user) -> bool:
    identities = question.fresh["pii.grant"]._service_identities()
    return any(
        question.purpose.code in purposes and question.fresh.ref(xmlid, raise_if_not_found=False) == user
        for xmlid, purposes in identities.items()
    )


def _has_role(question: Question, user, grant) -> bool:
    if grant.kind == "temporary":
        return True  # an officer decided about this very person and case
    groups = ROLE_GROUPS if grant.kind == "break_glass" else question.purpose.groups
    return any(user._has_group(group) for group in groups)


def _check_role(question: Question, user, grant) -> None:
    if not _has_role(question, user, grant):
        raise Refusal("no_role", question.env._("You have no role for the purpose “%s”.", question.purpose.label))


def _policies(question: Question) -> list[dict]:
    # sudo: as in _check_company
    return [question.fresh["pii.policy"]._figures(company_id) for company_id in question.subjects.sudo().company_id.ids]


def _check_second_factor(question: Question, user) -> None:
    if question.caller.channel != channel.WEB:
        return
    if any(policy["mfa_required"] for policy in _policies(question)) and not user._mfa_type():
        raise Refusal(
            "no_mfa",
            question.env._(
                "Personal data opens for users who sign in with a second factor. Turn on two-factor authentication "
                "in your preferences (Security), sign in again, and come back."
            ),
        )


def _check_reason(question: Question) -> None:
    env, reason = question.env, (question.reason or "").strip()
    if not reason and not question.purpose.needs_reason:
        return
    least = max(policy["reason_words"] for policy in _policies(question))
    if fault := reasons.fault(env, reason, least):
        raise Refusal("reason", fault)


def _check_limits(question: Question) -> None:
    env, purpose = question.env, question.purpose
    figures = question.fresh["pii.purpose.limit"]._figures(purpose.code)
    if not figures:
        raise Refusal("volume", env._("No limits are set for the purpose “%s”. Ask a privacy officer.", purpose.label))
    at_once, per_hour, per_day = figures
    count = len(question.subjects)
    if count > at_once:
        raise Refusal(
            "volume",
            env._(
                "%(count)s customers at once are more than the %(limit)s that this purpose allows. Take fewer.",
                count=count,
                limit=at_once,
            ),
        )
    now = fields.Datetime.now()
    question.cr.execute(
        SQL(
            """SELECT count(*) FILTER (WHERE at > %(now)s - interval '1 hour'), count(*)
                 FROM pii_access_log
                WHERE user_ref = %(user)s AND at > %(now)s - interval '1 day'
                  AND purpose = %(purpose)s AND outcome = 'opened'""",
            now=now,
            user=env.uid,
            purpose=purpose.code,
        )
    )
    in_hour, in_day = question.cr.fetchone()
    if in_hour + count > per_hour or in_day + count > per_day:
        raise Refusal(
            "rate",
            env._(
                "You have opened %(hour)s customers in the last hour and %(day)s today for this purpose; the limit is "
                "%(per_hour)s an hour and %(per_day)s a day. Go on later, or ask a privacy officer.",
                hour=in_hour,
                day=in_day,
                per_hour=per_hour,
                per_day=per_day,
            ),
        )
