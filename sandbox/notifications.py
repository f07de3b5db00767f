"""Notifications: destinations, subscriptions, and the messages that changes of orders bring.

A message goes to the queue that a destination names, over the SQS protocol; where that queue is, and with which
credentials, the control API says (Amazon knows it by the ARN alone).
"""

from __future__ import annotations

import json
import logging
from typing import Any

from . import clock, jsontext
from .db import Database

log = logging.getLogger(__name__)
ORDER_CHANGE = "ORDER_CHANGE"
# Orders 2026-01-01 → the spelling of the notification, which is that of Orders v0
STATUSES = {
    "PENDING": "Pending",
    "PENDING_AVAILABILITY": "PendingAvailability",
    "UNSHIPPED": "Unshipped",
    "PARTIALLY_SHIPPED": "PartiallyShipped",
    "SHIPPED": "Shipped",
    "CANCELLED": "Canceled",
    "UNFULFILLABLE": "Unfulfillable",
}


class Notifications:
    """What is subscribed to, and what waits to be sent."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.changed: list[tuple[str, str]] = []

    # -- destinations and subscriptions, as JSON lists in the state file -------

    @property
    def destinations(self) -> list[dict[str, Any]]:
        """``{"destinationId", "name", "arn", "client_id"}`` each."""
        return json.loads(self.db.get("destinations", "[]"))

    @destinations.setter
    def destinations(self, rows: list[dict[str, Any]]) -> None:
        self.db.put("destinations", json.dumps(rows))

    @property
    def subscriptions(self) -> list[dict[str, Any]]:
        """``{"subscriptionId", "destinationId", "payloadVersion", "directive"}`` each, with type, seller, client_id."""
        return json.loads(self.db.get("subscriptions", "[]"))

    @subscriptions.setter
    def subscriptions(self, rows: list[dict[str, Any]]) -> None:
        self.db.put("subscriptions", json.dumps(rows))

    @property
    def queue(self) -> dict[str, Any]:
        """``{"endpoint_url", "region", "access_key", "secret_key", "automatic"}``; {} until somebody has said it."""
        return json.loads(self.db.get("sqs", "{}"))

    @queue.setter
    def queue(self, value: dict[str, Any]) -> None:
        self.db.put("sqs", json.dumps(value))

    def new_id(self, kind: str) -> str:
        """Ids that count up: the same tests give the same ids."""
        number = int(self.db.get("notification_ids", "0")) + 1
        self.db.put("notification_ids", number)
        return f"sandbox-{kind}-{number:06d}"

    # -- messages --------------------------------------------------------------

    def note(self, seller: str, order_id: str) -> None:
        """An order has changed; it is told to whoever asked for it within a second."""
        self.changed.append((seller, order_id))

    def messages(self, seller: str, order: dict[str, Any], now: int) -> list[tuple[str, str]]:
        """``[(ARN, body)]`` for the subscriptions of a seller."""
        places = {row["destinationId"]: row["arn"] for row in self.destinations}
        found = []
        for row in self.subscriptions:
            chosen = ((row.get("directive") or {}).get("eventFilter") or {}).get("marketplaceIds")
            market = (order.get("salesChannel") or {}).get("marketplaceId")
            if row["seller"] != seller or row["destinationId"] not in places or (chosen and market not in chosen):
                continue
            notification = self.new_id("notification")
            body = jsontext.dumps(order_change(order, seller, row, notification, now))
            found.append((places[row["destinationId"]], body))
        return found


def order_change(
    order: dict[str, Any], seller: str, subscription: dict[str, Any], notification: str, now: int
) -> dict[str, Any]:
    """The message of one change, after Amazon's schema ``OrderChangeNotification.json``."""
    fulfillment = order.get("fulfillment") or {}
    requested = any((item.get("cancellation") or {}).get("cancellationRequest") for item in order["orderItems"])
    address = (order.get("recipient") or {}).get("deliveryAddress") or {}
    amounts = [item.get("fulfillment") or {} for item in order["orderItems"]]
    summary = {
        "MarketplaceId": (order.get("salesChannel") or {}).get("marketplaceId"),
        "OrderStatus": STATUSES.get(fulfillment.get("fulfillmentStatus", ""), "Pending"),
        "PurchaseDate": order.get("createdTime"),
        "DestinationPostalCode": address.get("postalCode"),
        "FulfillmentType": "AFN" if fulfillment.get("fulfilledBy") == "AMAZON" else "MFN",
        "OrderType": "StandardOrder",
        "NumberOfItemsShipped": sum(amount.get("quantityFulfilled") or 0 for amount in amounts),
        "NumberOfItemsUnshipped": sum(amount.get("quantityUnfulfilled") or 0 for amount in amounts),
        "OrderPrograms": [],
        "OrderItems": [
            {
                "OrderItemId": item["orderItemId"],
                "SellerSKU": item["product"].get("sellerSku", ""),
                "Quantity": item["quantityOrdered"],
                "QuantityShipped": (item.get("fulfillment") or {}).get("quantityFulfilled") or 0,
                "IsBuyerRequestedCancel": bool((item.get("cancellation") or {}).get("cancellationRequest")),
            }
            for item in order["orderItems"]
        ],
    }
    return {
        "NotificationVersion": "1.0",
        "NotificationType": ORDER_CHANGE,
        "PayloadVersion": "1.0",
        "EventTime": clock.iso(now),
        "Payload": {
            "OrderChangeNotification": {
                "NotificationLevel": "OrderLevel",
                "SellerId": seller,
                "AmazonOrderId": order["orderId"],
                "OrderChangeType": "BuyerRequestedChange" if requested else "OrderStatusChange",
                "OrderChangeTrigger": {
                    "TimeOfOrderChange": order.get("lastUpdatedTime"),
                    "ChangeReason": "Buyer Requested Cancel" if requested else "Order Status Change",
                },
                "Summary": summary,
            }
        },
        "NotificationMetadata": {
            "ApplicationId": subscription["client_id"],
            "SubscriptionId": subscription["subscriptionId"],
            "PublishTime": clock.iso(now),
            "NotificationId": notification,
        },
    }


def send(queue: dict[str, Any], messages: list[tuple[str, str]]) -> None:
    """Put messages into their queues. Waits for the network: not for the thread that answers requests.

    :raise botocore.exceptions.BotoCoreError: the queue cannot be reached
    """
    import boto3  # here alone: a sandbox without notifications needs none

    client = boto3.client(
        "sqs",
        endpoint_url=queue["endpoint_url"],
        region_name=queue["region"],
        aws_access_key_id=queue["access_key"],
        aws_secret_access_key=queue["secret_key"],
    )
    urls: dict[str, str] = {}
    for arn, body in messages:
        if arn not in urls:
            urls[arn] = client.get_queue_url(QueueName=arn.rsplit(":", 1)[-1])["QueueUrl"]
        client.send_message(QueueUrl=urls[arn], MessageBody=body)
