"""Notifications v1: destinations (of the application, without a seller) and subscriptions (of a seller)."""

from __future__ import annotations

import re
from typing import Any

from ..errors import not_found, spapi
from ..notifications import ORDER_CHANGE
from . import Answer, Call, Operation

SCOPE = "sellingpartnerapi::notifications"
ARN = re.compile(r"^arn:aws:sqs:\S+:\S+:\S+")


def _bad(message: str) -> Exception:
    return spapi(400, "InvalidInput", message)


def _destination(row: dict[str, Any]) -> dict[str, Any]:
    return {"destinationId": row["destinationId"], "name": row["name"], "resource": {"sqs": {"arn": row["arn"]}}}


def create_destination(call: Call) -> Answer:
    """A queue of the application; the same ARN twice is refused, as Amazon does."""
    body = call.json()
    name, resource = body.get("name"), body.get("resourceSpecification")
    sqs = resource.get("sqs") if isinstance(resource, dict) else None
    arn = sqs.get("arn") if isinstance(sqs, dict) else None
    if not isinstance(name, str) or not name or len(name) > 256:
        raise _bad("The destination needs a name of up to 256 characters.")
    if not isinstance(arn, str) or len(arn) > 1000 or not ARN.match(arn):
        raise _bad("The ARN of the queue is missing or is none.")
    known = call.world.notifications
    if any(row["arn"] == arn and row["client_id"] == call.app.client_id for row in known.destinations):
        raise spapi(409, "Conflict", "A destination with this resource exists already.")
    row = {"destinationId": known.new_id("destination"), "name": name, "arn": arn, "client_id": call.app.client_id}
    known.destinations = [*known.destinations, row]
    return Answer(body={"payload": _destination(row)})


def get_destinations(call: Call) -> Answer:
    """All of the application."""
    rows = [row for row in call.world.notifications.destinations if row["client_id"] == call.app.client_id]
    return Answer(body={"payload": [_destination(row) for row in rows]})


def delete_destination(call: Call) -> Answer:
    """Its subscriptions must be gone."""
    known, name = call.world.notifications, call.path["destinationId"]
    rows = [row for row in known.destinations if row["destinationId"] != name]
    if len(rows) == len(known.destinations):
        raise not_found()
    if any(row["destinationId"] == name for row in known.subscriptions):
        raise spapi(409, "Conflict", "The destination still has subscriptions.")
    known.destinations = rows
    return Answer(body={})


def _subscription(row: dict[str, Any]) -> dict[str, Any]:
    found = {key: row[key] for key in ("subscriptionId", "destinationId", "payloadVersion")}
    return {**found, **({"processingDirective": row["directive"]} if row.get("directive") else {})}


def _kind(call: Call) -> str:
    if call.path["notificationType"] != ORDER_CHANGE:
        raise _bad("The notification type is not supported here.")
    return ORDER_CHANGE


def create_subscription(call: Call) -> Answer:
    """One per seller, application and type."""
    kind, body, known = _kind(call), call.json(), call.world.notifications
    destination, version = body.get("destinationId"), body.get("payloadVersion")
    if version != "1.0":
        raise _bad("The payload version is not supported.")
    if not any(row["destinationId"] == destination for row in known.destinations):
        raise _bad("The destination does not exist.")
    owner = {"type": kind, "seller": call.seller.seller, "client_id": call.app.client_id}
    if any(owner.items() <= row.items() for row in known.subscriptions):
        raise spapi(409, "Conflict", "Subscription already exists for this notification type.")
    row = {
        **owner,
        "subscriptionId": known.new_id("subscription"),
        "destinationId": destination,
        "payloadVersion": version,
        "directive": body.get("processingDirective"),
    }
    known.subscriptions = [*known.subscriptions, row]
    return Answer(body={"payload": _subscription(row)})


def get_subscription(call: Call) -> Answer:
    """The seller's subscription of a type."""
    kind = _kind(call)
    for row in call.world.notifications.subscriptions:
        if (row["type"], row["seller"], row["client_id"]) == (kind, call.seller.seller, call.app.client_id):
            return Answer(body={"payload": _subscription(row)})
    raise not_found()


def delete_subscription(call: Call) -> Answer:
    """By the application, without a seller."""
    kind, known, name = _kind(call), call.world.notifications, call.path["subscriptionId"]
    rows = [row for row in known.subscriptions if (row["subscriptionId"], row["type"]) != (name, kind)]
    if len(rows) == len(known.subscriptions):
        raise not_found()
    known.subscriptions = rows
    return Answer(body={})


_API = "notifications"
_SUBSCRIPTIONS = "/notifications/v1/subscriptions/{notificationType}"
_DESTINATIONS = "/notifications/v1/destinations"
_DESTINATION = "/notifications/v1/destinations/{destinationId}"
OPERATIONS = [
    Operation(_API, "createDestination", "POST", _DESTINATIONS, create_destination, 1, 5, grantless=SCOPE),
    Operation(_API, "getDestinations", "GET", _DESTINATIONS, get_destinations, 1, 5, grantless=SCOPE),
    Operation(
        _API,
        "deleteDestination",
        "DELETE",
        f"{_DESTINATIONS}/{{destinationId}}",
        delete_destination,
        1,
        5,
        grantless=SCOPE,
    ),
    Operation(_API, "createSubscription", "POST", _SUBSCRIPTIONS, create_subscription, 1, 5),
    Operation(_API, "getSubscription", "GET", _SUBSCRIPTIONS, get_subscription, 1, 5),
    Operation(
        _API,
        "deleteSubscriptionById",
        "DELETE",
        f"{_SUBSCRIPTIONS}/{{subscriptionId}}",
        delete_subscription,
        1,
        5,
        grantless=SCOPE,
    ),
]
