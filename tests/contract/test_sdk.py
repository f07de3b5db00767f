"""Amazon's own SDK as a second client: the same calls on the wire, and answers that it accepts."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from urllib.parse import parse_qsl

import pytest
from wire_scenario import INCLUDED, RESOURCES, ago, search_params, shipment

from support.sandbox import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN

EU = ["APJ6JRA9NG5V4", "A1RKKUPIHCS9HS", "A13V1IB3VIYZZH", "A1PA6795UKMFR9"]
SNAKE = {
    "lastUpdatedAfter": "last_updated_after",
    "lastUpdatedBefore": "last_updated_before",
    "createdAfter": "created_after",
    "fulfillmentStatuses": "fulfillment_statuses",
    "marketplaceIds": "marketplace_ids",
    "fulfilledBy": "fulfilled_by",
    "maxResultsPerPage": "max_results_per_page",
    "includedData": "included_data",
    "paginationToken": "pagination_token",
}


@pytest.fixture(scope="module")
def sdk():
    """The SDK; importing it sets up the root logger, which is none of its business."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    spapi = pytest.importorskip("spapi", reason="Amazon's SDK (amzn-sp-api) is not installed")
    root.handlers[:], root.level = handlers, level
    return spapi


@pytest.fixture
def theirs(sdk, sandbox):
    """Amazon's SDK, talking to the sandbox."""
    config = sdk.SPAPIConfig(
        client_id=CLIENT_ID, client_secret=CLIENT_SECRET, refresh_token=REFRESH_TOKEN, region="EU", scope=None
    )
    return sdk.SPAPIClient(config, oauth_endpoint=sandbox.token_url, endpoint=sandbox.url).api_client


def snake(params):
    return {SNAKE[key]: value for key, value in params.items()}


def seen(sandbox) -> list[tuple]:
    """The requests of the journal in a comparable form; page tokens and secrets differ by nature."""
    result = []
    for entry in sandbox.journal():
        body: object = entry["body"]
        if entry["operation"] == "token":
            continue
        query = sorted((k, "…" if k == "paginationToken" else v) for k, v in parse_qsl(entry["query"]))
        result.append((entry["method"], entry["path"], query, normal(json.loads(body)) if body else None))
    sandbox.forget_journal()
    return result


def token_form(sandbox) -> set[tuple[str, ...]]:
    entries = sandbox.journal("token")
    assert entries
    return {(e["method"], e["path"], *sorted(k for k, _ in parse_qsl(e["body"]))) for e in entries}


def test_the_same_requests(sdk, sandbox, ours, theirs):
    their_form = token_form(sandbox)  # the SDK asks for its token when it is made
    sandbox.generate(EU, 25)
    first, second = sandbox.generate(["APJ6JRA9NG5V4"], 2, case="fbm_unshipped")
    params = search_params()
    sandbox.forget_journal()

    page = ours.client.search_orders(params)
    ours.client.search_orders({**params, "paginationToken": page.next_token})
    confirmation = shipment(ours.client.get_order(first, INCLUDED), "7")
    ours.client.get_order(second)
    ours.client.confirm_shipment(first, confirmation)
    ours.client.get_marketplace_participations()
    ours.client.get_account()
    ours.client.create_restricted_data_token(RESOURCES)
    our_form, our_calls = token_form(sandbox), seen(sandbox)

    search, get, sellers = sdk.SearchOrdersApi(theirs), sdk.GetOrderApi(theirs), sdk.SellersApi(theirs)
    their_page = search.search_orders(**snake(params))
    search.search_orders(**snake(params), pagination_token=their_page.pagination.next_token)
    get.get_order(first, included_data=INCLUDED)
    get.get_order(second)
    # The same package id again is an edit of the confirmed shipment, so the sandbox takes it twice.
    request = as_model(theirs, "orders_v0", "ConfirmShipmentRequest", confirmation)
    sdk.OrdersV0Api(theirs).confirm_shipment(first, request)
    sellers.get_marketplace_participations()
    sellers.get_account()
    wanted = {"restrictedResources": RESOURCES}
    body = as_model(theirs, "tokens_v2021_03_01", "CreateRestrictedDataTokenRequest", wanted)
    sdk.TokensApi(theirs).create_restricted_data_token(body)
    their_calls = seen(sandbox)

    assert our_form == their_form
    assert our_calls == their_calls and len(our_calls) == 8
    print(f"\nFIGURE contract_calls_compared_with_sdk {len(our_calls)} calls")
    again = ours.client.search_orders(params)  # the confirmed order has left the period meanwhile
    assert [order["orderId"] for order in again.orders] == [order.order_id for order in their_page.orders]


def deserialize(api_client, package: str, model: str, body: bytes | str):
    """A model object of the SDK from JSON; it rejects missing fields and bad times."""
    before = api_client.api_models_module if hasattr(api_client, "api_models_module") else None
    api_client.api_models_module = f"spapi.models.{package}"
    try:
        text = body.decode() if isinstance(body, bytes) else body
        return api_client.deserialize(SimpleNamespace(data=text), model)
    finally:
        api_client.api_models_module = before


def as_model(api_client, package: str, model: str, data: dict):
    return deserialize(api_client, package, model, json.dumps(data))


def normal(value):
    """JSON with one spelling of times and numbers, because the SDK re-formats them."""
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, str):
        return value.replace("+00:00", "Z").replace(".000Z", "Z")
    return value


KINDS = {
    "/orders/2026-01-01/orders": ("orders_v2026_01_01", "SearchOrdersResponse"),
    "/sellers/v1/marketplaceParticipations": ("sellers_v1", "GetMarketplaceParticipationsResponse"),
    "/sellers/v1/account": ("sellers_v1", "GetAccountResponse"),
    "/tokens/2021-03-01/restrictedDataToken": ("tokens_v2021_03_01", "CreateRestrictedDataTokenResponse"),
}


def test_the_sdk_reads_every_answer_whole(sandbox, ours, theirs):
    from sandbox.market.cases import CASES

    for case in CASES:
        sandbox.generate(EU, 4, case=case)
    ours.client.search_orders({"createdAfter": ago(days=90), "includedData": INCLUDED})
    for order in sandbox.orders()[:20]:
        ours.client.get_order(order["orderId"], INCLUDED)
    ours.client.get_marketplace_participations()
    ours.client.get_account()
    ours.client.create_restricted_data_token(RESOURCES)
    count = 0
    for exchange in ours.exchanges:
        if exchange.path.startswith("/auth/"):
            continue
        package, model = KINDS.get(exchange.path, ("orders_v2026_01_01", "GetOrderResponse"))
        parsed = deserialize(theirs, package, model, exchange.body)
        assert normal(theirs.sanitize_for_serialization(parsed)) == normal(json.loads(exchange.body)), exchange.path
        count += 1
    print(f"\nFIGURE contract_answers_read_by_sdk {count} answers")
    assert count == 24


def test_errors_reach_the_sdk(sdk, sandbox, theirs):
    with pytest.raises(sdk.ApiException) as caught:
        sdk.SearchOrdersApi(theirs).search_orders()
    assert caught.value.status == 400
    assert json.loads(caught.value.body)["errors"][0]["code"] == "InvalidInput"
