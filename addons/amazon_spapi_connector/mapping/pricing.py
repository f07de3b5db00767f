"""Amazon's money of an order as charges that a sale order can hold, exact to the smallest coin. Pure arithmetic.

Rules (Orders 2026-01-01 model and all its examples): an item's breakdowns add up to its ``proceedsTotal``, the items'
totals to the order's ``grandTotal``. Where a TAX breakdown stands, the other breakdowns are therefore net; where none
stands, the tax is unknown, not zero. Order-level breakdowns are the items' sums; only DELIVERY_TIP is of no item.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from .amounts import ZERO, Difference, PriceProblem, problem, spread
from .money import Charge, ItemMoney
from .vat import RATES, find_rate, fits

KINDS = {"ITEM": "item", "SHIPPING": "shipping", "GIFT_WRAP": "gift_wrap", "COD_FEE": "cod_fee"}
"""Amazon's breakdown types → our kinds of charge, others are ``other``; DISCOUNT and TAX are treated by themselves."""
NEVER_NEGATIVE = frozenset(KINDS)
OWN_LINE = frozenset({"item", "discount"})
"""Kinds with a line for each item. The sale order shows the others once for all items (by scheme and tax rate)."""
MISSING_TAX = ("stop", "untaxed", "included")


def charges(
    items: Iterable[ItemMoney],
    grand_total: Decimal | None,
    *,
    countries: Iterable[str],
    unit: Decimal,
    tip: Decimal = ZERO,
    tip_open: bool = False,
    order_parts: Mapping[str, Decimal] | None = None,
    missing_tax: str = "stop",
) -> list[Charge]:
    """The charges of an order; their gross amounts add up to `grand_total` exactly.

    :param countries: destination first, then others whose statutory rates may apply
    :param unit: smallest amount of the currency
    :param tip: order-level amount that no item holds (DELIVERY_TIP)
    :param tip_open: the tip is not final; it may not be in the total yet
    :param order_parts: the order's own breakdowns, to say which kind differs and to find what no item holds
    :param missing_tax: what an unknown tax is: ``stop`` refuses, ``untaxed`` takes it for none, ``included`` leaves it
        to the product's taxes
    :raise PriceProblem: naming all the parts that differ
    """
    items, countries, order_parts = list(items), list(countries), order_parts or {}
    if grand_total is None:
        raise problem("money_missing")
    if grand_total < 0:
        raise problem("money_negative", found=grand_total)
    if grand_total % unit or tip % unit:
        raise problem("money_fraction", found=grand_total if grand_total % unit else tip)
    stated = sum((item.total or ZERO for item in items), ZERO)
    if tip and tip_open and stated == grand_total:
        tip = ZERO
    if stated + tip == grand_total:
        # Amazon says nothing of what costs nothing: an item that was cancelled alone, or one that is free.
        items = [replace(item, total=ZERO) if item.total is None and not item.parts else item for item in items]
    if stated + tip != grand_total:
        items = _with_order_parts(items, grand_total - tip, order_parts, unit)
    result: list[Charge] = []
    shared: dict[tuple, Charge] = {}
    wrong: list[Difference] = []
    for item in items:
        try:
            found = _item_charges(item, countries, unit, missing_tax)
        except PriceProblem as caught:
            wrong += caught.differences
            continue
        for charge in found:
            # Where the product's tax decides, what is shipped with two products may bear two taxes.
            key = (charge.kind, charge.rate, charge.scheme, charge.included and charge.item_id)
            if charge.kind in OWN_LINE:
                result.append(charge)
            elif known := shared.get(key):
                known.net += charge.net
                known.tax += charge.tax
            else:
                shared[key] = charge
    if wrong:
        raise PriceProblem(wrong)
    result += [charge for charge in shared.values() if charge.gross or charge.net]
    if tip:
        result.append(Charge("tip", "", 1, tip, ZERO, None))
    if (total := sum((charge.gross for charge in result), ZERO)) != grand_total:
        raise PriceProblem(_total_differences(items, grand_total, total, order_parts))
    return result


# === ORDER === #


def _sums(items: Iterable[ItemMoney]) -> dict[str, Decimal]:
    """Sum of the items by Amazon's type, TAX among them."""
    sums: dict[str, Decimal] = {}
    for item in items:
        for kind, amount in (*item.parts.items(), ("TAX", item.tax or ZERO)):
            sums[kind] = sums.get(kind, ZERO) + amount
    return sums


def _with_order_parts(
    items: list[ItemMoney], total: Decimal, order_parts: Mapping[str, Decimal], unit: Decimal
) -> list[ItemMoney]:
    """The items with what stands on the order alone, spread over them in proportion to their totals.

    Only where the order's own breakdowns explain its total, and differ from the items in what no item states, in
    promotions or in tax: otherwise nothing is spread, so that a contradiction stays one.
    """
    sums = _sums(items)
    rest = {kind: amount - sums.get(kind, ZERO) for kind, amount in order_parts.items()}
    rest = {kind: amount for kind, amount in rest.items() if amount}
    whole = sum((item.total or ZERO for item in items), ZERO)
    stated = {kind for item in items for kind in item.parts} - {"DISCOUNT"}
    explained = sum(order_parts.values(), ZERO) == total == sum(rest.values(), ZERO) + whole
    if not rest or not whole or stated & set(rest) or not explained:
        return items
    weights = {item.item_id: item.total or ZERO for item in items}
    shares = {kind: spread(amount, weights, unit) for kind, amount in rest.items()}
    result = []
    for item in items:
        parts, tax, added = dict(item.parts), item.tax, ZERO
        for kind, share in shares.items():
            added += share[item.item_id]
            if kind == "TAX":
                tax = (tax or ZERO) + share[item.item_id]
            else:
                parts[kind] = parts.get(kind, ZERO) + share[item.item_id]
        result.append(
            replace(item, parts=parts, tax=tax, total=(item.total or ZERO) + added, tax_parts={}, discounts={})
        )
    return result


def _total_differences(
    items: list[ItemMoney], expected: Decimal, found: Decimal, order_parts: Mapping[str, Decimal]
) -> list[Difference]:
    """The sum that differs, then the kinds that do, as far as the order states them."""
    sums = _sums(items)
    kinds = [
        Difference("total_mismatch", "", kind, amount, sums.get(kind, ZERO))
        for kind, amount in order_parts.items()
        if amount != sums.get(kind, ZERO)
    ]
    return [Difference("total_mismatch", expected=expected, found=found), *kinds]


# === ITEM === #


def _item_charges(item: ItemMoney, countries: list[str], unit: Decimal, missing_tax: str) -> list[Charge]:
    if item.total is None:
        raise problem("money_missing", item.item_id)
    parts = {kind: amount for kind, amount in item.parts.items() if amount}
    zero = item.due and item.tax == ZERO and not _is_coins_only(parts, countries, unit)
    if zero:
        item = replace(item, tax=None, tax_parts={})
    tax = item.tax or ZERO
    found = sum(parts.values(), tax)
    discount = parts.get("DISCOUNT", ZERO)
    if found != item.total and discount > 0 and found - 2 * discount == item.total:
        # The model does not say which sign a discount has; the total does.
        parts["DISCOUNT"] = -discount
        found = item.total
    _check(item, parts, tax, found, unit)
    if item.collected:
        rates: dict[str, Decimal | None] = dict.fromkeys(parts, ZERO)
        shares = dict.fromkeys(parts, ZERO)
    else:
        if zero and missing_tax == "stop":
            raise problem("tax_zero", item.item_id, "TAX", found=ZERO)
        rates = _rates(item, parts, countries, unit, missing_tax)
        shares = _tax_shares(parts, tax, item.tax_parts, rates, unit)
    included = item.tax is None and missing_tax == "included" and not item.collected

    def charge(kind: str, quantity: int, amount: Decimal, share: Decimal, part: str) -> Charge:
        rate = rates.get(part, next(iter(rates.values()), None))
        return Charge(kind, item.item_id, quantity, amount, share, rate, item.scheme, included)

    result = []
    goods = charge("item", item.quantity, parts.get("ITEM", ZERO), shares.get("ITEM", ZERO), "ITEM")
    if item.quantity:
        result.append(goods)
    elif goods.gross:
        raise problem("item_mismatch", item.item_id, "ITEM", goods.gross, ZERO)
    if "DISCOUNT" in parts:
        by_part = _discounts(item, parts["DISCOUNT"])
        tax_by_part = spread(shares["DISCOUNT"], by_part, unit)
        for part, amount in by_part.items():
            kind = {"ITEM": "discount", "SHIPPING": "shipping_discount"}.get(part, "other_discount")
            result.append(charge(kind, 1, amount, tax_by_part[part], "DISCOUNT"))
    for part, amount in parts.items():
        if part not in ("ITEM", "DISCOUNT"):
            result.append(charge(KINDS.get(part, "other"), 1, amount, shares[part], part))
    if item.collected and tax:
        result.append(Charge("collected_tax", item.item_id, 1, tax, ZERO, None, item.scheme))
    return result


def _is_coins_only(parts: Mapping[str, Decimal], countries: list[str], unit: Decimal) -> bool:
    """Whether the parts come to so little that their tax is nothing when it is rounded."""
    net = sum(parts.values(), ZERO)
    rates = [Decimal(rate) for country in countries[:1] for rate in RATES.get(country, ())]
    return abs(net) * max(rates, default=ZERO) / 100 < unit


def _check(item: ItemMoney, parts: Mapping[str, Decimal], tax: Decimal, found: Decimal, unit: Decimal) -> None:
    """Refuse what cannot be: all that is wrong with the item at once."""
    amounts = {**parts, "TAX": tax, "TOTAL": item.total or ZERO}
    wrong = [
        Difference("money_fraction", item.item_id, kind, found=amount)
        for kind, amount in amounts.items()
        if amount % unit
    ]
    if not wrong:
        wrong = [
            Difference("money_negative", item.item_id, kind, found=amount)
            for kind, amount in amounts.items()
            if amount < 0 and (kind in NEVER_NEGATIVE or kind in ("TAX", "TOTAL"))
        ]
    if not wrong and found != item.total:
        wrong = [Difference("item_mismatch", item.item_id, expected=item.total, found=found)]
        price = item.unit_price * item.quantity if item.unit_price is not None else None
        if price is not None and price != parts.get("ITEM", ZERO):
            wrong.append(Difference("item_mismatch", item.item_id, "ITEM", price, parts.get("ITEM", ZERO)))
        detailed = sum(item.tax_parts.values(), ZERO)
        if item.tax_parts and detailed != tax:
            wrong.append(Difference("item_mismatch", item.item_id, "TAX", detailed, tax))
    if wrong:
        raise PriceProblem(wrong)


def _discounts(item: ItemMoney, discount: Decimal) -> dict[str, Decimal]:
    """The discount by what it is on, as Amazon details it if that adds up; else all of it on the goods."""
    details = {kind: amount for kind, amount in item.discounts.items() if amount}
    detailed = sum(details.values(), ZERO)
    if details and abs(detailed) == abs(discount) and len({amount > 0 for amount in details.values()}) == 1:
        sign = 1 if detailed == discount else -1
        return {kind: sign * amount for kind, amount in details.items()}
    return {"ITEM": discount}


def _rates(
    item: ItemMoney, parts: Mapping[str, Decimal], countries: list[str], unit: Decimal, missing_tax: str
) -> dict[str, Decimal | None]:
    """The rate of each part: that of the item, but for a part that Amazon details with another one."""
    if item.tax is None and any(parts.values()):
        if missing_tax == "stop":
            raise problem("tax_missing", item.item_id, "TAX")
        return dict.fromkeys(parts, None)
    if not any(parts.values()) and not item.tax:
        return {}
    tax = item.tax or ZERO
    net, count = sum(parts.values(), ZERO), len(parts)
    if parts.get("ITEM") and "ITEM" in item.tax_parts:
        # A discount of everything leaves nothing to tell the rate from; the goods themselves do.
        net, tax, count = parts["ITEM"], item.tax_parts["ITEM"], 1
    # Amazon rounds the tax of each part, and of each unit, before it adds them up.
    rounded = count + max(0, item.quantity - 1)
    rate = find_rate(net, tax, countries, unit, parts=rounded)
    if rate is None:
        raise problem("tax_not_found", item.item_id, "TAX", tax, net)
    rates: dict[str, Decimal | None] = dict.fromkeys(parts, rate)
    for kind in parts if _adds_up(item, parts) else ():
        detail = item.tax_parts.get(kind, ZERO)
        if not fits(rate, parts[kind], detail, unit, rounded):
            own = find_rate(parts[kind], detail, countries, unit, parts=rounded)
            rates[kind] = rate if own is None else own
    return rates


def _adds_up(item: ItemMoney, parts: Mapping[str, Decimal]) -> bool:
    """Whether Amazon's details of the tax are complete and of nothing but the parts."""
    details = item.tax_parts
    return bool(details) and sum(details.values(), ZERO) == (item.tax or ZERO) and set(details) <= set(parts)


def _tax_shares(
    parts: Mapping[str, Decimal],
    tax: Decimal,
    details: Mapping[str, Decimal],
    rates: Mapping[str, Decimal | None],
    unit: Decimal,
) -> dict[str, Decimal]:
    """The tax of each part: as Amazon details it if that adds up, else by its rate, the last units on the largest part.

    Not in proportion to the tax: of goods that are given away but for some cents, a cent of rounding would come back
    as euros on the goods and on their discount.
    """
    if details and sum(details.values(), ZERO) == tax and set(details) <= set(parts):
        return {kind: details.get(kind, ZERO) for kind in parts}
    shares = {
        kind: (amount * (rates.get(kind) or ZERO) / 100 / unit).to_integral_value(ROUND_HALF_UP) * unit
        for kind, amount in parts.items()
    }
    if shares:
        shares[max(parts, key=lambda kind: abs(parts[kind]))] += tax - sum(shares.values(), ZERO)
    return shares
