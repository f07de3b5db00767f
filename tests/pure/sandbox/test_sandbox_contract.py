"""Answers against Amazon's own models, without tolerance for undeclared fields."""

import amazon_models
import pytest
from sandbox_box import DE, ES, EVERYTHING, FR, IT, ORDERS

pytestmark = pytest.mark.skipif(
    not amazon_models.FOLDER.is_dir(), reason="Amazon's models are not here (set SPAPI_MODELS)"
)
SEARCH, ONE = "/orders/2026-01-01/orders", "/orders/2026-01-01/orders/{orderId}"
CONFIRM = "/orders/v0/orders/{orderId}/shipmentConfirmation"
RDT = "/tokens/2021-03-01/restrictedDataToken"


def valid(model, path, method, answer, status):
    assert answer.status_code == status, answer.text
    assert amazon_models.problems(model, path, method, status, answer.json()) == []
    sent = {name for name in answer.headers if name.startswith("x-amzn-") and name != "x-amzn-errortype"}
    assert sent <= amazon_models.declared_headers(model, path, method, status)


def test_orders_of_every_case_at_every_moment(box):
    from sandbox.market import CASES

    checked = 0
    for case in CASES:
        box.generate(6, case, [IT, ES, FR, DE])
    for advance in (0, 4000, 2 * 86400, 10 * 86400, 60 * 86400):
        for seconds in (advance, 130):
            box.advance(seconds)
        box.access_token = ""
        query = {"includedData": EVERYTHING, "lastUpdatedAfter": "2025-06-01T00:00:00Z", "maxResultsPerPage": "50"}
        while True:
            answer = box.search(**query)
            valid("orders_2026-01-01", SEARCH, "get", answer, 200)
            checked += len(answer.json()["orders"])
            if "pagination" not in answer.json():
                break
            query["paginationToken"] = answer.json()["pagination"]["nextToken"]
    assert checked == 5 * 6 * len(CASES)
    print(f"FIGURE sandbox_orders_valid_against_model {checked} orders")
    order_id = box.control("GET", "orders")[0]["orderId"]
    valid("orders_2026-01-01", ONE, "get", box.get(f"{ORDERS}/{order_id}", includedData=EVERYTHING), 200)


def test_the_validator_sees_a_wrong_answer(box):
    box.generate(1)
    body = box.search(includedData=EVERYTHING).json()
    body["orders"][0]["fulfillment"]["fulfillmentStatus"] = "Shipped"
    assert amazon_models.problems("orders_2026-01-01", SEARCH, "get", 200, body)
    body = box.search(includedData=EVERYTHING).json()
    body["orders"][0]["surprise"] = 1
    assert amazon_models.problems("orders_2026-01-01", SEARCH, "get", 200, body)
    del body["orders"][0]["surprise"], body["orders"][0]["salesChannel"]
    assert amazon_models.problems("orders_2026-01-01", SEARCH, "get", 200, body)


def test_errors_of_orders(box):
    valid("orders_2026-01-01", SEARCH, "get", box.get(ORDERS), 400)
    valid("orders_2026-01-01", SEARCH, "get", box.get(ORDERS, token="Atza|x"), 403)
    valid("orders_2026-01-01", ONE, "get", box.get(f"{ORDERS}/000-0000000-0000000"), 404)
    for kind, status in (("throttle_body", 429), ("error_500", 500)):
        box.fault("searchOrders", kind)
        valid("orders_2026-01-01", SEARCH, "get", box.search(), status)


def test_confirmations(box):
    (order_id,) = box.generate(1)
    path = f"/orders/v0/orders/{order_id}/shipmentConfirmation"
    valid("ordersV0", CONFIRM, "post", box.post(path, {}), 400)
    valid("ordersV0", CONFIRM, "post", box.post(path, {}, token="Atza|x"), 403)


def test_sellers_and_tokens(box):
    for name in ("account", "marketplaceParticipations"):
        valid("sellers", f"/sellers/v1/{name}", "get", box.get(f"/sellers/v1/{name}"), 200)
        valid("sellers", f"/sellers/v1/{name}", "get", box.get(f"/sellers/v1/{name}", token="Atza|x"), 403)
    resource = {"method": "GET", "path": "/mfn/v0/shipments/{shipmentId}"}
    valid("tokens_2021-03-01", RDT, "post", box.post(RDT, {"restrictedResources": [resource]}), 200)
    valid("tokens_2021-03-01", RDT, "post", box.post(RDT, {}), 400)


def test_rates_bursts_and_paths_are_those_of_the_models():
    import re

    from sandbox.operations import Registry

    checked = 0
    for operation in Registry().by_name.values():
        if not operation.rate:
            continue
        model = amazon_models._model(operation.api)
        declared = model["paths"][operation.path][operation.method.lower()]
        assert declared["operationId"] == operation.name
        found = re.search(r"\| ([\d.]+) \| (\d+) \|", declared["description"])
        assert found and (float(found[1]), float(found[2])) == (operation.rate, operation.burst), operation.name
        checked += 1
    assert checked == 12
