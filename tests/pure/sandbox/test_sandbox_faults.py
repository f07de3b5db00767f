"""Every fault, as a client meets it."""

import json
import os
import signal
import subprocess
import time

import httpx
import pytest
from sandbox_box import EVERYTHING, ORDERS


def test_throttle_with_and_without_a_body(box):
    box.fault("searchOrders", "throttle_body")
    box.fault("searchOrders", "throttle_empty")
    first, second, third = box.search(), box.search(), box.search()
    assert (first.status_code, first.json()["errors"][0]["code"]) == (429, "QuotaExceeded")
    assert (second.status_code, second.content) == (429, b"")
    assert third.status_code == 200


def test_500_as_json_and_503_as_html(box):
    box.fault("searchOrders", "error_500")
    box.fault("searchOrders", "error_503_html")
    box.fault("searchOrders", "error_503_html", params={"status": 502})
    first, second, third = box.search(), box.search(), box.search()
    assert (first.status_code, first.json()["errors"][0]["code"]) == (500, "InternalFailure")
    assert second.status_code == 503 and second.headers["content-type"].startswith("text/html")
    assert b"<html>" in second.content and second.headers["x-amzn-requestid"]
    assert third.status_code == 502


def test_faults_of_the_token_endpoint(box):
    for kind, status in (("throttle_body", 429), ("error_500", 500), ("error_503_html", 503), ("empty_200", 200)):
        box.fault("token", kind)
        assert box.lwa().status_code == status
    box.fault("token", "error_500")
    assert box.lwa().json()["error"] == "server_error"


def test_timeout_holds_the_connection_and_nobody_else(box):
    box.fault("searchOrders", "timeout", params={"seconds": 60})
    begun = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        box.client.get(
            ORDERS,
            params={"lastUpdatedAfter": "2025-06-01T00:00:00Z"},
            headers={"x-amz-access-token": box.token()},
            timeout=0.5,
        )
    assert time.monotonic() - begun >= 0.5
    assert box.search().status_code == 200
    entry = box.control("GET", "journal?operation=searchOrders")[0]
    assert (entry["status"], entry["fault"]) == (0, "timeout")


def test_timeout_ends_by_itself_with_a_closed_connection(box):
    box.fault("searchOrders", "timeout", params={"seconds": 0.2})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        box.search()


def test_a_held_connection_does_not_keep_the_sandbox_from_ending(own):
    box = own(None)
    box.fault("*", "timeout", params={"seconds": 600})
    command = ["curl", "-s", "-o", os.devnull, "-d", "grant_type=x", f"{box.url}/auth/o2/token"]
    caller = subprocess.Popen(command)
    while not box.control("GET", "journal/counts"):
        time.sleep(0.02)
    box.process.send_signal(signal.SIGTERM)
    assert box.process.wait(60) == 0, "held for ten minutes"
    assert caller.wait(60) != 0


def test_reset_is_a_tcp_reset(box):
    box.token()
    box.fault("searchOrders", "reset")
    with pytest.raises(httpx.ReadError) as caught:
        box.search()
    assert "reset" in str(caught.value).lower()
    assert box.search().status_code == 200
    assert box.control("GET", "journal?operation=searchOrders")[0]["status"] == 0


def test_slow_answers_arrive_late_and_right(box):
    box.generate(2)
    box.fault("searchOrders", "slow", params={"seconds": 0.4})
    begun = time.monotonic()
    assert len(box.found()) == 2
    assert time.monotonic() - begun >= 0.4


def test_truncated_json_has_a_content_length_that_fits(box):
    box.generate(3)
    box.fault("searchOrders", "truncated_json")
    answer = box.search()
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.content) > 0
    with pytest.raises(ValueError):
        json.loads(answer.content)


def test_not_json_and_empty_answers(box):
    box.fault("searchOrders", "not_json_200")
    box.fault("searchOrders", "empty_200")
    page, nothing = box.search(), box.search()
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert (nothing.status_code, nothing.content) == (200, b"")


@pytest.mark.parametrize("included", [EVERYTHING, "FULFILLMENT"])
def test_unknown_fields_at_several_levels_one_with_the_buyers_name(box, included):
    (order_id,) = box.generate(1)
    box.control("POST", "plant", {"values": {"name": "Canary Person"}})
    plain = box.search(includedData=included).json()
    box.fault("searchOrders", "unknown_fields")
    (order,) = (answer := box.search(includedData=included).json())["orders"]
    assert "responseMetadata" in answer and "futureProgramDetails" in order
    assert order["giftRegistry"]["ownerDisplayName"] == "Canary Person"
    assert all("sustainabilityFeatures" in item for item in order["orderItems"])
    assert order["fulfillment"]["unannouncedAttribute"]
    if included == EVERYTHING:
        assert order["buyer"]["unannouncedAttribute"]
        assert order["recipient"]["deliveryAddress"]["unannouncedAttribute"]
    assert box.search(includedData=included).json()["orders"] == plain["orders"]
    box.fault("getOrder", "unknown_fields")
    assert "giftRegistry" in box.get(f"{ORDERS}/{order_id}").json()["order"]


def test_expired_token_stays_expired_and_a_new_one_works(box):
    old = box.token()
    box.fault("searchOrders", "expired_token")
    for _time in range(2):
        answer = box.search()
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["details"] == "The access token you provided has expired."
    box.access_token = ""
    assert box.token() != old
    assert box.search().status_code == 200


def test_the_token_endpoint_may_hand_out_an_expired_token(box):
    box.fault("token", "expired_token")
    token = box.lwa().json()["access_token"]
    assert box.get("/sellers/v1/account", token=token).status_code == 403


def test_after_times_and_order_of_the_queue(box):
    box.fault("searchOrders", "error_500", after=2, times=2)
    box.fault("searchOrders", "throttle_body", after=1)
    assert [box.search().status_code for _call in range(6)] == [200, 429, 500, 500, 200, 200]
    assert box.control("GET", "faults") == []


def test_star_strikes_every_operation_for_ever_until_cleared(box):
    box.token()
    box.fault("*", "error_500", times=None)
    assert {box.search().status_code, box.lwa().status_code, box.get("/sellers/v1/account").status_code} == {500}
    (pending,) = box.control("GET", "faults")
    assert pending["operation"] == "*" and pending["times"] is None
    box.control("DELETE", "faults")
    assert box.search().status_code == 200


def test_one_fault_can_be_withdrawn(box):
    first = box.control("POST", "faults", {"operation": "searchOrders", "kind": "error_500"})["id"]
    box.fault("searchOrders", "throttle_body")
    box.control("DELETE", f"faults/{first}")
    assert box.search().status_code == 429


def test_unknown_kinds_and_operations_are_refused(box):
    box.control("POST", "faults", {"operation": "searchOrders", "kind": "earthquake"}, status=422)
    box.control("POST", "faults", {"operation": "nothing", "kind": "reset"}, status=422)
    box.control("POST", "faults", {"kind": "reset", "tmies": 1}, status=422)


@pytest.mark.parametrize("kind", ["error_500", "reset", "empty_200", "timeout", "throttle_empty"])
@pytest.mark.parametrize("effect", [False, True])
def test_with_effect_the_work_is_done_though_the_answer_is_lost(box, kind, effect):
    (order_id,) = box.generate(1)
    order = box.found(includedData=EVERYTHING)[0]
    detail = {
        "packageReferenceId": "1",
        "carrierCode": "DHL",
        "trackingNumber": "1",
        "shipDate": "2026-03-10T10:00:00Z",
        "orderItems": [
            {"orderItemId": item["orderItemId"], "quantity": item["quantityOrdered"]} for item in order["orderItems"]
        ],
    }
    box.fault("confirmShipment", kind, params={"effect": effect, "seconds": 0.1})
    body = {"marketplaceId": order["salesChannel"]["marketplaceId"], "packageDetail": detail}
    try:
        status = box.post(f"/orders/v0/orders/{order_id}/shipmentConfirmation", body).status_code
    except httpx.HTTPError:
        status = 0
    assert status == {"error_500": 500, "empty_200": 200, "throttle_empty": 429}.get(kind, 0)
    (after,) = box.control("GET", "orders")
    assert after["fulfillment"]["fulfillmentStatus"] == ("SHIPPED" if effect else "UNSHIPPED")
