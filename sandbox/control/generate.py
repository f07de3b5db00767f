"""Orders into the world: generated ones, given ones as they are, and given strings planted in them."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from .. import clock
from ..accounts import SELLER
from ..clock import DAY, MINUTE
from ..market import Market
from ..marketplaces import MARKETPLACES
from ..orders import GRACE, touch
from ..visibility import items
from ..world import World
from .base import Body, answer, instant, one, read_json
from .plant import NAMES, plant


class Generate(Body):
    """`count` orders of `marketplaces`, created between two instants (the seven days up to five minutes ago).

    `seed`: another random sequence than the sandbox's; each call goes on where the last one with that seed ended.
    `live: false` freezes the orders: time does not change them.
    """

    seller: str = SELLER
    marketplaces: list[str]
    count: int
    case: str = "mixed"
    created_from: str | None = None
    created_to: str | None = None
    seed: int | None = None
    live: bool = True


class Plant(Body):
    """`values` by name, ``{n}`` stands for a running number; all orders without `orders`.

    `touch` moves lastUpdatedTime to now.
    """

    orders: list[str] | None = None
    values: dict[str, str]
    seller: str | None = None
    touch: bool = False


def _known(world: World, seller: str) -> str:
    if world.accounts.seller(seller) is None:
        raise HTTPException(404, "unknown seller")
    return seller


def router(world: World) -> APIRouter:
    """POST /control/orders/generate, /control/orders, /control/plant."""
    routes = APIRouter()

    @routes.post("/orders/generate")
    async def generate(body: Generate) -> Response:
        """Let the market make orders; answers their ids."""
        _known(world, body.seller)
        unknown = [marketplace for marketplace in body.marketplaces if marketplace not in MARKETPLACES]
        if unknown or not body.marketplaces or not 0 <= body.count <= 100_000:
            raise HTTPException(422, "marketplaces must be known ids, count between 0 and 100000")
        now = world.clock.now()
        end = instant(body.created_to) if body.created_to else now - 5 * MINUTE
        begin = instant(body.created_from) if body.created_from else end - 7 * DAY
        if begin > end:
            raise HTTPException(422, "created_from is after created_to")
        seed = world.seed if body.seed is None else body.seed
        key = f"generated:{seed}"
        with world.db.transaction():
            start = int(world.db.get(key, "0"))
            world.db.put(key, start + body.count)
        try:
            orders = await asyncio.to_thread(
                Market(seed).generate,
                body.count,
                body.marketplaces,
                clock.as_datetime(begin),
                clock.as_datetime(end),
                case=body.case,
                start=start,
            )
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        with world.db.transaction():
            ids = [world.orders.put(body.seller, order, now, body.live, GRACE) for order in orders]
        return answer({"orderIds": ids})

    @routes.post("/orders")
    async def insert(request: Request) -> Response:
        """``{"orders": [...], "seller"?, "validate"?, "live"?}``: insert or replace orders as they are."""
        body = await read_json(request)
        orders = body.get("orders") if isinstance(body, dict) else None
        if not isinstance(orders, list) or not all(isinstance(order, dict) for order in orders):
            raise HTTPException(422, "orders must be a list of objects")
        seller = _known(world, body.get("seller") or SELLER)
        if body.get("validate"):
            for index, order in enumerate(orders):
                problem = _problem(order)
                if problem:
                    raise HTTPException(422, f"order {index}: {problem}")
        with world.db.transaction():
            now, live = world.clock.now(), bool(body.get("live"))
            ids = [world.orders.put(seller, order, now, live) for order in orders]
        return answer({"orderIds": ids})

    @routes.post("/plant")
    async def sow(body: Plant) -> Response:
        """Write strings into orders; answers what went where: ``{"planted": {order id: {name: value}}}``."""
        unknown = set(body.values) - NAMES
        if unknown:
            raise HTTPException(422, f"unknown names: {', '.join(sorted(unknown))}")
        planted = {}
        with world.db.transaction():
            now = world.clock.now()
            ids = body.orders
            if ids is None:
                ids = [order_id for _seller, order_id in world.orders.ids(body.seller)]
            for number, order_id in enumerate(ids, 1):
                seller, order = one(world, order_id)
                values = {name: text.replace("{n}", str(number)) for name, text in body.values.items()}
                plant(order, values)
                if body.touch:
                    touch(order, now)
                world.orders.save(seller, order_id, order, now)
                planted[order_id] = values
        return answer({"planted": planted})

    return routes


def _problem(order: dict[str, Any]) -> str | None:
    """The first thing that keeps an order from being one, by the model's required fields."""
    for name in ("orderId", "createdTime", "lastUpdatedTime"):
        if not isinstance(order.get(name), str):
            return f"{name} is missing"
    for name in ("createdTime", "lastUpdatedTime"):
        try:
            clock.parse(order[name])
        except ValueError:
            return f"{name} is no date-time"
    channel = order.get("salesChannel")
    if not isinstance(channel, dict) or channel.get("channelName") not in ("AMAZON", "NON_AMAZON"):
        return "salesChannel.channelName is missing"
    found = list(items(order))
    if not isinstance(order.get("orderItems"), list) or len(found) != len(order["orderItems"]):
        return "orderItems is no list of objects"
    for item in found:
        if not isinstance(item.get("orderItemId"), str) or not isinstance(item.get("quantityOrdered"), int):
            return "an item lacks orderItemId or quantityOrdered"
        if not isinstance(item.get("product"), dict):
            return "an item lacks its product"
    return None
