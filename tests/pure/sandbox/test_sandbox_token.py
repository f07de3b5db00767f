"""The token endpoint: three grant types, RFC 6749 errors, lifetimes, revocation."""

import base64

import pytest
from sandbox_box import APP, REFRESH, SECRET, SELLER


def test_refresh_grant_gives_a_token_that_works(box):
    answer = box.lwa()
    body = answer.json()
    assert answer.status_code == 200
    assert body["access_token"].startswith("Atza|") and len(body["access_token"]) <= 2048
    assert body["token_type"] == "bearer" and body["expires_in"] == 3600 and body["refresh_token"] == REFRESH
    assert answer.headers["cache-control"] == "no-store"
    assert box.get("/sellers/v1/account", token=body["access_token"]).status_code == 200


def test_client_may_authenticate_by_basic_header(box):
    header = "Basic " + base64.b64encode(f"{APP}:{SECRET}".encode()).decode()
    form = {"grant_type": "refresh_token", "refresh_token": REFRESH}
    answer = box.client.post("/auth/o2/token", data=form, headers={"authorization": header})
    assert answer.status_code == 200


def test_client_credentials_give_a_grantless_token(box):
    answer = box.lwa(grant_type="client_credentials", refresh_token="", scope="sellingpartnerapi::notifications")
    assert answer.status_code == 200
    assert "refresh_token" not in answer.json()
    refused = box.get("/sellers/v1/account", token=answer.json()["access_token"])
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"refresh_token": ""}, 400, "invalid_request"),
        ({"refresh_token": "Atzr|unknown"}, 400, "invalid_grant"),
        ({"client_id": ""}, 400, "invalid_request"),
        ({"client_secret": ""}, 400, "invalid_request"),
        ({"client_id": "amzn1.application-oa2-client.unknown"}, 401, "invalid_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "authorization_code"}, 400, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "ANwrong"}, 400, "invalid_grant"),
        ({"grant_type": "client_credentials"}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "scope": "orders"}, 400, "invalid_scope"),
    ],
)
def test_errors_are_rfc_6749(box, form, status, error):
    answer = box.lwa(**form)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.json()["error"] == error
    assert answer.headers["x-amzn-requestid"]


def test_a_body_that_is_no_form_is_an_invalid_request(box):
    for content, kind in ((b"{}", "application/json"), (b"grant_type=%ff", "application/x-www-form-urlencoded")):
        answer = box.client.post("/auth/o2/token", content=content, headers={"content-type": kind})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    twice = "grant_type=refresh_token&grant_type=refresh_token"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = box.client.post("/auth/o2/token", content=twice, headers=headers)
    assert answer.json()["error"] == "invalid_request"


def test_a_refresh_token_belongs_to_its_application(box):
    box.control("PUT", "apps/amzn1.application-oa2-client.other", {"client_secret": "other-secret"})
    answer = box.lwa(client_id="amzn1.application-oa2-client.other", client_secret="other-secret")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_rotated_secret_leaves_the_refresh_token_alone(box):
    box.control("PUT", f"apps/{APP}", {"client_secret": "rotated-secret"})
    assert box.lwa().json()["error"] == "invalid_client"
    assert box.lwa(client_secret="rotated-secret").status_code == 200


def test_tokens_live_an_hour_of_the_sandbox_clock(box):
    token = box.token()
    box.advance(3595)
    assert box.get("/sellers/v1/account").status_code == 200
    box.advance(10)
    answer = box.get("/sellers/v1/account", token=token)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["details"] == "The access token you provided has expired."


def test_the_lifetime_is_settable(box):
    box.control("PUT", f"apps/{APP}", {"token_lifetime": 60})
    answer = box.lwa()
    assert answer.json()["expires_in"] == 60
    box.advance(61)
    assert box.get("/sellers/v1/account", token=answer.json()["access_token"]).status_code == 403


def test_revoked_consent_kills_refresh_and_access_tokens_until_it_is_given_again(box):
    token = box.token()
    assert box.control("POST", f"sellers/{SELLER}/revoke") == {"grants": 1}
    assert box.lwa().json()["error"] == "invalid_grant"
    refused = box.get("/sellers/v1/account", token=token)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "Unauthorized")
    box.control("POST", f"sellers/{SELLER}/grant")
    assert box.lwa().status_code == 200
    assert box.get("/sellers/v1/account", token=token).status_code == 200
