"""A message of the queue, read: which order has changed, and when. Pure, no Odoo.

Source: Amazon's schema ``OrderChangeNotification.json`` (payload version 1.0). The postcode of the destination, which
is in it, is not read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from odoo.addons.amazon_spapi_connector.spapi.values import parse_time

ORDER_CHANGE = "ORDER_CHANGE"
LONGEST = 256 * 1024
"""Bytes of a message, as SQS allows."""
_ORDER = re.compile(r"[0-9A-Z]{3}-[0-9]{7}-[0-9]{7}", re.ASCII)
_WORD = re.compile(r"[\w.:-]{1,120}", re.ASCII)


class Unreadable(ValueError):
    """A message that is no order change. `code` is one of the keys of the product's list of reasons."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class OrderChange:
    """:param changed: when the order changed (aware UTC), None where the message does not say"""

    notification_id: str
    seller_id: str
    order_id: str
    kind: str
    changed: datetime | None


def read(body: str) -> OrderChange:
    """The change that a message tells of.

    :raise Unreadable: ``not_json``, ``other_type``, ``incomplete``
    """
    try:
        data = json.loads(body) if len(body) <= LONGEST else None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Unreadable("not_json")
    if isinstance(data.get("detail"), dict):  # by way of EventBridge
        data = data["detail"]
    if data.get("NotificationType") != ORDER_CHANGE:
        raise Unreadable("other_type")
    change = _at(data, "Payload", "OrderChangeNotification")
    found = {
        "notification_id": _word(_at(data, "NotificationMetadata", "NotificationId")),
        "seller_id": _word(_at(change, "SellerId")),
        "order_id": _at(change, "AmazonOrderId"),
        "kind": _word(_at(change, "OrderChangeType")) or "OrderStatusChange",
        "changed": parse_time(_at(change, "OrderChangeTrigger", "TimeOfOrderChange")),
    }
    number = found["order_id"] if isinstance(found["order_id"], str) else ""
    if not (found["notification_id"] and found["seller_id"] and _ORDER.fullmatch(number)):
        raise Unreadable("incomplete")
    return OrderChange(**found)


def _at(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _word(value: Any) -> str:
    """An identifier; "" for what is none: only what has its form is stored in clear."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""
