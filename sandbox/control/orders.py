"""Orders in the world: read the truth, edit, move on, remove."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from .. import clock, jsontext
from ..market import transition
from ..orders import touch
from ..world import World
from .base import Body, answer, one, read_json


class Transition(Body):
    """The fulfilment status to go to."""

    status: str


def router(world: World) -> APIRouter:
    """Everything else under /control/orders."""
    routes = APIRouter()

    @routes.get("/orders")
    async def read(seller: str | None = None) -> Response:
        """The truth: every order whole."""
        world.live()
        return answer(world.orders.all(seller))

    @routes.patch("/orders/{order_id}")
    async def edit(order_id: str, request: Request) -> Response:
        """RFC 7396 merge patch; lastUpdatedTime moves to now unless given."""
        patch = await read_json(request)
        if not isinstance(patch, dict):
            raise HTTPException(422, "the patch must be an object")
        with world.db.transaction():
            seller, order = one(world, order_id)
            now = world.clock.now()
            changed = jsontext.merge_patch(order, patch)
            if "lastUpdatedTime" not in patch:
                touch(changed, now)
            world.orders.save(seller, order_id, changed, now)
        return answer(changed)

    @routes.delete("/orders/{order_id}")
    async def remove(order_id: str) -> Response:
        """Take an order out of the world."""
        seller, _order = one(world, order_id)
        world.db.execute("DELETE FROM orders WHERE seller = ? AND order_id = ?", seller, order_id)
        return answer({})

    @routes.post("/orders/{order_id}/transition")
    async def move(order_id: str, body: Transition) -> Response:
        """Move an order to a status now, with everything that goes with it."""
        with world.db.transaction():
            seller, order = one(world, order_id)
            now = world.clock.now()
            try:
                changed = transition(order, body.status, clock.as_datetime(now))
            except ValueError as error:
                raise HTTPException(422, str(error)) from None
            world.orders.save(seller, order_id, changed, now)
        return answer(changed)

    return routes
