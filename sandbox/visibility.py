"""What of an order an application sees: the datasets it asked for, minus the buyer data its roles do not allow.

Amazon's rule for Orders 2026-01-01 is "no restricted data token, roles decide"; a missing role makes fields absent,
never null. Conditions per field follow Amazon's page on accessing PII with this API. Two choices of the sandbox where
Amazon says nothing: the company name and the purchase order number need any of the three restricted roles, and
buyer tax registrations need a tax role.

Orders may be malformed on purpose, so every step tolerates any JSON value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import clock
from .roles import SHIPPING, TAX_INVOICING, TAX_REMITTANCE

DATASETS = (
    "BUYER",
    "RECIPIENT",
    "PROCEEDS",
    "EXPENSE",
    "PROMOTION",
    "CANCELLATION",
    "FULFILLMENT",
    "PACKAGES",
    "TAX",
    "PAYMENT",
    "FULFILLMENT_ORDERS",
)
ORDER_PARTS = {
    "buyer": "BUYER",
    "recipient": "RECIPIENT",
    "proceeds": "PROCEEDS",
    "fulfillment": "FULFILLMENT",
    "packages": "PACKAGES",
    "tax": "TAX",
    "payment": "PAYMENT",
    "fulfillmentOrders": "FULFILLMENT_ORDERS",
}
ITEM_PARTS = {
    "proceeds": "PROCEEDS",
    "expense": "EXPENSE",
    "promotion": "PROMOTION",
    "cancellation": "CANCELLATION",
    "fulfillment": "FULFILLMENT",
    "tax": "TAX",
}
# Buyer data is given for orders that are to be shipped or have been; an unknown status counts as such.
WITHOUT_BUYER = {"PENDING", "PENDING_AVAILABILITY", "CANCELLED", "UNFULFILLABLE"}
# In these marketplaces the tax roles do not open the buyer's name (US, JP, SG).
NO_NAME_FOR_TAX = {"ATVPDKIKX0DER", "A1VC38T7YXB528", "A19VAU5U5O7RUS"}


def child(value: Any, *path: str) -> Any:
    """``value[path[0]][path[1]]…`` or None where the way is blocked."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def items(order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The order's items that are objects."""
    listed = order.get("orderItems")
    if isinstance(listed, list):
        yield from (item for item in listed if isinstance(item, dict))


def view(order: dict[str, Any], included: frozenset[str], roles: frozenset[str], now: int) -> dict[str, Any]:
    """`order` as the application sees it. Changes and returns the given dict. `now` in ms."""
    _hide_pii(order, roles, now)
    _drop_parts(order, ORDER_PARTS, included)
    for item in items(order):
        _drop_parts(item, ITEM_PARTS, included)
    return order


def _drop_parts(holder: dict[str, Any], parts: dict[str, str], included: frozenset[str]) -> None:
    for key, dataset in parts.items():
        if dataset not in included or holder.get(key) in ({}, None):
            holder.pop(key, None)


def _hide_pii(order: dict[str, Any], roles: frozenset[str], now: int) -> None:
    shipping = SHIPPING in roles
    tax = bool(roles & {TAX_INVOICING, TAX_REMITTANCE})
    merchant = child(order, "fulfillment", "fulfilledBy") != "AMAZON"
    open_status = child(order, "fulfillment", "fulfillmentStatus") not in WITHOUT_BUYER
    marketplace = child(order, "salesChannel", "marketplaceId")

    buyer = order.get("buyer")
    if isinstance(buyer, dict):
        named = (shipping and merchant) or (tax and marketplace not in NO_NAME_FOR_TAX)
        allowed = {
            "buyerEmail": shipping and merchant and open_status,
            "buyerName": named and open_status,
            "buyerCompanyName": (shipping or tax) and open_status,
            "buyerPurchaseOrderNumber": (shipping or tax) and open_status,
        }
        for key, visible in allowed.items():
            if not visible:
                buyer.pop(key, None)
    if not (shipping and open_status):
        order.pop("recipient", None)
    _hide_phone(order, merchant, now)
    for item in items(order):
        if not shipping:
            _drop_key(child(item, "fulfillment", "packing", "giftOption"), "giftMessage")
            _drop_key(child(item, "product", "customization"), "customizedUrl")
    registrations = child(order, "tax", "taxRegistrations")
    if isinstance(registrations, list) and not (tax and open_status):
        kept = [entry for entry in registrations if child(entry, "entityType") not in ("BUYER", None)]
        if kept:
            order["tax"]["taxRegistrations"] = kept
        else:
            del order["tax"]["taxRegistrations"]


def _hide_phone(order: dict[str, Any], merchant: bool, now: int) -> None:
    address = child(order, "recipient", "deliveryAddress")
    if not isinstance(address, dict):
        return
    late = False
    if child(order, "fulfillment", "fulfillmentStatus") == "SHIPPED":
        try:
            late = now > clock.parse(child(order, "fulfillment", "deliverByWindow", "latestDateTime"))
        except ValueError:
            late = False
    if late or not merchant:
        address.pop("phone", None)


def _drop_key(holder: Any, key: str) -> None:
    if isinstance(holder, dict):
        holder.pop(key, None)
