"""The printer's HTTP: IPP on ``/ipp/print`` and ``/printers/NAME``, the control API on ``/control``."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response

from ..wire import Connections, protocol
from . import control, wire
from .operations import NAMES, Operations
from .queues import Printer, Queue

IPP = "application/ipp"


class Front:
    """Turns HTTP requests into IPP operations, with the faults of the network."""

    def __init__(self, printer: Printer, base: str, connections: Connections) -> None:
        self.printer = printer
        self.operations = Operations(printer, base)
        self.connections = connections

    async def serve(self, request: Request, queue: Queue | None) -> Response:
        """One request to a queue, or to the server when ``queue`` is None."""
        body = await request.body()
        if request.headers.get("content-type") != IPP:
            raise HTTPException(415, "IPP is application/ipp.")
        if queue and queue.password and not _may_enter(request, queue.password):
            return Response(status_code=401, headers={"www-authenticate": 'Basic realm="Printer"'})
        try:
            message = wire.decode(body)
        except wire.Malformed as error:
            raise HTTPException(400, "That is no IPP message.") from error
        name = NAMES.get(message.code, hex(message.code))
        self._note(name, queue, message)
        if queue and (trouble := await self._trouble(request, queue, name)):
            return trouble
        answer = wire.encode(self.operations.answer(message, queue))
        if queue and queue.fault(name, "reset-after"):
            return await self._reset(request)
        return Response(answer, media_type=IPP)

    def _note(self, name: str, queue: Queue | None, message: wire.Message) -> None:
        self.printer.journal.append(
            {
                "operation": name,
                "queue": queue.name if queue else None,
                "version": list(message.version),
                "user": message.value("requesting-user-name"),
                "job_name": message.value("job-name"),
                "bytes": len(message.data),
            }
        )

    async def _trouble(self, request: Request, queue: Queue, name: str) -> Response | None:
        """What the network or the printer's web server does instead of answering."""
        if slow := queue.fault(name, "slow"):
            await asyncio.sleep(slow.seconds)
        if queue.fault(name, "garbage"):
            return Response(b"<html>Hello</html>", media_type="text/html")
        if queue.fault(name, "redirect"):
            return Response(status_code=307, headers={"location": "/printers/labels"})
        if queue.fault(name, "reset"):
            return await self._reset(request)
        return None

    async def _reset(self, request: Request) -> Response:
        """Break the connection as a printer does that is switched off; the answer goes nowhere."""
        self.connections.reset(tuple(request.scope["client"]))
        await asyncio.sleep(0)
        return Response()


def _may_enter(request: Request, password: str) -> bool:
    given = request.headers.get("authorization", "")
    try:
        return base64.b64decode(given.removeprefix("Basic ")).decode().partition(":")[2] == password
    except ValueError:
        return False


def build(printer: Printer, base: str, connections: Connections) -> FastAPI:
    """The ASGI application; ``base`` is the address of the printer, ``ipp://host:port``."""
    app = FastAPI(title="Local printer: control API", docs_url="/control/docs", redoc_url=None)
    front = Front(printer, base, connections)

    @app.post("/")
    async def server(request: Request) -> Response:
        return await front.serve(request, None)

    @app.post("/ipp/print")
    async def first_queue(request: Request) -> Response:
        return await front.serve(request, next(iter(printer.queues.values())))

    @app.post("/printers/{name}")
    async def named_queue(request: Request, name: str) -> Response:
        return await front.serve(request, control.queue_of(printer, name))

    app.include_router(control.router(printer))
    return app


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the one line that callers wait for."""
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            scheme = "ipps" if self.config.is_ssl else "ipp"
            print(f"printer listening on {scheme}://{host}:{port}/ipp/print", flush=True)


def run(printer: Printer, host: str, port: int, certificate: str | None = None, key: str | None = None) -> None:
    """Serve until SIGINT or SIGTERM. Raises OSError if the port is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        address = listener.getsockname()
        base = f"{'ipps' if certificate else 'ipp'}://{address[0]}:{address[1]}"
        connections = Connections()
        config = uvicorn.Config(
            build(printer, base, connections),
            http=protocol(connections),
            ws="none",
            loop="asyncio",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
            server_header=False,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            ssl_version=ssl.PROTOCOL_TLS_SERVER,
        )
        _Server(config).run(sockets=[listener])
