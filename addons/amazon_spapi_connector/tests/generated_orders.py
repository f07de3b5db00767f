"""Orders made from Amazon's own model, and the ways in which a payload can break it. Pure: a seed gives one order.

A generated order is valid by the model. Its money adds up in most cases, its status and channel are any.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

CANARY = "Zyxwanna Quorvelli 4711"
"""Stands in every personal place, and wherever a payload is broken."""
SKUS = ("GEN-1", "GEN-2", "GEN 3/'\"")
MARKETPLACES = ("APJ6JRA9NG5V4", "A1PA6795UKMFR9", "ATVPDKIKX0DER", "A1VC38T7YXB528")
PERSONAL = {
    "buyer",
    "recipient",
    "legalName",
    "taxRegistrationNumber",
    "taxRegistrationAddress",
    "value",
    "giftMessage",
    "customizedUrl",
    "cancelReason",
    "acquirerId",
    "authorizationCode",
}
_TIMES = ("2026-11-01T10:30:00Z", "2026-11-02T23:59:59.123Z", "2026-11-03T08:00:00+01:00")
_CODES = {
    "currencyCode": "EUR",
    "countryCode": "IT",
    "orderId": "402-1111111-2222222",
    "asin": "B08C1W5N87",
    "channelName": "AMAZON",
    "aliasType": "SELLER_ORDER_ID",
    "responsibleParty": "Amazon Services Europe S.a.r.L.",
}
_LISTS = {
    "type": ("ITEM", "SHIPPING", "GIFT_WRAP", "COD_FEE", "OTHER", "TAX", "DISCOUNT"),
    "subtype": ("ITEM", "SHIPPING", "DISCOUNT"),
    "fulfilledBy": ("MERCHANT", "AMAZON"),
    "reportingScheme": ("UOSS", "IOSS"),
    "model": ("MARKETPLACE_FACILITATOR",),
    "entityType": ("BUYER", "MERCHANT", "MARKETPLACE"),
    "marketplaceId": MARKETPLACES,
    "sellerSku": SKUS,
    "conditionType": ("NEW", "USED"),
    "cancelledBy": ("BUYER", "MERCHANT", "AMAZON"),
    "requester": ("BUYER",),
    "addressType": ("RESIDENTIAL", "COMMERCIAL"),
    "paymentMethod": ("Other", "CreditCard"),
    "associationType": ("REPLACEMENT_ORIGINAL_ID",),
    "key": ("TAX_OFFICE",),
}
_WRONG: tuple[Any, ...] = (CANARY, 7, -1, 1.5, True, [], [CANARY], {}, {"x": CANARY}, 10**30, "", "\ud800" + CANARY)
KINDS = ("valid", "type", "missing", "unknown", "null", "enum", "number", "time", "root")


class Builder:
    """Builds values of a Swagger 2.0 model.

    :param definitions: ``definitions`` of the model
    """

    def __init__(self, definitions: dict[str, Any], seed: int) -> None:
        self.definitions = definitions
        self.random = random.Random(seed)

    def order(self, number: int) -> dict[str, Any]:
        """A valid order, with a line at least and an id of its own."""
        result = self._value("Order", {"$ref": "#/definitions/Order"}, personal=False)
        result["orderId"] = f"402-{number % 10**7:07d}-{self.random.randrange(10**7):07d}"
        result["orderItems"] = result["orderItems"] or [self._value("OrderItem", self._ref("OrderItem"), False)]
        for index, item in enumerate(result["orderItems"]):
            item["orderItemId"] = f"{index:014d}"
            item["quantityOrdered"] = self.random.choice((1, 1, 1, 2, 3, 12))
        if self.random.random() < 0.7:
            self._add_up(result)
        return result

    def _add_up(self, order: dict[str, Any]) -> None:
        """Give it money that adds up, status and channel of an order to ship."""
        total = Decimal(0)
        for item in order["orderItems"]:
            parts = {"ITEM": self._cents(100, 9999)}
            if self.random.random() < 0.4:
                parts["SHIPPING"] = self._cents(99, 999)
            if self.random.random() < 0.3:
                parts["DISCOUNT"] = -min(self._cents(1, 300), parts["ITEM"])
            tax = (sum(parts.values()) * 22 / 100).quantize(Decimal("0.01"))
            rows = [{"type": kind, "subtotal": _money(amount)} for kind, amount in parts.items()]
            if self.random.random() < 0.8:
                rows.append({"type": "TAX", "subtotal": _money(tax)})
                parts["TAX"] = tax
            whole = sum(parts.values())
            item["proceeds"] = {"proceedsTotal": _money(whole), "breakdowns": rows}
            total += whole
        order["proceeds"] = {"grandTotal": _money(total)}
        order["fulfillment"] = {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"}
        order["salesChannel"] = {"channelName": "AMAZON", "marketplaceId": self.random.choice(MARKETPLACES[:2])}
        order["recipient"] = {
            "deliveryAddress": {"name": CANARY, "addressLine1": CANARY, "postalCode": CANARY, "countryCode": "IT"}
        }

    def _cents(self, low: int, high: int) -> Decimal:
        return Decimal(self.random.randrange(low, high)) / 100

    def _ref(self, name: str) -> dict[str, Any]:
        return {"$ref": f"#/definitions/{name}"}

    def _value(self, name: str, schema: dict[str, Any], personal: bool) -> Any:
        if "$ref" in schema:
            schema = self.definitions[schema["$ref"].rsplit("/", 1)[1]]
        personal = personal or name in PERSONAL
        kind = schema.get("type")
        if kind == "array":
            return [self._value(name, schema["items"], personal) for _n in range(self.random.choice((0, 1, 1, 1, 2)))]
        if kind == "object" or "properties" in schema:
            required = schema.get("required", ())
            return {
                key: self._value(key, child, personal)
                for key, child in schema.get("properties", {}).items()
                if key in required or self.random.random() < 0.5
            }
        if kind == "integer":
            return self.random.randrange(0, 24)
        if kind == "number":
            return self.random.choice((1, 1.5))
        if kind == "boolean":
            return self.random.random() < 0.5
        return self._text(name, schema, personal)

    def _text(self, name: str, schema: dict[str, Any], personal: bool) -> str:
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if schema.get("format") == "date-time":
            return self.random.choice(_TIMES)
        if name == "exceptionDate" or schema.get("format") == "date":
            return "2026-12-24"
        if name in _CODES:
            return _CODES[name]
        if name in _LISTS:
            return self.random.choice(_LISTS[name])
        if name == "amount":
            return str(self._cents(0, 99999))
        return CANARY if personal else "CODE_1"


def _money(amount: Decimal) -> dict[str, str]:
    return {"amount": str(amount), "currencyCode": "EUR"}


# === BREAKING === #


def places(value: Any, here: tuple = ()) -> Iterator[tuple]:
    """Every place of a value but the root."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield (*here, key)
        yield from places(item, (*here, key))


def broken(order: dict[str, Any], kind: str, seed: int) -> Any:
    """A copy of `order`, broken in the way of `kind` at a place that `seed` chooses.

    A way that does not lend itself to the order (no enumeration in it) breaks a type instead.
    """
    if kind == "valid":
        return order
    dice = random.Random(seed)
    if kind == "root":
        return dice.choice([CANARY, None, 7, [], [order], {}, {"orderId": {"x": CANARY}, "buyer": CANARY}])
    result = copy.deepcopy(order)
    found = [place for place in places(result) if _suits(result, place, kind)]
    if not found:
        kind, found = "type", list(places(result))
    *parent, key = dice.choice(found)
    holder = _at(result, parent)
    if kind == "missing":
        del holder[key]
    elif kind == "unknown":
        holder[key]["brandNew"] = dice.choice([CANARY, 1, {"deep": [CANARY]}])
    else:
        holder[key] = {
            "null": None,
            "enum": "BRAND_NEW",
            "number": 12.5,
            "time": dice.choice(("yesterday", "2026-13-45T99:00:00Z", CANARY)),
        }.get(kind, _other_type(holder[key], dice))
    return result


def _at(value: Any, place: Any) -> Any:
    for step in place:
        value = value[step]
    return value


def _suits(order: Any, place: tuple, kind: str) -> bool:
    value, key = _at(order, place), place[-1]
    if kind == "missing":
        return isinstance(key, str)
    if kind == "unknown":
        return isinstance(value, dict)
    if kind == "enum":
        return key in ("fulfillmentStatus", "status", "unit", "substitutionType", "palletDelivery")
    if kind == "number":
        return key == "amount"
    if kind == "time":
        return isinstance(value, str) and value in _TIMES
    return True


def _other_type(value: Any, dice: random.Random) -> Any:
    return dice.choice([wrong for wrong in _WRONG if type(wrong) is not type(value)])
