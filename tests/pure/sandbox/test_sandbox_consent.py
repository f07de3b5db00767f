"""The website authorisation workflow."""

from urllib.parse import parse_qs, urlsplit

import pytest
from sandbox_box import APP, APP_ID, SELLER

PAGE = "/apps/authorize/consent"
BACK = "http://127.0.0.1:8069/spapi/callback"


def decide(box, decision="allow", **more):
    form = {"application_id": APP_ID, "redirect_uri": BACK, "state": "s-1", "seller": SELLER, "decision": decision}
    return box.client.post(PAGE, data={**form, **more})


def result(answer):
    assert answer.status_code == 302
    location = urlsplit(answer.headers["location"])
    return {key: values[0] for key, values in parse_qs(location.query).items()}


def code_of(box):
    return result(decide(box))["spapi_oauth_code"]


def test_the_page_offers_the_sellers_and_keeps_the_state(box):
    answer = box.client.get(PAGE, params={"application_id": APP_ID, "state": 'a"<b', "redirect_uri": BACK})
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    assert SELLER in answer.text and "Allow" in answer.text and "Deny" in answer.text
    assert 'value="a&quot;&lt;b"' in answer.text and 'a"<b' not in answer.text


def test_allow_redirects_with_state_seller_and_code_and_the_code_buys_tokens(box):
    answer = decide(box)
    found = result(answer)
    assert answer.headers["location"].startswith(BACK + "?")
    assert set(found) == {"state", "selling_partner_id", "spapi_oauth_code"}
    assert (found["state"], found["selling_partner_id"]) == ("s-1", SELLER)
    tokens = box.lwa(grant_type="authorization_code", refresh_token="", code=found["spapi_oauth_code"])
    assert tokens.status_code == 200
    fresh = tokens.json()["refresh_token"]
    assert fresh.startswith("Atzr|") and box.lwa(refresh_token=fresh).status_code == 200


def test_a_code_works_once(box):
    code = code_of(box)
    assert box.lwa(grant_type="authorization_code", code=code).status_code == 200
    assert box.lwa(grant_type="authorization_code", code=code).json()["error"] == "invalid_grant"


def test_a_code_is_valid_for_five_minutes(box):
    in_time, late = code_of(box), code_of(box)
    box.advance(295)
    assert box.lwa(grant_type="authorization_code", code=in_time).status_code == 200
    box.advance(10)
    assert box.lwa(grant_type="authorization_code", code=late).json()["error"] == "invalid_grant"


def test_a_code_is_bound_to_its_redirect_uri_if_one_is_given(box):
    code = code_of(box)
    wrong = box.lwa(grant_type="authorization_code", code=code, redirect_uri="http://127.0.0.1:1/other")
    assert wrong.json()["error"] == "invalid_grant"
    assert box.lwa(grant_type="authorization_code", code=code, redirect_uri=BACK).status_code == 200


def test_deny_gives_no_code(box):
    assert set(result(decide(box, "deny"))) == {"state", "error", "error_description"}
    assert result(decide(box, "deny"))["error"] == "access_denied"


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/callback",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://localhost:80@evil.example/",
        "javascript:alert(1)",
        "http://127.0.0.1:8069/#fragment",
        "",
    ],
)
def test_only_registered_redirect_uris(box, uri):
    for answer in (
        box.client.get(PAGE, params={"application_id": APP_ID, "redirect_uri": uri}),
        decide(box, redirect_uri=uri),
    ):
        assert answer.status_code == 400 and "location" not in answer.headers
        assert "cannot be authorised" in answer.text


def test_an_exact_registered_uri_is_the_default(box):
    box.control("PUT", f"apps/{APP}", {"redirect_uris": ["https://shop.example/cb?x=1"]})
    assert box.client.get(PAGE, params={"application_id": APP_ID}).status_code == 200
    location = decide(box, redirect_uri="").headers["location"]
    assert location.startswith("https://shop.example/cb?x=1&state=s-1&")
    assert decide(box, redirect_uri="https://shop.example/cb").status_code == 400


def test_an_application_in_draft_needs_version_beta(box):
    box.control("PUT", f"apps/{APP}", {"draft": True})
    query = {"application_id": APP_ID, "redirect_uri": BACK}
    assert box.client.get(PAGE, params=query).status_code == 400
    assert box.client.get(PAGE, params={**query, "version": "beta"}).status_code == 200


def test_unknown_application_and_seller(box):
    assert box.client.get(PAGE, params={"application_id": "amzn1.sp.solution.x"}).status_code == 400
    assert decide(box, seller="A0NOBODY").status_code == 400
