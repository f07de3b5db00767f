"""What was shipped of an order, what never will be, and whose stock it came from. Pure, no Odoo.

Rules (Orders 2026-01-01 model): ``quantityFulfilled`` is what was "processed and shipped" of an item, by whoever ships
it; packages exist for orders of the seller only. Both are states, not events: reading them twice gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..spapi.orders import Line, Order, OrderDataError
from .incoming import digest, items_digest

GONE_STATUSES = ("CANCELLED", "UNFULFILLABLE")
"""Nothing of such an order will be shipped."""
SHIPPED_STATUSES = ("PARTIALLY_SHIPPED", "SHIPPED")

_REGIONS = {
    **dict.fromkeys(("AT", "BE", "CZ", "DE", "ES", "FR", "IE", "IT", "NL", "PL", "SE"), "EU"),
    "GB": "UK",
    **dict.fromkeys(("CA", "MX", "US"), "NA"),
}


def fulfilment_region(country_code: str) -> str:
    """The stock of Amazon that serves a marketplace: ``EU``, ``UK``, ``NA``, else the marketplace's own country.

    One inventory pool serves the marketplaces of the European Union, another the United Kingdom since it left the
    customs union, another North America; everywhere else each marketplace has its own.

    :param country_code: ISO code of the marketplace's country
    """
    return _REGIONS.get(country_code, country_code)


def shipped_quantities(order: Order) -> dict[str, int]:
    """``{item id: units that have left}``, never more than were ordered.

    Amazon's count decides. Where it is absent the packages that name the item do, and without any the status: a
    shipped order without details was shipped whole.
    """
    if order.status not in SHIPPED_STATUSES:
        return {line.item_id: min(line.quantity_fulfilled or 0, line.quantity) for line in order.lines}
    packed: dict[str, int] = {}
    for package in order.packages:
        if package.status not in ("CANCELLED", "PENDING"):
            for item_id, quantity in package.items:
                packed[item_id] = packed.get(item_id, 0) + quantity
    result = {}
    for line in order.lines:
        if line.quantity_fulfilled is not None:
            shipped = line.quantity_fulfilled
        elif line.item_id in packed:
            shipped = packed[line.item_id]
        else:
            shipped = line.quantity if order.status == "SHIPPED" and not line.cancelled_by else 0
        result[line.item_id] = min(shipped, line.quantity)
    return result


def cancelled_quantity(line: Line, shipped: int) -> int:
    """Units of an item that were ordered and will not be shipped, because it was cancelled."""
    if not line.cancelled_by or line.quantity_unfulfilled:
        return 0
    return max(0, line.quantity - shipped)


def wants_cancellation(order: Order) -> bool:
    """Whether the buyer asked for a cancellation that nobody has executed and that is still possible."""
    if order.status in (*GONE_STATUSES, "SHIPPED"):
        return False
    return any(line.cancel_requested and not line.cancelled_by and line.quantity for line in order.lines)


def life_digest(order: Order) -> str:
    """A digest of everything about an order that Odoo's documents follow: state, items, money, shipped quantities."""
    shipped = shipped_quantities(order)
    lines = sorted(
        [line.item_id, shipped[line.item_id], cancelled_quantity(line, shipped[line.item_id])] for line in order.lines
    )
    return digest([order.status, order.fulfilled_by, items_digest(order), lines, wants_cancellation(order)])


def news_digest(business: Mapping[str, Any], order: Order | None, error: OrderDataError | None) -> str:
    """A digest that changes with real news of an order alone: another state, other quantities, other money.

    :param order: `business`, parsed; None when `error` says why it cannot be used: then its status and what is wrong
        with it count
    """
    if order:
        return life_digest(order)
    fulfilment = business.get("fulfillment")
    status = fulfilment.get("fulfillmentStatus") if isinstance(fulfilment, dict) else None
    problems = sorted([problem.code, problem.path] for problem in error.problems) if error else []
    return digest(["unusable", status, problems])
