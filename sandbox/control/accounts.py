"""Applications and sellers."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Response
from pydantic import Field

from ..accounts import APP
from ..marketplaces import MARKETPLACES, REGIONS, of_region
from ..roles import canonical
from ..world import World
from .base import Body, answer


class AppIn(Body):
    """What to change of an application; one that does not exist is made. `token_lifetime` in seconds."""

    roles: list[str] | None = None
    client_secret: str | None = None
    token_lifetime: int | None = Field(None, ge=0)
    application_id: str | None = None
    name: str | None = None
    redirect_uris: list[str] | None = None
    draft: bool | None = None


class SellerIn(Body):
    """A seller; every marketplace of its region without `marketplaces`. Authorises `client_id` with `refresh_token`."""

    name: str | None = None
    region: str = "eu"
    marketplaces: list[str] | None = None
    client_id: str = APP
    refresh_token: str | None = None


def router(world: World) -> APIRouter:
    """/control/apps, /control/sellers."""
    routes = APIRouter()

    @routes.put("/apps/{client_id:path}")
    async def put_app(client_id: str, body: AppIn) -> Response:
        """Create or change an application; answers it without its secret."""
        try:
            roles = None if body.roles is None else canonical(body.roles)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        with world.db.transaction():
            world.accounts.put_app(
                client_id,
                application_id=body.application_id,
                secret=body.client_secret,
                name=body.name,
                roles=roles,
                token_lifetime=body.token_lifetime,
                redirect_uris=body.redirect_uris,
                draft=body.draft,
            )
        return read_app(client_id)

    def read_app(client_id: str) -> Response:
        app = world.accounts.app(client_id)
        if app is None:
            raise HTTPException(404, "unknown application")
        return answer(
            {
                "client_id": app.client_id,
                "application_id": app.application_id,
                "name": app.name,
                "roles": sorted(app.roles),
                "token_lifetime": app.token_lifetime,
                "redirect_uris": list(app.redirect_uris),
                "draft": app.draft,
            }
        )

    @routes.get("/apps/{client_id:path}")
    async def get_app(client_id: str) -> Response:
        """An application without its secret."""
        return read_app(client_id)

    @routes.put("/sellers/{seller}")
    async def put_seller(seller: str, body: SellerIn) -> Response:
        """Create or replace a seller; answers its refresh token."""
        if body.region not in REGIONS:
            raise HTTPException(422, f"region must be one of {', '.join(REGIONS)}")
        marketplaces = of_region(body.region) if body.marketplaces is None else body.marketplaces
        if any(marketplace not in MARKETPLACES for marketplace in marketplaces):
            raise HTTPException(422, "unknown marketplace")
        if world.accounts.app(body.client_id) is None:
            raise HTTPException(422, "unknown client_id")
        with world.db.transaction():
            token = world.accounts.put_seller(
                seller, body.name or seller, body.region, marketplaces, body.client_id, body.refresh_token
            )
        return answer({"seller": seller, "refresh_token": token})

    @routes.get("/sellers")
    async def list_sellers() -> Response:
        """Every seller."""
        return answer(
            [
                {"seller": s.seller, "name": s.name, "region": s.region, "marketplaces": list(s.marketplaces)}
                for s in world.accounts.sellers()
            ]
        )

    def set_revoked(seller: str, revoked: bool) -> Response:
        if world.accounts.seller(seller) is None:
            raise HTTPException(404, "unknown seller")
        with world.db.transaction():
            return answer({"grants": world.accounts.set_revoked(seller, revoked)})

    @routes.post("/sellers/{seller}/revoke")
    async def revoke(seller: str) -> Response:
        """The seller withdraws its consent: refresh tokens give invalid_grant, access tokens 403."""
        return set_revoked(seller, True)

    @routes.post("/sellers/{seller}/grant")
    async def grant(seller: str) -> Response:
        """The seller's consent is back; the same refresh tokens are good again."""
        return set_revoked(seller, False)

    return routes
