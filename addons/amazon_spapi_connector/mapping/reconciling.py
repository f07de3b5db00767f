"""One order as Amazon has it, against what Odoo made of it. Pure, no Odoo.

The result is one of three: *equal* (a sale order that agrees in everything), *known* (knowingly no sale order, with
the reason), *different* (each part that differs, with both values). No value is personal: numbers, codes and amounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from ..spapi.orders import Order
from .fulfilment import shipped_quantities

ZERO = Decimal(0)
EQUAL, KNOWN, DIFFERENT = "equal", "known", "different"
WITHOUT_SALE = ("PENDING", "PENDING_AVAILABILITY", "CANCELLED", "UNFULFILLABLE")
"""Statuses at Amazon with which an order is no live sale order here."""
UNDECIDED = ("exception", "quarantined")
"""States that say themselves that a person has to look: what differs is known and shown there."""
CONFIRMED = ("sale", "done")


@dataclass(frozen=True, slots=True)
class Difference:
    """A part that differs. `kind` is a key of the product's list of kinds, `part` the item's id or the field's name."""

    kind: str
    part: str
    amazon: str
    odoo: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """:param result: EQUAL, KNOWN or DIFFERENT. :param reason: why there is no sale order, only with KNOWN."""

    result: str
    reason: str = ""
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class SoldItem:
    """What a sale order holds of an Amazon item: pieces ordered, and pieces that left the stock for the buyer
    (returns are another story). `delivered` is None where there is nothing to deliver. `kept`: pieces that the buyer
    still has; None for all that were delivered."""

    ordered: Decimal
    delivered: Decimal | None
    kept: Decimal | None = None

    @property
    def with_buyer(self) -> Decimal:
        """Pieces that did not come back."""
        return (self.delivered if self.kept is None else self.kept) or ZERO


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale order that carries the Amazon order's number. `linked`: it is the one that the import made."""

    name: str
    state: str
    total: Decimal
    currency: str
    items: Mapping[str, SoldItem]
    linked: bool = True

    @property
    def alive(self) -> bool:
        return self.state != "cancel"


@dataclass(frozen=True, slots=True)
class Here:
    """The stored order. `state`, `problem` and `status` are those of ``spapi.order``; `updated` is naive UTC.

    `to_follow`: Amazon's news is stored, and the import is about to let the sale order follow it. `settled`: why a
    person has settled what differs, or accepted it.
    """

    state: str
    problem: str
    status: str
    updated: datetime | None
    total: Decimal
    quantities: Mapping[str, int]
    sales: tuple[Sale, ...] = ()
    to_follow: bool = False
    settled: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the account has decided, naive UTC.

    :param read_until: up to which of Amazon's updates the import has read everything; None before the first read
    :param since: orders last updated before are not imported
    :param over: what ended up to then was deleted when its months were over
    """

    read_until: datetime | None
    since: datetime | None
    over: datetime | None


def compare(order: Order, here: Here | None, policy: Policy, unit: Decimal = Decimal("0.01")) -> Verdict:
    """Compare an order.

    :param here: None when nothing is stored of it
    :param unit: the smallest amount of the order's currency
    """
    updated = order.updated.astimezone(UTC).replace(tzinfo=None)
    to_come = policy.read_until is None or updated > policy.read_until
    if here is None:
        if policy.over and updated <= policy.over:
            return Verdict(KNOWN, "over")
        if policy.since and updated < policy.since:
            return Verdict(KNOWN, "before_since")
        if to_come:
            return Verdict(KNOWN, "not_read_yet")
        return Verdict(DIFFERENT, "", (Difference("missing", "", order.status, "-"),))
    doubled = _doubled(here)
    if doubled and not here.settled:
        return Verdict(DIFFERENT, "", doubled)
    if here.updated and updated > here.updated:
        if to_come:
            return Verdict(KNOWN, "not_read_yet")
        found = (Difference("outdated", "last_update", _moment(updated), _moment(here.updated)),)
        return Verdict(DIFFERENT, "", (*found, *_status(order, here)))
    if here.updated and updated < here.updated:
        # A notification was faster than Amazon's listing: what is stored is newer than what is compared with.
        return Verdict(KNOWN, "listed_late")
    if here.settled and not (*_status(order, here), *_copy(order, here, unit)):
        return Verdict(KNOWN, settled_reason(here.settled))
    if here.state in UNDECIDED:
        return Verdict(KNOWN, here.problem or here.state)
    if here.to_follow:
        return Verdict(KNOWN, "to_follow")
    differences = (*_status(order, here), *_state(order, here), *_copy(order, here, unit), *_sale(order, here, unit))
    if differences:
        return Verdict(DIFFERENT, "", differences)
    if here.state == "imported" or (here.state == "cancelled" and here.sales):
        return Verdict(EQUAL)
    return Verdict(
        KNOWN, {"waiting": "waiting", "new": here.problem or "to_import"}.get(here.state, here.problem or here.state)
    )


def settled_reason(code: str) -> str:
    """The reason of a verdict for a reason of a person's."""
    return f"settled_{code}"


def _doubled(here: Here) -> tuple[Difference, ...]:
    alive = [sale.name for sale in here.sales if sale.alive]
    return (Difference("doubled", "sale_order", "1", ", ".join(sorted(alive))),) if len(alive) > 1 else ()


def _status(order: Order, here: Here) -> tuple[Difference, ...]:
    same = order.status == here.status
    return () if same else (Difference("status", "status", order.status, here.status or "-"),)


def _state(order: Order, here: Here) -> tuple[Difference, ...]:
    """The stored state must be one that the status at Amazon allows; the table of the life cycle in short."""
    merchant = order.fulfilled_by == "MERCHANT"
    if here.state == "cancelled":
        fits = order.status in ("CANCELLED", "UNFULFILLABLE")
    elif here.state == "pending":
        fits = order.status in ("PENDING", "PENDING_AVAILABILITY") or (not merchant and order.status == "UNSHIPPED")
    elif here.state == "ignored":
        fits = not (merchant and order.status == "UNSHIPPED")
    else:  # new, waiting, imported
        fits = order.status not in WITHOUT_SALE
    channel = order.fulfilled_by or "-"
    return () if fits else (Difference("state", "state", f"{order.status}/{channel}", here.state),)


def _copy(order: Order, here: Here, unit: Decimal) -> tuple[Difference, ...]:
    """What is stored of the order itself: Amazon can change it without a new date."""
    found = []
    if order.total and abs(order.total.value - here.total) >= unit / 2:
        found.append(Difference("money", "copy", _amount(order.total.value, unit), _amount(here.total, unit)))
    for item_id, quantity in _ordered(order).items():
        if here.quantities.get(item_id, 0) != quantity:
            found.append(Difference("quantity", item_id, str(quantity), str(here.quantities.get(item_id, 0))))
    return tuple(found)


def _sale(order: Order, here: Here, unit: Decimal) -> tuple[Difference, ...]:
    """The sale order against Amazon: whether it lives, items, shipped pieces, money."""
    alive = next((sale for sale in here.sales if sale.alive), None)
    if here.state in ("cancelled", "ignored", "pending"):
        if alive:
            return (Difference("sale_state", "sale_order", order.status, f"{alive.name}: {alive.state}"),)
        return tuple(
            Difference("shipped", item_id, "0", _number(item.with_buyer))
            for sale in here.sales
            for item_id, item in sale.items.items()
            if item.with_buyer and order.status == "CANCELLED"
        )
    if here.state != "imported":
        return ()
    sale = alive or next(iter(here.sales), None)
    if sale is None:
        return (Difference("sale_state", "sale_order", order.status, "-"),)
    if sale.state not in CONFIRMED:
        return (Difference("sale_state", "sale_order", order.status, f"{sale.name}: {sale.state}"),)
    return (*_items(order, sale), *_money(order, sale, unit))


def _items(order: Order, sale: Sale) -> tuple[Difference, ...]:
    found = []
    ordered = _ordered(order)
    shipped = {item_id: Decimal(count) for item_id, count in shipped_quantities(order).items()}
    for item_id in sorted({*ordered, *sale.items}):
        item = sale.items.get(item_id, SoldItem(ZERO, None))
        wanted = ordered.get(item_id, 0)
        if item.ordered != wanted:
            found.append(Difference("quantity", item_id, str(wanted), _number(item.ordered)))
        if item.delivered is not None and item.delivered != shipped.get(item_id, ZERO):
            found.append(Difference("shipped", item_id, _number(shipped.get(item_id, ZERO)), _number(item.delivered)))
    return tuple(found)


def _money(order: Order, sale: Sale, unit: Decimal) -> tuple[Difference, ...]:
    if not order.total:
        return ()
    if order.total.currency != sale.currency:
        return (Difference("money", "currency", order.total.currency, sale.currency),)
    if abs(order.total.value - sale.total) >= unit / 2:
        return (Difference("money", "total", _amount(order.total.value, unit), _amount(sale.total, unit)),)
    return ()


def _ordered(order: Order) -> dict[str, int]:
    """Pieces by item."""
    return {line.item_id: line.quantity for line in order.lines}


def _number(value: Decimal | None) -> str:
    """Pieces, without zeros behind the point."""
    if value is None:
        return "-"
    return f"{value.normalize():f}"


def _amount(value: Decimal, unit: Decimal) -> str:
    return f"{value.quantize(unit):f}"


def _moment(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC"
