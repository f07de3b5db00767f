"""The control API: time, orders, planting, the journal, starting over."""

import json
import sqlite3
import time

import pytest
from sandbox_box import APP, DE, EVERYTHING, IT, REFRESH, SECRET, TODAY


def truth(box):
    return {order["orderId"]: order for order in box.control("GET", "orders")}


def test_time_moves_and_is_set(box):
    assert box.control("GET", "time")["now"].startswith("2026-03-10T12:00:0")
    assert box.control("POST", "time", {"advance": 86400})["now"].startswith("2026-03-11T12:00:0")
    assert box.control("POST", "time", {"set": TODAY})["now"].startswith("2026-03-10T12:00:0")
    for wrong in ({}, {"advance": 1, "set": TODAY}, {"set": "yesterday"}, {"advance": 1e15}, {"advance": 3.9e9}):
        box.control("POST", "time", wrong, status=422)


def test_generated_orders_are_reproducible_and_go_on(box):
    window = {"created_from": "2026-03-01T00:00:00Z", "created_to": "2026-03-05T00:00:00Z"}
    first = box.generate(5, "mixed", **window)
    orders = truth(box)
    second = box.generate(5, "mixed", **window)
    assert not set(first) & set(second)
    box.control("POST", "reset", {"seed": 7})
    box.control("POST", "time", {"set": TODAY})
    assert box.generate(5, "mixed", **window) == first
    assert truth(box) == orders
    assert not set(box.generate(3, seed=8)) & {*first, *second}


def test_generate_refuses_nonsense(box):
    for wrong in (
        {"marketplaces": ["NOWHERE"], "count": 1},
        {"marketplaces": [], "count": 1},
        {"marketplaces": [IT], "count": -1},
        {"marketplaces": [IT], "count": 1, "case": "haunted"},
        {"marketplaces": [IT], "count": 1, "created_from": TODAY, "created_to": "2026-01-01T00:00:00Z"},
    ):
        box.control("POST", "orders/generate", wrong, status=422)
    box.control("POST", "orders/generate", {"marketplaces": [IT], "count": 1, "seller": "A0NOBODY"}, status=404)


def test_orders_live_as_time_passes_unless_frozen(box):
    (pending,), (frozen,) = box.generate(1, "pending"), box.generate(1, "pending", live=False)
    status = {key: order["fulfillment"]["fulfillmentStatus"] for key, order in truth(box).items()}
    assert status == {pending: "PENDING", frozen: "PENDING"}
    box.advance(1700)
    assert truth(box)[pending]["fulfillment"]["fulfillmentStatus"] == "PENDING"
    box.advance(3600)
    status = {key: order["fulfillment"]["fulfillmentStatus"] for key, order in truth(box).items()}
    assert status == {pending: "UNSHIPPED", frozen: "PENDING"}
    box.advance(130)
    box.access_token = ""
    found = {order["orderId"]: order for order in box.found(includedData=EVERYTHING)}
    assert found[pending]["buyer"]["buyerName"] and "buyer" not in found[frozen]


def test_orders_live_in_the_background(box):
    (pending,) = box.generate(1, "pending")
    order = truth(box)[pending]
    # Due in a second or two of the sandbox's clock; nobody asks for it, only the file is looked at.
    order["lastUpdatedTime"] = "2026-03-09T12:00:00Z"
    box.control("POST", "orders", {"orders": [order], "live": True})
    reader = sqlite3.connect(f"file:{box.arguments[1]}?mode=ro", uri=True)
    status = ""
    for _try in range(300):
        (status,) = reader.execute("SELECT status FROM orders").fetchone()
        if status == "UNSHIPPED":
            break
        time.sleep(0.1)
    reader.close()
    assert status == "UNSHIPPED"


def test_raw_orders_are_delivered_as_they_are(box):
    base = {
        "createdTime": "2026-03-01T10:00:00Z",
        "lastUpdatedTime": "2026-03-01T10:00:00Z",
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": IT},
        "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"},
        "orderItems": [],
    }
    item = {"orderItemId": "1", "quantityOrdered": 10_000, "product": {}}
    bad = [
        {"proceeds": {"grandTotal": {"amount": "12.00"}}},
        {"proceeds": {"grandTotal": {"amount": "twelve", "currencyCode": "EUR"}}},
        {"proceeds": {"grandTotal": {"amount": float("nan"), "currencyCode": "EUR"}}},
        {"salesChannel": {"channelName": "AMAZON", "marketplaceId": "A0UNKNOWNPLACE"}},
        {"salesChannel": None},
        {"orderItems": None},
        {"orderItems": [dict(item, orderItemId=str(n)) for n in range(500)]},
        {"orderItems": [dict(item, quantityOrdered=0)]},
        {"buyer": {"buyerName": "x" * 1000}},
        {"buyer": {"buyerName": "\u202eعربي 👩‍👩‍👧 \x00 \n\t"}},
        {"buyer": {"buyerName": "\ud800"}},
        {"fulfillment": None},
        {"createdTime": "soon", "lastUpdatedTime": 7},
    ]
    orders = [{"orderId": f"403-{n:07}-0000000", **base, **change} for n, change in enumerate(bad)]
    content = json.dumps({"orders": orders}).encode()
    answer = box.client.post("/control/orders", content=content)
    assert answer.status_code == 200 and len(answer.json()["orderIds"]) == len(bad)
    box.advance(130)
    query = {
        "includedData": EVERYTHING,
        "marketplaceIds": IT,
        "fulfillmentStatuses": "UNSHIPPED",
        "fulfilledBy": "MERCHANT",
    }
    page = box.search(lastUpdatedAfter="2025-06-01T00:00:00Z", **query)
    assert page.status_code == 200
    found = {order["orderId"]: order for order in json.loads(page.content)["orders"]}
    assert set(found) == {order["orderId"] for order in orders}
    assert found["403-0000010-0000000"]["buyer"]["buyerName"] == "\ud800"
    assert found["403-0000009-0000000"]["buyer"] == orders[9]["buyer"]
    assert len(found["403-0000006-0000000"]["orderItems"]) == 500
    for order in orders:
        assert box.get(f"/orders/2026-01-01/orders/{order['orderId']}").status_code == 200


def test_orders_without_an_id_are_kept_too(box):
    made = box.control("POST", "orders", {"orders": [{"createdTime": TODAY}, {"orderId": 7}, {"orderId": ""}]})
    assert len(set(made["orderIds"])) == 3
    assert len(box.control("GET", "orders")) == 3


def test_validation_on_request(box):
    good = box.generate(1)[0]
    order = truth(box)[good]
    box.control("POST", "orders", {"orders": [order], "validate": True})
    for missing in ("orderId", "createdTime", "lastUpdatedTime", "salesChannel", "orderItems"):
        broken = {key: value for key, value in order.items() if key != missing}
        box.control("POST", "orders", {"orders": [broken], "validate": True}, status=422)
    box.control("POST", "orders", {"orders": ["x"]}, status=422)
    box.control("POST", "orders", {"orders": [order], "seller": "A0NOBODY"}, status=404)


def test_patch_merges_and_touches(box):
    (order_id,) = box.generate(1)
    before = truth(box)[order_id]
    patch = {"buyer": {"buyerEmail": None, "buyerName": "Nina"}, "programs": ["PRIME"]}
    box.control("PATCH", f"orders/{order_id}", patch)
    after = truth(box)[order_id]
    assert after["buyer"]["buyerName"] == "Nina" and "buyerEmail" not in after["buyer"]
    assert after["lastUpdatedTime"] > before["lastUpdatedTime"]
    assert after["lastUpdatedTime"].startswith("2026-03-10T12:")
    box.control("PATCH", f"orders/{order_id}", {"lastUpdatedTime": "2026-03-01T00:00:00Z"})
    assert truth(box)[order_id]["lastUpdatedTime"] == "2026-03-01T00:00:00Z"
    box.control("PATCH", "orders/000-0000000-0000000", {}, status=404)
    box.control("PATCH", f"orders/{order_id}", [1], status=422)


def test_transitions(box):
    (order_id,) = box.generate(1)
    for status in ("SHIPPED", "DELIVERED"):
        box.control("POST", f"orders/{order_id}/transition", {"status": status})
    order = truth(box)[order_id]
    assert order["fulfillment"]["fulfillmentStatus"] == "SHIPPED"
    assert order["packages"][0]["packageStatus"]["status"] == "DELIVERED"
    box.control("POST", f"orders/{order_id}/transition", {"status": "UNSHIPPED"}, status=422)
    box.control("POST", f"orders/{order_id}/transition", {"status": "LOST"}, status=422)


def test_planted_strings_are_delivered(box):
    ids = box.generate(2, "gift")
    values = {
        "name": "Canary {n}",
        "companyName": "Works {n}",
        "addressLine1": "Road {n}",
        "addressLine2": "Floor {n}",
        "postalCode": "P{n}",
        "city": "Town {n}",
        "phone": "+00 {n}",
        "buyerEmail": "c{n}@example.com",
        "taxRegistrationNumber": "VAT{n}",
        "giftMessage": "Gift {n}",
        "addressInstruction": "Door {n}",
    }
    planted = box.control("POST", "plant", {"orders": ids, "values": values})["planted"]
    assert planted[ids[1]]["name"] == "Canary 2"
    found = {order["orderId"]: order for order in box.found(includedData=EVERYTHING)}
    for number, order_id in enumerate(ids, 1):
        order = found[order_id]
        address = order["recipient"]["deliveryAddress"]
        assert order["buyer"]["buyerName"] == address["name"] == f"Canary {number}"
        assert order["buyer"]["buyerCompanyName"] == address["companyName"] == f"Works {number}"
        assert (address["addressLine1"], address["addressLine2"]) == (f"Road {number}", f"Floor {number}")
        assert (address["postalCode"], address["city"]) == (f"P{number}", f"Town {number}")
        assert (address["phone"], order["buyer"]["buyerEmail"]) == (f"+00 {number}", f"c{number}@example.com")
        assert order["recipient"]["deliveryPreference"]["addressInstruction"] == f"Door {number}"
        assert order["orderItems"][0]["fulfillment"]["packing"]["giftOption"]["giftMessage"] == f"Gift {number}"
        (registration,) = order["tax"]["taxRegistrations"]
        assert registration["taxRegistrationNumber"] == f"VAT{number}"
        assert registration["legalName"] == f"Works {number}"
    everyone = box.control("POST", "plant", {"values": {"name": "All {n}"}})["planted"]
    assert sorted(values["name"] for values in everyone.values()) == ["All 1", "All 2"]
    box.control("POST", "plant", {"values": {"shoeSize": "43"}}, status=422)
    box.control("POST", "plant", {"orders": ["000-0000000-0000000"], "values": {"name": "x"}}, status=404)


def test_the_journal_keeps_bodies_and_no_secret(box):
    token = box.token()
    box.search(includedData="BUYER")
    box.post("/orders/v0/orders/403-0000000-0000000/shipmentConfirmation", {"note": "kept"})
    code = "ANsecretcode"
    box.lwa(grant_type="authorization_code", code=code)
    box.client.get("/apps/authorize/consent", params={"code": code})
    entries = box.control("GET", "journal")
    assert [entry["operation"] for entry in entries] == ["token", "searchOrders", "confirmShipment", "token", "consent"]
    assert [entry["status"] for entry in entries] == [200, 200, 400, 400, 400]
    text = json.dumps(entries)
    for secret in (token, SECRET, REFRESH, REFRESH.replace("|", "%7C"), code):
        assert secret not in text
    search = entries[1]
    assert search["method"] == "GET" and search["path"] == "/orders/2026-01-01/orders"
    assert "includedData=BUYER" in search["query"] and search["seller"] == "A1SANDBOXSELLER"
    assert search["headers"]["x-amz-access-token"].startswith("[redacted ")
    assert json.loads(entries[2]["body"]) == {"note": "kept"}
    assert APP in entries[0]["body"] and search["requestId"] and search["at"].startswith("2026-03-10T12:")


def test_the_journal_is_filtered_counted_and_cleared(box):
    box.token()
    box.search()
    box.advance(60)
    box.search()
    assert box.control("GET", "journal/counts") == {"searchOrders": 2, "token": 1}
    first, second = box.control("GET", "journal?operation=searchOrders")
    assert box.control("GET", f"journal?since={first['id']}") == [second]
    assert box.control("GET", f"journal?since={second['at']}") == [second]
    box.control("GET", "journal?since=noon", status=422)
    box.control("DELETE", "journal")
    assert box.control("GET", "journal/counts") == {}


def test_reset_wipes_everything(box):
    old = box.token()
    box.generate(3)
    box.fault("*", "error_500", times=None)
    box.control("PUT", f"apps/{APP}", {"roles": ["pricing"], "token_lifetime": 1})
    box.control("PUT", "sellers/A2OTHER", {})
    box.control("POST", "throttle", {"factor": 9})
    assert box.control("POST", "reset", {})["seed"] == 7
    assert box.control("GET", "orders") == [] and box.control("GET", "faults") == []
    assert box.control("GET", "journal") == [] and box.control("GET", "time")["offset"] == 0
    assert [seller["seller"] for seller in box.control("GET", "sellers")] == ["A1SANDBOXSELLER"]
    assert box.control("GET", "throttle") == {"enabled": True, "plans": {}}
    assert box.get("/sellers/v1/account", token=old).status_code == 403
    assert box.lwa().json()["expires_in"] == 3600
    assert box.client.post("/control/reset").json() == {"seed": 7}


@pytest.mark.parametrize("body", [{"marketplaces": [DE], "cuont": 1}, {"marketplaces": DE, "count": 1}])
def test_misspelt_bodies_are_refused(box, body):
    box.control("POST", "orders/generate", body, status=422)
