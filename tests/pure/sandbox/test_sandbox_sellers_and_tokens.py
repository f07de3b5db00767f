"""Sellers v1 and Tokens 2021-03-01."""

import pytest
from sandbox_box import APP, DE, IT, SELLER

RDT = "/tokens/2021-03-01/restrictedDataToken"
SHIPMENTS = {"method": "GET", "path": "/mfn/v0/shipments/{shipmentId}"}


def test_participations_are_the_sellers_marketplaces(box):
    listed = box.get("/sellers/v1/marketplaceParticipations").json()["payload"]
    ids = {entry["marketplace"]["id"] for entry in listed}
    assert {IT, DE} <= ids and len(ids) == 16
    italy = next(entry for entry in listed if entry["marketplace"]["id"] == IT)
    assert italy["marketplace"] == {
        "id": IT,
        "name": "Amazon.it",
        "countryCode": "IT",
        "defaultCurrencyCode": "EUR",
        "defaultLanguageCode": "it_IT",
        "domainName": "www.amazon.it",
    }
    assert italy["participation"] == {"isParticipating": True, "hasSuspendedListings": False}
    box.control("PUT", f"sellers/{SELLER}", {"marketplaces": [IT], "name": "My Store"})
    (only,) = box.get("/sellers/v1/account").json()["payload"]["marketplaceParticipationList"]
    assert (only["marketplace"]["id"], only["storeName"]) == (IT, "My Store")


def test_a_restricted_data_token(box):
    answer = box.post(RDT, {"restrictedResources": [SHIPMENTS, {"method": "POST", "path": "/mfn/v0/shipments"}]})
    assert answer.status_code == 200 and answer.headers["x-amzn-ratelimit-limit"] == "1.0"
    assert set(answer.json()) == {"restrictedDataToken", "expiresIn"} and answer.json()["expiresIn"] == 3600
    token = answer.json()["restrictedDataToken"]
    assert token.startswith("Atz.sprdt|")
    assert box.get("/sellers/v1/account", token=token).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"restrictedResources": []},
        {"restrictedResources": "x"},
        {"restrictedResources": [{"method": "", "path": "/orders/v0/orders/1/address"}]},
        {"restrictedResources": [{"method": "PATCH", "path": "/mfn/v0/shipments"}]},
        {"restrictedResources": [{"method": "GET"}]},
        {"restrictedResources": [{"method": "GET", "path": "/sellers/v1/account"}]},
        {"restrictedResources": [{"method": "GET", "path": "/orders/2026-01-01/orders"}]},
        {"restrictedResources": [{"method": "GET", "path": "/reports/2021-06-30/documents/{reportDocumentId}"}]},
        {"restrictedResources": [{**SHIPMENTS, "dataElements": ["buyerInfo"]}]},
        {"restrictedResources": [{"method": "GET", "path": "/orders/v0/orders", "dataElements": ["everything"]}]},
        {"restrictedResources": [SHIPMENTS] * 51},
    ],
)
def test_bad_resources(box, body):
    answer = box.post(RDT, body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "InvalidRequest")


def test_good_resources(box):
    resources = [
        {"method": "GET", "path": "/orders/v0/orders", "dataElements": ["buyerInfo", "shippingAddress"]},
        {"method": "GET", "path": "/orders/v0/orders/123-1234567-1234567/orderItems", "dataElements": ["buyerInfo"]},
        {"method": "GET", "path": "/reports/2021-06-30/documents/amzn1.spdoc.1.3.x"},
    ]
    assert box.post(RDT, {"restrictedResources": resources + [SHIPMENTS] * 47}).status_code == 200


def test_a_restricted_role_is_needed(box):
    box.control("PUT", f"apps/{APP}", {"roles": ["inventory_and_order_tracking"]})
    assert box.post(RDT, {"restrictedResources": [SHIPMENTS]}).status_code == 403
