"""Packages: how a merchant-fulfilled order leaves the warehouse and travels."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from .clock import iso, parse
from .dice import dice

__all__ = ["STAGES", "WAREHOUSE", "next_stage", "quantities", "ship", "unshipped"]

# Made up; the sandbox's seller ships everything from here.
WAREHOUSE = {
    "name": "Magazzino Sandbox",
    "addressLine1": "Via dell'Esempio 1",
    "city": "Piacenza",
    "stateOrRegion": "PC",
    "postalCode": "29122",
    "countryCode": "IT",
}
_CARRIERS = {
    "IT": (("BRT", "BRT Express", "0########"), ("Poste Italiane", "Poste Delivery Business", "1UW##########")),
    "ES": (("Correos Express", "Paq 24", "32##############"), ("SEUR", "SEUR 24", "0#########")),
    "FR": (("Colissimo", "Colissimo Domicile", "6A###########"), ("Chronopost", "Chrono 13", "XY#########FR")),
    "DE": (("DHL", "DHL Paket", "00340434##########"), ("Hermes", "Hermes Standard", "H10##############")),
    "GB": (("Royal Mail", "Royal Mail Tracked 48", "RR#########GB"), ("DPD", "DPD Next Day", "1550##########")),
    "PL": (("InPost", "Paczkomat 24/7", "6########################"), ("DPD", "DPD Classic", "1300##########U")),
}
_ANY_CARRIER = (
    ("DPD", "DPD Classic", "0998##########"),
    ("GLS", "GLS EuroBusinessParcel", "9#########"),
    ("UPS", "UPS Standard", "1ZA#####68########"),
)

# status, detailedStatus, and how many minutes after the one before (from, to)
STAGES = (
    ("SHIPPED", "DROPPED_OFF", 0, 0),
    ("IN_TRANSIT", "PICKED_UP", 4 * 60, 12 * 60),
    ("IN_TRANSIT", "OUT_FOR_DELIVERY", 20 * 60, 72 * 60),
    ("DELIVERED", "DELIVERED", 2 * 60, 9 * 60),
)


def quantities(order: dict) -> dict[str, tuple[int, int]]:
    """``{orderItemId: (ordered, already in packages)}``; cancelled packages do not count."""
    packed: dict[str, int] = {}
    for package in order.get("packages") or ():
        if (package.get("packageStatus") or {}).get("status") != "CANCELLED":
            for row in package.get("packageItems") or ():
                packed[row["orderItemId"]] = packed.get(row["orderItemId"], 0) + row["quantity"]
    return {
        item["orderItemId"]: (item["quantityOrdered"], packed.get(item["orderItemId"], 0))
        for item in order["orderItems"]
    }


def unshipped(order: dict) -> dict[str, int]:
    """``{orderItemId: units still to ship}`` without the items that are done or cancelled."""
    cancelled = {
        item["orderItemId"]
        for item in order["orderItems"]
        if "cancellationExecution" in (item.get("cancellation") or {})
    }
    left = {key: ordered - packed for key, (ordered, packed) in quantities(order).items() if key not in cancelled}
    return {key: count for key, count in left.items() if count > 0}


def _digits(pattern: str, rng: Random) -> str:
    return "".join(str(rng.randrange(10)) if sign == "#" else sign for sign in pattern)


def ship(order: dict, at: datetime, items: dict[str, int] | None = None, details: dict | None = None) -> None:
    """Put items into a new package and hand it over; changes the order in place, its status and quantities included.

    :param items: ``{orderItemId: quantity}``; by default everything that is left
    :param details: fields of the package that the merchant states (``packageReferenceId``, ``carrier``,
        ``shippingService``, ``trackingNumber``, ``shipTime``, …); a package with the same reference is replaced, as
        Amazon does when a confirmation is sent again
    :raises ValueError: nothing to ship, an unknown item, or more than is left
    """
    details = dict(details or {})
    packages = order.setdefault("packages", [])
    reference = str(details.get("packageReferenceId") or len(packages) + 1)
    kept = [package for package in packages if package["packageReferenceId"] != reference]
    rest = {**order, "packages": kept}
    left = unshipped(rest)
    items = left if items is None else items
    if not items:
        raise ValueError("nothing left to ship")
    for key, quantity in items.items():
        if quantity < 1 or quantity > left.get(key, 0):
            raise ValueError(f"order item {key}: {quantity} cannot be shipped, {left.get(key, 0)} left")
    country = ((order.get("recipient") or {}).get("deliveryAddress") or {}).get("countryCode")
    rng = dice("package", order["orderId"], reference)
    carrier, service, tracking = rng.choice(_CARRIERS.get(country, _ANY_CARRIER))
    package = {
        "packageReferenceId": reference,
        "createdTime": iso(at),
        "packageStatus": {"status": STAGES[0][0], "detailedStatus": STAGES[0][1]},
        "carrier": carrier,
        "shipTime": iso(at),
        "shippingService": service,
        "trackingNumber": _digits(tracking, rng),
        "shipFromAddress": dict(WAREHOUSE),
        "packageItems": [{"orderItemId": key, "quantity": quantity} for key, quantity in items.items()],
    }
    package.update(details, packageReferenceId=reference)
    order["packages"] = [*kept, package]
    settle(order)


def settle(order: dict) -> None:
    """Make the quantities of the items and the order's status agree with its packages, in place."""
    counts = quantities(order)
    for item in order["orderItems"]:
        ordered, packed = counts[item["orderItemId"]]
        gone = "cancellationExecution" in (item.get("cancellation") or {})
        item.setdefault("fulfillment", {}).update(
            quantityFulfilled=packed, quantityUnfulfilled=0 if gone else ordered - packed
        )
    if any(packed for _, packed in counts.values()):
        order["fulfillment"]["fulfillmentStatus"] = "PARTIALLY_SHIPPED" if unshipped(order) else "SHIPPED"


def next_stage(order_id: str, package: dict) -> tuple[datetime, dict] | None:
    """When the package moves on, and its ``packageStatus`` then; None when it has arrived, was cancelled or never
    left.
    """
    status = package.get("packageStatus") or {}
    place = next(
        (n for n, stage in enumerate(STAGES[:-1]) if stage[:2] == (status.get("status"), status.get("detailedStatus"))),
        None,
    )
    if place is None or "shipTime" not in package:
        return None
    rng = dice("journey", order_id, package["packageReferenceId"])
    minutes = [rng.randrange(low, high) if high else 0 for _, _, low, high in STAGES]
    due = parse(package["shipTime"]) + timedelta(minutes=sum(minutes[: place + 2]))
    return due, {"status": STAGES[place + 1][0], "detailedStatus": STAGES[place + 1][1]}
