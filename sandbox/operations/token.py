"""LWA: the token endpoint (RFC 6749) with its three grant types. Amazon's host for it is the same for every region."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import parse_qsl

from ..accounts import App
from ..errors import oauth
from . import Answer, Call, Operation

SCOPES = {"sellingpartnerapi::notifications", "sellingpartnerapi::client_credential:rotation"}


def handle(call: Call) -> Answer:
    """Exchange a grant for an access token; errors are ``{"error", "error_description"}``."""
    form = _form(call)
    grant_type = form.get("grant_type", "")
    if not grant_type:
        raise oauth("invalid_request", "The request is missing a required parameter : grant_type")
    grants = {
        "authorization_code": _authorization_code,
        "refresh_token": _refresh_token,
        "client_credentials": _client_credentials,
    }
    if grant_type not in grants:
        raise oauth(
            "unsupported_grant_type", "The authorization grant type is not supported by the authorization server"
        )
    app = _client(call, form)
    return grants[grant_type](call, app, form)


def _form(call: Call) -> dict[str, str]:
    kind = call.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise oauth("invalid_request", "The Content-Type must be application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(call.raw.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise oauth("invalid_request", "The request body is not UTF-8") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise oauth("invalid_request", "The request includes a parameter more than once")
    return {name: value for name, value in form.items() if value}


def _client(call: Call, form: dict[str, str]) -> App:
    client_id, secret = form.get("client_id"), form.get("client_secret")
    header = call.headers.get("authorization", "")
    if header.lower().startswith("basic "):
        try:
            client_id, _colon, secret = base64.b64decode(header[6:], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise oauth("invalid_client", "Client authentication failed", 401) from None
    if not client_id:
        raise oauth("invalid_request", "The request is missing a required parameter : client_id")
    if not secret:
        raise oauth("invalid_request", "The request is missing a required parameter : client_secret")
    app = call.world.accounts.app(client_id)
    if app is None or not call.world.accounts.secret_matches(client_id, secret):
        raise oauth("invalid_client", "Client authentication failed", 401)
    return app


def _required(form: dict[str, str], name: str) -> str:
    if name not in form:
        raise oauth("invalid_request", f"The request is missing a required parameter : {name}")
    return form[name]


def _answer(call: Call, app: App, *, seller: str | None = None, scope: str | None = None, refresh: str = "") -> Answer:
    call.selling_partner = call.world.accounts.seller(seller) if seller else None
    expired = call.fault is not None and call.fault.kind == "expired_token"
    lifetime = 0 if expired else app.token_lifetime
    token = call.world.accounts.new_token(app.client_id, call.now, lifetime, seller=seller, scope=scope)
    body: dict[str, object] = {"access_token": token, "token_type": "bearer", "expires_in": app.token_lifetime}
    if refresh:
        body["refresh_token"] = refresh
    if scope:
        body["scope"] = scope
    return Answer(body=body, headers={"cache-control": "no-store", "pragma": "no-cache"})


def _authorization_code(call: Call, app: App, form: dict[str, str]) -> Answer:
    code = _required(form, "code")
    seller = call.world.accounts.use_code(code, app.client_id, form.get("redirect_uri"), call.now)
    if seller is None:
        raise oauth("invalid_grant", "The request has an invalid grant parameter : code")
    refresh = call.world.accounts.new_grant(app.client_id, seller)
    return _answer(call, app, seller=seller, refresh=refresh)


def _refresh_token(call: Call, app: App, form: dict[str, str]) -> Answer:
    refresh = _required(form, "refresh_token")
    grant = call.world.accounts.grant_of(refresh)
    if grant is None or grant[0] != app.client_id or grant[2]:
        raise oauth(
            "invalid_grant",
            "The request has an invalid grant parameter : refresh_token. User may have revoked or didn't grant the "
            "permission.",
        )
    return _answer(call, app, seller=grant[1], refresh=refresh)


def _client_credentials(call: Call, app: App, form: dict[str, str]) -> Answer:
    scope = _required(form, "scope")
    if scope not in SCOPES:
        raise oauth("invalid_scope", "The requested scope is invalid, unknown, or malformed")
    return _answer(call, app, scope=scope)


OPERATION = Operation("lwa", "token", "POST", "/auth/o2/token", handle, public=True)
