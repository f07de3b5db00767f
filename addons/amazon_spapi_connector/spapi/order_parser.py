"""From the business part of an order to :class:`.order_model.Order`, or to a list of what is wrong with it.

All problems are collected, because a person who has to ask Amazon's support wants to ask once. Totals that do not add
up are not judged here.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from decimal import Decimal
from typing import Any

from .order_model import (
    Amount,
    Association,
    Breakdown,
    Line,
    Order,
    OrderDataError,
    Package,
    Problem,
    Window,
)
from .regions import MARKETPLACES
from .values import parse_amount, parse_time

MAX_QUANTITY = 9_999
"""More pieces on one line are taken for a mistake until a person has looked."""
MAX_AMOUNT = Decimal(1_000_000_000)
STATUSES = frozenset(
    {"PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED", "UNFULFILLABLE"}
)


def parse_order(
    business: dict[str, Any],
    *,
    marketplaces: Container[str] = MARKETPLACES,
    max_quantity: int = MAX_QUANTITY,
) -> Order:
    """The order in `business` (:attr:`.orders.SplitOrder.business`).

    :param marketplaces: ids that are known to the caller.
    :raises OrderDataError: with every problem found.
    """
    return _Parser(marketplaces, max_quantity).order(business)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [_dict(item) for item in value] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


class _Parser:
    def __init__(self, marketplaces: Container[str], max_quantity: int) -> None:
        self.marketplaces = marketplaces
        self.max_quantity = max_quantity
        self.problems: list[Problem] = []
        self.currencies: set[str] = set()
        self.cancelled = False

    def problem(self, code: str, path: str, message: str) -> None:
        self.problems.append(Problem(code, path, message))

    def order(self, data: dict[str, Any]) -> Order:
        order_id = _text(data.get("orderId"))
        if not order_id:
            self.problem("order_id_missing", "orderId", "The order has no usable order number.")
        created = self.time(data, "createdTime")
        updated = self.time(data, "lastUpdatedTime")
        channel = _dict(data.get("salesChannel"))
        fulfillment = _dict(data.get("fulfillment"))
        status = self.status(fulfillment)
        self.cancelled = status == "CANCELLED"
        proceeds = _dict(data.get("proceeds"))
        total = self.money(proceeds, "grandTotal", "proceeds.grandTotal")
        breakdowns = self.breakdowns(proceeds, "proceeds")
        lines = self.lines(data)
        packages = self.packages(data)
        marketplace_id = self.marketplace(channel)
        if len(self.currencies) > 1:
            self.problem("currency_mixed", "proceeds", "The order mixes several currencies.")
        address = _dict(_dict(data.get("recipient")).get("deliveryAddress"))
        if self.problems or created is None or updated is None:
            raise OrderDataError(tuple(self.problems))
        return Order(
            order_id=order_id,
            seller_order_id=self.alias(data),
            marketplace_id=marketplace_id,
            channel=_text(channel.get("channelName")),
            created=created,
            updated=updated,
            status=status,
            fulfilled_by=_text(fulfillment.get("fulfilledBy")),
            service_level=_text(fulfillment.get("fulfillmentServiceLevel")),
            programs=_texts(data.get("programs")),
            currency=next(iter(self.currencies), ""),
            total=total,
            breakdowns=breakdowns,
            lines=lines,
            packages=packages,
            associations=tuple(
                Association(_text(row.get("orderId")), _text(row.get("associationType")))
                for row in _dicts(data.get("associatedOrders"))
            ),
            ship_by=self.window(fulfillment, "shipByWindow"),
            deliver_by=self.window(fulfillment, "deliverByWindow"),
            country_code=_text(address.get("countryCode")),
            address_type=_text(address.get("addressType")),
        )

    # ------------------------------------------------------------------ parts

    @staticmethod
    def alias(data: dict[str, Any]) -> str:
        for row in _dicts(data.get("orderAliases")):
            if row.get("aliasType") == "SELLER_ORDER_ID":
                return _text(row.get("aliasId"))
        return ""

    def marketplace(self, channel: dict[str, Any]) -> str:
        path = "salesChannel.marketplaceId"
        marketplace_id = _text(channel.get("marketplaceId"))
        # Amazon leaves the id away for orders from other channels that it only fulfils.
        if not marketplace_id and channel.get("channelName") == "NON_AMAZON":
            return ""
        if not marketplace_id:
            self.problem("marketplace_missing", path, "The order does not say which marketplace it comes from.")
        elif marketplace_id not in self.marketplaces:
            self.problem("marketplace_unknown", path, "The order comes from a marketplace that is not known here.")
        return marketplace_id

    def status(self, fulfillment: dict[str, Any]) -> str:
        path = "fulfillment.fulfillmentStatus"
        status = _text(fulfillment.get("fulfillmentStatus"))
        if not status:
            self.problem("status_missing", path, "The order has no status.")
        elif status not in STATUSES:
            self.problem("status_unknown", path, "The order has a status that is not known here.")
        return status

    def lines(self, data: dict[str, Any]) -> tuple[Line, ...]:
        items = data.get("orderItems")
        if not isinstance(items, list) or not items:
            self.problem("no_lines", "orderItems", "The order has no lines.")
            return ()
        lines = []
        seen: set[str] = set()
        for index, item in enumerate(items):
            path = f"orderItems[{index}]"
            if not isinstance(item, dict):
                self.problem("line_unreadable", path, "A line of the order cannot be read.")
                continue
            line = self.line(item, path)
            if not line.item_id:
                self.problem("line_id_missing", f"{path}.orderItemId", "A line has no usable line number.")
            elif line.item_id in seen:
                self.problem("line_id_double", f"{path}.orderItemId", "Two lines have the same line number.")
            seen.add(line.item_id)
            lines.append(line)
        return tuple(lines)

    def line(self, item: dict[str, Any], path: str) -> Line:
        product = _dict(item.get("product"))
        proceeds = _dict(item.get("proceeds"))
        fulfillment = _dict(item.get("fulfillment"))
        cancellation = _dict(item.get("cancellation"))
        execution = _dict(cancellation.get("cancellationExecution"))
        condition = _dict(product.get("condition"))
        packing = _dict(fulfillment.get("packing"))
        shipping = _dict(fulfillment.get("shipping"))
        tax = _dict(item.get("tax"))
        price = _dict(product.get("price"))
        return Line(
            item_id=_text(item.get("orderItemId")),
            sku=_text(product.get("sellerSku")),
            asin=_text(product.get("asin")),
            title=_text(product.get("title")),
            quantity=self.quantity(item, path, may_be_zero=self.cancelled or "cancellationExecution" in cancellation),
            quantity_fulfilled=self.count(fulfillment, "quantityFulfilled", f"{path}.fulfillment"),
            quantity_unfulfilled=self.count(fulfillment, "quantityUnfulfilled", f"{path}.fulfillment"),
            unit_price=self.money(price, "unitPrice", f"{path}.product.price.unitPrice"),
            total=self.money(proceeds, "proceedsTotal", f"{path}.proceeds.proceedsTotal"),
            breakdowns=self.breakdowns(proceeds, f"{path}.proceeds"),
            promotions=tuple(
                promotion
                for row in _dicts(_dict(item.get("promotion")).get("breakdowns"))
                if (promotion := _text(row.get("promotionId")))
            ),
            programs=_texts(item.get("programs")),
            condition="/".join(
                part for key in ("conditionType", "conditionSubtype") if (part := _text(condition.get(key)))
            ),
            gift_wrap=_text(_dict(packing.get("giftOption")).get("giftWrapLevel")),
            serial_numbers=_texts(product.get("serialNumbers")),
            cancel_requested="cancellationRequest" in cancellation,
            cancelled_by=_text(execution.get("cancelledBy")),
            ioss_number=_text(_dict(shipping.get("internationalShipping")).get("iossNumber")),
            reporting_schemes=tuple(
                scheme
                for row in _dicts(tax.get("taxCalculationBreakdowns"))
                if (scheme := _text(row.get("reportingScheme")))
            ),
            deemed_supplier=any(
                row.get("model") == "MARKETPLACE_FACILITATOR" for row in _dicts(tax.get("taxCollections"))
            ),
        )

    def packages(self, data: dict[str, Any]) -> tuple[Package, ...]:
        packages = []
        for index, row in enumerate(_dicts(data.get("packages"))):
            path = f"packages[{index}]"
            status = _dict(row.get("packageStatus"))
            packages.append(
                Package(
                    reference=_text(row.get("packageReferenceId")),
                    status=_text(status.get("status")),
                    detailed_status=_text(status.get("detailedStatus")),
                    carrier=_text(row.get("carrier")),
                    service=_text(row.get("shippingService")),
                    tracking_number=_text(row.get("trackingNumber")),
                    shipped=parse_time(row.get("shipTime")),
                    items=tuple(
                        (_text(item.get("orderItemId")), self.count(item, "quantity", f"{path}.packageItems") or 0)
                        for item in _dicts(row.get("packageItems"))
                    ),
                )
            )
        return tuple(packages)

    # ------------------------------------------------------------------ values

    def time(self, data: dict[str, Any], key: str) -> datetime | None:
        moment = parse_time(data.get(key))
        if moment is None:
            self.problem("time_missing", key, "A time of the order is missing or cannot be read.")
        return moment

    def window(self, data: dict[str, Any], key: str) -> Window | None:
        row = _dict(data.get(key))
        if not row:
            return None
        return Window(parse_time(row.get("earliestDateTime")), parse_time(row.get("latestDateTime")))

    def quantity(self, item: dict[str, Any], path: str, *, may_be_zero: bool) -> int:
        path = f"{path}.quantityOrdered"
        value = item.get("quantityOrdered")
        if not isinstance(value, int) or isinstance(value, bool):
            self.problem("quantity_missing", path, "A line has no usable quantity.")
            return 0
        if value < 0:
            self.problem("quantity_negative", path, "A line has a negative quantity.")
        elif value == 0 and not may_be_zero:
            self.problem("quantity_zero", path, "A line has the quantity 0 although it was not cancelled.")
        elif value > self.max_quantity:
            self.problem(
                "quantity_absurd",
                path,
                f"A line has a quantity above {self.max_quantity}, which looks like a mistake.",
            )
        return value

    def count(self, data: dict[str, Any], key: str, path: str) -> int | None:
        if key not in data:
            return None
        value = data[key]
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.problem("count_unreadable", f"{path}.{key}", "A number of pieces cannot be read.")
            return None
        return value

    def money(self, data: dict[str, Any], key: str, path: str) -> Amount | None:
        """Absent money is no problem (a pending order has none); money in part is."""
        if key not in data:
            return None
        row = _dict(data[key])
        value = parse_amount(row.get("amount"))
        currency = _text(row.get("currencyCode"))
        if value is None:
            self.problem("amount_unreadable", path, "An amount of money is missing or is not a number.")
        elif abs(value) >= MAX_AMOUNT:
            self.problem("amount_absurd", path, "An amount of money is impossibly large.")
        if not currency:
            self.problem("currency_missing", path, "An amount of money has no usable currency.")
        else:
            self.currencies.add(currency)
        return None if value is None else Amount(value, currency)

    def breakdowns(self, data: dict[str, Any], path: str) -> tuple[Breakdown, ...]:
        result = []
        rows = data.get("breakdowns")
        if rows is not None and not isinstance(rows, list) or rows is None and "breakdowns" in data:
            self.problem("breakdown_unreadable", f"{path}.breakdowns", "The composition of an amount cannot be read.")
            return ()
        for index, row in enumerate(rows or ()):
            here = f"{path}.breakdowns[{index}]"
            row = _dict(row)
            kind = _text(row.get("type"))
            subtotal = self.money(row, "subtotal", f"{here}.subtotal")
            if not kind or "subtotal" not in row:
                self.problem("breakdown_unreadable", here, "The composition of an amount cannot be read.")
                continue
            details = []
            for number, detail in enumerate(_dicts(row.get("detailedBreakdowns"))):
                value = self.money(detail, "value", f"{here}.detailedBreakdowns[{number}].value")
                if value is not None:
                    details.append((_text(detail.get("subtype")), value.value))
            if subtotal is not None:
                result.append(Breakdown(kind, subtotal.value, tuple(details), _text(row.get("status"))))
        return tuple(result)
