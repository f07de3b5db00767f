"""The one function that every decryption passes.

It asks who is really there (:mod:`.channel`), what for (:mod:`.purposes`), by whose leave (:mod:`.grants`), and how
much already (``pii.purpose.limit``), and writes the answer into the access log before a key is read. Facts that can
change at any second (grants, the user's deactivation, what the log says) are read on a fresh connection, not in the
snapshot of the caller's transaction. Without a row in the log nothing opens.
"""

from __future__ import annotations

from contextlib import contextmanager

from odoo import SUPERUSER_ID, api
from odoo.exceptions import AccessError, UserError

from . import alerts, channel, conditions, counts, facts, grants, journal, reasons, volumes
from .access_log import writer
from .conditions import Question, Refusal
from .crypto import CryptoError
from .purposes import PURPOSES, Purpose


def authorise(subjects, code, reason=None, document=None) -> Purpose:
    """Return the purpose when its data may be opened now, having logged that; log and raise otherwise.

    :param subjects: non-empty ``pii.subject`` recordset in the environment of whoever asks
    :param document: what is shown or printed (``model,id`` or a report), for the log; never a name
    :raise AccessError: refused; the log says why
    :raise UserError: a subject is gone, or the log or the key store cannot be used
    """
    env = subjects.env
    asked = facts.asked(subjects)
    if gone := len(subjects) - len(asked):
        raise UserError(
            env._("The personal data of %s was erased in the meantime.", gone)
            if gone > 1
            else env._("This customer's personal data was erased in the meantime. Reload the page.")
        )
    caller = channel.caller()
    purpose = PURPOSES.get(code)
    with ruling(env) as cr:
        said = {
            "classes": purpose.classes if purpose else (),
            "reason": reasons.for_log(reason),
            "caller": caller,
            "document": volumes.for_log(document),
            "cr": cr,
        }
        question = ask(env, cr, asked, purpose, reason, caller)
        try:
            grant, opened = _decide(question)
        except CryptoError as error:
            journal.append(env, asked, code if purpose else None, "failed", **said)
            raise UserError(str(error)) from None
        except Refusal as refusal:
            known = code if purpose else None
            journal.append(env, asked, known, "refused", **{**said, "cause": refusal.cause})
            alerts.evaluate(_log_env(cr), env.uid, known, asked, person=question.person)
            raise AccessError(str(refusal)) from None
        sealed = [subject for subject in asked if subject.held.intersection(purpose.classes)]
        empty = [subject for subject in asked if not subject.held.intersection(purpose.classes)]
        for outcome, part in (("empty", empty), ("opened", sealed)):
            if part:
                journal.append(env, part, code, outcome, grant_ref=grant.id, **said)
        if not volumes.grant_id():
            opened = opened.more(code, len(sealed))
        alert = alerts.evaluate(_log_env(cr), env.uid, code, asked, opened=opened, person=question.person)
        if alert and alert.suspends:
            journal.append(env, asked, code, "refused", cause="suspended", **said)
            raise AccessError(suspended(env))
    return purpose


def ask(env, cr, asked, purpose, reason, caller) -> Question:
    """Return the question with the facts about whoever asks, as they are committed now."""
    fresh = _facts(env, cr)
    return Question(env, fresh, cr, asked, purpose, reason, caller, facts.person(fresh, env.uid))


def suspended(env) -> str:
    """Return what somebody reads whose access an alert has just ended."""
    return env._("Your access to personal data was suspended. The privacy officers know and will contact you.")


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


def _log_env(cr):
    return api.Environment(cr, SUPERUSER_ID, {})


def _decide(question: Question) -> tuple[grants.Grant, counts.Counts]:
    """Return the grant that lets the question through, and what was opened before.

    :raise Refusal: at the first of the conditions that does not hold
    """
    conditions.known_purpose(question)
    conditions.check_person(question)
    conditions.check_company(question)
    grant = conditions.grant_for(question)
    conditions.check_second_factor(question)
    conditions.check_sign_in(question)
    conditions.check_reason(question)
    conditions.check_days(question)
    conditions.check_buried(question)
    return grant, conditions.check_limits(question, grant)
