"""What a call brings: its record (enough for a health line and the quota, nothing personal) and its results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call.

    :param operation: Amazon's name of it; ``token`` for Login with Amazon.
    :param status: HTTP status; 0 when there was no answer.
    :param request_id: Amazon's request id or "".
    :param rate_limit: requests a second as Amazon states them, None when it does not.
    :param seconds: how long it took.
    :param at: when it began (UTC, aware).
    """

    operation: str
    status: int
    request_id: str
    rate_limit: float | None
    seconds: float
    at: datetime


Observer = Callable[[CallRecord], None]


@dataclass(frozen=True, slots=True)
class ApiResult:
    """A successful answer. `payload` is the parsed body ({} for a 204); it may hold personal data: never shown."""

    payload: dict[str, Any] = field(repr=False)
    status: int = 200
    request_id: str = ""
    rate_limit: float | None = None


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of ``searchOrders``.

    `orders` are Amazon's objects as they came (:func:`.orders.split_order` takes any of them, also a broken one);
    `next_token` is "" on the last page; the two times (UTC, aware) are the server's own watermark, None if absent.
    """

    orders: list[Any] = field(repr=False)
    next_token: str = field(default="", repr=False)
    last_updated_before: datetime | None = None
    created_before: datetime | None = None
    request_id: str = ""
    rate_limit: float | None = None


@dataclass(frozen=True, slots=True)
class RestrictedToken:
    """A restricted data token and its end (UTC, aware)."""

    token: str = field(repr=False)
    expires_at: datetime
