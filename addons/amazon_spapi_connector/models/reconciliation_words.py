"""What a comparison found, in a back-office user's words."""

from __future__ import annotations

from datetime import datetime

from odoo import fields
from odoo.tools import format_datetime

OTHER = "other"
DATA = "data"
REASONS = [
    ("not_read_yet", "Not read yet: the import has not come to it"),
    ("to_import", "The import is about to make it a sale order"),
    ("to_follow", "The import is about to let the sale order follow Amazon"),
    ("listed_late", "Newer here than in Amazon's list"),
    ("address_to_come", "Its address comes with the next read of the orders to ship"),
    ("person_erased", "To be imported without its buyer, who was erased"),
    ("before_since", "Before “Import Since”"),
    ("before_start", "Shipped before it was seen, and ordered before “Import Since”"),
    ("over", "Deleted here when its months were over"),
    ("pending", "Pending at Amazon: not paid yet"),
    ("preorder", "Pre-order"),
    ("fba_preparing", "Amazon prepares it (FBA)"),
    ("fba", "Amazon ships it (FBA), and the account does not book FBA sales"),
    ("other_channel", "Amazon ships it for another shop of yours"),
    ("cancelled", "Cancelled"),
    ("unfulfillable", "Not to be fulfilled, says Amazon"),
    ("ignored", "Not imported"),
    ("settled_shipped", "Settled by a person: shipped outside Odoo"),
    ("settled_refunded", "Settled by a person: refunded or cancelled at Amazon"),
    ("settled_booked", "Settled by a person: booked by hand in Odoo"),
    ("settled_stock", "Settled by a person: stock corrected by hand"),
    ("settled_unwanted", "Settled by a person: not to be in Odoo"),
    ("settled_accepted", "Settled by a person: accepted as it is"),
    ("waiting", "Waits for a product"),
    ("exception", "Exception"),
    ("quarantined", "Quarantined"),
    ("unreadable", "Quarantined: no usable order number"),
    ("not_storable", "Quarantined: could not be stored"),
    (DATA, "Exception: Amazon's data cannot be used"),
    ("channel_missing", "Exception: Amazon does not say who ships it"),
    ("no_address", "Exception: no address"),
    ("not_opened", "Exception: the sealed buyer cannot be opened"),
    ("too_many_lines", "Exception: too many lines"),
    ("tax_missing", "Exception: Amazon sent no tax"),
    ("tax_zero", "Exception: a tax of zero where VAT is due"),
    ("tax_not_found", "Exception: no rate explains the tax"),
    ("tax_not_single", "Exception: the product's taxes"),
    ("item_mismatch", "Exception: an item does not add up"),
    ("total_mismatch", "Exception: the total differs"),
    ("money_missing", "Exception: no amounts"),
    ("money_negative", "Exception: amounts below zero"),
    ("money_fraction", "Exception: amounts finer than the coin"),
    ("currency_unknown", "Exception: unknown currency"),
    ("currency_inactive", "Exception: currency not active"),
    ("currency_without_rate", "Exception: no exchange rate"),
    ("shipped_elsewhere", "Exception: shipped elsewhere"),
    ("not_delivered", "Exception: shipped, and no open delivery"),
    ("not_confirmed", "Exception: shipped, and not confirmed"),
    ("changed_after_import", "Exception: changed after the import"),
    ("cancelled_after_import", "Exception: cancelled at Amazon after the import"),
    ("cancelled_here", "Exception: cancelled in Odoo only"),
    ("address_changed", "Exception: another address"),
    ("news_after_settled", "Exception: news of an order that was settled"),
    ("refused", "Exception: Odoo refuses it"),
    ("unexpected", "Exception: unexpected error"),
    (OTHER, "Another reason"),
]
"""Why an order is no sale order, or not compared: codes of ``mapping.reconciling`` and of ``spapi.order``."""
UNUSABLE = frozenset(
    "amount_absurd amount_unreadable breakdown_unreadable count_unreadable currency_missing currency_mixed"
    " line_id_double line_id_missing line_unreadable marketplace_missing marketplace_unknown no_lines order_id_missing"
    " quantity_absurd quantity_missing quantity_negative quantity_zero status_missing status_unknown"
    " time_missing".split()
)
"""Codes of the parser: each says what of Amazon's data is unusable, as the order itself does in words."""
UNTOUCHED = frozenset(
    "not_read_yet to_import to_follow listed_late address_to_come person_erased before_since before_start over pending"
    " preorder fba_preparing fba other_channel cancelled unfulfillable ignored settled_shipped settled_refunded"
    " settled_booked settled_stock settled_unwanted settled_accepted".split()
)
"""Reasons with which nobody has to do anything."""
_KNOWN = frozenset(code for code, _label in REASONS)
_NOTHING = "—"


def reason_of(code: str) -> str:
    """The key of :data:`REASONS` for a code; *other* for one of another addon's."""
    return DATA if code in UNUSABLE else code if code in _KNOWN else OTHER


class Words:
    """Parts and values of the lines of a comparison as their reader's language has them."""

    def __init__(self, env) -> None:
        self.env = env
        orders = env["spapi.order"]._fields
        self.statuses = dict(orders["status"]._description_selection(env))
        self.states = dict(orders["state"]._description_selection(env))
        self.channels = dict(orders["fulfilled_by"]._description_selection(env))
        self.sale_states = dict(env["sale.order"]._fields["state"]._description_selection(env))

    def part(self, part: str, skus: dict[str, str]) -> str:
        """:param skus: SKU by Amazon's id of the item"""
        _ = self.env._
        return {
            "": "",
            "last_update": _("Last update"),
            "status": _("Status at Amazon"),
            "state": _("State in Odoo"),
            "sale_order": _("Sale order"),
            "currency": _("Currency"),
            "total": _("Total of the sale order"),
            "copy": _("Total of the stored order"),
            "data": _("Amazon's data cannot be used"),
        }.get(part) or skus.get(part, part)

    def amazon(self, kind: str, value: str) -> str:
        if kind == "outdated":
            return self._moment(value)
        if kind in ("missing", "status", "state", "sale_state"):
            status, _slash, channel = value.partition("/")
            words = [self.statuses.get(status, status), self.channels.get(channel, channel)]
            return ", ".join(word for word in words if word and word != "-") or _NOTHING
        return _value(value)

    def odoo(self, kind: str, value: str) -> str:
        if kind == "outdated":
            return self._moment(value)
        if kind == "status":
            return self.statuses.get(value, _value(value))
        if kind in ("missing", "foreign", "state"):
            return self.states.get(value, _value(value))
        if kind == "sale_state":
            name, _colon, state = value.rpartition(": ")
            return f"{name}: {self.sale_states.get(state, state)}" if name else _value(value)
        return _value(value)

    def _moment(self, value: str) -> str:
        """The reader's time of a moment in UTC."""
        try:
            moment = datetime.fromisoformat(value.removesuffix(" UTC"))
        except ValueError:
            return _value(value)
        return format_datetime(self.env, fields.Datetime.to_datetime(moment))


def _value(value: str) -> str:
    return _NOTHING if value in ("", "-") else value
