"""Look a customer up by the exact name, e-mail address or phone number.

The value stays in memory: it is digested with the keys of all live buckets, the entries are compared in the database,
and the candidates are opened through the gate like any other reveal, because truncated entries match by coincidence.
What comes back is whom it was, by reference. Each search is a row of the access log, with or without a hit.

Functions, not methods of a model, as everything that holds a person's data in clear.
"""

from __future__ import annotations

from datetime import date, timedelta

from odoo import SUPERUSER_ID, api, fields
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, split_every

from . import (
    alerts,
    blind_index,
    channel,
    clock,
    conditions,
    counts,
    evaluated,
    gate,
    grants,
    indexing,
    journal,
    keys,
    logmask,
    reasons,
    reveal,
    volumes,
)
from .access_log import chain
from .conditions import Question, Refusal
from .crypto import CryptoError, parse_key_id
from .facts import Asked
from .purposes import CLASSES, PURPOSES

#: Purposes for which somebody is looked for who is not known by an order.
LOOKUP_PURPOSES = ("customer_service", "legal_request", "incident")
#: The subject of a search is nobody yet: its row in the log carries the nil UUID.
NOBODY = "00000000-0000-0000-0000-000000000000"
PREFIX = volumes.LOOKUP


def find(env, field: str, value: str, code: str, reason: str | None):
    """Return the live subjects that have exactly this value, of the companies that the user has switched on.

    :param field: a key of ``blind_index.FIELDS``
    :param value: what the customer said, in any spelling; never stored
    :param code: one of :data:`LOOKUP_PURPOSES`
    :param reason: for the log, with the purpose
    :return: ``pii.subject`` recordset that the user may read
    :raise UserError: nothing to look for, or the key store cannot be used
    :raise AccessError: refused; logged with its cause
    """
    if field not in blind_index.FIELDS:
        raise UserError(env._("Customers are found by name, e-mail address or phone number."))
    value = value.strip() if isinstance(value, str) else ""
    if not any(char.isalnum() for char in value):
        raise UserError(env._("Enter the complete name, e-mail address or phone number, as the customer gave it."))
    if len(value) > blind_index.MAX_LENGTH:
        raise UserError(env._("Enter at most %s characters.", blind_index.MAX_LENGTH))
    masking = logmask.push(logmask.compile_values([value]))
    try:
        document = PREFIX + field
        allowed = _authorise(env, field, code, reason, document)
        candidates = allowed._covered(_candidates(env, field, value))
        return _confirmed(candidates, field, value, code, reason, document)
    except CryptoError as error:
        raise UserError(str(error)) from None
    except BaseException as error:
        logmask.scrub_exception(error)
        raise
    finally:
        logmask.pop(masking)


def options(env) -> dict:
    """Return what the dialog offers: ``fields`` and ``purposes``, each a list of ``{code, label}``, and figures."""
    names = {"name": env._("Name"), "email": env._("E-mail address"), "phone": env._("Phone number")}
    user = env.user
    live = set(env["pii.grant"]._live(user.id).mapped("purpose"))
    return {
        "fields": [{"code": code, "label": names[code]} for code in blind_index.FIELDS],
        "purposes": [
            {"code": code, "label": env._(PURPOSES[code].label)}
            for code in LOOKUP_PURPOSES
            if code in live or any(user.has_group(group) for group in PURPOSES[code].groups)
        ],
        "max_length": blind_index.MAX_LENGTH,
        "reason_words": max(company._pii_figure("reason_words") for company in env.companies),
    }


# === MAY IT BE LOOKED FOR === #


def _authorise(env, field: str, code: str, reason: str | None, document: str):
    """Log the search and return the grants that let it through (sudo).

    The same conditions as for a reveal, before it is known whether there is anybody: the answer "nobody" is one too.
    """
    caller = channel.caller()
    # the subject of a search is nobody yet: one stand-in for each company that is searched
    nobody = [Asked(0, NOBODY, PREFIX + field, company.id) for company in env.companies]
    purpose = PURPOSES.get(code)
    # one writer of the log at a time: of two searches at once only one gets the last free place of the hour
    with gate.ruling(env) as cr:
        said = {"reason": reasons.for_log(reason), "caller": caller, "document": document, "cr": cr}
        log_env = api.Environment(cr, SUPERUSER_ID, {})
        question = gate.ask(env, cr, nobody, purpose, reason, caller)
        try:
            if code not in LOOKUP_PURPOSES:
                raise Refusal("purpose", env._("Nobody is looked up for this purpose. Open the order instead."))
            found = _decide(question)
        except CryptoError as error:
            journal.append(env, nobody, code, "failed", **said)
            raise UserError(str(error)) from None
        except Refusal as refusal:
            known = code if purpose else None
            journal.append(env, nobody, known, "refused", cause=refusal.cause, **said)
            alerts.evaluate(log_env, env.uid, known, nobody, person=question.person)
            raise AccessError(str(refusal)) from None
        journal.append(env, nobody, code, "empty", classes=purpose.classes, grant_ref=found[0].id, **said)
        opened = counts.read(cr, env.uid, chain.utc_now())
        alert = alerts.evaluate(log_env, env.uid, code, nobody, opened=opened, person=question.person)
        if alert and alert.suspends:
            journal.append(env, nobody, code, "refused", cause="suspended", **said)
            raise AccessError(gate.suspended(env))
        ids = [grant.id for grant in found]
    return env["pii.grant"].sudo().browse(ids)  # sudo: the scope of a grant is compared, not shown


def _decide(question: Question) -> list[grants.Grant]:
    """Return the grants under which to search. :raise Refusal:"""
    env = question.env
    if evaluated.is_evaluated():
        raise Refusal("evaluated", env._("Code of a server action cannot look customers up."))
    conditions.check_person(question)
    conditions.check_company(question)
    if question.caller.channel == channel.SERVER:
        raise Refusal("no_grant", env._("Customers are looked up by persons, never by scheduled work."))
    # leave for single customers lets nobody search among the others
    found = [
        grant
        for grant in grants.live(question.fresh, question.person.id, question.purpose.code)
        if not grant.subjects and grant.company in question.companies and grants.has_seal(env, grant)
    ]
    if not found:
        raise Refusal(
            "no_grant",
            env._(
                "You have no access that covers searching for customers for the purpose “%s”. Ask a privacy officer "
                "for it: access to a single customer does not include it.",
                question.purpose.label,
            ),
        )
    found = [grant for grant in found if conditions.has_role(question, grant)]
    if not found:
        raise Refusal("no_role", env._("You have no role for the purpose “%s”.", question.purpose.label))
    conditions.check_second_factor(question)
    conditions.check_sign_in(question)
    conditions.check_reason(question)
    _check_rate(question)
    return found


def _check_rate(question: Question) -> None:
    """Refuse when the user has searched a company's customers as often as its policy allows within an hour."""
    cr = question.cr
    cr.execute(
        SQL(
            """SELECT company_ref, count(*) FROM pii_access_log
                WHERE user_ref = %s AND subject_uuid = %s AND outcome = 'empty' AND at > %s GROUP BY company_ref""",
            question.env.uid,
            NOBODY,
            fields.Datetime.now() - timedelta(hours=1),
        )
    )
    counted = dict(cr.fetchall())
    for company_id in question.companies:
        limit = question.fresh["pii.policy"]._figures(company_id)["search_per_hour"]
        if counted.get(company_id, 0) >= limit:
            raise Refusal(
                "rate",
                question.env._(
                    "You have looked customers up %(done)s times within an hour; %(limit)s are allowed. Search for the "
                    "order by its number, or go on later.",
                    done=counted[company_id],
                    limit=limit,
                ),
            )


# === WHO IT MAY BE === #


def _candidates(env, field: str, value: str):
    """Return the live subjects whose index has an entry of ``value``; some by coincidence."""
    companies, days, entries = [], [], []
    for company_id, day, wanted in _buckets(env, field, value):
        companies.append(company_id)
        days.append(day)
        entries.append(blind_index.SEPARATOR.join(wanted))
    if not entries:
        return env["pii.subject"]
    column = SQL.identifier("s", f"{field}_index")
    env.cr.execute(
        SQL(
            """SELECT s.id
                 FROM unnest(%(companies)s::int[], %(days)s::date[], %(entries)s::text[]) AS w(company, day, entries)
                 JOIN pii_subject s
                   ON s.company_id = w.company AND s.deadline = w.day AND s.state = 'live' AND %(column)s IS NOT NULL
                  AND string_to_array(%(column)s, ' ') && string_to_array(w.entries, ' ')
                ORDER BY s.id""",
            companies=companies,
            days=days,
            entries=entries,
            column=column,
        )
    )
    found = env["pii.subject"].browse(dict.fromkeys(row[0] for row in env.cr.fetchall()))
    return found._filtered_access("read")


def _buckets(env, field: str, value: str):
    """Yield ``(company id, day, entries to look for)`` of each bucket that holds somebody and whose key lives."""
    env["pii.subject"].flush_model()
    env.cr.execute(
        SQL(
            """SELECT s.company_id, s.deadline, array_agg(DISTINCT c.code)
                 FROM pii_subject s LEFT JOIN res_country c ON c.id = s.country_id
                WHERE s.company_id = ANY(%s) AND s.state = 'live'
                GROUP BY s.company_id, s.deadline""",
            list(env.companies.ids),
        )
    )
    buckets = {(company_id, day): countries for company_id, day, countries in env.cr.fetchall()}
    keyring = keys.keyring(env)
    for company in env.companies:
        domain, today = company._pii_domain(), company._pii_day()
        for key_id in keyring.list(f"day/{domain}"):
            day = date.fromisoformat(parse_key_id(key_id).bucket)
            if (company.id, day) not in buckets or clock.is_over(day, today):
                continue
            countries = buckets[company.id, day]
            wanted = blind_index.wanted_entries(field, value, countries, indexing.mac_of(keyring, key_id))
            if wanted:
                yield company.id, day, wanted


# === WHO IT IS === #


def _confirmed(candidates, field: str, value: str, code: str, reason: str | None, document: str):
    """Return those candidates that have the value, opened as many at once as the purpose allows."""
    result = candidates.browse()
    if not candidates:
        return result
    limit = candidates.env["pii.purpose.limit"]._of_purpose(code).max_subjects or 1
    for ids in split_every(limit, candidates.ids):
        chunk = candidates.browse(ids)
        with volumes.of_lookup(), chunk.reveal(code, reason, document) as env:
            result |= chunk.browse([subject.id for subject in chunk if _has_value(env, subject, field, value)])
    return result


def _has_value(env, subject, field: str, value: str) -> bool:
    """Compare what the subject holds with ``value``; inside of a reveal that has opened it."""
    transaction = reveal.current(env)
    classes = transaction.opened[subject.id] if transaction and transaction.is_open else frozenset()
    known = subject.sudo()  # sudo: the tokens are closed to everybody; the gate has let this subject through
    tokens = {cls: known[f"{cls}_token"] for cls in CLASSES if cls in classes}
    content = indexing.opened(keys.keyring(subject.env), known.company_id._pii_domain(), known.uuid, tokens)
    return any(
        blind_index.matches(field, value, held, known.country_id.code) for held in blind_index.values_of(field, content)
    )
