"""What both clients do: the calls of an ordinary day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

INCLUDED = [
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
]


def ago(**units: float) -> str:
    """A time before now, as text."""
    return (datetime.now(UTC) - timedelta(**units)).strftime("%Y-%m-%dT%H:%M:%SZ")


def search_params(**more: Any) -> dict[str, Any]:
    """A search that uses every filter."""
    return {
        "lastUpdatedAfter": ago(days=60),
        "lastUpdatedBefore": ago(minutes=3),
        "fulfillmentStatuses": ["UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED"],
        "marketplaceIds": ["APJ6JRA9NG5V4", "A1RKKUPIHCS9HS", "A13V1IB3VIYZZH"],
        "fulfilledBy": ["MERCHANT", "AMAZON"],
        "maxResultsPerPage": 10,
        "includedData": INCLUDED,
        **more,
    }


def shipment(order: dict[str, Any], reference: str = "1") -> dict[str, Any]:
    """A confirmation with every field that a European seller fills."""
    return {
        "marketplaceId": order["salesChannel"]["marketplaceId"],
        "packageDetail": {
            "packageReferenceId": reference,
            "carrierCode": "Other",
            "carrierName": "Corriere",
            "shippingMethod": "Standard",
            "trackingNumber": "TRACK00001",
            "shipDate": ago(minutes=10),
            "orderItems": [
                {"orderItemId": item["orderItemId"], "quantity": item["quantityOrdered"]}
                for item in order["orderItems"]
            ],
        },
    }


RESOURCES = [{"method": "GET", "path": "/mfn/v0/shipments/{shipmentId}"}]
