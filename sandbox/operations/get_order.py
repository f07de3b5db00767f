"""Orders 2026-01-01: getOrder."""

from __future__ import annotations

import re

from ..errors import invalid, not_found
from ..visibility import child, view
from . import Answer, Call, Operation
from .parameters import included_data
from .search_orders import ORDER_ROLES

ORDER_ID = re.compile(r"[0-9A-Z]{3}-\d{7}-\d{7}", re.ASCII)


def handle(call: Call) -> Answer:
    """One order of the seller, if it is younger than the API's horizon."""
    included = included_data(call.query("includedData"))
    order_id = call.path["orderId"]
    order = call.world.orders.get(call.seller.seller, order_id)
    if order is None and not ORDER_ID.fullmatch(order_id):
        raise invalid("Invalid value for parameter orderId.")
    marketplace = child(order, "salesChannel", "marketplaceId")
    row = call.world.orders.created(call.seller.seller, order_id)
    if order is None or row is None or row < call.world.orders.visible_since(marketplace, call.now):
        raise not_found("The requested order was not found.")
    return Answer(body={"order": view(order, included, call.app.roles, call.now)})


OPERATION = Operation(
    "orders_2026-01-01",
    "getOrder",
    "GET",
    "/orders/2026-01-01/orders/{orderId}",
    handle,
    rate=0.5,
    burst=30,
    roles=ORDER_ROLES,
)
