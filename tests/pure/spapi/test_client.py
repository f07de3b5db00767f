"""The adapter against the sandbox, over HTTP: every fault becomes its own error, every call leaves its record."""

from __future__ import annotations

import json
import logging
import os
import traceback
from datetime import UTC, datetime, timedelta, timezone

import pytest
from amazon_spapi_connector.spapi import errors
from amazon_spapi_connector.spapi.client import USER_AGENT, SpapiClient, to_query
from amazon_spapi_connector.spapi.operations import Operation
from amazon_spapi_connector.spapi.orders import parse_order, split_order
from amazon_spapi_connector.spapi.pool import HttpPool, Timeouts
from raw_server import http, serving

MARKETPLACES = ["APJ6JRA9NG5V4", "A1RKKUPIHCS9HS"]
INCLUDED = ["BUYER", "RECIPIENT", "PROCEEDS", "PROMOTION", "CANCELLATION", "FULFILLMENT", "PACKAGES", "TAX"]


def since(days: int = 30) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def search(**more):
    return {"lastUpdatedAfter": since(), "marketplaceIds": MARKETPLACES, "includedData": INCLUDED, **more}


def body_for(order: dict) -> dict:
    return {
        "marketplaceId": order["salesChannel"]["marketplaceId"],
        "packageDetail": {
            "packageReferenceId": "1",
            "carrierCode": "DHL",
            "shippingMethod": "Paket",
            "trackingNumber": "00340434161094000001",
            "shipDate": to_query(datetime.now(UTC)),
            "orderItems": [
                {"orderItemId": item["orderItemId"], "quantity": item["quantityOrdered"]}
                for item in order["orderItems"]
            ],
        },
    }


# ---------------------------------------------------------------------- the good days


def test_all_pages_of_a_search(sandbox, talk):
    ids = sandbox.generate(MARKETPLACES, 25)
    params = search(maxResultsPerPage=10)
    found, token = [], ""
    for _ in range(5):
        page = talk.client.search_orders({**params, **({"paginationToken": token} if token else {})})
        found += [order["orderId"] for order in page.orders]
        assert page.request_id and page.rate_limit == 0.0056
        assert page.last_updated_before.tzinfo is UTC and page.created_before is None
        token = page.next_token
        if not token:
            break
    assert sorted(found) == sorted(ids)
    assert sandbox.counts() == {"searchOrders": 3, "token": 1}
    assert [record.operation for record in talk.records] == ["token"] + ["searchOrders"] * 3
    assert all(record.status == 200 and record.request_id and record.seconds > 0 for record in talk.records)


def test_what_is_sent(sandbox, talk):
    talk.client.search_orders(search())
    entry = sandbox.journal("searchOrders")[0]
    query = entry["query"]
    assert "marketplaceIds=APJ6JRA9NG5V4%2CA1RKKUPIHCS9HS" in query and "MarketplaceIds" not in query
    headers = entry["headers"]
    assert headers["user-agent"] == USER_AGENT and len(USER_AGENT) < 500
    assert headers["host"] == sandbox.url.removeprefix("http://")
    assert headers["x-amz-date"].endswith("Z") and "cookie" not in headers
    assert entry["body"] == ""


def test_get_order_and_sellers_and_rdt(sandbox, talk):
    (order_id,) = sandbox.generate(["APJ6JRA9NG5V4"], 1, case="fbm_unshipped")
    order = talk.client.get_order(order_id, ["BUYER", "RECIPIENT"])
    assert order["orderId"] == order_id
    assert split_order(order).personal["operational"]["street"]
    assert {row["marketplace"]["id"] for row in talk.client.get_marketplace_participations()} >= set(MARKETPLACES)
    assert talk.client.get_account()
    token = talk.client.create_restricted_data_token([{"method": "GET", "path": "/mfn/v0/shipments/{shipmentId}"}])
    assert timedelta(minutes=50) < token.expires_at - datetime.now(UTC) <= timedelta(hours=1)
    assert token.token not in repr(token)
    # The library's habit of adding marketplaces to queries and bodies is off.
    assert sandbox.journal("getAccount")[0]["query"] == ""
    wanted = {"restrictedResources": [{"method": "GET", "path": "/mfn/v0/shipments/{shipmentId}"}]}
    assert json.loads(sandbox.journal("createRestrictedDataToken")[0]["body"]) == wanted


def test_confirm_shipment(sandbox, talk):
    (order_id,) = sandbox.generate(["APJ6JRA9NG5V4"], 1, case="fbm_unshipped")
    order = talk.client.get_order(order_id)
    result = talk.client.confirm_shipment(order_id, body_for(order))
    assert (result.status, result.payload) == (204, {})
    assert talk.client.get_order(order_id, ["FULFILLMENT"])["fulfillment"]["fulfillmentStatus"] == "SHIPPED"
    with pytest.raises(errors.BadRequest) as caught:
        talk.client.confirm_shipment(order_id, {"marketplaceId": "APJ6JRA9NG5V4"})
    assert caught.value.request_id and caught.value.status == 400


def test_every_generated_order_splits_and_parses(sandbox, talk):
    sandbox.generate(["APJ6JRA9NG5V4", "A13V1IB3VIYZZH", "A1PA6795UKMFR9", "A1RKKUPIHCS9HS"], 100)
    params = {"lastUpdatedAfter": since(), "includedData": [*INCLUDED, "EXPENSE", "PAYMENT"]}
    page = talk.client.search_orders(params)
    assert len(page.orders) == 100
    for raw in page.orders:
        split = split_order(raw)
        assert split.unknown == {}, "the sandbox and the schema know the same fields"
        assert parse_order(split.business).order_id == raw["orderId"]
    print(f"FIGURE spapi_sandbox_orders_split {len(page.orders)} orders")


# ---------------------------------------------------------------------- the bad days

FAULTS = [
    ("throttle_body", errors.Throttled, 429, {}),
    ("throttle_empty", errors.Throttled, 429, {}),
    ("error_500", errors.ServerError, 500, {}),
    ("error_503_html", errors.ServerError, 503, {}),
    ("timeout", errors.NetworkError, 0, {"seconds": 10}),
    ("reset", errors.NetworkError, 0, {}),
    ("truncated_json", errors.MalformedResponse, 200, {}),
    ("not_json_200", errors.MalformedResponse, 200, {}),
    ("empty_200", errors.MalformedResponse, 200, {}),
]


@pytest.mark.parametrize(("kind", "expected", "status", "params"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_every_fault_of_a_search(sandbox, talk, kind, expected, status, params):
    sandbox.generate(MARKETPLACES, 3)
    talk.client.search_orders(search())
    talk.records.clear()
    sandbox.forget_journal()
    sandbox.fault("searchOrders", kind, params=params)
    client = talk.make(sandbox.url, timeouts=Timeouts(2, 1, 5))
    with pytest.raises(errors.SpapiError) as caught:
        client.search_orders(search())
    error = caught.value
    assert type(error) is expected
    assert (error.status, error.retryable, error.operation) == (status, True, "searchOrders")
    assert not error.outcome_unknown
    assert bool(error.request_id) is bool(status)
    assert error.__cause__ is None and error.__context__ is None
    if expected is errors.Throttled:
        assert error.retry_after == pytest.approx(1 / 0.0056)
    (record,) = talk.records
    assert (record.operation, record.status, record.request_id) == ("searchOrders", status, error.request_id)
    assert sandbox.counts() == {"searchOrders": 1}, "no hidden repetition"
    assert len(client.search_orders(search()).orders) == 3, "the next attempt works"


@pytest.mark.parametrize(("kind", "expected", "status", "params"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_every_fault_of_the_token_endpoint(sandbox, talk, kind, expected, status, params):
    sandbox.fault("token", kind, params=params)
    client = talk.make(sandbox.url)
    talk.pool.timeouts = Timeouts(2, 1, 5)
    with pytest.raises(errors.SpapiError) as caught:
        client.search_orders(search())
    assert (type(caught.value), caught.value.operation, caught.value.status) == (expected, "token", status)
    assert [(record.operation, record.status) for record in talk.records] == [("token", status)]
    assert client.search_orders(search()).orders == []


@pytest.mark.parametrize("kind", ["reset", "truncated_json", "error_500", "error_503_html", "not_json_200"])
def test_a_write_that_failed_late_says_so(sandbox, talk, kind):
    (order_id,) = sandbox.generate(["APJ6JRA9NG5V4"], 1, case="fbm_unshipped")
    body = body_for(talk.client.get_order(order_id))
    sandbox.fault("confirmShipment", kind, params={"effect": True})
    if kind == "truncated_json":  # there is nothing to cut in a 204
        talk.client.confirm_shipment(order_id, body)
    else:
        with pytest.raises(errors.SpapiError) as caught:
            talk.client.confirm_shipment(order_id, body)
        assert caught.value.outcome_unknown
    assert talk.client.get_order(order_id, ["FULFILLMENT"])["fulfillment"]["fulfillmentStatus"] == "SHIPPED"


@pytest.mark.parametrize("kind", ["empty_200", "not_json_200", "throttle_empty", "error_503_html", "timeout"])
def test_a_write_that_was_not_carried_out_never_looks_done(sandbox, talk, kind):
    (order_id,) = sandbox.generate(["APJ6JRA9NG5V4"], 1, case="fbm_unshipped")
    body = body_for(talk.client.get_order(order_id))
    sandbox.fault("confirmShipment", kind, params={"seconds": 5})
    client = talk.make(sandbox.url, timeouts=Timeouts(2, 1, 5))
    with pytest.raises(errors.SpapiError) as caught:
        client.confirm_shipment(order_id, body)
    assert caught.value.outcome_unknown is (kind != "throttle_empty")
    assert talk.client.get_order(order_id, ["FULFILLMENT"])["fulfillment"]["fulfillmentStatus"] == "UNSHIPPED"


def test_slow_is_no_fault(sandbox, talk):
    sandbox.fault("searchOrders", "slow", params={"seconds": 1.5})
    assert talk.client.search_orders(search()).orders == []
    assert talk.records[-1].seconds > 1.4


def test_unknown_fields_are_found(sandbox, talk):
    sandbox.generate(MARKETPLACES, 1, case="fbm_unshipped")
    sandbox.fault("searchOrders", "unknown_fields")
    (order,) = talk.client.search_orders(search()).orders
    split = split_order(order)
    assert split.unknown and "unknown_field" in {issue.code for issue in split.issues}
    parse_order(split.business)


def test_expired_token_is_refreshed_once(sandbox, talk):
    talk.client.search_orders(search())
    sandbox.fault("searchOrders", "expired_token")
    talk.client.search_orders(search())
    assert sandbox.counts() == {"token": 2, "searchOrders": 3}
    sandbox.fault("searchOrders", "expired_token", times=2)
    with pytest.raises(errors.AccessDenied) as caught:
        talk.client.search_orders(search())
    assert caught.value.token_expired
    assert sandbox.counts() == {"token": 3, "searchOrders": 5}


def test_missing_role_costs_no_token(sandbox, talk):
    sandbox.control("PUT", "apps/amzn1.application-oa2-client.sandbox", {"roles": []})
    with pytest.raises(errors.AccessDenied) as caught:
        talk.client.search_orders(search())
    assert not caught.value.token_expired
    assert sandbox.counts() == {"token": 1, "searchOrders": 1}


def test_revoked_and_wrong_credentials(sandbox, talk):
    talk.client.get_account()
    sandbox.control("POST", "sellers/A1SANDBOXSELLER/revoke")
    talk.tokens.clear()
    with pytest.raises(errors.AuthorizationRevoked):
        talk.client.get_account()
    sandbox.control("PUT", "apps/amzn1.application-oa2-client.sandbox", {"client_secret": "rotated-secret"})
    with pytest.raises(errors.InvalidCredentials):
        talk.client.get_account()


def test_bad_requests_and_not_found(sandbox, talk):
    with pytest.raises(errors.BadRequest) as caught:
        talk.client.search_orders({"marketplaceIds": MARKETPLACES})
    assert caught.value.code and caught.value.request_id and not caught.value.retryable
    with pytest.raises(errors.SpapiError) as caught:
        talk.client.get_order("402-0000000-0000000")
    assert type(caught.value) in (errors.NotFound, errors.BadRequest)
    with pytest.raises(errors.AccessDenied):
        talk.client.call(Operation("phantom", "GET", "/phantom/v1/things", 1, 1))


# ---------------------------------------------------------------------- answers that no sandbox gives


def raw_client(talk, server, **options):
    talk.tokens._entry(talk.credentials.key()).token = "Atza|cached"
    talk.tokens._entry(talk.credentials.key()).good_until = float("inf")
    return talk.make(server.url, **options)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"orders": {}}', "WrongShape"),
        (b'{"orders": null}', "WrongShape"),
        (b'{"payload": {"orders": []}}', "WrongShape"),
        (b"[]", "NotJson"),
        (b"null", "NotJson"),
        (b'"text"', "NotJson"),
        (b'{"orders": [NaN]}', "NotJson"),
        (b'{"orders": [' + b"[" * 100_000, "NotJson"),
        (b'\xff\xfe{"orders": []}', "NotJson"),
        (b" \n", "Empty"),
        (b'{"orders": [], "pagination": {"nextToken": 7}}', "WrongShape"),
        (b'{"orders": [], "pagination": []}', "WrongShape"),
        (b'{"orders": [], "pagination": {"nextToken": "T"}}', "PaginationLoop"),
        (b'{"orders": [], "lastUpdatedBefore": "soon"}', "WrongShape"),
    ],
)
def test_misshapen_pages(talk, body, code):
    with serving([http(200, body, "content-type: application/json", "x-amzn-RequestId: r-9")]) as server:
        with pytest.raises(errors.MalformedResponse) as caught:
            raw_client(talk, server).search_orders(search(paginationToken="T"))
    assert (caught.value.code, caught.value.request_id, caught.value.status) == (code, "r-9", 200)


def test_odd_but_usable_pages(talk):
    body = b'{"orders": [{"orderId": "1"}, null], "headers": 1, "self": 2, "errors": [], "method": "x"}'
    with serving([http(200, body, "x-amzn-RateLimit-Limit: fast")]) as server:
        page = raw_client(talk, server).search_orders(search())
    assert page.orders == [{"orderId": "1"}, None] and page.rate_limit is None and page.next_token == ""


def test_errors_within_a_success(talk):
    body = b'{"errors": [{"code": "InvalidInput", "message": "no"}]}'
    with serving([http(200, body)]) as server, pytest.raises(errors.BadRequest) as caught:
        raw_client(talk, server).get_account()
    assert (caught.value.status, caught.value.code) == (200, "InvalidInput")


def test_cut_off_and_oversized_and_dripping(talk):
    with serving([http(200, b'{"orders": [', length=500)]) as server, pytest.raises(errors.MalformedResponse) as caught:
        raw_client(talk, server).search_orders(search())
    assert (caught.value.code, caught.value.status) == ("Truncated", 200)
    with serving([http(200, b" " * 5000)]) as server, pytest.raises(errors.MalformedResponse) as caught:
        raw_client(talk, server, max_bytes=1000).search_orders(search())
    assert caught.value.message.startswith("the answer is too large")
    drip = [http(200, b"", length=100), *[b" ", 0.2] * 20]
    with serving(drip) as server, pytest.raises(errors.NetworkError) as caught:
        raw_client(talk, server, timeouts=Timeouts(1, 1, 1)).search_orders(search())
    assert caught.value.message == "no answer in time"


def test_gzip_and_redirect_and_cookies(talk):
    redirect = http(302, b"", "location: https://example.org/?token=1")
    cookie = http(200, b'{"orders": []}', "set-cookie: session=seller1; Path=/")
    with serving([cookie], [cookie], [redirect]) as server:
        client = raw_client(talk, server)
        client.search_orders(search())
        client.search_orders(search())
        with pytest.raises(errors.MalformedResponse):
            client.search_orders(search())
    assert len(server.requests) == 3 and b"session=" not in b"".join(server.requests)


def test_nobody_listens(talk):
    with serving([b""]) as server:
        pass
    with pytest.raises(errors.NetworkError) as caught:
        raw_client(talk, server).confirm_shipment("402-0000000-0000000", {"marketplaceId": "X"})
    assert not caught.value.sent and not caught.value.outcome_unknown


# ---------------------------------------------------------------------- configuration and secrecy


def test_refuses_to_start_with_the_librarys_override(talk, monkeypatch):
    monkeypatch.setenv("SP_API_DEFAULT_MARKETPLACE", "US")
    with pytest.raises(errors.ConfigurationError) as caught:
        talk.make("https://sellingpartnerapi-eu.amazon.com")
    assert "SP_API_DEFAULT_MARKETPLACE" in caught.value.format_message()


@pytest.mark.parametrize(
    "url", ["http://example.org", "ftp://127.0.0.1", "", "https://", "http://[::1", "127.0.0.1:80"]
)
def test_refuses_addresses_that_give_tokens_away(talk, url):
    with pytest.raises(errors.ConfigurationError):
        talk.make(url)
    if url == "http://example.org":
        talk.make(url, pool=HttpPool(allow_plain_http=True))


@pytest.mark.parametrize("params", [{}, {"orderId": ""}, {"orderId": ".."}, {"orderId": "1", "x": "y"}])
def test_path_parameters(talk, params):
    with pytest.raises(ValueError):
        talk.client.call("getOrder", path_params=params)
    assert talk.records == []


def test_path_parameters_are_quoted(sandbox, talk):
    with pytest.raises(errors.SpapiError):
        talk.client.get_order("a/../b?c=d e")
    assert sandbox.journal()[-1]["path"].endswith("/orders/a%2F..%2Fb%3Fc%3Dd%20e")


def test_to_query():
    berlin = timezone(timedelta(hours=1))
    assert to_query(datetime(2026, 1, 1, 1, tzinfo=berlin)) == "2026-01-01T00:00:00Z"
    assert to_query(datetime(2026, 1, 1, 1, 0, 0, 5000, tzinfo=berlin)) == "2026-01-01T00:00:00.005000Z"
    assert (to_query(["A", "B"]), to_query({"B", "A"}), to_query(True), to_query(5)) == ("A,B", "A,B", "true", "5")
    assert to_query(None) == to_query([]) == ""
    for bad in (datetime(2026, 1, 1), ["a,b"]):
        with pytest.raises(ValueError):
            to_query(bad)


def test_an_observer_that_fails_does_not_fail_the_call(sandbox, talk, caplog):
    def broken(_record):
        raise RuntimeError("Rosa Bianchi")

    client = talk.make(sandbox.url, observer=broken)
    assert client.search_orders(search()).orders == []
    assert "RuntimeError" in caplog.text and "Rosa" not in caplog.text


def test_nothing_secret_or_personal_is_logged(sandbox, talk, caplog):
    caplog.set_level(logging.DEBUG)
    sandbox.generate(["APJ6JRA9NG5V4"], 2, case="fbm_unshipped")
    sandbox.control("POST", "plant", {"values": {"name": "Canary Person"}})
    page = talk.client.search_orders(search())
    sandbox.fault("searchOrders", "error_500")
    with pytest.raises(errors.ServerError) as caught:
        talk.client.search_orders(search())
    shown = "\n".join(
        [caplog.text, *map(repr, [talk.client, talk.tokens, talk.credentials, talk.pool, page, *talk.records])]
    ) + "".join(traceback.format_exception(caught.value))
    assert "Canary Person" in str(page.orders), "the test can see what it looks for"
    for secret in ("Canary Person", "sandbox-client-secret", "Atzr|", "Atza|", "nextToken"):
        assert secret not in shown, secret
    assert logging.getLogger("httpx").level == logging.WARNING
    assert logging.getLogger("sp_api.base.client").level == logging.WARNING


def test_connections_are_shared_and_a_fork_makes_its_own(sandbox, talk):
    first = talk.pool.client()
    assert talk.pool.client() is first
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"own" if talk.pool.client() is not first else b"same")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"own"


def test_the_client_is_exported_with_its_name(talk):
    assert isinstance(talk.client, SpapiClient) and repr(talk.client).startswith("<SpapiClient http://127.0.0.1:")
