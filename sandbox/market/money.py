"""Prices of an order, a pure function of what the order shows: SKUs, quantities, promotions, wrapping, speed,
destination, kind of buyer.

That is why a PENDING order, which shows no price, gets the very same prices when it is released. Reckoned in cents.

Rules, in the shape of Amazon's Orders 2026-01-01 examples: ``ITEM`` is net and equals unit price x quantity, ``TAX``
stands beside it with a detail per charge, ``DISCOUNT`` is negative; the item's breakdowns sum to its
``proceedsTotal``, the items to the order's ``grandTotal``. VAT is reckoned per unit, so TAX may differ by some cents
from the rate times ITEM, while net + VAT per unit is the price the buyer saw.
"""

from __future__ import annotations

from decimal import Decimal

from .catalogue import BY_SKU
from .dice import dice
from .marketplaces import EU, HOME_COUNTRY, VAT_PER_MILLE, Marketplace
from .places import TERRITORIES

__all__ = ["PROMOTIONS", "SHIPPING_EUR_CENTS", "WRAPS", "amount", "list_price", "price", "shipping_cents", "tax_rate"]

# kind: (what it lowers, how, value in percent or euro cents)
PROMOTIONS = {
    "PCT10": ("ITEM", "percent", 10),
    "PCT15": ("ITEM", "percent", 15),
    "PCT30": ("ITEM", "percent", 30),
    "AMT2": ("ITEM", "amount", 200),
    "AMT5": ("ITEM", "amount", 500),
    "FREESHIP": ("SHIPPING", "percent", 100),
    "SHIPAMT1": ("SHIPPING", "amount", 100),
    "FREEITEM": ("ITEM", "percent", 100),
}
WRAPS = {"STANDARD": 299, "PREMIUM": 449}
SHIPPING_EUR_CENTS = {
    "STANDARD": 399,
    "EXPEDITED": 699,
    "NEXT_DAY": 899,
    "PRIORITY": 599,
    "SECOND_DAY": 599,
    "SCHEDULED": 999,
    "FREE_ECONOMY": 0,
}
_BUSINESS_DISCOUNT = 5
_ORDER_OF_TYPES = ("ITEM", "SHIPPING", "GIFT_WRAP", "DISCOUNT", "TAX")


def amount(cents: int, currency: str) -> dict:
    """``{"amount": "12.90", "currencyCode": "EUR"}``."""
    whole, rest = divmod(abs(cents), 100)
    return {"amount": f"{'-' if cents < 0 else ''}{whole}.{rest:02d}", "currencyCode": currency}


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _net(gross: int, per_mille: int) -> int:
    return _half_up(gross * 1000, 1000 + per_mille)


def _local(euro_cents: int, marketplace: Marketplace) -> int:
    """A euro amount in the marketplace's cents; other currencies end in 9 (x.x9), as price lists do."""
    if marketplace.rate == 100 or not euro_cents:
        return euro_cents
    return euro_cents * marketplace.rate // 1000 * 10 + 9


def list_price(sku: str, marketplace: Marketplace) -> int:
    """The price in the shop, VAT of the marketplace's country included, in cents. An unknown SKU costs 10 to 60 euro,
    always the same.
    """
    product = BY_SKU.get(sku)
    euro_cents = int(product["price_eur"].replace(".", "")) if product else dice("price", sku).randrange(1000, 6000)
    return _local(euro_cents, marketplace)


def tax_rate(address: dict, marketplace: Marketplace, business: bool) -> int:
    """VAT per mille: the destination's rate; 0 for an export out of the VAT area and for a business abroad
    (reverse charge in the EU, export outside)."""
    country = address.get("countryCode") or marketplace.country
    if any(address.get("city") == city for city, _, _ in TERRITORIES.get(country, ())):
        return 0
    if business and country != HOME_COUNTRY:
        return 0
    return VAT_PER_MILLE.get(country, 0)


def shipping_cents(order: dict, goods: int, marketplace: Marketplace) -> int:
    """What the buyer pays for shipping, VAT included: nothing with Prime, above the free-shipping threshold, or for a
    replacement.
    """
    programs = order.get("programs") or ()
    level = (order.get("fulfillment") or {}).get("fulfillmentServiceLevel", "STANDARD")
    if "PRIME" in programs or not goods or (level == "STANDARD" and goods >= marketplace.free_shipping_from):
        return 0
    return _local(SHIPPING_EUR_CENTS.get(level, 399), marketplace)


class _Line:
    """The charges of one order item: net and tax in cents per kind of charge."""

    __slots__ = ("net", "tax")

    def __init__(self) -> None:
        self.net: dict[str, int] = {}
        self.tax: dict[str, int] = {}

    def add(self, kind: str, gross: int, rate: int) -> None:
        net = _net(gross, rate) if gross >= 0 else -_net(-gross, rate)
        self.net[kind] = self.net.get(kind, 0) + net
        self.tax[kind] = self.tax.get(kind, 0) + gross - net

    def gross(self, kind: str) -> int:
        return self.net.get(kind, 0) + self.tax.get(kind, 0)

    def discount(self, on: str, gross: int, rate: int, lowered: dict[str, int]) -> None:
        """Take ``gross`` off a charge, never more than is left of it; ``lowered`` keeps count, gross and net."""
        gross = min(gross, self.gross(on) - lowered.get(on, 0))
        if gross <= 0:
            return
        self.add("DISCOUNT", -gross, rate)
        lowered[on] = lowered.get(on, 0) + gross
        lowered[f"{on} net"] = lowered.get(f"{on} net", 0) + _net(gross, rate)


def _item_unit(item: dict, marketplace: Marketplace, rate: int, business_price: bool) -> tuple[int, int]:
    """Net price and VAT of one unit. Where no VAT is due, the buyer pays the net price of the shop."""
    shop = list_price(item["product"].get("sellerSku", ""), marketplace)
    shop_rate = VAT_PER_MILLE[marketplace.country]
    if business_price:
        net = _half_up(_net(shop, shop_rate) * (100 - _BUSINESS_DISCOUNT), 100)
        return net, _half_up(net * rate, 1000)
    if rate == 0:
        return _net(shop, shop_rate), 0
    net = _net(shop, rate)
    return net, shop - net


def _split(total: int, weights: list[int]) -> list[int]:
    """Share a sum by weights; the last part takes the rounding. All weights 0: all to the last."""
    whole = sum(weights)
    parts = [total * weight // whole if whole else 0 for weight in weights[:-1]]
    return [*parts, total - sum(parts)]


def price(order: dict, marketplace: Marketplace, address: dict) -> None:
    """Write ``product.price``, ``proceeds`` and ``tax`` of every item and ``proceeds`` and ``payment`` of the order,
    where they are missing.

    ``address`` decides the VAT. A replacement costs nothing. Changes the order in place.
    """
    business = "AMAZON_BUSINESS" in (order.get("programs") or ())
    free = any(link.get("associationType") == "REPLACEMENT_ORIGINAL_ID" for link in order.get("associatedOrders") or ())
    rate = tax_rate(address, marketplace, business)
    currency = marketplace.currency
    lines: list[tuple[dict, _Line, int]] = []
    for item in order["orderItems"]:
        special = business and dice("business price", item["orderItemId"]).random() < 0.8
        net, tax = (0, 0) if free else _item_unit(item, marketplace, rate, special)
        line = _Line()
        line.net["ITEM"], line.tax["ITEM"] = net * item["quantityOrdered"], tax * item["quantityOrdered"]
        unit = {"unitPrice": amount(net, currency)}
        if special and not free:
            unit["priceDesignation"] = "BUSINESS_PRICE"
        item["product"].setdefault("price", unit)
        lines.append((item, line, rate))

    weights = [line.gross("ITEM") for _, line, _ in lines]
    shipping = shipping_cents(order, sum(weights), marketplace)
    for (item, line, _), part in zip(lines, _split(shipping, weights) if lines else (), strict=True):
        if part:
            line.add("SHIPPING", part, rate)
        level = item.get("fulfillment", {}).get("packing", {}).get("giftOption", {}).get("giftWrapLevel")
        if level and not free:
            line.add("GIFT_WRAP", _local(WRAPS.get(level, WRAPS["STANDARD"]), marketplace), rate)
        _write_item(item, line, _promote(item, line, rate, marketplace), currency)
        _tax_scheme(item, marketplace, address, business, rate)
    if lines:
        _write_order(order, currency, business)


def _promote(item: dict, line: _Line, rate: int, marketplace: Marketplace) -> dict[str, int]:
    """Apply the item's promotions, whose ids carry their kind (``IT-PCT15-00417``); return what was taken off each
    charge.
    """
    lowered: dict[str, int] = {}
    for promotion in (item.get("promotion") or {}).get("breakdowns") or ():
        parts = str(promotion.get("promotionId", "")).split("-")
        on, how, value = PROMOTIONS.get(parts[1] if len(parts) > 1 else "", ("ITEM", "amount", 0))
        base = line.gross(on)
        line.discount(
            on, _half_up(base * value, 100) if how == "percent" else _local(value, marketplace), rate, lowered
        )
    return lowered


def _write_item(item: dict, line: _Line, lowered: dict[str, int], currency: str) -> None:
    breakdowns = []
    for kind in _ORDER_OF_TYPES[:-1]:
        if kind in line.net:
            entry: dict = {"type": kind, "subtotal": amount(line.net[kind], currency)}
            if kind == "DISCOUNT":
                entry["detailedBreakdowns"] = [
                    {"subtype": on, "value": amount(-lowered[f"{on} net"], currency)}
                    for on in ("ITEM", "SHIPPING")
                    if f"{on} net" in lowered
                ]
            breakdowns.append(entry)
    detail = [
        {"subtype": kind, "value": amount(line.tax[kind], currency)}
        for kind in _ORDER_OF_TYPES[:-1]
        if kind in line.tax
    ]
    breakdowns.append(
        {"type": "TAX", "subtotal": amount(sum(line.tax.values()), currency), "detailedBreakdowns": detail}
    )
    total = sum(line.net.values()) + sum(line.tax.values())
    item.setdefault("proceeds", {"proceedsTotal": amount(total, currency), "breakdowns": breakdowns})


def _tax_scheme(item: dict, marketplace: Marketplace, address: dict, business: bool, rate: int) -> None:
    country = address.get("countryCode") or marketplace.country
    if not business and rate and country in EU and country != HOME_COUNTRY:
        item.setdefault("tax", {"taxCalculationBreakdowns": [{"reportingScheme": "UOSS"}]})
    elif not business and country not in EU:
        # Outside the EU Amazon is the deemed supplier of a foreign seller's consumer sales and keeps the tax.
        item.setdefault(
            "tax",
            {
                "taxCollections": [
                    {"model": "MARKETPLACE_FACILITATOR", "responsibleParty": "Amazon Services Europe S.a.r.L."}
                ]
            },
        )


def _cents(money: dict) -> int:
    return int(Decimal(money["amount"]) * 100)


def _write_order(order: dict, currency: str, business: bool) -> None:
    totals: dict[str, int] = {}
    for item in order["orderItems"]:
        for entry in item["proceeds"]["breakdowns"]:
            totals[entry["type"]] = totals.get(entry["type"], 0) + _cents(entry["subtotal"])
    grand = amount(sum(totals.values()), currency)
    breakdowns = [
        {"type": kind, "subtotal": amount(totals[kind], currency)} for kind in _ORDER_OF_TYPES if kind in totals
    ]
    order.setdefault("proceeds", {"grandTotal": grand, "breakdowns": breakdowns})
    method = "Invoice" if business and dice("payment", order["orderId"]).random() < 0.5 else "Other"
    order.setdefault("payment", {"paymentExecutions": [{"paymentMethod": method, "paymentAmount": dict(grand)}]})
