"""The process: FastAPI for the control API, the gateway for everything else, uvicorn around both."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TextIO

import uvicorn
from fastapi import FastAPI

from . import control
from .gateway import Gateway
from .notifications import send
from .wire import Connections, protocol
from .world import World

log = logging.getLogger(__name__)
TICK = 1.0
TICK_LIMIT = 100


class StateInUse(Exception):
    """Another sandbox runs on the state file."""


def lock(path: str) -> TextIO | None:
    """Hold the state file for this process: the kernel lets go of it however the process ends.

    Raises StateInUse if another sandbox has it. Readers are not kept out.
    """
    if path == ":memory:":
        return None
    holder = Path(path + ".lock").open("w")
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder.close()
        raise StateInUse(path) from None
    return holder


def build(world: World, connections: Connections, stopping: asyncio.Event, control_token: str | None) -> FastAPI:
    """The ASGI application."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        ticking = asyncio.create_task(_tick(world))
        yield
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking

    app = FastAPI(
        title="Local Amazon: control API",
        lifespan=lifespan,
        docs_url="/control/docs",
        redoc_url=None,
        openapi_url="/control/openapi.json",
    )
    control.mount(app, world, control_token)
    app.mount("/", Gateway(world, connections, stopping))
    return app


async def _tick(world: World) -> None:
    """Let the market live in the background, a few orders at a time."""
    while True:
        await asyncio.sleep(TICK)
        try:
            world.live(TICK_LIMIT)
            await _tell(world)
        except Exception as error:  # noqa: BLE001 - the market's trouble must not end the sandbox
            log.error("the market failed: %s", type(error).__name__)


async def _tell(world: World) -> None:
    """Send what has changed to those who subscribed to it. What a queue does not take is tried again."""
    known = world.notifications
    if not known.queue.get("automatic") or not known.subscriptions:
        known.changed.clear()
        return
    waiting, known.changed = list(dict.fromkeys(known.changed)), []
    if not waiting:
        return
    messages = []
    with world.db.transaction():
        for seller, order_id in waiting:
            if order := world.orders.get(seller, order_id):
                messages += known.messages(seller, order, world.clock.now())
    try:
        await asyncio.to_thread(send, known.queue, messages)
    except Exception as error:  # noqa: BLE001 - of the network, of the queue: all of them mean "later"
        known.changed = waiting + known.changed
        log.warning("notifications wait: %s", type(error).__name__)


class Server(uvicorn.Server):
    """uvicorn, saying when it is ready and letting held connections go when it is asked to end."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self.stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the one line that callers wait for."""
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            print(f"sandbox listening on http://{host}:{port}", flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End in good order on SIGINT and SIGTERM; a second one does not wait for open requests."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        yield
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
        self.stopping.set()


def run(host: str, port: int, state: str, seed: int, control_token: str | None) -> None:
    """Serve until SIGINT or SIGTERM. Raises StateInUse, or OSError if the port is taken."""
    holder = lock(state)
    # With the protocol named, asyncio switches Nagle's algorithm off; without it every answer waits 40 ms for an ACK.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        world = World(state, seed)
        connections, stopping = Connections(), asyncio.Event()
        config = uvicorn.Config(
            build(world, connections, stopping, control_token),
            http=protocol(connections),
            ws="none",
            loop="asyncio",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
            server_header=False,
        )
        try:
            Server(config, stopping).run(sockets=[listener])
        finally:
            world.close()
            if holder:
                holder.close()
