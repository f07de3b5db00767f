"""The front door of the API: what happens to every request before and after its operation.

Order: find the operation → strike with a fault that is due → check the access token, roles and region → take from the
bucket → run → spoil the answer if a fault says so → write the journal. All of that is one transaction; waiting and
sending come after it.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
import uuid
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from . import faults, jsontext
from .errors import ApiError, denied, internal, invalid, spapi, throttled
from .faults import Fault
from .messages import Outcome, Request
from .operations import Answer, Call, Operation
from .operations.consent import PageError
from .visibility import child
from .wire import Connections
from .world import World

log = logging.getLogger(__name__)
MAX_BODY = 10 * 1024 * 1024
MAX_USER_AGENT = 500
WITH_RATE = (200, 201, 202, 204, 400, 404)


class Gateway:
    """The ASGI application for everything that is not the control API."""

    def __init__(self, world: World, connections: Connections, stopping: asyncio.Event) -> None:
        self.world = world
        self.connections = connections
        self.stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body, too_large = b"", False
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            too_large = too_large or len(body) + len(message.get("body", b"")) > MAX_BODY
            body = b"" if too_large else body + message.get("body", b"")
            if not message.get("more_body"):
                break
        request = Request.read(scope, body)
        outcome = self._too_large(request) if too_large else self.process(request)
        if outcome.reset:
            self.connections.reset(scope["client"])
            await receive()
            return
        if outcome.hold is not None:
            await self._hold(outcome.hold, receive)
            self.connections.drop(scope["client"])
            await receive()
            return
        if outcome.delay:
            await self._hold(outcome.delay, receive)
        await self._send(outcome, send)

    async def _hold(self, seconds: float, receive: Receive) -> None:
        """Wait; a client that leaves and the end of the sandbox cut it short."""
        waits = {asyncio.ensure_future(receive()), asyncio.ensure_future(self.stopping.wait())}
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    @staticmethod
    async def _send(outcome: Outcome, send: Send) -> None:
        headers = dict(outcome.headers)
        if outcome.status != 204:
            headers["content-length"] = str(len(outcome.content))
            if outcome.content:
                headers["content-type"] = outcome.media_type
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": outcome.status, "headers": raw})
        await send({"type": "http.response.body", "body": outcome.content})

    def _too_large(self, request: Request) -> Outcome:
        error = spapi(413, "RequestTooLarge", "The request size exceeded the maximum accepted size.")
        request_id = str(uuid.uuid4())
        with self.world.db.transaction():
            self._note(request, error.status, request_id, None, None, None)
        return self._error(error, {"x-amzn-RequestId": request_id})

    def process(self, request: Request) -> Outcome:
        """Everything up to sending: one transaction, so that an answer and its effect are stored together."""
        request_id = str(uuid.uuid4())
        try:
            with self.world.db.transaction():
                return self._process(request, request_id)
        except Exception as error:  # noqa: BLE001 - a defect of the sandbox answers 500, like Amazon's would
            # Without the exception's own text, which may hold a buyer's data.
            log.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
            with self.world.db.transaction():
                self._note(request, 500, request_id, None, None, "defect")
            return self._error(internal(), {"x-amzn-RequestId": request_id})

    def _process(self, request: Request, request_id: str) -> Outcome:
        world = self.world
        found = world.registry.find(request.method, request.path)
        headers = {"x-amzn-RequestId": request_id}
        if found is None:
            self._note(request, 403, request_id, None, None, None)
            return self._error(denied(), headers)
        operation, path = found
        call = Call(
            world=world,
            operation=operation,
            method=request.method,
            path=path,
            params=parse_qsl(request.query, keep_blank_values=True, errors="replace"),
            headers=dict(request.headers),
            raw=request.body,
            now=world.clock.now(),
            base=request.base,
            fault=world.faults.claim(operation.name),
        )
        rate, burst = world.throttle.plan(operation.name, operation.rate, operation.burst)
        outcome = self._early(call, request) if call.fault and not call.fault.effect else None
        if outcome is None:
            outcome = self._run(call, request, rate, burst)
            if call.fault:
                outcome = self._spoil(call.fault, call.operation, outcome)
        outcome.headers.update(headers)
        if outcome.status in WITH_RATE and operation.rate:
            outcome.headers["x-amzn-RateLimit-Limit"] = str(float(rate))
        seller = call.selling_partner.seller if call.selling_partner else None
        silent = outcome.reset or outcome.hold is not None
        self._note(request, 0 if silent else outcome.status, request_id, operation, seller, call.fault)
        return outcome

    def _run(self, call: Call, request: Request, rate: float, burst: float) -> Outcome:
        """The operation itself, or the refusal to run it."""
        try:
            if not call.operation.public:
                self._authorize(call, request)
            if call.operation.rate:
                seller = call.selling_partner.seller if call.selling_partner else ""
                if not self.world.throttle.take(seller, call.app.client_id, call.operation.name, rate, burst, call.now):
                    raise throttled()
            if call.operation.api.startswith("orders"):
                self.world.live()
            answer: Answer = call.operation.handler(call)
        except PageError as error:
            return Outcome(error.status, error.page.encode(), "text/html; charset=utf-8")
        except ApiError as error:
            return self._error(error, {})
        return Outcome(answer.status, answer.content(), answer.media_type, dict(answer.headers))

    def _authorize(self, call: Call, request: Request) -> None:
        """Access token, role and region; sets the call's application and seller."""
        world, operation = self.world, call.operation
        if len(call.headers.get("user-agent", "")) > MAX_USER_AGENT:
            raise invalid("The User-Agent header is longer than 500 characters.")
        presented = call.headers.get("x-amz-access-token", "")
        if not presented:
            raise denied("Access token is missing in the request header.")
        token = world.accounts.token(presented)
        if token is None or token.revoked:
            raise denied("The access token you provided is revoked, malformed or invalid.")
        if call.fault and call.fault.kind == "expired_token":
            world.accounts.expire_token(presented, call.now)
        if call.now >= token.expires or (call.fault and call.fault.kind == "expired_token"):
            raise denied("The access token you provided has expired.")
        call.caller = world.accounts.app(token.client_id)
        call.selling_partner = world.accounts.seller(token.seller) if token.seller else None
        if call.caller is None or token.scope != operation.grantless or (token.seller and not call.selling_partner):
            raise denied()
        # A restricted data token opens nothing but its resources.
        wanted = (request.method, request.path)
        if token.resources and not any((r["method"], r["path"]) == wanted for r in token.resources):
            raise denied()
        if not call.caller.roles or (operation.roles and not operation.roles & call.caller.roles):
            raise denied("The application does not have a role that this operation needs.")
        if request.region and call.selling_partner and request.region != call.selling_partner.region:
            raise denied()

    # Faults

    def _early(self, call: Call, request: Request) -> Outcome:
        """A fault that strikes instead of the operation. The caller is still identified, for the journal."""
        token = self.world.accounts.token(call.headers.get("x-amz-access-token", ""))
        if token and token.seller:
            call.selling_partner = self.world.accounts.seller(token.seller)
        return self._strike(call.fault or Fault("error_500", {}), call.operation)

    def _strike(self, fault: Fault, operation: Operation) -> Outcome:
        status = int(fault.params.get("status", 0))
        if fault.kind == "throttle_body":
            return self._error(throttled(), {})
        if fault.kind == "throttle_empty":
            return Outcome(429)
        if fault.kind == "error_500":
            body = {"error": "server_error", "error_description": "An unexpected condition was encountered."}
            error = ApiError(500, body) if operation.name == "token" else internal()
            error.status = status or error.status
            return self._error(error, {})
        if fault.kind == "error_503_html":
            return Outcome(status or 503, faults.HTML_503, "text/html")
        if fault.kind == "timeout":
            return Outcome(0, hold=fault.seconds(90))
        if fault.kind == "reset":
            return Outcome(0, reset=True)
        if fault.kind == "not_json_200":
            return Outcome(200, faults.HTML_200, "text/html; charset=utf-8")
        return Outcome(200)

    def _spoil(self, fault: Fault, operation: Operation, outcome: Outcome) -> Outcome:
        """The answer of an operation that did its work, as the fault lets it arrive."""
        if fault.kind == "slow":
            outcome.delay = fault.seconds(5)
        elif fault.kind == "truncated_json":
            outcome.content = outcome.content[: int(len(outcome.content) * float(fault.params.get("fraction", 0.6)))]
        elif fault.kind == "unknown_fields":
            if outcome.status == 200 and outcome.media_type == "application/json":
                body = faults.add_unknown_fields(jsontext.loads(outcome.content), self._buyer_name)
                outcome.content = jsontext.encode(body)
        elif fault.kind != "expired_token":
            return self._strike(fault, operation)
        return outcome

    def _buyer_name(self, order_id: Any) -> str | None:
        seller = self.world.orders.seller_of(order_id) if isinstance(order_id, str) else None
        order = self.world.orders.get(seller, order_id) if seller else None
        name = child(order, "buyer", "buyerName") or child(order, "recipient", "deliveryAddress", "name")
        return name if isinstance(name, str) else None

    # Answers

    @staticmethod
    def _error(error: ApiError, headers: dict[str, str]) -> Outcome:
        code = child((error.body.get("errors") or [None])[0], "code")
        named = {"x-amzn-ErrorType": str(code)} if code else {}
        return Outcome(error.status, jsontext.encode(error.body), "application/json", {**headers, **named})

    def _note(
        self,
        request: Request,
        status: int,
        request_id: str,
        operation: Operation | None,
        seller: str | None,
        fault: Fault | str | None,
    ) -> None:
        self.world.journal.write(
            self.world.clock.now(),
            request.method,
            request.full_path,
            request.query,
            request.headers,
            request.body,
            status,
            request_id,
            operation.name if operation else None,
            seller,
            fault.kind if isinstance(fault, Fault) else fault,
        )
