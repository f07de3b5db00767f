"""Reading an archived document: a request with a reason, a second person, a time box, a line in the log per look."""

from __future__ import annotations

from odoo import SUPERUSER_ID, api, fields
from odoo.exceptions import AccessError, UserError

from . import alerts, archive_holds, archive_items, archive_seals, channel, conditions, counts, gate, journal, reasons
from .access_log import chain
from .archive_items import READ_PURPOSE
from .conditions import Question, Refusal
from .crypto import CryptoError
from .purposes import PURPOSES


def read(request, item) -> bytes:
    """Return an archived document to the person who asked for it, inside the time box of an approved request.

    The look is logged before a key is read; a refusal is logged too.

    :param request: ``pii.archive.request``
    :param item: ``pii.archive.item``
    :raise AccessError: refused; the text says why
    :raise UserError: the document or its key is damaged or gone
    """
    env = item.env
    # sudo: what was asked for is what the log names
    reason = request.sudo().exists().reason or None
    _authorise(request, item, reason)
    try:
        # sudo: the register is read for whoever asked; the request was decided about
        return archive_items.content(item.sudo())
    except UserError:
        journal.append(env, archive_items.asked(item), READ_PURPOSE, "failed", reason=reasons.for_log(reason))
        raise


def _authorise(request, item, reason: str | None) -> None:
    """Log that the document is read now, or that it was refused; the conditions are those of a reveal.

    :raise AccessError: refused
    :raise UserError: the log or the key store cannot be used
    """
    env = item.env
    caller = channel.caller()
    asked = archive_items.asked(item)
    with gate.ruling(env) as cr:
        document = f"{item._name},{item.id}"
        said = {"reason": reasons.for_log(reason), "caller": caller, "document": document, "cr": cr}
        log_env = api.Environment(cr, SUPERUSER_ID, {})
        question = gate.ask(env, cr, asked, PURPOSES[READ_PURPOSE], reason, caller)
        try:
            leave_ref = _decide(question, request, item)
        except CryptoError as error:
            journal.append(env, asked, READ_PURPOSE, "failed", **said)
            raise UserError(str(error)) from None
        except Refusal as refusal:
            journal.append(env, asked, READ_PURPOSE, "refused", cause=refusal.cause, **said)
            alerts.evaluate(log_env, env.uid, READ_PURPOSE, asked, person=question.person)
            raise AccessError(str(refusal)) from None
        journal.append(env, asked, READ_PURPOSE, "opened", grant_ref=leave_ref, **said)
        opened = counts.read(cr, env.uid, chain.utc_now())
        alert = alerts.evaluate(log_env, env.uid, READ_PURPOSE, asked, opened=opened, person=question.person)
        if alert and alert.suspends:
            journal.append(env, asked, READ_PURPOSE, "refused", cause="suspended", **said)
            raise AccessError(gate.suspended(env))


def _decide(question: Question, request, item) -> int:
    """Return the id of the request that lets the question through.

    :raise Refusal: at the first of the conditions that does not hold
    """
    conditions.known_purpose(question)
    conditions.check_person(question)
    conditions.check_company(question)
    leave_ref = _find_leave(question, request, item)
    _check_statute(question, item)
    conditions.check_second_factor(question)
    conditions.check_reason(question)
    conditions.check_limits(question)
    return leave_ref


def _check_statute(question: Question, item) -> None:
    """Refuse from the first second after the last day of the statute, whether the document is deleted already or not.

    :raise Refusal: that day is over, and no hold keeps the document
    """
    known = item.sudo()  # sudo: dates identify nobody
    if known.retain_until < known.company_id._pii_day() and not archive_holds.held(known):
        raise Refusal(
            "expired",
            question.env._(
                "The statute kept %(document)s until %(day)s. It is being destroyed and opens for nobody.",
                document=known.display_name,
                day=known.retain_until,
            ),
        )


def _find_leave(question: Question, request, item) -> int:
    """Return the id of the request that lets the person read ``item`` now; read afresh, as a grant is.

    :raise Refusal: there is none
    """
    env = question.env
    found = question.fresh["pii.archive.request"].browse(request.id).exists()
    found.invalidate_recordset()
    if not found or found.requester_id.id != question.person.id:
        raise Refusal("no_grant", env._("This is not your request: ask to read the document yourself."))
    if not any(question.has_group(group) for group in question.purpose.groups):
        raise Refusal("no_role", env._("You have no role for the purpose “%s”.", question.purpose.label))
    if found.state != "approved" or not archive_seals.is_genuine(found, "archive/request"):
        raise Refusal("no_grant", env._("Nobody has approved this request, or it was refused or revoked. Ask anew."))
    if found.requester_id == found.decided_by_id:
        raise Refusal("no_grant", env._("Nobody approves a request of their own. Ask anew."))
    if not found.date_start <= fields.Datetime.now() < found.date_end:
        raise Refusal("no_grant", env._("The time for reading is over. Ask anew."))
    if item.id not in found.item_ids.ids:
        raise Refusal("no_grant", env._("This document was not asked for. Ask anew, and name it."))
    return found.id
