"""One map from everything that can go wrong to one class of error, and no secret in any of them."""

from __future__ import annotations

import json
import ssl

import httpx
import pytest
from amazon_spapi_connector.spapi import errors
from amazon_spapi_connector.spapi.errors import safe_text
from hypothesis import given, settings
from hypothesis import strategies as st

QUOTA = {"code": "QuotaExceeded", "message": "You exceeded your quota for the requested resource.", "details": ""}


def body(**error):
    return json.dumps({"errors": [error]}).encode()


@pytest.mark.parametrize(
    ("status", "content", "expected", "retryable", "code"),
    [
        (400, body(code="InvalidInput", message="bad"), errors.BadRequest, False, "InvalidInput"),
        (401, body(code="Unauthorized", message="no"), errors.AccessDenied, False, "Unauthorized"),
        (403, body(code="Unauthorized", message="no"), errors.AccessDenied, False, "Unauthorized"),
        (403, b'{"message": "Forbidden"}', errors.AccessDenied, False, "Http403"),
        (404, body(code="NotFound", message="no"), errors.NotFound, False, "NotFound"),
        (409, b"", errors.BadRequest, False, "Http409"),
        (413, b"", errors.BadRequest, False, "Http413"),
        (415, b"", errors.BadRequest, False, "Http415"),
        (422, b"[]", errors.BadRequest, False, "Http422"),
        (429, json.dumps({"errors": [QUOTA]}).encode(), errors.Throttled, True, "QuotaExceeded"),
        (429, b"", errors.Throttled, True, "Http429"),
        (500, b'{"message": "x"}', errors.ServerError, True, "Http500"),
        (500, b'{"errors": {"code": "x"}}', errors.ServerError, True, "Http500"),
        (502, b"<html><body>Bad Gateway</body></html>", errors.ServerError, True, "Http502"),
        (503, b"\xff\xfe not text", errors.ServerError, True, "Http503"),
        (504, b"", errors.ServerError, True, "Http504"),
        (302, b"", errors.MalformedResponse, True, "Http302"),
        (400, b'{"errors": [null]}', errors.BadRequest, False, "Http400"),
        (400, b'{"errors": [{"code": 7, "message": {}}]}', errors.BadRequest, False, "Http400"),
        (403, b"<?xml?><Error><Code>AccessDenied</Code></Error>", errors.AccessDenied, False, "AccessDenied"),
    ],
)
def test_from_response(status, content, expected, retryable, code):
    error = errors.from_response(status, {"x-amzn-RequestId": "req-1"}, content, operation="searchOrders")
    assert type(error) is expected
    assert (error.status, error.retryable, error.code) == (status, retryable, code)
    assert (error.request_id, error.operation) == ("req-1", "searchOrders")
    assert "html" not in str(error)


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (400, b'{"error": "invalid_grant", "error_description": "gone"}', errors.AuthorizationRevoked),
        (401, b'{"error": "invalid_client"}', errors.InvalidCredentials),
        (400, b'{"error": "unauthorized_client"}', errors.InvalidCredentials),
        (400, b'{"error": "invalid_scope"}', errors.BadRequest),
        (400, b'{"error": "brand_new"}', errors.BadRequest),
        (400, b'{"error": ["invalid_grant"]}', errors.BadRequest),
        (429, b"", errors.Throttled),
        (500, b'{"error": "server_error"}', errors.ServerError),
        (503, b"<html>", errors.ServerError),
        (200, b"<html>", errors.MalformedResponse),
        (200, b'{"access_token": ""}', errors.MalformedResponse),
        (200, b"", errors.MalformedResponse),
    ],
)
def test_from_token_response(status, content, expected):
    error = errors.from_token_response(status, {}, content)
    assert type(error) is expected
    assert error.operation == "token"


@pytest.mark.parametrize(
    ("message", "details", "expired"),
    [
        ("Access to requested resource is denied.", "The access token you provided has expired.", True),
        ("The access token you provided is revoked, malformed or invalid.", "", True),
        ("Access to requested resource is denied.", "", False),
        ("The application does not have a role that this operation needs.", "", False),
    ],
)
def test_expired_token_is_told_from_a_missing_role(message, details, expired):
    error = errors.from_response(403, {}, body(code="Unauthorized", message=message, details=details))
    assert error.token_expired is expired


@pytest.mark.parametrize(
    ("exc", "expected", "sent", "text"),
    [
        (httpx.ConnectTimeout(""), errors.NetworkError, False, "no answer in time"),
        (httpx.PoolTimeout(""), errors.NetworkError, False, "no answer in time"),
        (httpx.ReadTimeout(""), errors.NetworkError, True, "no answer in time"),
        (
            httpx.ConnectError("[Errno -2] Name or service not known"),
            errors.NetworkError,
            False,
            "the host name was not found",
        ),
        (
            httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]"),
            errors.NetworkError,
            False,
            "no trusted encrypted connection",
        ),
        (httpx.ConnectError("[Errno 111] refused"), errors.NetworkError, False, "no connection"),
        (httpx.ReadError("reset by peer"), errors.NetworkError, True, "the connection broke"),
        (httpx.RemoteProtocolError("Server disconnected"), errors.NetworkError, True, "the connection broke"),
        (ssl.SSLError(1, "bad record"), errors.NetworkError, True, "the connection broke"),
        (ValueError("Rosa Bianchi"), errors.MalformedResponse, True, "unexpected ValueError"),
    ],
)
def test_from_exception(exc, expected, sent, text):
    error = errors.from_exception(exc, operation="confirmShipment", writes=True)
    assert type(error) is expected
    assert (error.sent, error.message, error.retryable) == (sent, text, True)
    assert error.outcome_unknown is sent


def test_a_read_has_no_unknown_outcome():
    assert not errors.from_exception(httpx.ReadTimeout(""), writes=False).outcome_unknown
    assert not errors.from_response(400, {}, b"", writes=True).outcome_unknown
    assert errors.from_response(500, {}, b"", writes=True).outcome_unknown


@pytest.mark.parametrize(
    "secret",
    [
        "Atza|IwEBIAbc-def",
        "Atzr|IwEBIAbc-def",
        "Atz.sprdt|IwEBIAbc-def",
        "amzn1.oa2-cs.v1.0123456789abcdef",
        "rosa.bianchi@example.org",
        "X-Amz-Signature=0123",
    ],
)
def test_no_secret_in_a_message(secret):
    text = f"cannot use {secret} here" if "=" not in secret else f"see https://host/p?a=1&{secret} here"
    for error in (
        errors.from_response(400, {}, body(code=secret, message=text)),
        errors.from_token_response(400, {}, json.dumps({"error": "invalid_grant", "error_description": text}).encode()),
    ):
        shown = f"{error} {error!r} {error.args} {error.format_message()} {error.placeholders}"
        assert secret not in shown and "cannot use" in shown or "see https://host/p?[query]" in shown


def test_personal_requests_are_not_quoted():
    error = errors.from_response(400, {}, body(code="InvalidInput", message="name Rosa is bad"), quote=False)
    assert "Rosa" not in str(error) and error.code == "InvalidInput"


@settings(max_examples=200, deadline=None)
@given(st.text(), st.integers(20, 400))
def test_safe_text_is_one_short_line(text, limit):
    result = safe_text(text, limit)
    assert len(result) <= limit and "\n" not in result and "\x00" not in result
    result.encode()


@settings(max_examples=200, deadline=None)
@given(
    st.integers(100, 599),
    st.binary(max_size=60),
    st.dictionaries(st.sampled_from(["retry-after", "x"]), st.text(max_size=5)),
)
def test_every_answer_has_an_error(status, content, headers):
    headers = {key: value for key, value in headers.items() if value.isascii() and value.isprintable()}
    assert isinstance(errors.from_response(status, headers, content), errors.SpapiError)
    assert isinstance(errors.from_token_response(status, headers, content), errors.SpapiError)


def test_retry_after():
    assert errors.from_response(429, {"Retry-After": "12"}, b"").retry_after == 12
    for nonsense in ("soon", "-1", "nan", "1e9", "Wed, 21 Oct 2026 07:28:00 GMT"):
        assert errors.from_response(429, {"retry-after": nonsense}, b"").retry_after is None


def test_templates_can_be_translated_and_filled():
    titles = [cls.title for cls in errors.ERRORS]
    assert len(set(titles)) == len(titles)
    for cls in errors.ERRORS:
        error = cls("what happened", status=500, code="Code", request_id="r-1", operation="searchOrders", retry_after=3)
        assert "%(" not in error.format_message() and error.hint
    assert "authoris" in errors.AuthorizationRevoked().format_message().lower()
