"""Token buckets under a clock that the test controls."""

from sandbox_box import ORDERS


def statuses(box, count, path=ORDERS, **query):
    query = query or {"lastUpdatedAfter": "2025-06-01T00:00:00Z"}
    if path != ORDERS:
        query = {}
    return [box.get(path, **query).status_code for _call in range(count)]


def throttled(box):
    box.control("POST", "throttle", {"enabled": True})
    box.token()


def test_search_has_a_burst_of_twenty_and_one_call_in_179_seconds(box):
    throttled(box)
    assert statuses(box, 21) == [200] * 20 + [429]
    box.advance(170)
    assert statuses(box, 1) == [429]
    box.advance(10)
    assert statuses(box, 2) == [200, 429]
    box.advance(3 * 179)
    assert statuses(box, 4) == [200] * 3 + [429]
    box.advance(4 * 3600)
    box.access_token = ""
    box.token()
    assert statuses(box, 21) == [200] * 20 + [429]


def test_429_has_amazons_body_and_no_rate(box):
    throttled(box)
    box.control("POST", "throttle", {"operation": "searchOrders", "burst": 0})
    answer = box.search()
    assert answer.status_code == 429
    assert answer.json() == {
        "errors": [
            {
                "code": "QuotaExceeded",
                "message": "You exceeded your quota for the requested resource.",
                "details": "",
            }
        ]
    }
    assert "x-amzn-ratelimit-limit" not in answer.headers and "retry-after" not in answer.headers
    assert answer.headers["x-amzn-requestid"]


def test_buckets_are_per_operation_seller_and_application(box):
    throttled(box)
    other = box.control("PUT", "sellers/A2OTHER", {})["refresh_token"]
    foreign = box.lwa(refresh_token=other).json()["access_token"]
    box.control("PUT", "apps/amzn1.application-oa2-client.two", {"client_secret": "two"})
    second = box.control(
        "PUT",
        "sellers/A1SANDBOXSELLER",
        {
            "client_id": "amzn1.application-oa2-client.two",
            "refresh_token": "Atzr|second-app",
        },
    )["refresh_token"]
    same_seller = box.lwa(
        refresh_token=second, client_id="amzn1.application-oa2-client.two", client_secret="two"
    ).json()["access_token"]
    assert statuses(box, 21)[-1] == 429
    assert statuses(box, 1, "/sellers/v1/account") == [200]
    query = {"lastUpdatedAfter": "2025-06-01T00:00:00Z"}
    assert box.get(ORDERS, token=foreign, **query).status_code == 200
    assert box.get(ORDERS, token=same_seller, **query).status_code == 200


def test_refused_parameters_cost_a_token_and_refused_callers_do_not(box):
    throttled(box)
    assert [box.get(ORDERS).status_code for _call in range(21)] == [400] * 20 + [429]
    for _call in range(16):
        assert box.get("/sellers/v1/account", token="Atza|x").status_code == 403
    assert statuses(box, 16, "/sellers/v1/account") == [200] * 15 + [429]


def test_plans_can_be_changed(box):
    throttled(box)
    box.control("POST", "throttle", {"operation": "searchOrders", "rate": 0.5, "burst": 2})
    assert box.search().headers["x-amzn-ratelimit-limit"] == "0.5"
    assert statuses(box, 2) == [200, 429]
    box.control("POST", "throttle", {"factor": 3})
    answer = box.search()
    assert answer.headers["x-amzn-ratelimit-limit"] == "1.5"
    assert statuses(box, 6) == [200] * 5 + [429]
    box.control("POST", "throttle", {"enabled": False})
    assert statuses(box, 3) == [200] * 3
    box.control("POST", "throttle", {"operation": "noSuchThing", "rate": 1}, status=422)


def test_a_clock_set_back_neither_fills_nor_drains(box):
    throttled(box)
    assert statuses(box, 18) == [200] * 18
    box.advance(-900)
    assert statuses(box, 3) == [200, 200, 429]
