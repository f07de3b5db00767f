"""The journal of requests."""

from __future__ import annotations

from fastapi import APIRouter, Response

from ..world import World
from .base import answer, instant


def router(world: World) -> APIRouter:
    """/control/journal."""
    routes = APIRouter()

    @routes.get("/journal")
    async def read(operation: str | None = None, since: str | None = None) -> Response:
        """Requests, oldest first; `since` is an instant (inclusive) or the id of the last one seen (exclusive)."""
        if since is not None and since.isdigit():
            return answer(world.journal.read(operation, since_id=int(since)))
        return answer(world.journal.read(operation, since=instant(since) if since else 0))

    @routes.get("/journal/counts")
    async def counts() -> Response:
        """Requests per operation."""
        return answer(world.journal.counts())

    @routes.delete("/journal")
    async def clear() -> Response:
        """Forget every request."""
        world.journal.clear()
        return answer({})

    return routes
