"""Where queues are, and messages on demand."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, HTTPException, Response

from ..notifications import send
from ..world import World
from .base import Body, answer, one


class Queue(Body):
    """An SQS service and credentials that may send to it. Not `automatic`: only `publish` sends."""

    endpoint_url: str
    region: str = "eu-west-1"
    access_key: str
    secret_key: str
    automatic: bool = True


class Publish(Body):
    """Orders whose present state is told again, `times` each; or `body`, sent as it is to every destination."""

    orders: list[str] = []
    times: int = 1
    body: str | None = None


def router(world: World) -> APIRouter:
    """PUT/GET /control/notifications, POST /control/notifications/publish."""
    routes = APIRouter()
    known = world.notifications

    @routes.get("/notifications")
    async def read() -> Response:
        """Destinations, subscriptions, and how many changes wait to be told."""
        rows = {"destinations": known.destinations, "subscriptions": known.subscriptions}
        return answer({**rows, "waiting": len(known.changed)})

    @routes.put("/notifications")
    async def place(body: Queue) -> Response:
        """Say where queues are: from now on changes of orders are told."""
        with world.db.transaction():
            known.queue = body.model_dump()
        known.changed.clear()
        return answer({})

    @routes.post("/notifications/publish")
    async def publish(body: Publish) -> Response:
        """Send messages now; answers how many."""
        if not known.queue:
            raise HTTPException(422, "say first where queues are: PUT /control/notifications")
        messages: list[tuple[str, str]] = []
        if body.body is not None:
            messages += [(row["arn"], body.body) for row in known.destinations]
        with world.db.transaction():
            for order_id in body.orders:
                seller, order = one(world, order_id)
                told: list[Any] = known.messages(seller, order, world.clock.now())
                messages += told * body.times
        await asyncio.to_thread(send, known.queue, messages)
        return answer({"sent": len(messages)})

    return routes
