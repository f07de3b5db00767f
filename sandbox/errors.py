"""Amazon's error answers, as exceptions that the gateway turns into bodies."""

from __future__ import annotations

from typing import Any

DENIED = "Access to requested resource is denied."


class ApiError(Exception):
    """An answer that is not a success: HTTP status, JSON body, and the error type header Amazon adds."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body


def spapi(status: int, code: str, message: str, details: str = "") -> ApiError:
    """The SP-API envelope: ``{"errors": [{"code", "message", "details"}]}``."""
    return ApiError(status, {"errors": [{"code": code, "message": message, "details": details}]})


def invalid(message: str, details: str = "") -> ApiError:
    """400 InvalidInput: a parameter breaks a rule of its operation."""
    return spapi(400, "InvalidInput", message, details)


def denied(details: str = "") -> ApiError:
    """403 Unauthorized: no, wrong or expired token, missing role, foreign marketplace, unknown path."""
    return spapi(403, "Unauthorized", DENIED, details)


def not_found(message: str = "The requested resource was not found.") -> ApiError:
    """404 NotFound."""
    return spapi(404, "NotFound", message)


def throttled() -> ApiError:
    """429 QuotaExceeded: the bucket is empty."""
    return spapi(429, "QuotaExceeded", "You exceeded your quota for the requested resource.")


def internal() -> ApiError:
    """500 InternalFailure."""
    return spapi(500, "InternalFailure", "We encountered an internal error. Please try again.")


def oauth(error: str, description: str, status: int = 400) -> ApiError:
    """The token endpoint's own form (RFC 6749, 5.2): ``{"error", "error_description"}``."""
    return ApiError(status, {"error": error, "error_description": description})
