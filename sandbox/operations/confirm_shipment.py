"""Orders v0: confirmShipment, which Orders 2026-01-01 has no successor for.

The same packageReferenceId again edits that package; other ids add packages. FBM Ship+ orders, FBA orders, and orders
that are not to be shipped are refused with 400, as are quantities beyond what is left.
"""

from __future__ import annotations

import re
from typing import Any

from .. import clock, market
from ..errors import invalid, not_found
from ..roles import INVENTORY, SHIPPING
from ..visibility import child
from . import Answer, Call, Operation

JAPAN = "A1VC38T7YXB528"
OPEN = ("UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED")


def _text(holder: dict[str, Any], name: str, where: str) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not value.strip():
        raise invalid(f"{where}{name} is required and must be a string.")
    return value


def _package(body: dict[str, Any]) -> dict[str, Any]:
    """The `packageDetail` of a request, its form checked."""
    detail = body.get("packageDetail")
    if not isinstance(detail, dict):
        raise invalid("packageDetail is required.")
    where = "packageDetail."
    reference = _text(detail, "packageReferenceId", where)
    if not re.fullmatch(r"0*[1-9]\d*", reference, re.ASCII):
        raise invalid("packageReferenceId must be a positive numeric value.")
    if _text(detail, "carrierCode", where).lower() == "other":
        _text(detail, "carrierName", where)
    _text(detail, "trackingNumber", where)
    try:
        clock.parse(_text(detail, "shipDate", where))
    except ValueError:
        raise invalid("packageDetail.shipDate must be an ISO 8601 date-time.") from None
    for name in ("carrierName", "shippingMethod", "shipFromSupplySourceId"):
        if name in detail and not isinstance(detail[name], str):
            raise invalid(f"packageDetail.{name} must be a string.")
    return detail


def _quantities(detail: dict[str, Any]) -> dict[str, int]:
    """Order item id to quantity of a package."""
    listed = detail.get("orderItems")
    if not isinstance(listed, list) or not listed:
        raise invalid("packageDetail.orderItems must list at least one item.")
    quantities: dict[str, int] = {}
    for entry in listed:
        if not isinstance(entry, dict):
            raise invalid("packageDetail.orderItems must hold objects.")
        item_id, quantity = _text(entry, "orderItemId", "orderItems."), entry.get("quantity")
        if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1:
            raise invalid("orderItems.quantity must be a positive whole number.")
        codes = entry.get("transparencyCodes", [])
        if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
            raise invalid("orderItems.transparencyCodes must be a list of strings.")
        quantities[item_id] = quantities.get(item_id, 0) + quantity
    return quantities


def _check_order(body: dict[str, Any], order: dict[str, Any]) -> None:
    """The order can be confirmed by its seller, in the marketplace named."""
    marketplace = _text(body, "marketplaceId", "")
    if marketplace != child(order, "salesChannel", "marketplaceId"):
        raise invalid("The order does not belong to the marketplace.")
    if "codCollectionMethod" in body and (body["codCollectionMethod"] != "DirectPayment" or marketplace != JAPAN):
        raise invalid("codCollectionMethod is only supported in the JP marketplace, with the value DirectPayment.")
    if child(order, "fulfillment", "fulfilledBy") != "MERCHANT":
        raise invalid("The order is not fulfilled by the merchant.")
    if "FBM_SHIP_PLUS" in (order.get("programs") or ()):
        raise invalid("The shipment of an FBM Ship+ order is confirmed by Amazon.")
    if child(order, "fulfillment", "fulfillmentStatus") not in OPEN:
        raise invalid("The order cannot be confirmed in its current status.")


def handle(call: Call) -> Answer:
    """Confirm or edit one package: 204 without a body."""
    order_id, seller = call.path["orderId"], call.seller.seller
    body = call.json()
    detail = _package(body)
    quantities = _quantities(detail)
    order = call.world.orders.get(seller, order_id)
    if order is None:
        raise not_found("The requested order was not found.")
    _check_order(body, order)

    packages = (package for package in order.get("packages") or () if isinstance(package, dict))
    edited = next((p for p in packages if p.get("packageReferenceId") == detail["packageReferenceId"]), {})
    other = detail["carrierCode"].lower() == "other"
    keys = ("orderItemId", "quantity", "transparencyCodes")
    package = {
        "packageReferenceId": detail["packageReferenceId"],
        "carrier": detail["carrierName"] if other else detail["carrierCode"],
        "shippingService": detail.get("shippingMethod", ""),
        "shipTime": detail["shipDate"],
        "trackingNumber": detail["trackingNumber"],
        "packageItems": [{key: entry[key] for key in keys if key in entry} for entry in detail["orderItems"]],
    }
    if "createdTime" in edited:
        package["createdTime"] = edited["createdTime"]
    try:
        changed = market.confirm_shipment(order, clock.as_datetime(call.now), quantities, package)
    except (KeyError, TypeError, ValueError):
        raise invalid("An order item is unknown, or its quantity exceeds what is left to be shipped.") from None
    if not package["shippingService"]:
        del changed["packages"][-1]["shippingService"]
    call.world.orders.save(seller, order_id, changed, call.now)
    return Answer(204)


OPERATION = Operation(
    "ordersV0",
    "confirmShipment",
    "POST",
    "/orders/v0/orders/{orderId}/shipmentConfirmation",
    handle,
    rate=2,
    burst=10,
    roles=frozenset((INVENTORY, SHIPPING)),
)
