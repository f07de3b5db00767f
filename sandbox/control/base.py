"""What the parts of the control API share."""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict

from .. import clock, jsontext
from ..world import World


class Body(BaseModel):
    """A request body; a key that is not known is a mistake of the caller."""

    model_config = ConfigDict(extra="forbid")


def answer(value: Any) -> Response:
    """JSON that may hold anything an order may hold (FastAPI's own refuses NaN and lone surrogates)."""
    return Response(jsontext.encode(value), media_type="application/json")


def instant(text: str) -> int:
    """An ISO 8601 date-time to ms, or 422."""
    try:
        return clock.parse(text)
    except (ValueError, OverflowError):
        raise HTTPException(422, "not an ISO 8601 date-time with a zone") from None


def one(world: World, order_id: str) -> tuple[str, dict[str, Any]]:
    """(seller, order) of an order id, or 404."""
    seller = world.orders.seller_of(order_id)
    order = world.orders.get(seller, order_id) if seller else None
    if seller is None or order is None:
        raise HTTPException(404, "unknown order")
    return seller, order


async def read_json(request: Request) -> Any:
    """The body by Python's own JSON parser, which lets NaN through: bad orders may hold it."""
    try:
        return jsontext.loads(await request.body())
    except (ValueError, RecursionError):
        raise HTTPException(422, "the body is not JSON") from None
