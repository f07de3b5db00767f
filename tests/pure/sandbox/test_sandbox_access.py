"""Who may call what: tokens, roles, regions, marketplaces, paths; headers of every answer."""

import httpx
import pytest
from sandbox_box import APP, DE, IT, ORDERS, SELLER, US

DENIED = "Access to requested resource is denied."


def refusal(answer):
    assert answer.status_code == 403
    (error,) = answer.json()["errors"]
    assert (error["code"], error["message"]) == ("Unauthorized", DENIED)
    assert "x-amzn-ratelimit-limit" not in answer.headers and answer.headers["x-amzn-requestid"]
    return error["details"]


def test_missing_and_unknown_tokens(box):
    assert "missing" in refusal(box.client.get("/sellers/v1/account"))
    assert "malformed" in refusal(box.get("/sellers/v1/account", token="Atza|nonsense"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/orders/2027-01-01/orders"),
        ("POST", ORDERS),
        ("GET", "/sellers/v1/account/more"),
        ("DELETE", "/auth/o2/token"),
        ("GET", "/control"),
    ],
)
def test_unknown_paths_and_methods_are_denied(box, method, path):
    refusal(box.client.request(method, path, headers={"x-amz-access-token": box.token()}))
    assert box.control("GET", "journal/counts")["unknown"] == 1


def test_request_ids_differ(box):
    first, second = box.search(), box.search()
    assert first.headers["x-amzn-requestid"] != second.headers["x-amzn-requestid"]


def test_rate_header_on_success_400_and_404_only(box):
    (order_id,) = box.generate(1)
    good, bad = box.get(f"{ORDERS}/{order_id}"), box.get(f"{ORDERS}/{order_id}", includedData="X")
    absent = box.get(f"{ORDERS}/999-9999999-9999999")
    assert [answer.status_code for answer in (good, bad, absent)] == [200, 400, 404]
    assert {answer.headers["x-amzn-ratelimit-limit"] for answer in (good, bad, absent)} == {"0.5"}
    assert box.search().headers["x-amzn-ratelimit-limit"] == "0.0056"
    box.fault("getOrder", "throttle_body")
    box.fault("getOrder", "error_500")
    for status in (429, 500):
        answer = box.get(f"{ORDERS}/{order_id}")
        assert answer.status_code == status and "x-amzn-ratelimit-limit" not in answer.headers


def test_operations_need_a_role(box):
    box.control("PUT", f"apps/{APP}", {"roles": ["pricing"]})
    refusal(box.search())
    assert box.get("/sellers/v1/account").status_code == 200
    box.control("PUT", f"apps/{APP}", {"roles": []})
    refusal(box.get("/sellers/v1/account"))
    box.control("PUT", f"apps/{APP}", {"roles": ["Inventory and Order Tracking"]})
    assert box.search().status_code == 200
    box.control("PUT", f"apps/{APP}", {"roles": ["king"]}, status=422)


def test_marketplaces_of_the_seller_only(box):
    box.control("PUT", f"sellers/{SELLER}", {"marketplaces": [IT]})
    box.access_token = ""
    assert box.search(marketplaceIds=IT).status_code == 200
    refusal(box.search(marketplaceIds=f"{IT},{DE}"))
    refusal(box.search(marketplaceIds=US))
    assert box.search(marketplaceIds="A0000000000000").status_code == 400


def test_regional_prefixes_serve_their_sellers_only(box):
    assert box.get("/eu/sellers/v1/account").status_code == 200
    refusal(box.get("/na/sellers/v1/account"))
    american = box.control("PUT", "sellers/A2AMERICA", {"region": "na"})["refresh_token"]
    token = box.lwa(refresh_token=american).json()["access_token"]
    assert box.get("/na/sellers/v1/account", token=token).status_code == 200
    refusal(box.get("/eu/sellers/v1/account", token=token))


def test_sellers_do_not_see_each_other(box):
    (order_id,) = box.generate(1)
    other = box.control("PUT", "sellers/A2OTHER", {})["refresh_token"]
    token = box.lwa(refresh_token=other).json()["access_token"]
    assert box.get(f"{ORDERS}/{order_id}", token=token).status_code == 404
    assert box.get(ORDERS, token=token, lastUpdatedAfter="2025-06-01T00:00:00Z").json()["orders"] == []


def test_user_agents_have_a_length(box):
    headers = {"x-amz-access-token": box.token(), "user-agent": "x" * 501}
    assert box.client.get("/sellers/v1/account", headers=headers).status_code == 400


def test_a_huge_body_is_refused_and_the_sandbox_lives(box):
    body = b"x" * (10 * 1024 * 1024 + 1)
    answer = box.client.post("/auth/o2/token", content=body)
    assert answer.status_code == 413
    assert box.search().status_code == 200


def test_the_control_token_guards_the_control_api(own):
    box = own(None, "--control-token", "open-sesame")
    assert box.client.get("/control/time").status_code == 401
    assert box.client.get("/control/time", headers={"x-control-token": "wrong"}).status_code == 401
    for header in ({"x-control-token": "open-sesame"}, {"authorization": "Bearer open-sesame"}):
        assert box.client.get("/control/time", headers=header).status_code == 200
    assert isinstance(box.lwa(), httpx.Response)
    box.stop()
