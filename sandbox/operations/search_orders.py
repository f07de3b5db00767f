"""Orders 2026-01-01: searchOrders.

Exactly one of createdAfter and lastUpdatedAfter; a *Before only with its own After, not before it and at least two
minutes ago; lists validated; a page token valid for 24 hours and bound to every parameter but maxResultsPerPage and
includedData. The answer echoes the upper bound it used.
"""

from __future__ import annotations

from .. import clock, jsontext, pagination
from ..clock import MINUTE
from ..errors import invalid
from ..faults import Fault
from ..orders import Search, touch
from ..roles import INVENTORY, SHIPPING, TAX_INVOICING, TAX_REMITTANCE
from ..visibility import view
from . import Answer, Call, Operation
from .parameters import choices, included_data, instant, marketplaces, whole_number

STATUSES = (
    "PENDING_AVAILABILITY",
    "PENDING",
    "UNSHIPPED",
    "PARTIALLY_SHIPPED",
    "SHIPPED",
    "CANCELLED",
    "UNFULFILLABLE",
)
PARAMETERS = (
    "createdAfter",
    "createdBefore",
    "lastUpdatedAfter",
    "lastUpdatedBefore",
    "fulfillmentStatuses",
    "marketplaceIds",
    "fulfilledBy",
    "maxResultsPerPage",
    "paginationToken",
    "includedData",
)
SETTLE = 2 * MINUTE
ORDER_ROLES = frozenset((INVENTORY, SHIPPING, TAX_INVOICING, TAX_REMITTANCE))


def _window(query: dict[str, str], now: int) -> tuple[str, int, int | None]:
    """(prefix of the parameter names, lower bound, upper bound or None), all rules on dates checked."""
    bounds = {name: instant(query, name) for name in PARAMETERS[:4]}
    if (bounds["createdAfter"] is None) == (bounds["lastUpdatedAfter"] is None):
        raise invalid("Exactly one of createdAfter and lastUpdatedAfter must be provided.")
    prefix, other = ("created", "lastUpdated") if bounds["createdAfter"] is not None else ("lastUpdated", "created")
    if bounds[f"{other}Before"] is not None:
        raise invalid(f"{other}Before must not be provided with {prefix}After.")
    after, before = bounds[f"{prefix}After"], bounds[f"{prefix}Before"]
    if after is None or after > now:
        raise invalid(f"{prefix}After must not be in the future.")
    if before is not None and before < after:
        raise invalid(f"{prefix}Before must be equal to or after {prefix}After.")
    if before is not None and before > now - SETTLE:
        raise invalid(f"{prefix}Before must be at least two minutes before the time of the request.")
    return prefix, after, before


def handle(call: Call) -> Answer:
    """One page of orders in ascending (time, order id)."""
    world, query = call.world, call.query(*PARAMETERS)
    prefix, after, before = _window(query, call.now)
    statuses = choices(query, "fulfillmentStatuses", STATUSES)
    fulfilled_by = choices(query, "fulfilledBy", ("MERCHANT", "AMAZON"))
    wanted = choices(query, "marketplaceIds")
    if len(wanted) > 50:
        raise invalid("At most 50 marketplaceIds may be provided.")
    marketplaces(call, wanted)
    size = whole_number(query, "maxResultsPerPage", 1, 100, 100)
    included = included_data(query)

    binding = jsontext.dumps(
        [call.app.client_id, call.seller.seller, prefix, after, before, statuses, fulfilled_by, wanted]
    )
    key = world.db.signing_key()
    upper = before if before is not None else max(after, clock.whole_second(call.now - SETTLE))
    position, again = (-1, ""), []
    if "paginationToken" in query:
        state = pagination.redeem(key, query["paginationToken"], binding, call.now)
        upper, position, again = state["upper"], (state["time"], state["id"]), state.get("again", [])

    search = Search(
        call.seller.seller,
        "created" if prefix == "created" else "updated",
        after,
        upper,
        statuses,
        fulfilled_by,
        wanted or call.seller.marketplaces,
    )
    found = world.orders.search(search, position, size + 1, call.now)
    page, more = found[:size], len(found) > size
    repeated = [order for order_id in again if (order := world.orders.get(call.seller.seller, order_id))]
    orders = [view(o, included, call.app.roles, call.now) for o in [*repeated, *(entry[2] for entry in page)]]
    body: dict[str, object] = {"orders": orders}
    if more:
        state = {"upper": upper, "time": page[-1][0], "id": page[-1][1]}
        fault = world.faults.claim(call.operation.name, by_operation=True)
        if fault is not None and fault.kind == "repeated_page":
            state |= {"time": position[0], "id": position[1]}
        elif fault is not None:
            moved = _move(call, search, [entry[1] for entry in page], found[size][1], fault)
            if moved:
                state["again"] = moved
        body["pagination"] = {"nextToken": pagination.issue(key, state, binding, call.now)}
    body[f"{prefix}Before"] = clock.iso(upper)
    return Answer(body=body)


def _move(call: Call, search: Search, page: list[str], following: str, fault: Fault) -> list[str]:
    """The `moving_order` fault, which waits for a search of several pages.

    ``direction: "again"`` (the default): `count` orders of this page change and come again on a later page of the same
    search. ``direction: "away"``: the first order of the next page changes now, leaves this search, and is for the next
    one to find.
    Returns the ids that the next page repeats (searches by creation, where a change does not move an order).
    """
    away = fault.params.get("direction") == "away"
    chosen = [following] if away else page[: int(fault.params.get("count", 1))]
    if search.by == "created":
        return [] if away else chosen
    for order_id in chosen:
        order = call.world.orders.get(search.seller, order_id)
        if order is not None:
            if away:
                touch(order, call.now)
            else:
                order["lastUpdatedTime"] = clock.iso(search.before)
            call.world.orders.save(search.seller, order_id, order, call.now)
    return []


OPERATION = Operation(
    "orders_2026-01-01",
    "searchOrders",
    "GET",
    "/orders/2026-01-01/orders",
    handle,
    rate=0.0056,
    burst=20,
    roles=ORDER_ROLES,
)
