"""Amazon's money of an order as charges that a sale order can hold, exact to the cent. Pure arithmetic.

Rules (Orders 2026-01-01 model): an item's breakdowns add up to its ``proceedsTotal``, the items' totals to the order's
``grandTotal``. Where a TAX breakdown stands, the other breakdowns are therefore net; where none stands, the tax is
unknown, not zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal

from .vat import find_rate

KINDS = {"ITEM": "item", "SHIPPING": "shipping", "GIFT_WRAP": "gift_wrap", "COD_FEE": "cod_fee", "OTHER": "other"}
"""Amazon's breakdown types → our kinds of charge; DISCOUNT and TAX are treated by themselves."""
SHARED = frozenset(KINDS.values()) - {"item"}
"""Kinds that the sale order shows once for all items (by tax rate)."""


class PriceProblem(Exception):
    """The amounts contradict each other, or something needed is missing.

    :param code: ``tax_missing``, ``tax_not_found``, ``item_mismatch``, ``total_mismatch``, ``money_missing``
    :param item_id: the item concerned, "" for the whole order
    :param expected: what Amazon states, `found` what its parts give (Decimal or None)
    """

    def __init__(
        self, code: str, item_id: str = "", expected: Decimal | None = None, found: Decimal | None = None
    ) -> None:
        super().__init__(code)
        self.code, self.item_id, self.expected, self.found = code, item_id, expected, found


@dataclass(frozen=True, slots=True)
class ItemMoney:
    """Amounts of one item, all in the order's currency.

    :param parts: Amazon's breakdown type → subtotal, without TAX
    :param tax: the TAX subtotal; None when Amazon sent no TAX breakdown
    :param tax_parts: subtype → tax amount, where Amazon details it
    """

    item_id: str
    quantity: int
    total: Decimal | None
    parts: Mapping[str, Decimal]
    tax: Decimal | None = None
    tax_parts: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(slots=True)
class Charge:
    """One line of the sale order. `net` + `tax` is what the buyer paid; `rate` in percent, None for "no tax"."""

    kind: str
    item_id: str
    quantity: int
    net: Decimal
    tax: Decimal
    rate: Decimal | None

    @property
    def gross(self) -> Decimal:
        return self.net + self.tax


def charges(
    items: Iterable[ItemMoney],
    grand_total: Decimal | None,
    *,
    countries: Iterable[str],
    unit: Decimal,
    other_total: Decimal = Decimal(0),
    untaxed_ok: bool = False,
) -> list[Charge]:
    """The charges of an order; their gross amounts add up to `grand_total` exactly.

    :param countries: destination first, then others whose statutory rates may apply
    :param unit: smallest amount of the currency
    :param other_total: order-level amounts that no item holds (a delivery tip)
    :param untaxed_ok: treat an unknown tax as none
    :raise PriceProblem: naming the part that differs
    """
    items, countries = list(items), list(countries)
    result: list[Charge] = []
    shared: dict[tuple[str, Decimal | None], Charge] = {}
    total = other_total
    for item in items:
        for charge in _item_charges(item, countries, unit, untaxed_ok):
            total += charge.gross
            if charge.kind not in SHARED:
                result.append(charge)
            elif known := shared.get((charge.kind, charge.rate)):
                known.net += charge.net
                known.tax += charge.tax
            else:
                shared[charge.kind, charge.rate] = charge
    if grand_total is None:
        raise PriceProblem("money_missing")
    if total != grand_total:
        raise PriceProblem("total_mismatch", expected=grand_total, found=total)
    if other_total:
        result.append(Charge("other", "", 1, other_total, Decimal(0), None))
    return result + [charge for charge in shared.values() if charge.gross or charge.net]


def _item_charges(item: ItemMoney, countries: list[str], unit: Decimal, untaxed_ok: bool) -> list[Charge]:
    if item.total is None:
        raise PriceProblem("money_missing", item.item_id)
    parts = {kind: amount for kind, amount in item.parts.items() if amount}
    tax = item.tax or Decimal(0)
    found = sum(parts.values(), tax)
    discount = parts.get("DISCOUNT", Decimal(0))
    if found != item.total and discount > 0 and found - 2 * discount == item.total:
        # The model does not say which sign a discount has; the total does.
        parts["DISCOUNT"] = -discount
        found = item.total
    if found != item.total:
        raise PriceProblem("item_mismatch", item.item_id, item.total, found)
    rate = _rate(item, parts, countries, unit, untaxed_ok)
    shares = _tax_shares(parts, tax, item.tax_parts, unit)
    result = [
        Charge(KINDS.get(kind, "other"), item.item_id, 1, amount, shares[kind], rate)
        for kind, amount in parts.items()
        if kind not in ("ITEM", "DISCOUNT")
    ]
    goods = Charge(
        "item", item.item_id, item.quantity, parts.get("ITEM", Decimal(0)), shares.get("ITEM", Decimal(0)), rate
    )
    if item.quantity:
        result.insert(0, goods)
    elif goods.gross:
        raise PriceProblem("item_mismatch", item.item_id, item.total, Decimal(0))
    if "DISCOUNT" in parts:
        result.insert(1, Charge("discount", item.item_id, 1, parts["DISCOUNT"], shares["DISCOUNT"], rate))
    return result


def _rate(
    item: ItemMoney, parts: Mapping[str, Decimal], countries: list[str], unit: Decimal, untaxed_ok: bool
) -> Decimal | None:
    if not any(parts.values()) and not item.tax:
        return None
    if item.tax is None:
        if untaxed_ok:
            return None
        raise PriceProblem("tax_missing", item.item_id)
    net, tax, count = sum(parts.values(), Decimal(0)), item.tax, len(parts)
    if parts.get("ITEM") and "ITEM" in item.tax_parts:
        # A discount of everything leaves nothing to tell the rate from; the goods themselves do.
        net, tax, count = parts["ITEM"], item.tax_parts["ITEM"], 1
    # Amazon rounds the tax of each part, and of each unit, before it adds them up.
    rate = find_rate(net, tax, countries, unit, parts=count + max(0, item.quantity - 1))
    if rate is None:
        raise PriceProblem("tax_not_found", item.item_id, tax, net)
    return rate


def _tax_shares(
    parts: Mapping[str, Decimal], tax: Decimal, details: Mapping[str, Decimal], unit: Decimal
) -> dict[str, Decimal]:
    """The tax of each part: as Amazon details it if that adds up, else in proportion, to the last unit."""
    if details and sum(details.values(), Decimal(0)) == tax and set(details) <= set(parts):
        return {kind: details.get(kind, Decimal(0)) for kind in parts}
    net = sum(parts.values(), Decimal(0))
    if not net:
        # Nothing to be in proportion to: the first part carries it, so that the sum stays right.
        return {kind: tax if index == 0 else Decimal(0) for index, kind in enumerate(parts)}
    exact = {kind: tax * amount / net for kind, amount in parts.items()}
    shares = {kind: (value / unit).to_integral_value(ROUND_FLOOR) * unit for kind, value in exact.items()}
    left = int((tax - sum(shares.values(), Decimal(0))) / unit)
    for kind in sorted(exact, key=lambda kind: shares[kind] - exact[kind])[:left]:
        shares[kind] += unit
    return shares
