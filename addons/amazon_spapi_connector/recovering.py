"""Reading single orders from Amazon by their number.

Functions, not methods of a model: what Amazon answers may hold a buyer, and stays in local variables from the answer
to the seal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from odoo.addons.pii_retention import proof, sweeping

from .calling import call
from .mapping.incoming import OPEN_STATUSES
from .spapi import errors
from .spapi.orders import split_order
from .spapi.values import parse_time

_NUMBER = re.compile(
    r"(?<![0-9A-Za-z-])([0-9A-Za-z]{3})\s{0,3}-\s{0,3}([0-9]{7})\s{0,3}-\s{0,3}([0-9]{7})(?![0-9A-Za-z-])", re.ASCII
)
# What spreadsheets, word processors and PDFs make of a hyphen, and what they hide in a line.
_TYPOGRAPHY = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-")
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")
    | dict.fromkeys("\u00a0\u202f", " ")
)
_SEPARATORS = re.compile(r"[\s,;|\"'()\[\]<>]+")

STORED, UNCHANGED, UNKNOWN, REFUSED, NOT_ENABLED, OVER, FAILED = (
    "stored",
    "unchanged",
    "unknown",
    "refused",
    "not_enabled",
    "over",
    "failed",
)


class Busy(Exception):
    """The import is at work on the account; whoever wants to store its orders waits a minute."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What Amazon said about one number, without a person.

    :ivar outcome: one of the codes above; "found" before anything is stored
    :ivar business: the order's business part, {} without one
    :ivar request_id: Amazon's, for its support
    """

    outcome: str
    business: dict[str, Any] = field(default_factory=dict, repr=False)
    request_id: str = ""

    def get(self, *path: str) -> str:
        """A text of the business part, "" if it is not there."""
        value: Any = self.business
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value if isinstance(value, str) else ""

    @property
    def updated(self) -> datetime | None:
        """Amazon's last update, naive UTC."""
        moment = parse_time(self.business.get("lastUpdatedTime"))
        return moment.astimezone(UTC).replace(tzinfo=None) if moment else None

    @property
    def marketplace(self) -> str:
        return self.get("salesChannel", "marketplaceId")

    @property
    def status(self) -> str:
        return self.get("fulfillment", "fulfillmentStatus")

    @property
    def channel(self) -> str:
        return self.get("fulfillment", "fulfilledBy")


def numbers_in(text: str, limit: int) -> tuple[list[str], int]:
    """Amazon order numbers in what a person has pasted, each once and in its order, and how many words were none.

    A number may be broken over two lines, in small letters, or with another kind of hyphen.

    The rest is not returned: people paste whole tables, with buyers in them.

    :raise ValueError: more than `limit` numbers
    """
    text = text.translate(_TYPOGRAPHY)
    found = list(dict.fromkeys("-".join(parts).upper() for parts in _NUMBER.findall(text)))
    if len(found) > limit:
        raise ValueError(len(found))
    return found, sum(1 for word in _SEPARATORS.split(_NUMBER.sub(" ", text)) if any(map(str.isalnum, word)))


def ask(account, number: str, parts, *, automatic: bool) -> tuple[Asked, Any]:
    """``(what Amazon said, the order whole)`` of one number; the second is None if there is no order.

    :raise errors.SpapiError: no answer that says anything about the order
    """
    try:
        payload = call(account, "getOrder", lambda client: client.get_order(number, parts), automatic=automatic)
    except errors.NotFound as error:
        return Asked(UNKNOWN, request_id=error.request_id), None
    except errors.BadRequest as error:
        return Asked(REFUSED, request_id=error.request_id), None
    split = split_order(payload)
    if split.order_id != number:
        raise errors.MalformedResponse("another order was sent", code="WrongOrder", operation="getOrder")
    return Asked("found", split.business), payload


def read(account, number: str, *, automatic: bool) -> tuple[str, Any]:
    """Read one order, store it. ``(outcome, spapi.order or an empty one)``; the caller holds the import's lock.

    Amazon is asked for the person only of an order that the seller has to ship, and only while the vault takes people
    in.

    :raise errors.SpapiError: nothing was stored
    :raise UserError: the key store cannot be used
    """
    from .models.spapi_account_search import BUSINESS_PARTS, SEARCHES  # late: the models import this module

    Order = account.env["spapi.order"].sudo()  # sudo: orders are the import's, whoever asks for one
    parts = BUSINESS_PARTS
    asked, payload = ask(account, number, parts, automatic=automatic)
    if payload is None:
        return asked.outcome, Order
    if asked.marketplace and asked.marketplace not in account.marketplace_ids.mapped("amazon_id"):
        return NOT_ENABLED, Order
    if asked.updated and asked.updated <= sweeping.cutoff(account.company_id):
        return OVER, Order
    stored = Order.search([("account_id", "=", account.id), ("amazon_order_id", "=", number)])
    to_ship = asked.channel == "MERCHANT" and asked.status in OPEN_STATUSES
    complete = stored.has_address and stored.last_updated == asked.updated
    if to_ship and not complete and not refusal(account):
        personal_parts = SEARCHES["unshipped"]["parts"]
        try:
            asked, whole = ask(account, number, personal_parts, automatic=automatic)
        except errors.Throttled:
            # The next search for orders to ship brings the person. To begin anew would take the first call again, and
            # where Amazon grants one at a time, for ever.
            pass
        else:
            if whole is None:
                return asked.outcome, Order
            payload, parts = whole, personal_parts
    changed = Order._store_orders(account, [payload], parts)
    return (STORED if changed else UNCHANGED), changed or stored


def refusal(account) -> str | bool:
    """Why no person is asked for now; False if one is."""
    return account._personal_refusal() or proof.intake_refusal(account.env, account.company_id)


def locked(account) -> bool:
    """Take the import's lock of an account until the transaction ends; False when an import has it."""
    from .models.spapi_account_import import LOCK

    account.env.cr.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, account.id])
    return account.env.cr.fetchone()[0]


def text_of(env, outcome: str) -> str:
    """An outcome in a back-office user's words."""
    _ = env._
    return {
        STORED: _("Read from Amazon."),
        UNCHANGED: _("Amazon says what is stored already."),
        UNKNOWN: _("Amazon knows no such order of this seller. Check the number, and whether another account has it."),
        REFUSED: _("Amazon does not accept this number."),
        NOT_ENABLED: _("The order's marketplace is not enabled on this account. Enable it, then read the order again."),
        OVER: _("The order is older than orders are kept; it was deleted and does not come back."),
        FAILED: _("The order could not be stored; the server log names the place."),
    }.get(outcome, outcome)
