"""Faults on demand: what can go wrong between a client and Amazon, queued per operation.

A fault is used up by the requests it strikes: it lets `after` matching requests pass, strikes `times` (null: for ever),
then is gone. Faults queue in the order they were set.

| kind | effect | params |
|---|---|---|
| throttle_body | 429 with Amazon's body | |
| throttle_empty | 429 without a body | |
| error_500 | 500 InternalFailure as JSON | status |
| error_503_html | 503 with an HTML page, as a gateway gives | status |
| timeout | no answer; the connection is held, then closed | seconds (90) |
| reset | TCP RST instead of an answer | |
| slow | the right answer, late | seconds (5) |
| truncated_json | the right answer, cut; Content-Length fits what is sent | fraction (0.6) |
| unknown_fields | keys the model does not know at several levels, one with the buyer's name | |
| moving_order | searchOrders: an order of a page moves while the search goes on | direction, count |
| repeated_page | searchOrders: the token of the next page, a new one, brings this page once more | |
| expired_token | the access token used has expired (for `token`: one is issued that has) | |
| not_json_200 | 200 with an HTML page | |
| empty_200 | 200 with nothing in it | |

Params of every kind: ``effect`` (bool). The first six and the last two normally strike *before* the operation does its
work; with ``effect: true`` the work is done and only the answer is lost, which is how a shipment ends up confirmed and
unacknowledged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import jsontext
from .db import Database
from .visibility import child, items

KINDS = (
    "throttle_body",
    "throttle_empty",
    "error_500",
    "error_503_html",
    "timeout",
    "reset",
    "slow",
    "truncated_json",
    "unknown_fields",
    "moving_order",
    "repeated_page",
    "expired_token",
    "not_json_200",
    "empty_200",
)
# Claimed by the operation itself, at the moment the fault makes sense there.
BY_OPERATION = ("moving_order", "repeated_page")
# The answer is made by the operation and then spoiled.
AFTERWARDS = ("slow", "truncated_json", "unknown_fields", "expired_token")
EVERY_OPERATION = "*"

HTML_503 = (
    b"<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service "
    b"Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n"
)
HTML_200 = b"<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><p>Please sign in.</p></body></html>\n"


@dataclass(frozen=True)
class Fault:
    """One strike."""

    kind: str
    params: dict[str, Any]

    @property
    def effect(self) -> bool:
        """Does the operation do its work although the answer is lost?"""
        return self.kind in AFTERWARDS or bool(self.params.get("effect"))

    def seconds(self, default: float) -> float:
        """The `seconds` parameter."""
        return float(self.params.get("seconds", default))


class Faults:
    """The queue of faults in the state file."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def add(self, operation: str, kind: str, times: int | None, after: int, params: dict[str, Any]) -> int:
        """Queue a fault; returns its id."""
        cursor = self.db.execute(
            "INSERT INTO faults (operation, kind, times, after, params) VALUES (?, ?, ?, ?, ?)",
            operation,
            kind,
            times,
            after,
            jsontext.dumps(params),
        )
        return int(cursor.lastrowid or 0)

    def pending(self) -> list[dict[str, Any]]:
        """The faults that have not been used up."""
        rows = self.db.rows("SELECT * FROM faults ORDER BY id")
        return [{**dict(row), "params": jsontext.loads(row["params"])} for row in rows]

    def clear(self, fault_id: int | None = None) -> None:
        """Forget one fault, or all."""
        self.db.execute("DELETE FROM faults WHERE ?1 IS NULL OR id = ?1", fault_id)

    def claim(self, operation: str, by_operation: bool = False) -> Fault | None:
        """The fault that strikes this request, if any; counts down those that wait for their turn."""
        rows = self.db.rows("SELECT * FROM faults WHERE operation IN (?, '*') ORDER BY id", operation)
        for row in rows:
            if (row["kind"] in BY_OPERATION) != by_operation:
                continue
            if row["after"] > 0:
                self.db.execute("UPDATE faults SET after = after - 1 WHERE id = ?", row["id"])
                continue
            if row["times"] is not None:
                self.db.execute("UPDATE faults SET times = times - 1 WHERE id = ?", row["id"])
                self.db.execute("DELETE FROM faults WHERE id = ? AND times <= 0", row["id"])
            return Fault(row["kind"], jsontext.loads(row["params"]))
        return None


def add_unknown_fields(body: Any, name_of: Any) -> Any:
    """Keys that no model knows, at every level of an answer; `name_of(order id)` gives the buyer's true name.

    One of the keys holds that name, whether or not the caller may see it: a connector that stores what it does not
    know in clear is caught by it.
    """
    if not isinstance(body, dict):
        return body
    body["responseMetadata"] = {"cell": "sandbox-1", "experimental": True}
    orders = [body.get("order"), *(body.get("orders") or [])]
    for order in orders:
        if not isinstance(order, dict):
            continue
        order["futureProgramDetails"] = {"tier": "GOLD", "weights": [1, 2.5, None]}
        name = name_of(order.get("orderId"))
        if name:
            order["giftRegistry"] = {"ownerDisplayName": name, "registryType": "WISHLIST"}
        for item in items(order):
            item["sustainabilityFeatures"] = [{"featureName": "CLIMATE_PLEDGE", "certified": True}]
        holders = (
            order.get("buyer"),
            child(order, "recipient", "deliveryAddress"),
            order.get("fulfillment"),
            order.get("proceeds"),
        )
        for holder in holders:
            if isinstance(holder, dict):
                holder["unannouncedAttribute"] = "a value of the future"
    return body
