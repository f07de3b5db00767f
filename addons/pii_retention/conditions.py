"""What must hold before personal data opens: one function for each condition, in the order in which the gate asks.

Each raises :class:`Refusal` with the code for the log and a text that says what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from odoo import api

from . import channel, clock, counts, evaluated, facts, grants, keys, reasons, volumes
from .access_log import chain
from .purposes import ROLE_GROUPS, Purpose

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
    :param subjects: who is asked for; or one stand-in per company, where somebody is looked for
    :param person: who asks, None when nobody of that id is committed
    """

    env: api.Environment
    fresh: api.Environment
    cr: object
    subjects: Sequence[facts.Asked]
    purpose: Purpose | None
    reason: str | None
    caller: channel.Caller
    person: facts.Person | None

    @property
    def companies(self) -> set[int]:
        return {subject.company_id for subject in self.subjects}

    def has_group(self, xmlid: str) -> bool:
        return facts.has_group(self.fresh, self.person, xmlid)


def known_purpose(question: Question) -> Purpose:
    """Return the purpose of a question that was not asked by typed code."""
    env = question.env
    if evaluated.is_evaluated():
        raise Refusal(
            "evaluated",
            env._(
                "Code of a server action cannot open personal data. Use the print and reveal buttons, or a scheduled "
                "action that calls one method of an installed module."
            ),
        )
    if question.purpose is None:
        raise Refusal("purpose", env._("There is no such purpose for which personal data may be seen."))
    return question.purpose


def check_person(question: Question) -> None:
    env, caller = question.env, question.caller
    if question.person is None or not question.person.active:
        raise Refusal("impersonation", env._("This user is not active."))
    if not question.has_group("base.group_user"):
        raise Refusal("no_role", env._("Only employees see customers' personal data."))
    is_service = question.has_group(SERVICE_GROUP)
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


def check_company(question: Question) -> None:
    if not question.person.companies.issuperset(question.companies):
        raise Refusal("company", question.env._("This customer belongs to a company that you do not work for."))


def grant_for(question: Question) -> grants.Grant:
    """Return the grant that covers all subjects, a standing one first."""
    env, purpose = question.env, question.purpose
    if not purpose.by_grant:
        raise Refusal("no_grant", env._("Ask to read the document in Privacy → Archive."))
    by_service = question.caller.channel == channel.SERVER
    found = [
        grant
        for grant in grants.live(question.fresh, question.person.id, purpose.code)
        if (grant.kind == "service") == by_service
        and (not by_service or _is_service_of(question))
        # each by itself: leave for one customer does not stand in for the role that leave for another takes
        and has_role(question, grant)
        and volumes.grant_id() in (0, grant.id)
    ]
    wanted = {subject.id for subject in question.subjects}
    # the subject's own facts decide, not what the asker may read
    covered: set[int] = set()
    for grant, part in zip(found, grants.covered(env, found, list(wanted)), strict=True):
        # a service's grant is data of the addon, and what it may is in the code
        if part - covered and (by_service or grants.has_seal(env, grant)):
            covered |= part
        if covered == wanted:
            return grant
    if not any(question.has_group(group) for group in purpose.groups):
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


def _is_service_of(question: Question) -> bool:
    xmlids = question.fresh["ir.model.data"]
    return any(
        question.purpose.code in purposes
        and xmlids._xmlid_to_res_id(xmlid, raise_if_not_found=False) == question.person.id
        for xmlid, purposes in question.fresh["pii.grant"]._service_identities().items()
    )


def has_role(question: Question, grant: grants.Grant) -> bool:
    if grant.kind == "temporary":
        return True  # an officer decided about this very person and case
    groups = ROLE_GROUPS if grant.kind == "break_glass" else question.purpose.groups
    return any(question.has_group(group) for group in groups)


def _policies(question: Question) -> list[dict]:
    return [question.fresh["pii.policy"]._figures(company_id) for company_id in question.companies]


def check_second_factor(question: Question) -> None:
    if question.caller.channel != channel.WEB or question.person.second_factor:
        return
    if not any(policy["mfa_required"] for policy in _policies(question)):
        return
    # other addons know other second factors
    if not question.fresh["res.users"].browse(question.person.id)._mfa_type():
        raise Refusal(
            "no_mfa",
            question.env._(
                "Personal data opens for users who sign in with a second factor. Turn on two-factor authentication "
                "in your preferences (Security), sign in again, and come back."
            ),
        )


def check_sign_in(question: Question) -> None:
    if question.caller.channel != channel.WEB:
        return
    if refusal := question.fresh["res.users"].browse(question.person.id)._pii_sign_in_refusal():
        raise Refusal("password", refusal)


def check_reason(question: Question) -> None:
    env, reason = question.env, (question.reason or "").strip()
    if not reason and not question.purpose.needs_reason:
        return
    least = max(policy["reason_words"] for policy in _policies(question))
    if fault := reasons.fault(env, reason, least):
        raise Refusal("reason", fault)


def check_days(question: Question) -> None:
    """Refuse from the first second of the day on which data is dead, whether it is purged already or not."""
    env = question.env
    days = {company_id: env["res.company"].browse(company_id)._pii_day() for company_id in question.companies}
    over = [
        subject
        for subject in question.subjects
        if subject.held and subject.deadline and clock.is_over(subject.deadline, days[subject.company_id])
    ]
    if over:
        # a hold keeps its subjects although the daily run that moves them on is still to come
        held = env["pii.subject"].browse(subject.id for subject in over)._held().ids
        over = [subject for subject in over if subject.id not in held]
    if over:
        raise Refusal(
            "expired",
            env._(
                "The personal data of %s has reached the end of its time. It is being erased and opens for nobody.",
                ", ".join(subject.reference for subject in over[:5]),
            ),
        )


def check_buried(question: Question) -> None:
    """Refuse whoever is in the ledger beside the keys, whatever the database says: it may come from a backup.

    The ledger is applied to a restored database when it is loaded, and each hour; until then nobody returns either.
    """
    held = {subject.uuid: subject.reference for subject in question.subjects if subject.held}
    if buried := keys.keyring(question.env).subjects.buried(held):
        raise Refusal(
            "expired",
            question.env._(
                "The personal data of %s was erased; a backup has brought it back. It is being erased again and opens "
                "for nobody.",
                ", ".join(sorted(held[uuid] for uuid in buried)[:5]),
            ),
        )


def check_limits(question: Question, grant: grants.Grant | None = None) -> counts.Counts:
    env, purpose = question.env, question.purpose
    if grant and volumes.grant_id() == grant.id:
        return _check_volume(question, grant)
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
    opened = counts.read(question.cr, env.uid, chain.utc_now())
    in_hour, in_day = opened.opened(counts.HOUR, purpose.code), opened.opened(counts.DAY, purpose.code)
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
    return opened


def _check_volume(question: Question, grant: grants.Grant) -> counts.Counts:
    """Refuse more than the request's grant names; its seal, and whom it covers, were checked."""
    if grant.kind != "temporary" or len(question.subjects) > volumes.left(question.cr, grant):
        raise Refusal(
            "volume",
            question.env._(
                "All customers that this access names were opened under it already. If a part of the work was lost, "
                "ask the officer who decided to give access again."
            ),
        )
    return counts.read(question.cr, question.env.uid, chain.utc_now())
