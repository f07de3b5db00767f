"""Everything that can go wrong when talking to Amazon, mapped once.

Amazon's gateways do not keep to the documented error list (HTML on 503, an empty body on 429, ``{"message": …}`` on
403), so the HTTP status decides and the code only refines. Bodies that are not Amazon's error list are never quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx

from .error_types import (
    ERRORS,
    AccessDenied,
    AuthorizationRevoked,
    BadRequest,
    ConfigurationError,
    InvalidCredentials,
    MalformedResponse,
    NetworkError,
    NotFound,
    ServerError,
    SpapiError,
    Throttled,
    safe_text,
)

__all__ = [
    "ERRORS",
    "AccessDenied",
    "AuthorizationRevoked",
    "BadRequest",
    "ConfigurationError",
    "InvalidCredentials",
    "MalformedResponse",
    "NetworkError",
    "NotFound",
    "ServerError",
    "SpapiError",
    "Throttled",
    "safe_text",
    "from_exception",
    "from_response",
    "from_token_response",
    "request_id_of",
]

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)
_LWA_CODES: dict[str, type[SpapiError]] = {
    "invalid_grant": AuthorizationRevoked,
    "invalid_client": InvalidCredentials,
    "unauthorized_client": InvalidCredentials,
    "access_denied": AccessDenied,
    "invalid_request": BadRequest,
    "invalid_scope": BadRequest,
    "unsupported_grant_type": BadRequest,
    "server_error": ServerError,
    "temporarily_unavailable": ServerError,
}
_TOKEN_EXPIRED = re.compile(r"access token .*(expired|revoked|malformed|invalid)", re.IGNORECASE | re.DOTALL)


def request_id_of(headers: Mapping[str, str]) -> str:
    """Amazon's id of a request; S3 (documents) names its header differently."""
    found = httpx.Headers(dict(headers))
    return found.get("x-amzn-requestid") or found.get("x-amz-request-id") or ""


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _first_error(body: bytes) -> tuple[str, str, str]:
    """(code, message, details) of Amazon's error list; of the gateways' ``{"message"}``; of S3's XML; else empty."""
    data = _parse(body)
    if isinstance(data, dict):
        errors = data.get("errors")
        if isinstance(errors, list) and errors and isinstance(errors[0], dict):
            first = errors[0]
            return tuple(v if isinstance(v := first.get(k), str) else "" for k in ("code", "message", "details"))  # type: ignore[return-value]
        message = data.get("message")
        return "", message if isinstance(message, str) else "", ""
    match = re.search(rb"<Code>(\w{1,60})</Code>", body[:4096])
    return (match.group(1).decode() if match else ""), "", ""


def _retry_after(headers: httpx.Headers) -> float | None:
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= 86400 else None


def _class_for(status: int) -> type[SpapiError]:
    if status == 429:
        return Throttled
    if status in (401, 403):
        return AccessDenied
    if status == 404:
        return NotFound
    if status >= 500:
        return ServerError
    if 400 <= status < 500:
        return BadRequest
    return MalformedResponse


def from_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    operation: str = "",
    writes: bool = False,
    quote: bool = True,
) -> SpapiError:
    """The error for an answer that is not a usable success. Returns it, does not raise it.

    :param quote: False for requests that carry personal data, which Amazon's message could repeat.
    """
    code, message, details = _first_error(body)
    error_class = _class_for(status)
    if not message and error_class is MalformedResponse:
        message = "unexpected redirection" if 300 <= status < 400 else "unexpected status"
    found = httpx.Headers(dict(headers))
    error = error_class(
        message if quote else "",
        status=status,
        code=code or f"Http{status}",
        request_id=request_id_of(found),
        operation=operation,
        retry_after=_retry_after(found),
        writes=writes,
    )
    if isinstance(error, AccessDenied):
        error.token_expired = code == "TOKEN_EXPIRED" or bool(_TOKEN_EXPIRED.search(f"{message} {details}"))
    return error


def from_token_response(status: int, headers: Mapping[str, str], body: bytes) -> SpapiError:
    """The error for an answer of the token endpoint (RFC 6749 shape, or whatever a gateway in front of it says)."""
    data = _parse(body)
    code = data.get("error") if isinstance(data, dict) else None
    code = code if isinstance(code, str) else ""
    error_class = _LWA_CODES.get(code)
    if status >= 500:
        error_class = ServerError
    elif status == 429:
        error_class = Throttled
    elif error_class is None:
        error_class = MalformedResponse if status == 200 else _class_for(status)
    description = data.get("error_description") if isinstance(data, dict) else None
    found = httpx.Headers(dict(headers))
    return error_class(
        description if isinstance(description, str) else "",
        status=status,
        code=code or f"Http{status}",
        request_id=request_id_of(found),
        operation="token",
        retry_after=_retry_after(found),
    )


def from_exception(
    exc: BaseException, *, operation: str = "", writes: bool = False, status: int = 0, request_id: str = ""
) -> SpapiError:
    """The error for a failure below HTTP. `status` is given when the answer had begun: then it was cut off.

    Raise it outside of the ``except`` block: httpx exceptions hold the request with its token.
    """
    if isinstance(exc, SpapiError):
        return exc
    status = status or getattr(exc, "status", 0)
    request_id = request_id or getattr(exc, "request_id", "")
    if status and isinstance(exc, httpx.RemoteProtocolError):
        return MalformedResponse(
            "the answer was cut off",
            status=status,
            code="Truncated",
            request_id=request_id,
            operation=operation,
            writes=writes,
        )
    if isinstance(exc, httpx.DecodingError):
        return MalformedResponse(
            "the answer is too large or cannot be decompressed",
            status=status,
            code="Decoding",
            request_id=request_id,
            operation=operation,
            writes=writes,
        )
    if isinstance(exc, (httpx.HTTPError, httpx.InvalidURL, OSError)):
        return NetworkError(
            _network_text(exc),
            code=type(exc).__name__,
            request_id=request_id,
            operation=operation,
            sent=not isinstance(exc, _NOT_SENT),
            writes=writes,
        )
    # Anything else is a defect of ours or of a library; its text may quote anything, so only its type is kept.
    return MalformedResponse(
        f"unexpected {type(exc).__name__}", status=status, code="Unexpected", operation=operation, writes=writes
    )


def _network_text(exc: BaseException) -> str:
    if isinstance(exc, (httpx.TimeoutException, TimeoutError)):
        return "no answer in time"
    if isinstance(exc, httpx.ConnectError):
        text = str(exc).lower()
        if "certificate" in text or "ssl" in text or "tls" in text:
            return "no trusted encrypted connection"
        if "name" in text or "getaddrinfo" in text or "resolve" in text:
            return "the host name was not found"
        return "no connection"
    return "the connection broke"
