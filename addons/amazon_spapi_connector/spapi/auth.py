"""Login with Amazon (LWA): access tokens, kept in memory, locked, refreshed in time.

Refresh tokens and secrets come in with a call and are kept only as a hash; access tokens live in this process alone.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from . import errors
from .pool import HttpPool, default_pool
from .records import CallRecord, Observer
from .regions import LWA_TOKEN_URL

DEFAULT_LIFETIME = 3600.0
MAX_MARGIN = 120.0
"""A token is renewed this many seconds before its end, or a tenth of its life if that is less."""
_MAX_ENTRIES = 512
_MAX_TOKEN_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an account needs to get tokens. `refresh_token` is "" for grantless calls."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    token_url: str = LWA_TOKEN_URL

    def key(self, scope: str = "") -> str:
        """A fingerprint: tokens are never shared between applications, sellers, secrets or token hosts."""
        parts = (self.client_id, self.client_secret, self.refresh_token, self.token_url, scope)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """An answer of the token endpoint. `expires_in` in seconds; `refresh_token` only for a new authorisation."""

    access_token: str = field(repr=False)
    expires_in: float
    refresh_token: str = field(default="", repr=False)


class _Entry:
    __slots__ = ("lock", "token", "good_until")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.token = ""
        self.good_until = 0.0

    def __repr__(self) -> str:
        return "<_Entry>"


class TokenStore:
    """Access tokens of all accounts of this process.

    Each credential set has a lock of its own, so that eight threads with a cold store make one token call and no
    account waits for another. A failure is not kept.
    """

    def __init__(self, pool: HttpPool | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._guard = threading.Lock()
        self._entries: dict[str, _Entry] = {}

    def __repr__(self) -> str:
        return f"<TokenStore of {len(self._entries)} credential sets>"

    def get(self, credentials: Credentials, *, scope: str = "", observer: Observer | None = None) -> str:
        """A valid access token: of the seller, or with a `scope` of the application alone (grantless).

        Raises the errors of :func:`.errors.from_token_response` and :func:`.errors.from_exception`.
        """
        entry = self._entry(credentials.key(scope))
        with entry.lock:
            if entry.token and self._clock() < entry.good_until:
                return entry.token
            asked_at = self._clock()
            if scope:
                grant = client_credentials(credentials, scope, pool=self._pool, observer=observer)
            else:
                grant = refresh(credentials, pool=self._pool, observer=observer)
            entry.token = grant.access_token
            entry.good_until = asked_at + grant.expires_in - min(MAX_MARGIN, grant.expires_in * 0.1)
            return entry.token

    def invalidate(self, credentials: Credentials, token: str, *, scope: str = "") -> None:
        """Forget `token`, unless another thread has already replaced it."""
        entry = self._entry(credentials.key(scope))
        with entry.lock:
            if entry.token == token:
                entry.token = ""

    def forget(self, credentials: Credentials) -> None:
        """Forget the seller token of a credential set, when its account is unlinked or changed."""
        with self._guard:
            self._entries.pop(credentials.key(), None)

    def clear(self) -> None:
        """Forget everything."""
        with self._guard:
            self._entries.clear()

    def _entry(self, key: str) -> _Entry:
        with self._guard:
            entry = self._entries.get(key)
            if entry is None:
                if len(self._entries) >= _MAX_ENTRIES:
                    now = self._clock()
                    for old_key, old in list(self._entries.items()):
                        if not old.lock.locked() and old.good_until <= now:
                            del self._entries[old_key]
                entry = self._entries[key] = _Entry()
            return entry


TOKENS = TokenStore()
"""The store of this process."""


def refresh(credentials: Credentials, *, pool: HttpPool | None = None, observer: Observer | None = None) -> TokenGrant:
    """A new access token from the refresh token (``grant_type=refresh_token``)."""
    if not credentials.refresh_token:
        raise errors.ConfigurationError("there is no refresh token", operation="token", sent=False)
    form = {"grant_type": "refresh_token", "refresh_token": credentials.refresh_token}
    return _token_call(credentials, form, pool, observer)


def client_credentials(
    credentials: Credentials, scope: str, *, pool: HttpPool | None = None, observer: Observer | None = None
) -> TokenGrant:
    """An access token of the application itself, for grantless operations."""
    return _token_call(credentials, {"grant_type": "client_credentials", "scope": scope}, pool, observer)


def exchange_code(
    credentials: Credentials,
    code: str,
    *,
    redirect_uri: str = "",
    pool: HttpPool | None = None,
    observer: Observer | None = None,
) -> TokenGrant:
    """The refresh token for the ``spapi_oauth_code`` of a consent; the code is valid for five minutes, once."""
    form = {"grant_type": "authorization_code", "code": code}
    if redirect_uri:
        form["redirect_uri"] = redirect_uri
    grant = _token_call(credentials, form, pool, observer)
    if not grant.refresh_token:
        raise errors.MalformedResponse("the answer holds no refresh token", status=200, operation="token")
    return grant


def _token_call(
    credentials: Credentials, form: dict[str, str], pool: HttpPool | None, observer: Observer | None
) -> TokenGrant:
    if not credentials.client_id or not credentials.client_secret:
        raise errors.ConfigurationError("the client identifier or secret is missing", operation="token", sent=False)
    pool = pool or default_pool()
    pool.check_url(credentials.token_url, "token")
    form = {**form, "client_id": credentials.client_id, "client_secret": credentials.client_secret}
    at, started = datetime.now(UTC), time.monotonic()
    headers = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}
    failure: errors.SpapiError | None = None
    response: httpx.Response | None = None
    try:
        response = pool.fetch("POST", credentials.token_url, data=form, headers=headers, max_bytes=_MAX_TOKEN_BYTES)
    except Exception as exc:
        failure = errors.from_exception(exc, operation="token")
    if response is not None:
        failure = (
            None
            if response.status_code == 200
            else errors.from_token_response(response.status_code, response.headers, response.content)
        )
    if observer:
        observer(
            CallRecord(
                "token",
                response.status_code if response is not None else 0,
                errors.request_id_of(response.headers) if response is not None else "",
                None,
                time.monotonic() - started,
                at,
            )
        )
    if failure is not None:
        failure.operation = "token"
        raise failure
    assert response is not None
    return _grant(response)


def _grant(response: httpx.Response) -> TokenGrant:
    try:
        data = json.loads(response.content)
    except (ValueError, RecursionError):
        data = None
    token = data.get("access_token") if isinstance(data, dict) else None
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise errors.from_token_response(response.status_code, response.headers, response.content)
    lifetime = data.get("expires_in")
    if isinstance(lifetime, bool) or not isinstance(lifetime, (int, float)) or not 0 < lifetime <= 86400:
        lifetime = DEFAULT_LIFETIME
    new_refresh = data.get("refresh_token")
    return TokenGrant(token, float(lifetime), new_refresh if isinstance(new_refresh, str) else "")
