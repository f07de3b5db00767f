"""The seal on what is known about an order: how long its person is kept follows from it, so nobody else may write it.

The facts of the clock, the deadline that follows and the earliest bucket are columns; whoever writes to the database
could let a person live longer with them, one honest daily round after the other. Each row is therefore sealed with a
key outside of the database whenever the clock writes it, and what was written past the clock counts for nothing: the
row keeps the day of the key that its data is sealed with, for good, and the officers are told.

Functions, not methods of a model: what is typed into Odoo reaches models, never modules.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import date, timedelta

from odoo.exceptions import UserError

from . import alerts, clock, keys
from .crypto import CryptoError, parse_key_id, secret_key_id
from .indexing import SEPARATOR
from .purposes import CLASSES

LABEL = "clock"
#: Facts of the clock -> the columns that keep their days.
COLUMNS = {
    "created": "created_on",
    "open": "open_on",
    "shipped": "shipped_on",
    "delivered": "delivered_on",
    "cancelled": "cancelled_on",
    "fba": "fba_on",
    "invoice_due": "invoice_due_on",
    "invoiced": "invoiced_on",
    "limit": "limit_on",
}
#: What the seal covers, in this order.
SEALED = (*COLUMNS.values(), "deadline", "deadline_rule", "sealed_from")
#: So many customers are named in an alert.
_EXAMPLES = 3


def seal(company, uuid: str, values: Mapping, known: dict | None = None) -> str:
    """Return the seal on a row of ``pii_subject``.

    :param values: ``{column: value}``; of :data:`SEALED`, what is absent is empty
    :param known: remembers the key of a company for the next row of the same call
    :raise UserError: the key store cannot be used
    """
    known = {} if known is None else known
    try:
        if ("clock", company.id) not in known:
            keyring, domain = keys.keyring(company.env), company._pii_domain()
            known["clock", company.id] = domain, keyring.mac_key(keyring.ensure(secret_key_id(domain)), label=LABEL)
    except CryptoError as error:
        raise UserError(str(error)) from error
    domain, secret = known["clock", company.id]
    said = " ".join([domain, uuid, *(str(values.get(name) or "-") for name in SEALED)])
    return hmac.digest(secret.expose(), said.encode(), "sha256").hex()


def write(subject, values: Mapping) -> None:
    """Write columns of a subject (superuser) whose row was found genuine, and seal it as it stands then.

    :raise UserError: the key store cannot be used
    """
    row = {name: subject[name] for name in SEALED} | dict(values)
    subject.write({**values, "clock_seal": seal(subject.company_id, subject.uuid, row)})


def is_genuine(subject, known: dict | None = None) -> bool:
    """Tell whether a subject's row (superuser) is as the clock has left it.

    :param known: as for :func:`seal`
    :raise UserError: the key store cannot be used
    """
    row = {name: subject[name] for name in SEALED}
    return hmac.compare_digest(subject.clock_seal or "", seal(subject.company_id, subject.uuid, row, known))


def disown_altered(subjects) -> None:
    """Let what somebody else wrote into rows of live subjects (superuser) count for nothing, and tell the officers.

    To be called before any fact of theirs is used or sealed again.

    :raise UserError: the key store cannot be used
    """
    known: dict = {}
    altered = subjects.filtered(lambda subject: subject.state == "live" and not is_genuine(subject, known))
    for company, found in altered.grouped("company_id").items():
        for subject in found:
            _disown(subject)
        env = company.env
        alerts.tell(
            env,
            "clock",
            company,
            env._("Until when customers' data is kept was changed in the database (%s)", len(found)),
            env._(
                "What was written counts for nothing: the data goes with the key of its day, and nothing extends that. "
                "Find out who wrote it: %s",
                ", ".join(found[:_EXAMPLES].mapped("uuid")),
            ),
        )


def _disown(subject) -> None:
    company = subject.company_id
    today, days = company._pii_day(), timedelta(days=company._pii_clock_figures().days)
    last = min(_days_of_keys(subject), default=min(subject.deadline, today + days))
    facts = clock.Facts(created=last - days, limit=last)
    # the earliest bucket that a living dump can hold the person under
    first = {"deadline": last, "deadline_rule": "altered", "sealed_from": min(today, last)}
    write(subject, {**subject._clock_columns(facts), **first})


def _days_of_keys(subject) -> list[date]:
    """Return the days of the keys that a subject's data is sealed with: whoever changes those makes it unreadable."""
    keyring, found = keys.keyring(subject.env), []
    for token in SEPARATOR.join(filter(None, (subject[f"{cls}_token"] for cls in CLASSES))).split(SEPARATOR):
        try:
            found.append(date.fromisoformat(parse_key_id(keyring.key_id_of(token)).bucket))
        except (CryptoError, ValueError):
            continue  # nothing of a damaged value opens
    return found
