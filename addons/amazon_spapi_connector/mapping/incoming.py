"""One order of a page, read: what is stored of it, and what it means for its state. Pure, no Odoo.

The two searches ask for different parts of an order. What a search did not ask for is not thereby gone: it is taken
over from what is known.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..spapi.conformity import deviations
from ..spapi.orders import (
    Order,
    OrderDataError,
    Problem,
    SplitOrder,
    clean_json,
    merge,
    parse_order,
    quarantine_payload,
    split_order,
)
from ..spapi.values import parse_time

PART_KEYS = {
    "BUYER": "buyer",
    "RECIPIENT": "recipient",
    "PROCEEDS": "proceeds",
    "EXPENSE": "expense",
    "PROMOTION": "promotion",
    "CANCELLATION": "cancellation",
    "FULFILLMENT": "fulfillment",
    "PACKAGES": "packages",
    "TAX": "tax",
    "PAYMENT": "payment",
    "FULFILLMENT_ORDERS": "fulfillmentOrders",
}
"""Value of ``includedData`` → key that it brings, on the order and on its items."""
OPEN_STATUSES = ("UNSHIPPED", "PARTIALLY_SHIPPED")
STREET_KEYS = ("street", "street2", "street3")
"""Without one of them nothing can be delivered. Where a role lacks, Amazon leaves out what it counts as personal, and
sends the town, the region and the country all the same."""


@dataclass(slots=True)
class Incoming:
    """One order of a page.

    :param key: Amazon's order id, or ``UNREADABLE-…`` for a payload that has none
    :param asked: parts that Amazon was asked for now
    :param parts: parts that are known of it (asked for now, or taken over)
    :param order: None when `error` says why it cannot be used
    """

    key: str
    raw: Any = field(repr=False)
    split: SplitOrder = field(repr=False)
    asked: frozenset[str]
    parts: frozenset[str]
    updated: datetime | None
    order: Order | None = None
    error: OrderDataError | None = None
    business: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def readable(self) -> bool:
        return bool(self.split.order_id)

    @property
    def has_address(self) -> bool:
        """Whether Amazon sent an address to deliver to."""
        operational = self.split.personal.get("operational", {})
        return any(operational.get(key) for key in STREET_KEYS)

    @property
    def created(self) -> datetime | None:
        """When the buyer ordered, as far as Amazon says so."""
        return parse_time(self.split.business.get("createdTime"))

    @property
    def facts(self) -> dict[str, datetime | None]:
        """What this state of the order says for the clock of the buyer's data, see :func:`clock_facts`."""
        return clock_facts(self.order) if self.order else {}

    @property
    def notices(self) -> tuple[Problem, ...]:
        """What is not as Amazon documents it although the order could be read; no value is quoted."""
        return (*self.split.issues, *deviations(self.split.business if self.readable else {}))

    def sealed_values(self) -> dict[str, dict[str, str]]:
        """What goes into the vault, by retention class."""
        if self.readable:
            return merge(self.split.personal, self.split.unknown)
        return {"quarantine": quarantine_payload({"": clean_json(self.raw)})}

    def parse(self, marketplaces: Container[str]) -> None:
        """Fill `order` or `error` from `business`."""
        self.order = self.error = None
        try:
            self.order = parse_order(self.business, marketplaces=marketplaces)
        except OrderDataError as error:
            self.error = error

    def take_over(self, business: dict[str, Any] | None, parts: Iterable[str]) -> None:
        """Complete `business` with the parts that were not asked for this time, from what is stored."""
        kept = frozenset(parts) - self.parts
        self.business = complete(self.split.business, business or {}, kept)
        self.parts |= kept

    def digest(self) -> str:
        return digest(self.business)


def clock_facts(order: Order) -> dict[str, datetime | None]:
    """What the state of an order says for the clock of the buyer's data: ``{event: when}``, None for now.

    Amazon tells no day of cancellation, and one of shipment only with the packages: neither was after the order's
    last update. Delivery is proven by the packages alone, see `Order.delivered`.
    """
    facts: dict[str, datetime | None] = {}
    if order.status == "SHIPPED":
        facts["shipped"] = min(filter(None, (order.updated, order.shipped)))
        if order.delivered:
            facts["delivered"] = order.delivered
    elif order.status == "CANCELLED":
        facts["cancelled"] = order.updated
    elif order.status in OPEN_STATUSES:
        facts["open"] = None
    if order.fulfilled_by == "AMAZON":
        facts["fba"] = order.updated
    return facts


def read(raw: Any, parts: Iterable[str], key: bytes) -> Incoming:
    """Take `raw` apart. Never raises for data.

    :param key: secret of the account: an unreadable payload is named by a digest, which must not allow guessing
    """
    split = split_order(raw)
    name = split.order_id or "UNREADABLE-" + hmac.new(key, _canonical(clean_json(raw)), hashlib.sha256).hexdigest()[:20]
    updated = parse_time(split.business.get("lastUpdatedTime"))
    naive = updated.astimezone(UTC).replace(tzinfo=None) if updated else None
    asked = frozenset(parts)
    return Incoming(name, raw, split, asked, asked, naive, business=split.business)


def complete(new: dict[str, Any], old: dict[str, Any], kept: Iterable[str]) -> dict[str, Any]:
    """`new` with the keys of the parts `kept` from `old`, on the order and on items of the same id."""
    keys = [PART_KEYS[part] for part in kept if part in PART_KEYS]
    if not keys or not old:
        return new
    result = {**new, **{key: old[key] for key in keys if key in old and key not in new}}
    items, old_items = new.get("orderItems"), old.get("orderItems")
    if isinstance(items, list) and isinstance(old_items, list):
        by_id = {item.get("orderItemId"): item for item in old_items if isinstance(item, dict)}
        result["orderItems"] = [
            {**item, **{key: known[key] for key in keys if key in known and key not in item}}
            if isinstance(item, dict) and (known := by_id.get(item.get("orderItemId")))
            else item
            for item in items
        ]
    return result


def digest(value: Any) -> str:
    """A digest of JSON data without personal content."""
    return hashlib.sha256(_canonical(value)).hexdigest()


def items_digest(order: Order) -> str:
    """A digest of what a sale order is made from: items, quantities and money. Shipping progress does not count."""
    lines = [
        [line.item_id, line.sku, line.quantity, str(line.total and line.total.value.normalize())]
        + [[part.type, str(part.value.normalize())] for part in line.breakdowns]
        for line in order.lines
    ]
    return digest(
        [order.currency, str(order.total and order.total.value.normalize()), sorted(lines, key=lambda row: row[0])]
    )


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str).encode()
