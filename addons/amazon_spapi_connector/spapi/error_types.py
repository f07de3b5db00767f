"""The errors of this package. Use them through :mod:`.errors`, which also makes them.

No message carries a token, a URL's query or an e-mail address.
"""

from __future__ import annotations

import re
from typing import ClassVar

MAX_MESSAGE = 300
_SECRETS = (
    (re.compile(r"Atz[a-z]?(?:\.sprdt)?\|[^\s\"',;<>]+"), "[token]"),
    (re.compile(r"amzn1\.oa2-cs\.[\w.\-]+"), "[secret]"),
    (re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+\.[^\s@<>\"']+"), "[e-mail]"),
    (re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*"), r"\1?[query]"),
    (re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+"), " "),
)


def safe_text(text: object, limit: int = MAX_MESSAGE) -> str:
    """`text` fit for a log and for a person's eyes: one line, cut to `limit`, without tokens, addresses and queries."""
    result = text if isinstance(text, str) else ""
    result = result[: limit * 4]
    for pattern, replacement in _SECRETS:
        result = pattern.sub(replacement, result)
    result = " ".join(result.split())
    return result if len(result) <= limit else result[: limit - 1] + "…"


class SpapiError(Exception):
    """Base of all errors of this package.

    :param message: what Amazon or the network said, already safe to show (see :func:`safe_text`).
    :param status: the HTTP status, 0 when there was no answer.
    :param code: Amazon's error code, or our own name for the failure; letters, digits and ``_.-`` only.
    :param request_id: Amazon's request id, what its support asks for; "" when there is none.
    :param operation: the operation's name (``searchOrders``), ``token`` for Login with Amazon.
    :param retry_after: seconds to wait before the next attempt, when that is known.
    :param sent: whether the request may have reached Amazon.
    :param writes: whether the operation changes anything at Amazon.

    `title` and `hint` are stable codes for the caller's own wording; `user_message` is an English template with the
    placeholders of :attr:`placeholders`.
    """

    title: ClassVar[str] = "error"
    hint: ClassVar[str] = "retry_later"
    retryable: ClassVar[bool] = False
    user_message: ClassVar[str] = "Amazon's answer to %(operation)s could not be used: %(message)s"

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        code: str = "",
        request_id: str = "",
        operation: str = "",
        retry_after: float | None = None,
        sent: bool = True,
        writes: bool = False,
    ) -> None:
        self.message = safe_text(message)
        self.status = status
        self.code = re.sub(r"[^\w.\-]", "", safe_text(code, 80))
        self.request_id = re.sub(r"[^\w.\-]", "", safe_text(request_id, 80))
        self.operation = operation
        self.retry_after = retry_after
        self.sent = sent
        self.writes = writes
        super().__init__(self.message)

    @property
    def placeholders(self) -> dict[str, str]:
        """Values for `user_message`."""
        return {
            "operation": self.operation or "-",
            "status": str(self.status or "-"),
            "code": self.code or "-",
            "message": self.message or "-",
            "request_id": self.request_id or "-",
            "seconds": str(round(self.retry_after)) if self.retry_after is not None else "-",
        }

    @property
    def outcome_unknown(self) -> bool:
        """Whether a write may have been carried out although it failed here: ask Amazon, never just repeat it."""
        return False

    def format_message(self) -> str:
        """`user_message` with its values, in English."""
        return self.user_message % self.placeholders

    def __str__(self) -> str:
        parts = [self.operation, str(self.status or ""), self.code, self.message]
        text = " ".join(part for part in parts if part)
        return f"{text} (request {self.request_id})" if self.request_id else text

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class ConfigurationError(SpapiError):
    """The connection's own settings are unusable; nothing was sent."""

    title = "configuration"
    hint = "check_settings"
    user_message = "The connection to Amazon is not set up correctly: %(message)s"


class InvalidCredentials(SpapiError):
    """Login with Amazon does not accept the client id and secret (``invalid_client``, ``unauthorized_client``)."""

    title = "invalid_credentials"
    hint = "check_credentials"
    user_message = (
        "Amazon does not accept the client identifier and client secret of this account. Check both; secrets expire"
        " after 180 days and must be rotated in Seller Central."
    )


class AuthorizationRevoked(SpapiError):
    """The refresh token or the authorisation code is no longer valid (``invalid_grant``)."""

    title = "authorization_revoked"
    hint = "authorize_again"
    user_message = (
        "The seller's authorisation is no longer valid: it was withdrawn or has expired. Authorise the account again."
    )


class AccessDenied(SpapiError):
    """401 or 403: a role is missing, or the access token expired (`token_expired`)."""

    title = "access_denied"
    hint = "check_roles"
    user_message = (
        "Amazon refused %(operation)s. The application lacks a role for it, or the seller did not authorise that role."
        " (%(code)s, request %(request_id)s)"
    )
    token_expired: bool = False


class Throttled(SpapiError):
    """429: the quota of this operation is used up. Never answered by sleeping."""

    title = "throttled"
    hint = "wait"
    retryable = True
    user_message = "Amazon's request quota for %(operation)s is used up; the next attempt follows automatically."


class BadRequest(SpapiError):
    """400 and the other statuses that mean: this request will not be accepted, however often it is sent."""

    title = "bad_request"
    hint = "correct_request"
    user_message = "Amazon did not accept %(operation)s: %(message)s (%(code)s, request %(request_id)s)"


class NotFound(SpapiError):
    """404."""

    title = "not_found"
    hint = "check_reference"
    user_message = "Amazon does not know what %(operation)s asked for: %(message)s (request %(request_id)s)"


class _Uncertain(SpapiError):
    retryable = True

    @property
    def outcome_unknown(self) -> bool:
        return self.writes and self.sent


class ServerError(_Uncertain):
    """5xx, whatever the body holds."""

    title = "server_error"
    user_message = (
        "Amazon has a problem of its own (%(status)s); the next attempt follows automatically. (request %(request_id)s)"
    )


class NetworkError(_Uncertain):
    """No answer: timeout, reset, name resolution, TLS."""

    title = "network_error"
    hint = "check_network"
    user_message = "Amazon could not be reached for %(operation)s (%(code)s); the next attempt follows automatically."


class MalformedResponse(_Uncertain):
    """A success that cannot be read: not JSON, truncated, empty, too large, of the wrong shape."""

    title = "malformed_response"
    user_message = (
        "Amazon's answer to %(operation)s could not be read (%(message)s); the next attempt follows automatically."
        " (request %(request_id)s)"
    )


ERRORS: tuple[type[SpapiError], ...] = (
    ConfigurationError,
    InvalidCredentials,
    AuthorizationRevoked,
    AccessDenied,
    Throttled,
    BadRequest,
    NotFound,
    ServerError,
    NetworkError,
    MalformedResponse,
)
"""Every concrete class, for translating `user_message` and for fault matrices."""
