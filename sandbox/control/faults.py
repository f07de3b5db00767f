"""Faults and throttling."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Response
from pydantic import Field

from ..faults import EVERY_OPERATION, KINDS
from ..world import World
from .base import Body, answer


class FaultIn(Body):
    """See `sandbox.faults`; `times: null` strikes for ever."""

    operation: str = EVERY_OPERATION
    kind: Literal[KINDS]  # type: ignore[valid-type]
    times: int | None = Field(1, ge=1)
    after: int = Field(0, ge=0)
    params: dict[str, Any] = {}


class ThrottleIn(Body):
    """`rate` (requests/s) and `burst` replace a plan's, `factor` multiplies both; without `operation` for all."""

    enabled: bool | None = None
    operation: str | None = None
    rate: float | None = Field(None, ge=0)
    burst: float | None = Field(None, ge=0)
    factor: float | None = Field(None, gt=0)


def router(world: World) -> APIRouter:
    """/control/faults, /control/throttle."""
    routes = APIRouter()

    def known(operation: str | None) -> None:
        if operation not in (None, EVERY_OPERATION) and operation not in world.registry.by_name:
            raise HTTPException(422, f"unknown operation; known: {', '.join(sorted(world.registry.by_name))}")

    @routes.post("/faults")
    async def add(body: FaultIn) -> Response:
        """Queue a fault; answers its id."""
        known(body.operation)
        return answer({"id": world.faults.add(body.operation, body.kind, body.times, body.after, body.params)})

    @routes.get("/faults")
    async def pending() -> Response:
        """The faults that are not used up."""
        return answer(world.faults.pending())

    @routes.delete("/faults")
    async def clear() -> Response:
        """No more faults."""
        world.faults.clear()
        return answer({})

    @routes.delete("/faults/{fault_id}")
    async def clear_one(fault_id: int) -> Response:
        """Withdraw one fault."""
        world.faults.clear(fault_id)
        return answer({})

    @routes.post("/throttle")
    async def throttle(body: ThrottleIn) -> Response:
        """Change usage plans; answers the settings in force."""
        known(body.operation)
        with world.db.transaction():
            world.throttle.configure(body.enabled, body.operation, body.rate, body.burst, body.factor)
        return answer(world.throttle.overrides())

    @routes.get("/throttle")
    async def throttle_read() -> Response:
        """The settings in force that are not Amazon's."""
        return answer(world.throttle.overrides())

    return routes
