"""What Amazon shows at which status.

A PENDING order (also PENDING_AVAILABILITY) has no buyer, no recipient, no prices; a CANCELLED one neither. Everything
that is hidden can be derived again from what stays visible (:mod:`.people`, :mod:`.money`), so :func:`reveal` needs
no memory.
"""

from __future__ import annotations

from .marketplaces import Marketplace
from .money import price
from .people import gift_message, people

__all__ = ["drop_phone", "hide", "merge_missing", "reveal"]


def hide(order: dict) -> None:
    """Remove the person and the money, in place."""
    for key in ("buyer", "recipient", "proceeds", "payment", "tax"):
        order.pop(key, None)
    for item in order["orderItems"]:
        for key in ("proceeds", "tax"):
            item.pop(key, None)
        for key in ("price", "customization"):
            item["product"].pop(key, None)
        (item.get("fulfillment", {}).get("packing", {}).get("giftOption") or {}).pop("giftMessage", None)


def merge_missing(target: dict, source: dict) -> None:
    """Copy into ``target`` whatever it does not have, dictionaries recursively: what a tester planted stays."""
    for key, value in source.items():
        if key not in target:
            target[key] = value
        elif isinstance(target[key], dict) and isinstance(value, dict):
            merge_missing(target[key], value)


def reveal(order: dict, marketplace: Marketplace, *, territory: bool = False) -> None:
    """Give a released order its buyer, recipient, tax data, gift notes and prices, in place; what is there already
    stays.
    """
    fulfillment = order.get("fulfillment") or {}
    options = [
        option
        for item in order["orderItems"]
        if (option := item.get("fulfillment", {}).get("packing", {}).get("giftOption")) is not None
    ]
    person = people(
        order["orderId"],
        marketplace,
        business="AMAZON_BUSINESS" in (order.get("programs") or ()),
        merchant_fulfilled=fulfillment.get("fulfilledBy", "MERCHANT") == "MERCHANT",
        gift=bool(options),
        territory=territory,
    )
    registrations = person.pop("taxRegistrations", None)
    merge_missing(order, person)
    tax: dict = {"taxRegistrations": registrations} if registrations else {}
    if marketplace.country == "TR":
        tax["taxInvoicing"] = {"buyerInvoicePreference": "BUSINESS" if registrations else "INDIVIDUAL"}
    if tax:
        merge_missing(order, {"tax": tax})
    for item in order["orderItems"]:
        option = item.get("fulfillment", {}).get("packing", {}).get("giftOption")
        if option is not None:
            option.setdefault("giftMessage", gift_message(item["orderItemId"], marketplace))
    price(order, marketplace, order["recipient"].get("deliveryAddress") or {})


def drop_phone(order: dict) -> bool:
    """Suppress the phone number, as for shipped orders past their latest delivery date. Tell whether there was one."""
    address = (order.get("recipient") or {}).get("deliveryAddress") or {}
    return address.pop("phone", None) is not None
