"""From business data to an order, or to sentences that a back-office user understands."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from decimal import Decimal

import orders_by_schema as samples
import pytest
from amazon_spapi_connector.spapi.order_parser import MAX_QUANTITY
from amazon_spapi_connector.spapi.orders import Amount, Order, OrderDataError, parse_order, split_order
from hypothesis import given, settings
from hypothesis import strategies as st

BASE = {
    "orderId": "402-1234567-1234567",
    "orderAliases": [{"aliasId": "MY-1", "aliasType": "SELLER_ORDER_ID"}],
    "createdTime": "2026-11-01T10:30:00Z",
    "lastUpdatedTime": "2026-11-01T12:30:00.123456789+01:00",
    "programs": ["AMAZON_BUSINESS", "PRIME"],
    "salesChannel": {"channelName": "AMAZON", "marketplaceId": "APJ6JRA9NG5V4", "marketplaceName": "Amazon.it"},
    "recipient": {"deliveryAddress": {"countryCode": "IT", "addressType": "RESIDENTIAL"}},
    "fulfillment": {
        "fulfillmentStatus": "UNSHIPPED",
        "fulfilledBy": "MERCHANT",
        "shipByWindow": {"earliestDateTime": "2026-11-01T00:00:00Z", "latestDateTime": "2026-11-03T22:59:59Z"},
    },
    "proceeds": {
        "grandTotal": {"amount": "27.40", "currencyCode": "EUR"},
        "breakdowns": [
            {"type": "DELIVERY_TIP", "status": "PENDING", "subtotal": {"amount": "1", "currencyCode": "EUR"}}
        ],
    },
    "orderItems": [
        {
            "orderItemId": "10000000000001",
            "quantityOrdered": 2,
            "product": {
                "asin": "B08C1W5N87",
                "title": "Caffè",
                "sellerSku": "CAF 1",
                "price": {"unitPrice": {"amount": "10.00", "currencyCode": "EUR"}},
            },
            "proceeds": {
                "proceedsTotal": {"amount": "27.40", "currencyCode": "EUR"},
                "breakdowns": [
                    {"type": "ITEM", "subtotal": {"amount": "20.00", "currencyCode": "EUR"}},
                    {"type": "SHIPPING", "subtotal": {"amount": "5.00", "currencyCode": "EUR"}},
                    {
                        "type": "TAX",
                        "subtotal": {"amount": "4.40", "currencyCode": "EUR"},
                        "detailedBreakdowns": [
                            {"subtype": "ITEM", "value": {"amount": "3.60", "currencyCode": "EUR"}},
                            {"subtype": "SHIPPING", "value": {"amount": "0.80", "currencyCode": "EUR"}},
                        ],
                    },
                    {"type": "DISCOUNT", "subtotal": {"amount": "-2.00", "currencyCode": "EUR"}},
                ],
            },
            "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": 2},
            "tax": {
                "taxCalculationBreakdowns": [{"reportingScheme": "UOSS"}],
                "taxCollections": [{"model": "MARKETPLACE_FACILITATOR", "responsibleParty": "Amazon Services Europe"}],
            },
        }
    ],
}


def changed(path: tuple[str | int, ...], value: object, *, remove: bool = False) -> dict:
    """BASE with another value at a place, through the split as in real life."""
    data = copy.deepcopy(BASE)
    holder = samples.get(data, path[:-1])
    if remove:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return split_order(data).business


def problems(business: dict) -> list[tuple[str, str]]:
    with pytest.raises(OrderDataError) as caught:
        parse_order(business)
    assert all(problem.message.endswith(".") for problem in caught.value.problems)
    return [(problem.code, problem.path) for problem in caught.value.problems]


def test_an_order():
    order = parse_order(split_order(BASE).business)
    assert isinstance(order, Order)
    assert (order.order_id, order.seller_order_id, order.marketplace_id) == (
        "402-1234567-1234567",
        "MY-1",
        "APJ6JRA9NG5V4",
    )
    assert order.created == datetime(2026, 11, 1, 10, 30, tzinfo=UTC)
    assert order.updated == datetime(2026, 11, 1, 11, 30, 0, 123456, tzinfo=UTC)
    assert order.is_business and order.is_prime and order.is_merchant_fulfilled
    assert (order.status, order.currency, order.total) == ("UNSHIPPED", "EUR", Amount(Decimal("27.40"), "EUR"))
    assert order.ship_by.latest == datetime(2026, 11, 3, 22, 59, 59, tzinfo=UTC) and order.deliver_by is None
    assert (order.country_code, order.address_type) == ("IT", "RESIDENTIAL")
    assert order.amount("DELIVERY_TIP") == 1
    line = order.lines[0]
    assert (line.sku, line.quantity, line.unit_price.value) == ("CAF 1", 2, Decimal("10.00"))
    assert (line.item, line.shipping, line.tax, line.discount) == (20, 5, Decimal("4.40"), -2)
    assert line.amount("TAX", "SHIPPING") == Decimal("0.80") and line.amount("GIFT_WRAP") == 0
    assert line.deemed_supplier and line.reporting_schemes == ("UOSS",)
    assert sum(line.amount(kind) for kind in ("ITEM", "SHIPPING", "TAX", "DISCOUNT")) == line.total.value
    with pytest.raises(AttributeError):
        order.status = "SHIPPED"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("proceeds", "grandTotal"), {"amount": "27.40"}, "currency_missing"),
        (("proceeds", "grandTotal"), {"amount": "27.40", "currencyCode": "euro"}, "currency_missing"),
        (("proceeds", "grandTotal"), {"currencyCode": "EUR"}, "amount_unreadable"),
        (("proceeds", "grandTotal"), {"amount": "twelve", "currencyCode": "EUR"}, "amount_unreadable"),
        (("proceeds", "grandTotal"), {"amount": "NaN", "currencyCode": "EUR"}, "amount_unreadable"),
        (("proceeds", "grandTotal"), {"amount": "Infinity", "currencyCode": "EUR"}, "amount_unreadable"),
        (("proceeds", "grandTotal"), {"amount": "1e5", "currencyCode": "EUR"}, "amount_unreadable"),
        (("proceeds", "grandTotal"), {"amount": float("inf"), "currencyCode": "EUR"}, "amount_unreadable"),
        (("proceeds", "grandTotal"), {"amount": True, "currencyCode": "EUR"}, "amount_unreadable"),
        (("proceeds", "grandTotal"), {"amount": "1٢", "currencyCode": "EUR"}, "amount_unreadable"),
        (("proceeds", "grandTotal"), {"amount": "1000000000", "currencyCode": "EUR"}, "amount_absurd"),
        (("proceeds", "grandTotal"), "27.40 EUR", "amount_unreadable"),
        (("proceeds", "grandTotal"), {"amount": "27.40", "currencyCode": "USD"}, "currency_mixed"),
        (("orderItems",), [], "no_lines"),
        (("orderItems",), None, "no_lines"),
        (("orderItems",), {"0": {}}, "no_lines"),
        (("orderItems", 0), "a line", "line_unreadable"),
        (("orderItems", 0, "quantityOrdered"), 0, "quantity_zero"),
        (("orderItems", 0, "quantityOrdered"), -1, "quantity_negative"),
        (("orderItems", 0, "quantityOrdered"), 10_000, "quantity_absurd"),
        (("orderItems", 0, "quantityOrdered"), "2", "quantity_missing"),
        (("orderItems", 0, "quantityOrdered"), 1.5, "quantity_missing"),
        (("orderItems", 0, "quantityOrdered"), True, "quantity_missing"),
        (("orderItems", 0, "orderItemId"), None, "line_id_missing"),
        (("orderItems", 0, "proceeds", "breakdowns"), "none", "breakdown_unreadable"),
        (("orderItems", 0, "proceeds", "breakdowns", 0), {"type": "ITEM"}, "breakdown_unreadable"),
        (("orderItems", 0, "proceeds", "breakdowns", 0, "subtotal", "amount"), "20,00", "amount_unreadable"),
        (("orderItems", 0, "fulfillment", "quantityFulfilled"), "none", "count_unreadable"),
        (("fulfillment",), None, "status_missing"),
        (("fulfillment", "fulfillmentStatus"), "Rosa Bianchi", "status_missing"),
        (("fulfillment", "fulfillmentStatus"), "TELEPORTED", "status_unknown"),
        (("salesChannel", "marketplaceId"), "A000000000000", "marketplace_unknown"),
        (("salesChannel",), {"channelName": "AMAZON"}, "marketplace_missing"),
        (("orderId",), "not an id", "order_id_missing"),
        (("createdTime",), "yesterday", "time_missing"),
        (("lastUpdatedTime",), "2026-13-01T00:00:00Z", "time_missing"),
        (("createdTime",), "2026-11-01T10:30:00", "time_missing"),
    ],
)
def test_bad_orders(path, value, code):
    assert code in [found for found, _ in problems(changed(path, value))]


def test_the_problem_says_where_and_quotes_nothing():
    business = changed(("orderItems", 0, "proceeds", "breakdowns", 2, "subtotal", "amount"), "Rosa Bianchi")
    with pytest.raises(OrderDataError) as caught:
        parse_order(business)
    assert caught.value.path == "orderItems[0].proceeds.breakdowns[2].subtotal"
    assert "Rosa" not in str(caught.value) + caught.value.message
    assert caught.value.code == "amount_unreadable"


def test_all_problems_at_once():
    business = changed(("orderItems", 0, "quantityOrdered"), 0)
    del business["fulfillment"], business["createdTime"]
    assert [code for code, _ in problems(business)] == ["time_missing", "status_missing", "quantity_zero"]


def test_a_cancelled_line_may_be_zero():
    assert parse_order(changed(("fulfillment", "fulfillmentStatus"), "CANCELLED")).status == "CANCELLED"
    business = changed(("orderItems", 0, "cancellation"), {"cancellationExecution": {"cancelledBy": "BUYER"}})
    business["orderItems"][0]["quantityOrdered"] = 0
    line = parse_order(business).lines[0]
    assert (line.quantity, line.cancelled_by, line.cancel_requested) == (0, "BUYER", False)


def test_a_cancel_request_in_free_words_is_seen():
    business = changed(("orderItems", 0, "cancellation"), {"cancellationRequest": {"cancelReason": "I moved away"}})
    assert parse_order(business).lines[0].cancel_requested


def test_pending_without_money_and_500_lines():
    data = copy.deepcopy(BASE)
    del data["proceeds"]
    data["fulfillment"]["fulfillmentStatus"] = "PENDING"
    item = {key: data["orderItems"][0][key] for key in ("quantityOrdered", "product")}
    del item["product"]["price"]
    data["orderItems"] = [{**item, "orderItemId": str(number)} for number in range(500)]
    order = parse_order(split_order(data).business)
    assert (len(order.lines), order.total, order.currency, order.amount("ITEM")) == (500, None, "", 0)


def test_twice_the_same_line_id_is_a_problem():
    data = copy.deepcopy(BASE)
    data["orderItems"] *= 2
    assert ("line_id_double", "orderItems[1].orderItemId") in problems(split_order(data).business)


def test_limits_are_the_callers():
    business = changed(("orderItems", 0, "quantityOrdered"), MAX_QUANTITY + 1)
    assert parse_order(business, max_quantity=20_000).lines[0].quantity == 10_000
    assert parse_order(changed(("salesChannel", "marketplaceId"), "AX"), marketplaces={"AX"}).marketplace_id == "AX"


def test_an_order_of_another_channel_has_no_marketplace():
    assert parse_order(changed(("salesChannel",), {"channelName": "NON_AMAZON"})).marketplace_id == ""


JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})


@settings(max_examples=200, deadline=None)
@given(data=st.data(), values=st.lists(JUNK, min_size=1, max_size=4))
def test_whatever_comes_is_an_order_or_an_order_data_error(data, values):
    broken = copy.deepcopy(BASE)
    for value in values:
        broken = samples.replaced(broken, data.draw(st.sampled_from(samples.paths(broken))), value)
    try:
        order = parse_order(split_order(broken).business)
    except OrderDataError as error:
        assert error.problems
    else:
        assert order.order_id and order.lines and all(line.quantity >= 0 for line in order.lines)


def test_every_field_of_the_schema_parses():
    split = split_order(samples.order())
    order = parse_order(split.business)
    assert len(order.packages) == 2 and order.packages[0].items[0] == ("79039765272157", 2)
    assert order.associations[0].order_id == "402-1234567-1234567"
