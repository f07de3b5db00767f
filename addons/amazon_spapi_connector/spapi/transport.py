"""The library's transport, made strict, and the form of query values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from . import errors
from .operations import Operation
from .pool import HttpPool, Timeouts


class StrictTransport:
    """The library's transport, made strict: every answer that is not a readable success raises our error.

    It also takes away the library's ``Host`` header, which is wrong for ``http`` and needless for ``https``.
    """

    def __init__(self, pool: HttpPool, operation: Operation, timeouts: Timeouts | None, max_bytes: int) -> None:
        self._pool, self._operation, self._timeouts, self._max_bytes = pool, operation, timeouts, max_bytes
        self.payload: dict[str, Any] = {}
        self.response: httpx.Response | None = None

    def close(self) -> None:
        """The pool stays open."""

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send, read, judge. Returns an answer whose JSON is empty: the payload is read from `payload`."""
        sent = {key: value for key, value in (headers or {}).items() if key.lower() != "host"}
        response = self._pool.fetch(
            method,
            url,
            params=params,
            data=data,
            content=content,
            headers=sent,
            timeouts=self._timeouts,
            max_bytes=self._max_bytes,
        )
        self.response = response
        operation = self._operation
        if not 200 <= response.status_code < 300:
            raise errors.from_response(
                response.status_code,
                response.headers,
                response.content,
                operation=operation.name,
                writes=operation.writes,
                quote=not operation.personal,
            )
        self.payload = self._read(response)
        # The library would parse the body again and spread its keys over keyword arguments.
        response.json = lambda **_kwargs: {}  # type: ignore[method-assign]
        return response

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        operation = self._operation
        if not response.content.strip():
            # Strictly 204: an empty 200 is what a broken gateway says, and a write may not have been carried out.
            if response.status_code == 204 and not operation.required:
                return {}
            raise self._malformed(response, "the answer is empty", "Empty")
        try:
            payload = json.loads(response.content, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            payload = None
        if not isinstance(payload, dict):
            raise self._malformed(response, "the answer is not the JSON that was expected", "NotJson")
        if operation.required and not isinstance(payload.get(operation.required), operation.required_type):
            if isinstance(payload.get("errors"), list) and payload["errors"]:
                error = errors.from_response(
                    400, response.headers, response.content, operation=operation.name, quote=not operation.personal
                )
                error.status = response.status_code
                raise error
            raise self._malformed(response, f"the answer holds no '{operation.required}'", "WrongShape")
        return payload

    def _malformed(self, response: httpx.Response, message: str, code: str) -> errors.MalformedResponse:
        return errors.MalformedResponse(
            message,
            status=response.status_code,
            code=code,
            request_id=errors.request_id_of(response.headers),
            operation=self._operation.name,
            writes=self._operation.writes,
        )


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def to_query(value: Any) -> str:
    """A query value as Amazon wants it: lists comma-separated, times in UTC with ``Z``; "" and None are left out.

    Raises ``ValueError`` for a naive time and for a list item with a comma, which would become two.
    """
    if value is None or value == "":
        return ""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time without zone")
        text = value.astimezone(UTC).isoformat(timespec="microseconds" if value.microsecond else "seconds")
        return text.replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [to_query(item) for item in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
        if any("," in item for item in items):
            raise ValueError("a list item with a comma")
        return ",".join(item for item in items if item)
    return str(value)
