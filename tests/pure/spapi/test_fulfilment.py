"""What was shipped of an order, by Amazon's counts, packages or status."""

from copy import deepcopy

import pytest
from amazon_spapi_connector.mapping.fulfilment import (
    cancelled_quantity,
    fulfilment_region,
    life_digest,
    shipped_quantities,
    wants_cancellation,
)
from amazon_spapi_connector.spapi.orders import parse_order


def order(status="UNSHIPPED", packages=(), **item):
    money = {"amount": "10.00", "currencyCode": "EUR"}
    business = {
        "orderId": "402-1111111-1111111",
        "createdTime": "2026-01-01T00:00:00Z",
        "lastUpdatedTime": "2026-01-02T00:00:00Z",
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": "APJ6JRA9NG5V4"},
        "fulfillment": {"fulfillmentStatus": status, "fulfilledBy": "MERCHANT"},
        "proceeds": {"grandTotal": money},
        "packages": list(packages),
        "orderItems": [
            {
                "orderItemId": "1",
                "quantityOrdered": 3,
                "product": {"sellerSku": "A"},
                "proceeds": {"proceedsTotal": money},
                **item,
            }
        ],
    }
    return parse_order(deepcopy(business))


def count(fulfilled, left=None):
    found = {"quantityFulfilled": fulfilled}
    return found if left is None else {**found, "quantityUnfulfilled": left}


def package(quantity, status="SHIPPED"):
    items = [{"orderItemId": "1", "quantity": quantity}]
    return {"packageReferenceId": "1", "packageStatus": {"status": status}, "packageItems": items}


@pytest.mark.parametrize(
    ("made", "shipped"),
    [
        (order("UNSHIPPED"), 0),
        (order("UNSHIPPED", fulfillment=count(0)), 0),
        (order("PARTIALLY_SHIPPED", fulfillment=count(2)), 2),
        (order("SHIPPED", fulfillment=count(3)), 3),
        (order("SHIPPED", fulfillment=count(9)), 3),
        (order("SHIPPED"), 3),
        (order("PARTIALLY_SHIPPED"), 0),
        (order("PARTIALLY_SHIPPED", [package(1)]), 1),
        (order("PARTIALLY_SHIPPED", [package(1), package(1, "DELIVERED")]), 2),
        (order("SHIPPED", [package(2), package(1, "CANCELLED"), package(1, "PENDING")]), 2),
        (order("SHIPPED", [package(1)], fulfillment=count(2)), 2),
        # packages that do not say what is in them leave it to the status
        (order("SHIPPED", [{**package(1), "packageItems": []}]), 3),
        (order("PARTIALLY_SHIPPED", [{**package(1), "packageItems": []}]), 0),
        (order("CANCELLED", fulfillment=count(1)), 1),
        (order("SHIPPED", cancellation={"cancellationExecution": {"cancelledBy": "BUYER"}}), 0),
    ],
)
def test_shipped_quantities(made, shipped):
    assert shipped_quantities(made) == {"1": shipped}


@pytest.mark.parametrize(
    ("left", "by", "shipped", "cancelled"), [(0, "BUYER", 1, 2), (2, "BUYER", 1, 0), (0, "", 1, 0), (0, "AMAZON", 3, 0)]
)
def test_cancelled_quantity(left, by, shipped, cancelled):
    execution = {"cancellationExecution": {"cancelledBy": by}} if by else {}
    made = order("SHIPPED", fulfillment=count(shipped, left), cancellation=execution)
    assert cancelled_quantity(made.lines[0], shipped) == cancelled


def test_wants_cancellation():
    wish = {"cancellationRequest": {"requester": "BUYER"}}
    assert wants_cancellation(order(cancellation=wish))
    assert wants_cancellation(order("PARTIALLY_SHIPPED", cancellation=wish))
    assert not wants_cancellation(order())
    assert not wants_cancellation(order("SHIPPED", cancellation=wish))
    assert not wants_cancellation(order("CANCELLED", cancellation=wish))
    assert not wants_cancellation(order(cancellation={**wish, "cancellationExecution": {"cancelledBy": "MERCHANT"}}))


def test_life_digest_moves_with_what_is_followed_only():
    base = order("PARTIALLY_SHIPPED", fulfillment=count(1, 2))
    assert life_digest(base) == life_digest(order("PARTIALLY_SHIPPED", fulfillment=count(1, 2)))
    others = [
        order("SHIPPED", fulfillment=count(1, 2)),
        order("PARTIALLY_SHIPPED", fulfillment=count(2, 1)),
        order("PARTIALLY_SHIPPED", fulfillment=count(1, 2), quantityOrdered=4),
        order(
            "PARTIALLY_SHIPPED",
            fulfillment=count(1, 2),
            cancellation={"cancellationRequest": {"requester": "BUYER"}},
        ),
        order(
            "PARTIALLY_SHIPPED",
            fulfillment=count(1, 0),
            cancellation={"cancellationExecution": {"cancelledBy": "BUYER"}},
        ),
    ]
    assert len({life_digest(made) for made in (base, *others)}) == 1 + len(others)
    travelled = order("PARTIALLY_SHIPPED", [package(1, "DELIVERED")], fulfillment=count(1, 2))
    assert life_digest(travelled) == life_digest(base), "a parcel that travels on is no news for Odoo's documents"


@pytest.mark.parametrize(
    ("code", "region"),
    [("IT", "EU"), ("DE", "EU"), ("IE", "EU"), ("GB", "UK"), ("US", "NA"), ("CA", "NA"), ("TR", "TR"), ("JP", "JP")],
)
def test_fulfilment_region(code, region):
    assert fulfilment_region(code) == region
