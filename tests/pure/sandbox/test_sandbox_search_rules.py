"""searchOrders: every rule on its parameters."""

from datetime import UTC, datetime, timedelta

import pytest
from sandbox_box import DE, ES, EVERYTHING, FR, IT, LONG_AGO, ORDERS

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def at(**delta):
    return (NOON + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


def refused(answer):
    assert answer.status_code == 400, answer.text
    (error,) = answer.json()["errors"]
    assert error["code"] == "InvalidInput" and error["message"]
    return error["message"]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"createdAfter": at(days=-1), "lastUpdatedAfter": at(days=-1)},
        {"createdBefore": at(days=-1)},
        {"lastUpdatedBefore": at(days=-1)},
        {"createdAfter": at(days=-2), "lastUpdatedBefore": at(days=-1)},
        {"lastUpdatedAfter": at(days=-2), "createdBefore": at(days=-1)},
        {"lastUpdatedAfter": at(days=-1), "lastUpdatedBefore": at(days=-2)},
        {"createdAfter": at(days=-1), "createdBefore": at(days=-2)},
        {"lastUpdatedAfter": at(days=-1), "lastUpdatedBefore": at(minutes=-1)},
        {"createdAfter": at(days=-1), "createdBefore": at(minutes=-1)},
        {"lastUpdatedAfter": at(days=-1), "lastUpdatedBefore": at(days=1)},
        {"lastUpdatedAfter": at(minutes=5)},
    ],
)
def test_date_filters(box, query):
    refused(box.get(ORDERS, **query))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-01",
        "2026-03-01T00:00:00",
        "2026-03-01 00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-03-01T00:00:00 01:00",
        "1772323200",
        "TEST_CASE_400",
        "٢٠٢٦-03-01T00:00:00Z",
    ],
)
def test_dates_are_iso_8601_with_a_zone(box, text):
    refused(box.search(lastUpdatedAfter=text))


@pytest.mark.parametrize("text", ["2026-03-01T00:00:00Z", "2026-03-01T00:00:00.123456+01:00", "2026-03-01T00:00:00.5Z"])
def test_dates_may_have_fractions_and_offsets(box, text):
    assert box.search(lastUpdatedAfter=text).status_code == 200


def test_two_minutes_are_enough(box):
    for name in ("created", "lastUpdated"):
        query = {f"{name}After": at(days=-1), f"{name}Before": at(minutes=-2)}
        assert box.get(ORDERS, **query).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"fulfillmentStatuses": "UNSHIPPED,Shipped"},
        {"fulfillmentStatuses": ""},
        {"fulfillmentStatuses": "UNSHIPPED,"},
        {"fulfilledBy": "SELLER"},
        {"fulfilledBy": "MFN"},
        {"includedData": "BUYER,EVERYTHING"},
        {"includedData": "buyer"},
        {"marketplaceIds": "NOWHERE"},
        {"marketplaceIds": ""},
        {"maxResultsPerPage": "0"},
        {"maxResultsPerPage": "101"},
        {"maxResultsPerPage": "-1"},
        {"maxResultsPerPage": "1.5"},
        {"maxResultsPerPage": "ten"},
        {"maxResultsPerPage": ""},
        {"maxResultsPerPage": "9" * 5000},
        {"paginationToken": "nonsense"},
        {"paginationToken": ""},
        {"paginationToken": "ÿ"},
    ],
)
def test_values_are_validated(box, query):
    refused(box.search(**query))


def test_at_most_fifty_marketplaces(box):
    assert "50" in refused(box.search(marketplaceIds=",".join(f"A{number:013}" for number in range(51))))


def test_lists_are_comma_separated_not_repeated(box):
    query = [("lastUpdatedAfter", LONG_AGO), ("marketplaceIds", IT), ("marketplaceIds", DE)]
    answer = box.client.get(ORDERS, params=query, headers={"x-amz-access-token": box.token()})
    assert "more than once" in refused(answer)


def test_unknown_parameters_are_ignored_but_seen(box):
    assert box.search(MarketplaceId=IT).status_code == 200
    assert "MarketplaceId=" in box.control("GET", "journal?operation=searchOrders")[0]["query"]


def test_filters_select(box):
    unshipped = set(box.generate(3, "fbm_unshipped", [IT]))
    shipped = set(box.generate(2, "shipped", [DE]))
    cancelled = set(box.generate(2, "cancelled", [ES]))
    fba = set(box.generate(4, "fba", [FR]))

    def ids(**query):
        return {order["orderId"] for order in box.found(**query)}

    assert ids() == unshipped | shipped | cancelled | fba
    assert ids(fulfillmentStatuses="CANCELLED") >= cancelled
    assert ids(fulfillmentStatuses="UNSHIPPED", fulfilledBy="MERCHANT") == unshipped
    assert ids(fulfillmentStatuses="SHIPPED,CANCELLED", fulfilledBy="MERCHANT") == shipped | cancelled
    assert ids(fulfilledBy="AMAZON") == fba
    assert ids(fulfilledBy="AMAZON,MERCHANT") == ids()
    assert ids(marketplaceIds=DE) == shipped
    assert ids(marketplaceIds=f"{DE},{FR}") == shipped | fba
    assert ids(marketplaceIds=IT, fulfillmentStatuses="SHIPPED") == set()


def test_bounds_are_inclusive_and_by_their_own_time(box):
    order = {
        "orderId": "403-0000001-0000001",
        "createdTime": "2026-03-01T10:00:00Z",
        "lastUpdatedTime": "2026-03-05T10:00:00Z",
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": IT},
        "orderItems": [],
    }
    box.control("POST", "orders", {"orders": [order]})

    def hits(name, after, before):
        return len(box.found(**{f"{name}After": f"2026-03-{after}Z", f"{name}Before": f"2026-03-{before}Z"}))

    assert hits("created", "01T10:00:00", "01T10:00:00") == 1
    assert hits("created", "01T10:00:01", "09T00:00:00") == 0
    assert hits("created", "01T00:00:00", "01T09:59:59") == 0
    assert hits("lastUpdated", "05T10:00:00", "05T10:00:00") == 1
    assert hits("lastUpdated", "05T10:00:01", "09T00:00:00") == 0
    assert hits("lastUpdated", "01T00:00:00", "05T09:59:59") == 0


def test_the_upper_bound_is_echoed(box):
    given = box.search(createdAfter=at(days=-3), createdBefore=at(days=-1)).json()
    assert given["createdBefore"] == at(days=-1) and "lastUpdatedBefore" not in given
    chosen = box.search(lastUpdatedAfter=at(days=-3)).json()
    echoed = datetime.fromisoformat(chosen["lastUpdatedBefore"])
    assert "createdBefore" not in chosen
    assert timedelta(0) <= echoed - (NOON - timedelta(minutes=2)) < timedelta(seconds=20)


def test_the_echoed_bound_is_a_safe_watermark(box):
    """What changes after a search is found by the next one that starts at the echo, however recent it is."""
    (order_id,) = box.generate(1)
    mark = box.search().json()["lastUpdatedBefore"]
    box.control("PATCH", f"orders/{order_id}", {"programs": ["PRIME"]})
    assert box.found(lastUpdatedAfter=mark) == []
    box.advance(125)
    assert [order["orderId"] for order in box.found(lastUpdatedAfter=mark)] == [order_id]
    assert box.search(lastUpdatedAfter=at(seconds=30)).json()["orders"] == []


def test_orders_older_than_two_years_are_gone_except_in_japan(box):
    old = []
    for number, marketplace in enumerate((IT, "A1VC38T7YXB528")):
        old.append(
            {
                "orderId": f"503-0000001-000000{number}",
                "createdTime": "2023-03-01T10:00:00Z",
                "lastUpdatedTime": "2026-03-01T10:00:00Z",
                "salesChannel": {"channelName": "AMAZON", "marketplaceId": marketplace},
                "orderItems": [],
            }
        )
    box.control("PUT", "sellers/A1SANDBOXSELLER", {"marketplaces": [IT, "A1VC38T7YXB528"]})
    box.control("POST", "orders", {"orders": old})
    assert [order["orderId"] for order in box.found()] == ["503-0000001-0000001"]
    assert box.get(f"{ORDERS}/503-0000001-0000000").status_code == 404
    assert box.get(f"{ORDERS}/503-0000001-0000001").status_code == 200


def test_get_order_rules(box):
    (order_id,) = box.generate(1)
    answer = box.get(f"{ORDERS}/{order_id}", includedData=EVERYTHING)
    assert answer.json()["order"] == box.found(includedData=EVERYTHING)[0]
    assert set(answer.json()) == {"order"}
    refused(box.get(f"{ORDERS}/{order_id}", includedData="NAME"))
    refused(box.get(f"{ORDERS}/TEST_CASE_400"))
    missing = box.get(f"{ORDERS}/000-0000000-0000000")
    assert (missing.status_code, missing.json()["errors"][0]["code"]) == (404, "NotFound")
