"""What of an order's business data is not as Amazon documents it, though it can be stored.

The split (:mod:`.orders`) sets aside what is unknown or of a wrong kind; the parser stops what the import cannot do
without. Here stands the rest: parts that the model requires and that are missing, enumerations with a value it does
not have, numbers where it says text. Such an order is imported, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .order_model import Problem

MONEY = ("amount", "currencyCode")
_UNITS = frozenset(
    "OUNCES POUNDS KILOGRAMS GRAMS MILLIGRAMS INCHES FEET METERS CENTIMETERS MILLIMETERS SQUARE_METERS"
    " SQUARE_CENTIMETERS SQUARE_FEET SQUARE_INCHES GALLONS PINTS QUARTS FLUID_OUNCES LITERS CUBIC_METERS CUBIC_FEET"
    " CUBIC_INCHES CUBIC_CENTIMETERS COUNT".split()
)
_MANDATORY = frozenset({"MANDATORY"})


@dataclass(frozen=True, slots=True)
class Shape:
    """What the model (Orders 2026-01-01, August 2026) asks of an object.

    :param required: keys
    :param values: key → the values of its enumeration
    :param inside: key → shape of the object, or of each in the array
    """

    required: tuple[str, ...] = ()
    values: dict[str, frozenset[str]] = field(default_factory=dict)
    inside: dict[str, Shape] = field(default_factory=dict)


_AMOUNT = Shape(MONEY)
_MEASUREMENT = Shape(("unit", "value"), {"unit": _UNITS})
_ITEM = Shape(
    ("orderItemId", "quantityOrdered", "product"),
    inside={
        "measurement": _MEASUREMENT,
        "associatedOrderItems": Shape(inside={"purchasePrice": _AMOUNT}),
        "product": Shape(inside={"price": Shape(inside={"unitPrice": _AMOUNT})}),
        "proceeds": Shape(
            inside={
                "proceedsTotal": _AMOUNT,
                "breakdowns": Shape(
                    ("type", "subtotal"),
                    inside={"subtotal": _AMOUNT, "detailedBreakdowns": Shape(inside={"value": _AMOUNT})},
                ),
            }
        ),
        "expense": Shape(
            inside={"pointsCost": Shape(inside={"pointsGranted": Shape(inside={"pointsMonetaryValue": _AMOUNT})})}
        ),
        "fulfillment": Shape(
            inside={
                "picking": Shape(
                    inside={
                        "substitutionPreference": Shape(
                            ("substitutionType",),
                            {
                                "substitutionType": frozenset(
                                    {"CUSTOMER_PREFERENCE", "AMAZON_RECOMMENDED", "DO_NOT_SUBSTITUTE"}
                                )
                            },
                            {"substitutionOptions": Shape(inside={"measurement": _MEASUREMENT})},
                        )
                    }
                ),
                "shipping": Shape(
                    inside={
                        "shippingConstraints": Shape(
                            values=dict.fromkeys(
                                (
                                    "palletDelivery",
                                    "cashOnDelivery",
                                    "signatureConfirmation",
                                    "recipientIdentityVerification",
                                    "recipientAgeVerification",
                                ),
                                _MANDATORY,
                            )
                        )
                    }
                ),
            }
        ),
    },
)
ORDER = Shape(
    ("orderId", "createdTime", "lastUpdatedTime", "salesChannel", "orderItems"),
    inside={
        "orderAliases": Shape(("aliasId", "aliasType")),
        "proceeds": Shape(
            inside={"grandTotal": _AMOUNT, "breakdowns": Shape(("type", "subtotal"), inside={"subtotal": _AMOUNT})}
        ),
        "payment": Shape(inside={"paymentExecutions": Shape(inside={"paymentAmount": _AMOUNT})}),
        "salesChannel": Shape(("channelName",)),
        "fulfillment": Shape(("fulfillmentStatus",)),
        "orderItems": _ITEM,
        "fulfillmentOrders": Shape(("fulfillmentOrderId",)),
        "packages": Shape(
            ("packageReferenceId",),
            inside={
                "packageStatus": Shape(
                    ("status",),
                    {
                        "status": frozenset(
                            {"PENDING", "IN_TRANSIT", "SHIPPED", "DELIVERED", "CANCELLED", "UNDELIVERABLE"}
                        )
                    },
                ),
                "packageItems": Shape(("orderItemId", "quantity")),
            },
        ),
    },
)


def deviations(business: dict[str, Any]) -> tuple[Problem, ...]:
    """What is not as documented in the business part of an order, with its place; no value is quoted."""
    return tuple(_look(business, ORDER, ""))


def _look(data: Any, shape: Shape, path: str) -> Iterator[Problem]:
    if isinstance(data, list):
        for index, item in enumerate(data):
            yield from _look(item, shape, f"{path}[{index}]")
        return
    if not isinstance(data, dict):
        return
    for key in shape.required:
        if data.get(key) is None:
            yield Problem("part_missing", _at(path, key), "A part that Amazon always sends is missing.")
    for key, allowed in shape.values.items():
        if key in data and data[key] is not None and data[key] not in allowed:
            yield Problem("value_unknown", _at(path, key), "A code is not one of those that Amazon documents.")
    if shape.required == MONEY and data.get("amount") is not None and not isinstance(data["amount"], str):
        yield Problem("number_as_money", _at(path, "amount"), "An amount came as a number, not as text.")
    for key, inner in shape.inside.items():
        if key in data:
            yield from _look(data[key], inner, _at(path, key))


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
