"""The control API under ``/control``: time, orders, faults, accounts, throttling, journal. JSON in and out.

With ``--control-token T`` every request needs the header ``X-Control-Token: T`` or ``Authorization: Bearer T``.
"""

from __future__ import annotations

import secrets

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException

from ..world import World
from . import accounts, faults, generate, journal, notifications, orders, time


def mount(app: FastAPI, world: World, token: str | None) -> None:
    """Add the control API to `app`."""

    async def authorised(x_control_token: str = Header(""), authorization: str = Header("")) -> None:
        given = x_control_token or authorization.removeprefix("Bearer ")
        if token and not secrets.compare_digest(given.encode(), token.encode()):
            raise HTTPException(401, "the control token is missing or wrong")

    control = APIRouter(prefix="/control", dependencies=[Depends(authorised)])
    for part in (time, generate, orders, faults, accounts, journal, notifications):
        control.include_router(part.router(world))
    app.include_router(control)
