"""The one way to Amazon: python-amazon-sp-api builds the requests, everything around it is ours.

The library is used for what it is good at (headers, serialisation) and kept from what it does badly: it swallows
errors without Amazon's error list, injects marketplaces into bodies, caches tokens unlocked, waits in loops and logs
tokens. See :class:`StrictTransport` and :meth:`SpapiClient.call`.
"""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx

from . import errors
from .auth import TOKENS, Credentials, TokenStore
from .operations import OPERATIONS, Operation
from .pool import MAX_BYTES, HttpPool, Timeouts, default_pool, quiet_loggers
from .records import ApiResult, CallRecord, Observer, RestrictedToken, SearchPage
from .transport import StrictTransport, to_query
from .values import parse_time

__all__ = ["USER_AGENT", "ApiResult", "RestrictedToken", "SearchPage", "SpapiClient", "StrictTransport", "to_query"]

USER_AGENT = f"OdooAmazonSpapi/19.0 (Language=Python/{platform.python_version()}; Platform={platform.system()})"
_OVERRIDE = "SP_API_DEFAULT_MARKETPLACE"
_log = logging.getLogger(__name__)


class SpapiClient:
    """Calls on behalf of one seller account. Cheap to make, safe to share between threads. Never sleeps or retries,
    but for one repetition with a new token when Amazon says that the old one has expired.

    :param endpoint: base URL of the region (:data:`.regions.REGIONS`) or of a sandbox.
    :param observer: called after each HTTP call, token calls included; what it raises is logged and swallowed.
    :param max_bytes: the largest answer that is read.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        endpoint: str,
        tokens: TokenStore | None = None,
        pool: HttpPool | None = None,
        timeouts: Timeouts | None = None,
        observer: Observer | None = None,
        user_agent: str = USER_AGENT,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        if os.environ.get(_OVERRIDE):
            raise errors.ConfigurationError(
                f"the environment variable {_OVERRIDE} is set; it would redirect every account to one marketplace."
                " Remove it and restart.",
                sent=False,
            )
        self._credentials = credentials
        self._endpoint = endpoint.rstrip("/")
        self._tokens = tokens or TOKENS
        self._pool = pool or default_pool()
        self._pool.check_url(self._endpoint)
        self._timeouts = timeouts
        self._observer = observer
        self._user_agent = user_agent[:500]
        self._max_bytes = max_bytes

    def __repr__(self) -> str:
        return f"<SpapiClient {self._endpoint}>"

    # ------------------------------------------------------------------ operations

    def search_orders(self, params: Mapping[str, Any]) -> SearchPage:
        """A page of orders (Orders 2026-01-01). `params` are Amazon's; datetimes and lists are serialised.

        For a further page repeat `params` unchanged and add ``paginationToken``.
        """
        result = self.call("searchOrders", params=params)
        pagination = result.payload.get("pagination")
        token = pagination.get("nextToken") if isinstance(pagination, dict) else None
        if (pagination is not None and not isinstance(pagination, dict)) or not isinstance(token, (str, type(None))):
            raise self._wrong("searchOrders", result, "the page token is not a text")
        if token and token == params.get("paginationToken"):
            raise self._wrong("searchOrders", result, "the next page is the same page again", "PaginationLoop")
        return SearchPage(
            orders=result.payload["orders"],
            next_token=token or "",
            last_updated_before=self._time(result, "lastUpdatedBefore"),
            created_before=self._time(result, "createdBefore"),
            request_id=result.request_id,
            rate_limit=result.rate_limit,
        )

    def get_order(self, order_id: str, included_data: Iterable[str] = ()) -> dict[str, Any]:
        """One order (Orders 2026-01-01)."""
        included = list(included_data)
        params = {"includedData": included} if included else {}
        return self.call("getOrder", path_params={"orderId": order_id}, params=params).payload["order"]

    def confirm_shipment(self, order_id: str, body: Mapping[str, Any]) -> ApiResult:
        """Confirm or edit a package (Orders v0, which has no newer counterpart). 204, no payload."""
        return self.call("confirmShipment", path_params={"orderId": order_id}, body=body)

    def get_marketplace_participations(self) -> list[dict[str, Any]]:
        """``[{"marketplace": {…}, "participation": {…}, "storeName": …}]``."""
        rows = self.call("getMarketplaceParticipations").payload["payload"]
        return [row for row in rows if isinstance(row, dict)]

    def get_account(self) -> dict[str, Any]:
        """The seller's account; it may name a contact person, so treat it as personal."""
        return self.call("getAccount").payload["payload"]

    def create_restricted_data_token(self, resources: Iterable[Mapping[str, Any]]) -> RestrictedToken:
        """A token for operations that return personal data; at most 50 resources."""
        asked_at = datetime.now(UTC)
        body = {"restrictedResources": [dict(resource) for resource in resources]}
        payload = self.call("createRestrictedDataToken", body=body).payload
        seconds = payload.get("expiresIn")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= 86400:
            seconds = 3600
        return RestrictedToken(payload["restrictedDataToken"], asked_at + timedelta(seconds=seconds))

    # ------------------------------------------------------------------ the one call

    def call(
        self,
        operation: str | Operation,
        *,
        path_params: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        restricted_token: str = "",
    ) -> ApiResult:
        """Carry out an operation of :data:`.operations.OPERATIONS` (or one given whole).

        Raises a subclass of :class:`.errors.SpapiError`; ``ValueError`` for arguments that cannot be sent.
        """
        op = OPERATIONS[operation] if isinstance(operation, str) else operation
        path = op.url_path(path_params)
        query = {key: text for key, value in (params or {}).items() if (text := to_query(value))}
        try:
            token = restricted_token or self._token(op)
            return self._send(op, path, query, body, token)
        except errors.AccessDenied as error:
            if not error.token_expired or restricted_token or error.operation != op.name:
                raise
        # 403 means that nothing was done, so even a write may be sent once more with a new token.
        self._tokens.invalidate(self._credentials, token, scope=op.scope)
        return self._send(op, path, query, body, self._token(op))

    def _token(self, op: Operation) -> str:
        return self._tokens.get(self._credentials, scope=op.scope, observer=self._observe)

    def _send(
        self, op: Operation, path: str, query: dict[str, str], body: Mapping[str, Any] | None, token: str
    ) -> ApiResult:
        transport = StrictTransport(self._pool, op, self._timeouts, self._max_bytes)
        library = self._library(transport, token)
        at, started = datetime.now(UTC), time.monotonic()
        failure: errors.SpapiError | None = None
        data = dict(body) if body is not None else None
        if data is not None and "method" in data:
            raise ValueError("a body with a top-level 'method' cannot be sent through the library")
        try:
            library._request(path, params={**query, "method": op.method}, data=data, add_marketplace=False)
        except Exception as exc:
            failure = errors.from_exception(exc, operation=op.name, writes=op.writes)
        response = transport.response
        status = response.status_code if response is not None else (failure.status if failure else 0)
        rate = _rate_limit(response)
        request_id = errors.request_id_of(response.headers) if response is not None else ""
        if failure is not None:
            request_id = request_id or failure.request_id
        self._observe(CallRecord(op.name, status, request_id, rate, time.monotonic() - started, at))
        if failure is None:
            return ApiResult(transport.payload, status, request_id, rate)
        if isinstance(failure, errors.Throttled) and failure.retry_after is None:
            failure.retry_after = 1 / (rate or op.rate)
        # Raised here and not in the except block: the library's exception would hang on with request and token.
        raise failure

    def _library(self, transport: StrictTransport, token: str) -> Any:
        from sp_api.base import Client  # imported late: its import reads the environment

        quiet_loggers()
        marketplace = SimpleNamespace(name="", endpoint=self._endpoint, marketplace_id="", region="")
        client = Client(
            marketplace,
            credentials=_PLACEHOLDER,
            credential_providers=_providers(),
            restricted_data_token=token,
            auth_token_client_class=_NoTokenClient,
            verify=self._pool.verify,
        )
        client.close()
        client._transport = transport
        client.user_agent = self._user_agent
        return client

    def _observe(self, record: CallRecord) -> None:
        if self._observer is None:
            return
        try:
            self._observer(record)
        except Exception as exc:
            # The call has happened; a bookkeeping failure must not make a purchase look failed.
            _log.warning("the observer of %s failed: %s", record.operation, type(exc).__name__)

    def _time(self, result: ApiResult, key: str) -> datetime | None:
        value = result.payload.get(key)
        if value is None:
            return None
        moment = parse_time(value)
        if moment is None:
            raise self._wrong("searchOrders", result, f"'{key}' is not a time")
        return moment

    @staticmethod
    def _wrong(operation: str, result: ApiResult, message: str, code: str = "WrongShape") -> errors.MalformedResponse:
        return errors.MalformedResponse(
            message, status=result.status, code=code, request_id=result.request_id, operation=operation
        )


# The library insists on credentials; the real ones stay in the token store.
_PLACEHOLDER = {"lwa_app_id": "unused", "lwa_client_secret": "unused"}


class _NoTokenClient:
    """Takes the place of the library's token client: the token is handed over as if it were a restricted one."""

    def __init__(self, **_kwargs: Any) -> None:
        pass


def _providers() -> tuple[type, ...]:
    from sp_api.base.credential_provider import FromCodeCredentialProvider

    return (FromCodeCredentialProvider,)


def _rate_limit(response: httpx.Response | None) -> float | None:
    try:
        rate = float(response.headers.get("x-amzn-ratelimit-limit", "")) if response is not None else 0.0
    except ValueError:
        return None
    return rate if 0 < rate < 1e6 else None
