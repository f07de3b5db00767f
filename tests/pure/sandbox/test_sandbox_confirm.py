"""Orders v0 confirmShipment."""

import copy

import pytest
from sandbox_box import DE, EVERYTHING, IT, ORDERS


def confirm(box, order_id, body):
    return box.post(f"/orders/v0/orders/{order_id}/shipmentConfirmation", body)


def body_for(order, quantities=None, reference="1", **more):
    quantities = quantities or {item["orderItemId"]: item["quantityOrdered"] for item in order["orderItems"]}
    package = {
        "packageReferenceId": reference,
        "carrierCode": "DHL",
        "shippingMethod": "Paket",
        "trackingNumber": "00340434000000000017",
        "shipDate": "2026-03-10T10:00:00.000Z",
        "orderItems": [{"orderItemId": key, "quantity": value} for key, value in quantities.items()],
    }
    return {"marketplaceId": order["salesChannel"]["marketplaceId"], "packageDetail": {**package, **more}}


def read(box, order_id):
    return box.get(f"{ORDERS}/{order_id}", includedData=EVERYTHING).json()["order"]


@pytest.fixture
def order(box):
    """An unshipped order of two lines: five units of one, one of the other."""
    (order_id,) = box.generate(1, "multi_line")
    items = read(box, order_id)["orderItems"][:2]
    for item, quantity in zip(items, (5, 1), strict=True):
        item["quantityOrdered"] = quantity
        item["fulfillment"] = {"quantityFulfilled": 0, "quantityUnfulfilled": quantity}
    box.control("PATCH", f"orders/{order_id}", {"orderItems": items, "programs": None})
    return read(box, order_id)


def test_a_whole_shipment(box, order):
    box.advance(600)
    answer = confirm(box, order["orderId"], body_for(order))
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["x-amzn-requestid"] and answer.headers["x-amzn-ratelimit-limit"] == "2.0"
    assert "content-type" not in answer.headers
    after = read(box, order["orderId"])
    assert after["fulfillment"]["fulfillmentStatus"] == "SHIPPED"
    assert after["lastUpdatedTime"] > order["lastUpdatedTime"]
    for item in after["orderItems"]:
        assert item["fulfillment"]["quantityFulfilled"] == item["quantityOrdered"]
        assert item["fulfillment"]["quantityUnfulfilled"] == 0
    (package,) = after["packages"]
    assert package["packageReferenceId"] == "1" and package["carrier"] == "DHL"
    assert package["trackingNumber"] == "00340434000000000017" and package["shippingService"] == "Paket"
    assert package["packageStatus"]["status"] == "SHIPPED"


def test_several_packages_and_edits(box, order):
    first, second = (item["orderItemId"] for item in order["orderItems"])
    order_id = order["orderId"]
    assert confirm(box, order_id, body_for(order, {first: 2})).status_code == 204
    half = read(box, order_id)
    assert half["fulfillment"]["fulfillmentStatus"] == "PARTIALLY_SHIPPED"
    assert half["orderItems"][0]["fulfillment"] == {"quantityFulfilled": 2, "quantityUnfulfilled": 3}

    assert confirm(box, order_id, body_for(order, {first: 4})).status_code == 204
    edited = read(box, order_id)
    assert len(edited["packages"]) == 1
    assert edited["orderItems"][0]["fulfillment"] == {"quantityFulfilled": 4, "quantityUnfulfilled": 1}

    assert confirm(box, order_id, body_for(order, {first: 2, second: 1}, "2")).status_code == 400
    assert read(box, order_id) == edited
    rest = body_for(order, {first: 1, second: 1}, "2", carrierCode="Other", carrierName="Bike")
    assert confirm(box, order_id, rest).status_code == 204
    done = read(box, order_id)
    assert done["fulfillment"]["fulfillmentStatus"] == "SHIPPED"
    assert {package["carrier"] for package in done["packages"]} == {"DHL", "Bike"}


def test_the_same_call_again_changes_nothing(box, order):
    for _time in range(2):
        assert confirm(box, order["orderId"], body_for(order)).status_code == 204
    after = read(box, order["orderId"])
    assert len(after["packages"]) == 1 and after["fulfillment"]["fulfillmentStatus"] == "SHIPPED"


def test_transparency_codes_are_kept(box, order):
    body = body_for(order)
    body["packageDetail"]["orderItems"][0]["transparencyCodes"] = ["09876543211234567890"]
    assert confirm(box, order["orderId"], body).status_code == 204
    (package,) = read(box, order["orderId"])["packages"]
    assert package["packageItems"][0]["transparencyCodes"] == ["09876543211234567890"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("marketplaceId",), None),
        (("marketplaceId",), DE),
        (("packageDetail",), None),
        (("packageDetail",), []),
        (("packageDetail", "packageReferenceId"), None),
        (("packageDetail", "packageReferenceId"), "0"),
        (("packageDetail", "packageReferenceId"), "-1"),
        (("packageDetail", "packageReferenceId"), "P1"),
        (("packageDetail", "packageReferenceId"), "1.5"),
        (("packageDetail", "packageReferenceId"), 1),
        (("packageDetail", "carrierCode"), None),
        (("packageDetail", "carrierCode"), "Other"),
        (("packageDetail", "trackingNumber"), None),
        (("packageDetail", "trackingNumber"), " "),
        (("packageDetail", "shipDate"), None),
        (("packageDetail", "shipDate"), "02/21/2022"),
        (("packageDetail", "shipDate"), "2026-03-10"),
        (("packageDetail", "shippingMethod"), 5),
        (("packageDetail", "orderItems"), None),
        (("packageDetail", "orderItems"), []),
        (("packageDetail", "orderItems"), ["x"]),
        (("packageDetail", "orderItems", 0, "orderItemId"), "00000000000000"),
        (("packageDetail", "orderItems", 0, "orderItemId"), None),
        (("packageDetail", "orderItems", 0, "quantity"), 6),
        (("packageDetail", "orderItems", 0, "quantity"), 0),
        (("packageDetail", "orderItems", 0, "quantity"), -1),
        (("packageDetail", "orderItems", 0, "quantity"), "1"),
        (("packageDetail", "orderItems", 0, "quantity"), True),
        (("packageDetail", "orderItems", 0, "transparencyCodes"), "abc"),
        (("codCollectionMethod",), "DirectPayment"),
    ],
)
def test_bad_requests_change_nothing(box, order, path, value):
    body = copy.deepcopy(body_for(order))
    holder = body
    for key in path[:-1]:
        holder = holder[key]
    if value is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    answer = confirm(box, order["orderId"], body)
    assert answer.status_code == 400, (path, value)
    assert answer.json()["errors"][0]["code"] == "InvalidInput"
    assert read(box, order["orderId"]) == order


def test_one_item_listed_twice_counts_together(box, order):
    body = body_for(order, {order["orderItems"][0]["orderItemId"]: 3})
    body["packageDetail"]["orderItems"] *= 2
    assert confirm(box, order["orderId"], body).status_code == 400


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"programs": ["PRIME", "FBM_SHIP_PLUS"]}, "Ship+"),
        ({"fulfillment": {"fulfilledBy": "AMAZON"}}, "not fulfilled by the merchant"),
        ({"fulfillment": {"fulfillmentStatus": "PENDING"}}, "current status"),
        ({"fulfillment": {"fulfillmentStatus": "CANCELLED"}}, "current status"),
    ],
)
def test_orders_that_cannot_be_confirmed(box, order, change, reason):
    box.control("PATCH", f"orders/{order['orderId']}", change)
    before = read(box, order["orderId"])
    answer = confirm(box, order["orderId"], body_for(order))
    assert answer.status_code == 400 and reason in answer.json()["errors"][0]["message"]
    assert read(box, order["orderId"]) == before


def test_unknown_order_and_bad_bodies(box, order):
    assert confirm(box, "000-0000000-0000000", body_for(order)).status_code == 404
    path = f"/orders/v0/orders/{order['orderId']}/shipmentConfirmation"
    headers = {"x-amz-access-token": box.token(), "content-type": "application/json"}
    for content in (b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}"):
        assert box.client.post(path, content=content, headers=headers).status_code == 400, content[:20]
    answer = box.client.post(path, content=b"<a/>", headers={**headers, "content-type": "text/xml"})
    assert answer.status_code == 415


def test_a_confirmed_package_travels_and_arrives(box, order):
    confirm(box, order["orderId"], body_for(order))
    box.advance(14 * 24 * 3600)
    box.access_token = ""
    after = read(box, order["orderId"])
    assert after["packages"][0]["packageStatus"]["status"] == "DELIVERED"
    assert after["salesChannel"]["marketplaceId"] == IT
