"""What Amazon says of an item's money, and what a sale order can hold of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ..spapi.order_model import Line
from .schemes import TAXED, Destination, is_collected, scheme_of


@dataclass(frozen=True, slots=True)
class ItemMoney:
    """Amounts of one item, all in the order's currency.

    :param parts: Amazon's breakdown type → subtotal, without TAX
    :param tax: the TAX subtotal; None when Amazon sent no TAX breakdown
    :param tax_parts: subtype → tax amount, where Amazon details it
    :param discounts: subtype → discount, where Amazon details it
    :param unit_price: of one piece; only used to say which part is wrong
    :param scheme: see :mod:`.schemes`
    :param collected: Amazon keeps the tax and pays it to the authority; it is no tax of the seller
    :param due: VAT is due by where the goods go, so a TAX of zero is one that Amazon did not calculate
    """

    item_id: str
    quantity: int
    total: Decimal | None
    parts: Mapping[str, Decimal]
    tax: Decimal | None = None
    tax_parts: Mapping[str, Decimal] = field(default_factory=dict)
    discounts: Mapping[str, Decimal] = field(default_factory=dict)
    unit_price: Decimal | None = None
    scheme: str = "regular"
    collected: bool = False
    due: bool = False


@dataclass(slots=True)
class Charge:
    """One line of the sale order. `net` + `tax` is what the buyer paid.

    :param kind: ``item``, ``discount``, ``shipping``, ``shipping_discount``, ``gift_wrap``, ``cod_fee``, ``other``,
        ``other_discount``, ``tip``, ``collected_tax``
    :param rate: in percent; None for "no tax"
    :param included: Amazon said nothing of tax, and the amount includes the one that the product has in Odoo
    """

    kind: str
    item_id: str
    quantity: int
    net: Decimal
    tax: Decimal
    rate: Decimal | None
    scheme: str = "regular"
    included: bool = False

    @property
    def gross(self) -> Decimal:
        """What the buyer paid."""
        return self.net + self.tax


def item_money(line: Line, destination: Destination, facilitator: bool, believe_zero: bool = False) -> ItemMoney:
    """The money of an order's line.

    :param facilitator: the marketplace collects the tax wherever Amazon says nothing else
    :param believe_zero: a tax of zero is one, whatever is due
    """
    parts: dict[str, Decimal] = {}
    details: dict[str, dict[str, Decimal]] = {"TAX": {}, "DISCOUNT": {}}
    tax = None
    for breakdown in line.breakdowns:
        if breakdown.type == "TAX":
            tax = (tax or Decimal(0)) + breakdown.value
        else:
            parts[breakdown.type] = parts.get(breakdown.type, Decimal(0)) + breakdown.value
        known = details.get(breakdown.type, {})
        for subtype, value in breakdown.details:
            known[subtype] = known.get(subtype, Decimal(0)) + value
    collected = is_collected(line, facilitator)
    scheme = scheme_of(line, destination, collected=collected, taxed=None if tax is None else bool(tax))
    return ItemMoney(
        line.item_id,
        line.quantity,
        line.total and line.total.value,
        parts,
        tax,
        details["TAX"],
        details["DISCOUNT"],
        line.unit_price and line.unit_price.value,
        scheme,
        collected,
        due=scheme in TAXED and not believe_zero and destination.is_due,
    )
