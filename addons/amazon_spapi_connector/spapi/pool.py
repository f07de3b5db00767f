"""HTTP for everything that goes to Amazon: one pool of connections per process, limits on time and size, no cookies."""

from __future__ import annotations

import logging
import os
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import httpx

from . import errors

MAX_BYTES = 64 * 1024 * 1024
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def quiet_loggers() -> None:
    """httpx logs every URL (presigned ones too) at INFO; sp_api logs tokens and whole answers at DEBUG."""
    for name in ("httpx", "httpcore", "sp_api", "sp_api.base.client", "sp_api.auth.access_token_client"):
        logging.getLogger(name).setLevel(logging.WARNING)


quiet_loggers()


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `connect` until a connection stands, `read` between two pieces of an answer, `total` for all of it."""

    connect: float = 10.0
    read: float = 60.0
    total: float = 180.0

    def for_httpx(self) -> httpx.Timeout:
        """The same for httpx; waiting for a free connection counts like connecting."""
        return httpx.Timeout(self.read, connect=self.connect, pool=self.connect)


class CutOff(httpx.RemoteProtocolError):
    """The answer began and broke; `status` and `request_id` of its beginning."""

    def __init__(self, status: int, request_id: str) -> None:
        super().__init__("the answer was cut off")
        self.status = status
        self.request_id = request_id


class TooLarge(httpx.DecodingError):
    """The answer exceeds the limit."""

    def __init__(self, status: int, request_id: str) -> None:
        super().__init__("the answer is too large")
        self.status = status
        self.request_id = request_id


class HttpPool:
    """Connections shared by all accounts and threads of a process; made anew after a fork.

    :param proxy: URL of an HTTP proxy; the environment is not asked, so that nothing redirects tokens by accident.
    :param verify: an SSL context, for a private certificate authority.
    :param allow_plain_http: permit ``http://`` to other hosts than this machine (a sandbox in a private network).
    """

    def __init__(
        self,
        *,
        proxy: str | None = None,
        verify: ssl.SSLContext | None = None,
        timeouts: Timeouts | None = None,
        allow_plain_http: bool = False,
    ) -> None:
        self._proxy = proxy
        self.verify = verify or ssl.create_default_context()
        self.timeouts = timeouts or Timeouts()
        self._allow_plain_http = allow_plain_http
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._pid = 0

    def __repr__(self) -> str:
        return "<HttpPool>"

    def client(self) -> httpx.Client:
        """The httpx client of this process."""
        with self._lock:
            if self._client is None or self._pid != os.getpid():
                self._client = httpx.Client(
                    verify=self.verify,
                    proxy=self._proxy,
                    timeout=self.timeouts.for_httpx(),
                    trust_env=False,
                    follow_redirects=False,
                    limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=30),
                )
                # Accounts share the pool: a cookie of one must not travel with the request of another.
                self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
                self._pid = os.getpid()
            return self._client

    def close(self) -> None:
        """Close the connections; the pool can be used again."""
        with self._lock:
            if self._client is not None and self._pid == os.getpid():
                self._client.close()
            self._client = None

    def check_url(self, url: str, operation: str = "") -> None:
        """Refuse a URL that would carry tokens in clear over a network, or that is none."""
        try:
            parts = urlsplit(url)
            host = parts.hostname
            _ = parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("https", "http"):
            raise errors.ConfigurationError("an Amazon address is not a web address", operation=operation, sent=False)
        if parts.scheme == "http" and host not in _LOOPBACK and not self._allow_plain_http:
            raise errors.ConfigurationError(
                "an Amazon address must begin with https://", operation=operation, sent=False
            )

    def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeouts: Timeouts | None = None,
        max_bytes: int = MAX_BYTES,
        raw: bool = False,
        **request: Any,
    ) -> httpx.Response:
        """Send a request and read its answer whole, whatever its status.

        :param raw: keep the body as it was transferred (a document may be gzipped twice over).
        :raises CutOff: the answer broke off; :raises TooLarge: it exceeds `max_bytes`; else httpx's errors.
        """
        limits = timeouts or self.timeouts
        deadline = time.monotonic() + limits.total
        request["timeout"] = limits.for_httpx()
        with self.client().stream(method, url, headers=headers, **request) as response:
            chunks: list[bytes] = []
            size = 0
            try:
                for chunk in response.iter_raw() if raw else response.iter_bytes():
                    size += len(chunk)
                    if size > max_bytes:
                        raise TooLarge(response.status_code, errors.request_id_of(response.headers))
                    if time.monotonic() > deadline:
                        raise httpx.ReadTimeout("the answer took too long")
                    chunks.append(chunk)
            except (httpx.RemoteProtocolError, httpx.ReadError):
                raise CutOff(response.status_code, errors.request_id_of(response.headers)) from None
            kept = [
                (k, v) for k, v in response.headers.multi_items() if k not in ("content-encoding", "content-length")
            ]
            return httpx.Response(response.status_code, headers=kept, content=b"".join(chunks))


_default: HttpPool | None = None
_default_lock = threading.Lock()


def default_pool() -> HttpPool:
    """The pool of this process."""
    global _default
    with _default_lock:
        if _default is None:
            _default = HttpPool()
        return _default
