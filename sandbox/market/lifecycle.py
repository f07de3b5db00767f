"""How an order changes: by itself as time passes (:func:`advance`) and on command (:func:`transition`).

Nothing here remembers anything: what happens to an order, and when, depends on the order and its id alone. Functions
never change their argument; they return a new order, whose ``lastUpdatedTime`` is later than before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import datetime, timedelta

from .clock import iso, parse, utc
from .dice import dice
from .marketplaces import marketplace
from .money import price
from .shipping import next_stage, settle, ship, unshipped
from .visibility import drop_phone, hide, reveal

__all__ = ["COMMANDS", "advance", "confirm_shipment", "next_due", "transition"]

# Amazon cancels a merchant's order that is not confirmed within 30 days after the day it should have shipped.
AUTO_CANCEL = timedelta(days=30)
_SECOND = timedelta(seconds=1)
_Change = Callable[[dict, datetime], None]
_Step = tuple[datetime, _Change]
# What a raw order of any shape, put in by a tester, can end in.
_BROKEN = (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError)


def _minutes(order: dict, what: str, low: int, high: int) -> timedelta:
    return timedelta(minutes=dice(what, order["orderId"]).randrange(low, high))


def _status(order: dict) -> str:
    return order["fulfillment"]["fulfillmentStatus"]


def _by_amazon(order: dict) -> bool:
    return order["fulfillment"].get("fulfilledBy") == "AMAZON"


def _set_status(order: dict, status: str) -> None:
    order["fulfillment"]["fulfillmentStatus"] = status


# -- the single changes, each in place ----------------------------------------


def _available(order: dict, at: datetime) -> None:
    _set_status(order, "PENDING")


def _release(order: dict, at: datetime) -> None:
    _set_status(order, "UNSHIPPED")
    reveal(order, marketplace(order["salesChannel"]["marketplaceId"]))


def _ship_all(order: dict, at: datetime) -> None:
    if _by_amazon(order):
        for item in order["orderItems"]:
            item.setdefault("fulfillment", {}).update(quantityFulfilled=item["quantityOrdered"], quantityUnfulfilled=0)
        _set_status(order, "SHIPPED")
    else:
        ship(order, at)


def _ship_some(order: dict, at: datetime) -> None:
    left = unshipped(order)
    total = sum(left.values())
    if _by_amazon(order) or total < 2:
        raise ValueError("only a merchant-fulfilled order with two or more units left can be partially shipped")
    target, items = total // 2, {}
    for key, count in left.items():
        taken = min(count, target)
        if taken:
            items[key] = taken
            target -= taken
    ship(order, at, items)


def _cancel(by: str, reason: str) -> _Change:
    def change(order: dict, at: datetime) -> None:
        shipped = _status(order) == "PARTIALLY_SHIPPED"
        for item in order["orderItems"]:
            amounts = item.setdefault("fulfillment", {})
            if shipped and not amounts.get("quantityUnfulfilled"):
                continue
            amounts["quantityUnfulfilled"] = 0
            item.setdefault("cancellation", {}).setdefault(
                "cancellationExecution", {"cancelledBy": by, "cancelReason": reason}
            )
        if shipped:
            # What left stays sold: Amazon closes such an order as SHIPPED, the rest of the items cancelled.
            settle(order)
        else:
            _set_status(order, "CANCELLED")
            hide(order)

    return change


def _cancel_on_command(order: dict, at: datetime) -> None:
    requested = any("cancellationRequest" in (item.get("cancellation") or {}) for item in order["orderItems"])
    if _status(order) in ("PENDING", "PENDING_AVAILABILITY"):
        by, reason = "BUYER", "Order placed by mistake"
    elif _by_amazon(order):
        by, reason = "AMAZON", "Undeliverable"
    else:
        by, reason = "MERCHANT", "Buyer requested cancellation" if requested else "No inventory"
    _cancel(by, reason)(order, at)


def _request_cancel(order: dict, at: datetime) -> None:
    reasons = ("Changed mind about purchase", "Ordered by mistake", "Found a better price", "Would not arrive on time")
    reason = dice("cancel", order["orderId"]).choice(reasons)
    for item in order["orderItems"]:
        item.setdefault("cancellation", {})["cancellationRequest"] = {"requester": "BUYER", "cancelReason": reason}


def _unfulfillable(order: dict, at: datetime) -> None:
    if not _by_amazon(order):
        raise ValueError("only an order fulfilled by Amazon can become UNFULFILLABLE")
    _set_status(order, "UNFULFILLABLE")


def _price_anew(order: dict) -> None:
    for item in order["orderItems"]:
        for key in ("proceeds", "tax"):
            item.pop(key, None)
    for key in ("proceeds", "payment"):
        order.pop(key, None)
    address = (order.get("recipient") or {}).get("deliveryAddress") or {}
    price(order, marketplace(order["salesChannel"]["marketplaceId"]), address)


def _cancel_item(order: dict, at: datetime) -> None:
    living = [item for item in order["orderItems"] if item["quantityOrdered"]]
    if len(living) < 2:
        raise ValueError("only an order with two items left can lose one of them")
    item = living[dice("item", order["orderId"]).randrange(len(living))]
    item["quantityOrdered"] = 0
    item.setdefault("fulfillment", {}).update(quantityFulfilled=0, quantityUnfulfilled=0)
    item["fulfillment"].pop("packing", None)
    item.setdefault("cancellation", {})["cancellationExecution"] = {
        "cancelledBy": "MERCHANT",
        "cancelReason": "No inventory",
    }
    _price_anew(order)


def _reduce(order: dict, at: datetime) -> None:
    item = next((item for item in order["orderItems"] if item["quantityOrdered"] > 1), None)
    if item is None:
        raise ValueError("only an item of two units or more can lose one")
    item["quantityOrdered"] -= 1
    item.setdefault("fulfillment", {}).update(quantityFulfilled=0, quantityUnfulfilled=item["quantityOrdered"])
    _price_anew(order)


def _move_house(order: dict, at: datetime) -> None:
    address = (order.get("recipient") or {}).get("deliveryAddress")
    if not address:
        raise ValueError("only an order that shows its address can get another one")
    number = dice("moved", order["orderId"], order["lastUpdatedTime"]).randrange(1, 200)
    address["addressLine1"] = f"{address.get('addressLine1', '').rstrip('0123456789 ')} {number}"


def _deliver(order: dict, at: datetime) -> None:
    for package in order.get("packages") or ():
        if (package.get("packageStatus") or {}).get("status") != "CANCELLED":
            package["packageStatus"] = {"status": "DELIVERED", "detailedStatus": "DELIVERED"}


def _set_package(place: int, status: dict) -> _Change:
    def change(order: dict, at: datetime) -> None:
        order["packages"][place]["packageStatus"] = status

    return change


def _forget_phone(order: dict, at: datetime) -> None:
    drop_phone(order)


# -- as time passes -----------------------------------------------------------


def _shipped_steps(order: dict) -> list[_Step]:
    steps: list[_Step] = []
    for place, package in enumerate(order.get("packages") or ()):
        stage = next_stage(order["orderId"], package)
        if stage:
            steps.append((stage[0], _set_package(place, stage[1])))
    address = (order.get("recipient") or {}).get("deliveryAddress") or {}
    latest = (order["fulfillment"].get("deliverByWindow") or {}).get("latestDateTime")
    if _status(order) == "SHIPPED" and "phone" in address and latest:
        steps.append((parse(latest) + _SECOND, _forget_phone))
    return steps


def _next_step(order: dict) -> _Step | None:
    """The next thing that happens to the order by itself, and when."""
    status, updated = _status(order), parse(order["lastUpdatedTime"])
    if status == "PENDING_AVAILABILITY":
        release = (order["fulfillment"].get("shipByWindow") or {}).get("earliestDateTime")
        return (parse(release) if release else updated + timedelta(days=2)), _available
    if status == "PENDING":
        return updated + _minutes(order, "release", 20, 40), _release
    if status == "UNSHIPPED" and _by_amazon(order):
        return updated + _minutes(order, "fba", 6 * 60, 30 * 60), _ship_all
    if status == "UNSHIPPED":
        latest = (order["fulfillment"].get("shipByWindow") or {}).get("latestDateTime")
        return (parse(latest) + AUTO_CANCEL, _cancel("AMAZON", "Shipment not confirmed in time")) if latest else None
    if status in ("PARTIALLY_SHIPPED", "SHIPPED"):
        return min(_shipped_steps(order), key=lambda step: step[0], default=None)
    return None


def next_due(order: dict) -> datetime | None:
    """When the order changes by itself next (UTC); None for never, also for an order too broken to have a future."""
    try:
        step = _next_step(order)
    except _BROKEN:
        return None
    return step[0] if step else None


def _touch(order: dict, now: datetime) -> None:
    order["lastUpdatedTime"] = iso(max(utc(now), parse(order["lastUpdatedTime"]) + _SECOND))


def advance(order: dict, now: datetime) -> dict | None:
    """The order after everything that is due by ``now`` has happened to it; None when nothing is.

    Its ``lastUpdatedTime`` is ``now`` (not the moment the change was due): a reader whose cursor has passed that
    moment must still see it. An order too broken to be changed stays as it is: None.
    """
    now = utc(now)
    due = next_due(order)
    if due is None or due > now:
        return None
    changed = deepcopy(order)
    try:
        while (step := _next_step(changed)) is not None and step[0] <= now:
            step[1](changed, step[0])
            # Within the run the order lives at the moment of the step, so that its next step counts from there.
            changed["lastUpdatedTime"] = iso(max(step[0], parse(changed["lastUpdatedTime"])))
        changed["lastUpdatedTime"] = order["lastUpdatedTime"]
        _touch(changed, now)
    except _BROKEN:
        return None
    return changed


# -- on command ---------------------------------------------------------------

# command: {status it may come from: changes to make one after the other}
_ROUTES: Mapping[str, Mapping[str, tuple[_Change, ...]]] = {
    "PENDING": {"PENDING_AVAILABILITY": (_available,)},
    "UNSHIPPED": {"PENDING_AVAILABILITY": (_available, _release), "PENDING": (_release,)},
    "PARTIALLY_SHIPPED": {
        "PENDING_AVAILABILITY": (_available, _release, _ship_some),
        "PENDING": (_release, _ship_some),
        "UNSHIPPED": (_ship_some,),
        "PARTIALLY_SHIPPED": (_ship_some,),
    },
    "SHIPPED": {
        "PENDING_AVAILABILITY": (_available, _release, _ship_all),
        "PENDING": (_release, _ship_all),
        "UNSHIPPED": (_ship_all,),
        "PARTIALLY_SHIPPED": (_ship_all,),
    },
    "DELIVERED": {
        "PENDING": (_release, _ship_all, _deliver),
        "UNSHIPPED": (_ship_all, _deliver),
        "PARTIALLY_SHIPPED": (_ship_all, _deliver),
        "SHIPPED": (_deliver,),
    },
    "CANCELLED": dict.fromkeys(
        ("PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED"), (_cancel_on_command,)
    ),
    "UNFULFILLABLE": {"PENDING": (_unfulfillable,), "UNSHIPPED": (_unfulfillable,)},
    "BUYER_CANCEL_REQUESTED": {"UNSHIPPED": (_request_cancel,), "PARTIALLY_SHIPPED": (_request_cancel,)},
    "ITEM_CANCELLED": {"UNSHIPPED": (_cancel_item,)},
    "QUANTITY_REDUCED": {"UNSHIPPED": (_reduce,)},
    "ADDRESS_CHANGED": {"UNSHIPPED": (_move_house,), "PARTIALLY_SHIPPED": (_move_house,)},
}
COMMANDS: tuple[str, ...] = tuple(_ROUTES)
"""What :func:`transition` understands: the statuses an order can move to, DELIVERED (of its packages),
BUYER_CANCEL_REQUESTED, and what happens to an order that waits to be shipped: ITEM_CANCELLED (one of several items),
QUANTITY_REDUCED (one unit less), ADDRESS_CHANGED.
"""


def transition(order: dict, status: str, now: datetime) -> dict:
    """The order moved to that status, with everything that goes with it.

    Release: buyer, recipient and prices appear. Shipping: packages and quantities. Cancelling: the reason, person and
    prices go.

    :raises ValueError: an unknown command, or one that this order cannot follow (a shipped order does not become
        UNSHIPPED again)
    """
    if status not in _ROUTES:
        raise ValueError(f"unknown status {status!r}; known: {', '.join(COMMANDS)}")

    def change(changed: dict, at: datetime) -> None:
        current = _status(changed)
        if current not in _ROUTES[status]:
            raise ValueError(f"an order that is {current} cannot become {status}")
        for step in _ROUTES[status][current]:
            step(changed, at)

    return _changed(order, now, change)


def confirm_shipment(
    order: dict, now: datetime, items: dict[str, int] | None = None, package: dict | None = None
) -> dict:
    """The order after the merchant confirmed a shipment; see :func:`.shipping.ship` for the parameters.

    :raises ValueError: not a merchant's order that can be shipped, an unknown item, or more units than are left
    """

    def change(changed: dict, at: datetime) -> None:
        if _by_amazon(changed) or _status(changed) not in ("UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED"):
            raise ValueError(f"an order that is {_status(changed)} cannot be shipped by the merchant")
        ship(changed, at, items, package)

    return _changed(order, now, change)


def _changed(order: dict, now: datetime, change: _Change) -> dict:
    """A copy with the change made and its time moved. Raise ``ValueError`` where the order lacks what it needs."""
    changed = deepcopy(order)
    try:
        change(changed, utc(now))
        _touch(changed, now)
    except _BROKEN as error:
        if isinstance(error, ValueError):
            raise
        raise ValueError(f"this order lacks what the change needs ({type(error).__name__})") from None
    return changed
