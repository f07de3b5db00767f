"""Requests and answers against Amazon's models: nothing missing, nothing invented."""

from __future__ import annotations

import pytest
from wire_scenario import INCLUDED, RESOURCES, ago, search_params, shipment

EU = [
    "APJ6JRA9NG5V4",
    "A1RKKUPIHCS9HS",
    "A13V1IB3VIYZZH",
    "A1PA6795UKMFR9",
    "A1C3SOZRARQ6R3",
    "A1805IZSGTT6HS",
]


def say(name: str, value: int, unit: str) -> None:
    print(f"\nFIGURE {name} {value} {unit}")


def check(amazon_models, sandbox, side) -> tuple[int, int]:
    """Every request that the sandbox saw and every answer that it gave; returns how many of each."""
    problems, requests = [], 0
    for entry in sandbox.journal():
        if entry["operation"] == "token":
            continue
        requests += 1
        problems += [
            f"request {entry['operation']}: {problem}"
            for problem in amazon_models.check_request(entry["method"], entry["path"], entry["query"], entry["body"])
        ]
    answers = [exchange for exchange in side.exchanges if not exchange.path.startswith("/auth/")]
    for exchange in answers:
        problems += [
            f"answer {exchange.method} {exchange.path} {exchange.status}: {problem}"
            for problem in amazon_models.check_response(exchange.method, exchange.path, exchange.status, exchange.body)
        ]
    assert problems == []
    assert requests == len(answers) > 0
    return requests, len(answers)


def test_an_ordinary_day(amazon_models, sandbox, ours):
    sandbox.generate(EU, 120)
    client, params, orders, token = ours.client, search_params(), [], ""
    while True:
        page = client.search_orders({**params, **({"paginationToken": token} if token else {})})
        orders += page.orders
        token = page.next_token
        if not token:
            break
    assert len(orders) > 10
    client.search_orders({"createdAfter": ago(days=60), "createdBefore": ago(minutes=3)})
    client.get_order(orders[0]["orderId"], INCLUDED)
    client.get_order(orders[0]["orderId"])
    (order_id,) = sandbox.generate(["APJ6JRA9NG5V4"], 1, case="fbm_unshipped")
    client.confirm_shipment(order_id, shipment(client.get_order(order_id)))
    client.get_marketplace_participations()
    client.get_account()
    client.create_restricted_data_token(RESOURCES)
    requests, answers = check(amazon_models, sandbox, ours)
    say("contract_requests_checked", requests, "requests")
    say("contract_answers_checked", answers, "answers")


def cases() -> tuple[str, ...]:
    from sandbox.market.cases import CASES

    return CASES


@pytest.mark.parametrize("case", cases())
def test_every_case_of_the_market(amazon_models, sandbox, ours, case):
    ids = sandbox.generate(EU, 6, case=case)
    found = []
    for order_id in ids:
        found.append(ours.client.get_order(order_id, INCLUDED)["orderId"])
    page = ours.client.search_orders({"createdAfter": ago(days=90), "includedData": INCLUDED})
    assert found == ids and {order["orderId"] for order in page.orders} == set(ids)
    check(amazon_models, sandbox, ours)


def test_case_count(amazon_models):
    say("contract_market_cases", len(cases()), "cases")
    assert len(cases()) >= 12


BAD = {
    "no time": lambda c: c.search_orders({}),
    "both times": lambda c: c.search_orders({"createdAfter": ago(days=1), "lastUpdatedAfter": ago(days=1)}),
    "too fresh": lambda c: c.search_orders({"createdAfter": ago(days=1), "createdBefore": ago(seconds=5)}),
    "page token": lambda c: c.search_orders({"createdAfter": ago(days=1), "paginationToken": "nonsense"}),
    "no such order": lambda c: c.get_order("402-0000000-0000000"),
    "no such order to ship": lambda c: c.confirm_shipment(
        "402-0000000-0000000",
        shipment(
            {"salesChannel": {"marketplaceId": EU[0]}, "orderItems": [{"orderItemId": "1", "quantityOrdered": 1}]}
        ),
    ),
    "no resources": lambda c: c.create_restricted_data_token([]),
}


@pytest.mark.parametrize("name", BAD)
def test_refusals_have_amazons_shape(amazon_models, sandbox, ours, name):
    from amazon_spapi_connector.spapi.errors import SpapiError

    with pytest.raises(SpapiError) as caught:
        BAD[name](ours.client)
    assert caught.value.code and not caught.value.code.startswith("Http")
    (exchange,) = [e for e in ours.exchanges if not e.path.startswith("/auth/")]
    assert 400 <= exchange.status < 500
    assert amazon_models.check_response(exchange.method, exchange.path, exchange.status, exchange.body) == []


@pytest.mark.parametrize("kind", ["throttle_body", "error_500", "expired_token"])
@pytest.mark.parametrize("operation", ["searchOrders", "getOrder", "confirmShipment", "getAccount"])
def test_faults_with_amazons_error_list(amazon_models, sandbox, ours, kind, operation):
    from amazon_spapi_connector.spapi.errors import SpapiError

    (order_id,) = sandbox.generate(["APJ6JRA9NG5V4"], 1, case="fbm_unshipped")
    order = ours.client.get_order(order_id)
    calls = {
        "searchOrders": lambda: ours.client.search_orders({"createdAfter": ago(days=1)}),
        "getOrder": lambda: ours.client.get_order(order_id),
        "confirmShipment": lambda: ours.client.confirm_shipment(order_id, shipment(order)),
        "getAccount": ours.client.get_account,
    }
    ours.exchanges.clear()
    sandbox.fault(operation, kind, times=2)
    with pytest.raises(SpapiError):
        calls[operation]()
    failed = [e for e in ours.exchanges if not e.path.startswith("/auth/")]
    assert failed
    for exchange in failed:
        assert amazon_models.check_response(exchange.method, exchange.path, exchange.status, exchange.body) == []


# ---------------------------------------------------------------------- the checker itself

ORDERS = "/orders/2026-01-01/orders"


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "word"),
    [
        ("GET", ORDERS, "marketplaceId=A", "", "not in the model"),
        ("GET", ORDERS, "marketplaceIds=A&marketplaceIds=B", "", "repeated"),
        ("GET", ORDERS, "fulfillmentStatuses=GONE", "", "GONE"),
        ("GET", ORDERS, "maxResultsPerPage=ten", "", "integer"),
        ("GET", ORDERS, "createdAfter=yesterday", "", "date-time"),
        ("GET", ORDERS, "", "{}", "should be none"),
        ("POST", "/tokens/2021-03-01/restrictedDataToken", "", '{"path": 1, "restrictedResources": []}', "path"),
        ("POST", "/orders/v0/orders/1/shipmentConfirmation", "", '{"marketplaceId": "A"}', "packageDetail"),
    ],
)
def test_the_checker_sees_bad_requests(amazon_models, method, path, query, body, word):
    assert word in " ".join(amazon_models.check_request(method, path, query, body))


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (200, b'{"orders": [], "extra": 1}', "extra"),
        (200, b'{"payload": {}}', "orders"),
        (200, b'{"orders": [{"orderId": "1"}]}', "createdTime"),
        (429, b'{"errors": [{"code": 1}]}', "message"),
        (418, b"{}", "418"),
    ],
)
def test_the_checker_sees_bad_answers(amazon_models, status, body, word):
    assert word in " ".join(amazon_models.check_response("GET", ORDERS, status, body))


def test_the_checker_knows_no_other_paths(amazon_models):
    with pytest.raises(LookupError):
        amazon_models.check_request("GET", "/orders/2026-01-01/order", "", "")
