"""The clock, and starting over."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Response
from pydantic import Field

from .. import clock
from ..world import World
from .base import Body, answer, instant

EARLIEST, LATEST = clock.parse("2000-01-01T00:00:00Z"), clock.parse("2100-01-01T00:00:00Z")


class Time(Body):
    """Either `advance` (seconds, may be negative) or `set` (an ISO 8601 date-time)."""

    advance: float | None = Field(None, ge=-4e9, le=4e9)
    set: str | None = None


class Reset(Body):
    """`seed` of the orders to come; the old one stays without it."""

    seed: int | None = None


def router(world: World) -> APIRouter:
    """GET/POST /control/time, POST /control/reset."""
    routes = APIRouter()

    def present() -> Response:
        return answer({"now": clock.iso(world.clock.now()), "offset": world.clock.offset / clock.SECOND})

    @routes.get("/time")
    async def read() -> Response:
        """The sandbox's now, and its distance from the real one in seconds."""
        return present()

    @routes.post("/time")
    async def change(body: Time) -> Response:
        """Move the clock; orders whose time has come move on."""
        if (body.advance is None) == (body.set is None):
            raise HTTPException(422, "give either advance or set")
        if body.set is not None:
            target = instant(body.set)
        else:
            target = world.clock.now() + round((body.advance or 0) * clock.SECOND)
        if not EARLIEST <= target <= LATEST:
            raise HTTPException(422, "the time must lie between 2000 and 2100")
        world.set_time(target)
        world.live()
        return present()

    @routes.post("/reset")
    async def reset(body: Reset | None = None) -> Response:
        """Wipe everything to the defaults."""
        world.reset(body.seed if body else None)
        return answer({"seed": world.seed})

    return routes
