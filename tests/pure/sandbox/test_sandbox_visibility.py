"""What of an order an application sees, by dataset and by role."""

import pytest
from sandbox_box import APP, EVERYTHING, IT, JP, ORDERS, SELLER

D2C, INVOICE, REMIT, BASE = (
    "direct_to_consumer_shipping",
    "tax_invoicing",
    "tax_remittance",
    "inventory_and_order_tracking",
)
SECRETS = {
    "name": "Zora Canary",
    "companyName": "Canary Works",
    "addressLine1": "Canary Road 1",
    "postalCode": "C4N4R",
    "phone": "+00 5550123",
    "buyerEmail": "canary@marketplace.example",
    "taxRegistrationNumber": "CANARYVAT1",
    "giftMessage": "canary gift",
    "addressInstruction": "canary door",
    "buyerPurchaseOrderNumber": "CANARY-PO-1",
}


def plant(box, case="gift", **changes):
    (order_id,) = box.generate(1, case, live=False)
    box.control("POST", "plant", {"orders": [order_id], "values": SECRETS})
    url = {"customizedUrl": "https://canary.example/x"}
    order = next(order for order in box.control("GET", "orders") if order["orderId"] == order_id)
    order["orderItems"][0]["product"]["customization"] = url
    box.control("PATCH", f"orders/{order_id}", {"orderItems": order["orderItems"], **changes})
    return order_id


def seen(box, order_id, *roles, included=EVERYTHING):
    box.control("PUT", f"apps/{APP}", {"roles": list(roles)})
    answer = box.get(f"{ORDERS}/{order_id}", includedData=included)
    assert answer.status_code == 200, answer.text
    return answer.json()["order"], {name for name, value in SECRETS.items() if value in answer.text}


def test_every_dataset_brings_its_parts_and_nothing_else(box):
    (order_id,) = box.generate(1, "gift")
    box.control("POST", "plant", {"values": SECRETS})
    parts = {
        "buyer": {"x": 1},
        "recipient": {"x": 1},
        "proceeds": {"x": 1},
        "fulfillment": {"fulfillmentStatus": "UNSHIPPED"},
        "packages": [{"packageReferenceId": "1"}],
        "tax": {"x": 1},
        "payment": {"x": 1},
        "fulfillmentOrders": [{"fulfillmentOrderId": "1"}],
    }
    item = {"orderItemId": "1", "quantityOrdered": 1, "product": {}}
    item_parts = {name: {"x": 1} for name in ("proceeds", "expense", "promotion", "cancellation", "fulfillment", "tax")}
    box.control("PATCH", f"orders/{order_id}", {**parts, "orderItems": [{**item, **item_parts}]})
    expected = {
        "BUYER": ({"buyer"}, set()),
        "RECIPIENT": ({"recipient"}, set()),
        "PROCEEDS": ({"proceeds"}, {"proceeds"}),
        "EXPENSE": (set(), {"expense"}),
        "PROMOTION": (set(), {"promotion"}),
        "CANCELLATION": (set(), {"cancellation"}),
        "FULFILLMENT": ({"fulfillment"}, {"fulfillment"}),
        "PACKAGES": ({"packages"}, set()),
        "TAX": ({"tax"}, {"tax"}),
        "PAYMENT": ({"payment"}, set()),
        "FULFILLMENT_ORDERS": ({"fulfillmentOrders"}, set()),
    }
    assert ",".join(expected) == EVERYTHING
    for dataset, (order_parts, of_item) in expected.items():
        order = box.get(f"{ORDERS}/{order_id}", includedData=dataset).json()["order"]
        assert set(order) & set(parts) == order_parts, dataset
        assert set(order["orderItems"][0]) & set(item_parts) == of_item, dataset
        assert {"orderId", "createdTime", "lastUpdatedTime", "salesChannel", "orderItems"} <= set(order)
    bare = box.get(f"{ORDERS}/{order_id}").json()["order"]
    assert not set(bare) & set(parts) and not set(bare["orderItems"][0]) & set(item_parts)


def test_all_roles_see_everything_of_a_merchant_order(box):
    order, found = seen(box, plant(box), "all")
    assert found == set(SECRETS)
    assert order["orderItems"][0]["product"]["customization"]["customizedUrl"]


def test_without_a_restricted_role_there_is_no_buyer(box):
    order, found = seen(box, plant(box), BASE)
    assert found == set()
    assert "buyer" not in order and "recipient" not in order
    assert "customizedUrl" not in str(order)
    assert order["proceeds"]["grandTotal"] and order["fulfillment"]["fulfillmentStatus"] == "UNSHIPPED"


def test_the_shipping_role_sees_the_person_but_not_the_tax_number(box):
    _order, found = seen(box, plant(box), D2C)
    assert found == set(SECRETS) - {"taxRegistrationNumber"}


@pytest.mark.parametrize("role", [INVOICE, REMIT])
def test_a_tax_role_sees_names_and_tax_numbers_but_no_address_of_the_recipient(box, role):
    order, found = seen(box, plant(box), role)
    assert "recipient" not in order and "buyerEmail" not in order["buyer"]
    assert order["buyer"]["buyerName"] == SECRETS["name"]
    assert order["tax"]["taxRegistrations"][0]["taxRegistrationNumber"] == SECRETS["taxRegistrationNumber"]
    assert not found & {"buyerEmail", "giftMessage", "addressInstruction"}


@pytest.mark.parametrize("status", ["PENDING", "PENDING_AVAILABILITY", "CANCELLED", "UNFULFILLABLE"])
def test_no_buyer_before_release_or_after_cancellation(box, status):
    order_id = plant(box, fulfillment={"fulfillmentStatus": status})
    _order, found = seen(box, order_id, "all")
    assert found <= {"giftMessage"}


def test_amazon_fulfilled_orders(box):
    order_id = plant(box, "fba", fulfillment={"fulfillmentStatus": "SHIPPED"})
    order, found = seen(box, order_id, D2C)
    assert set(order["buyer"]) == {"buyerCompanyName", "buyerPurchaseOrderNumber"}
    assert "phone" not in found and "buyerEmail" not in found
    order, _found = seen(box, order_id, INVOICE)
    assert order["buyer"]["buyerName"] == SECRETS["name"]


def test_in_japan_the_tax_roles_do_not_open_the_name(box):
    box.control("PUT", f"sellers/{SELLER}", {"region": "fe", "marketplaces": [IT, JP]})
    order_id = plant(box, salesChannel={"marketplaceId": JP})
    order, _found = seen(box, order_id, INVOICE)
    assert "buyerName" not in order["buyer"]
    order, _found = seen(box, order_id, D2C)
    assert order["buyer"]["buyerName"] == SECRETS["name"]


def test_the_phone_goes_after_the_latest_delivery_date(box):
    window = {"deliverByWindow": {"latestDateTime": "2026-03-11T12:00:00Z"}}
    late = plant(box, fulfillment={"fulfillmentStatus": "SHIPPED", **window})
    waiting = plant(box, fulfillment=window)
    assert "phone" in seen(box, late, "all")[1]
    box.control("POST", "time", {"set": "2026-03-11T12:00:01Z"})
    box.access_token = ""
    assert "phone" not in seen(box, late, "all")[1]
    assert "phone" in seen(box, waiting, "all")[1]


ODD = [None, 7, "text", [], [None, 3, "x"], {"deliveryAddress": [1]}, {"taxRegistrations": 5}]


@pytest.mark.parametrize("value", ODD)
def test_malformed_orders_do_not_break_the_view(box, value):
    parts = ("buyer", "recipient", "tax", "orderItems", "fulfillment", "salesChannel", "packages", "proceeds")
    orders = [
        {"orderId": f"403-000000{n}-0000000", "createdTime": "2026-03-01T10:00:00Z", part: value}
        for n, part in enumerate(parts)
    ]
    box.control("POST", "orders", {"orders": orders})
    for roles in (["all"], [BASE]):
        box.control("PUT", f"apps/{APP}", {"roles": roles})
        assert len(box.found(includedData=EVERYTHING)) == len(parts)
