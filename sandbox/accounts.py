"""Applications, sellers, their grants, and every token: what Login with Amazon keeps.

Secrets and tokens are stored as SHA-256 digests only.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from . import jsontext
from .clock import MINUTE, SECOND
from .db import Database
from .marketplaces import of_region
from .roles import ROLES

APP = "amzn1.application-oa2-client.sandbox"
APP_ID = "amzn1.sp.solution.sandbox"
APP_SECRET = "sandbox-client-secret"
SELLER = "A1SANDBOXSELLER"
REDIRECTS = ["http://127.0.0.1:*", "http://localhost:*"]
CODE_LIFETIME = 5 * MINUTE


@dataclass(frozen=True)
class App:
    """A registered application; `token_lifetime` in seconds."""

    client_id: str
    application_id: str
    name: str
    roles: frozenset[str]
    token_lifetime: int
    redirect_uris: tuple[str, ...]
    draft: bool


@dataclass(frozen=True)
class Seller:
    """A selling partner of one region with the marketplaces it sells in."""

    seller: str
    name: str
    region: str
    marketplaces: tuple[str, ...]


@dataclass(frozen=True)
class Token:
    """An access token as stored: for a seller, or grantless with a scope, or restricted to resources (RDT)."""

    client_id: str
    seller: str | None
    scope: str | None
    resources: list[dict[str, object]] | None
    expires: int
    revoked: bool


def digest(secret: str) -> str:
    """What is stored instead of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def default_refresh_token(seller: str) -> str:
    """The well-known refresh token of a seller made by the sandbox itself."""
    return f"Atzr|sandbox-{seller}"


class Accounts:
    """Reads and writes the tables of apps, sellers, grants, codes and tokens. Times in ms."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def seed(self) -> None:
        """The app and the seller every fresh sandbox starts with."""
        self.put_app(APP, application_id=APP_ID, secret=APP_SECRET, name="Sandbox application", roles=list(ROLES))
        self.put_seller(SELLER, "Sandbox Seller", "eu", of_region("eu"))

    # Applications and sellers

    def put_app(
        self,
        client_id: str,
        *,
        application_id: str | None = None,
        secret: str | None = None,
        name: str | None = None,
        roles: list[str] | None = None,
        token_lifetime: int | None = None,
        redirect_uris: list[str] | None = None,
        draft: bool | None = None,
    ) -> None:
        """Create an application or change what is given of one."""
        new = {
            "application_id": application_id,
            "secret": None if secret is None else digest(secret),
            "name": name,
            "roles": None if roles is None else jsontext.dumps(roles),
            "token_lifetime": token_lifetime,
            "redirect_uris": None if redirect_uris is None else jsontext.dumps(redirect_uris),
            "draft": draft,
        }
        old = self.db.row("SELECT * FROM apps WHERE client_id = ?", client_id)
        values = {
            "application_id": "amzn1.sp.solution." + client_id.rpartition(".")[2],
            "secret": digest(APP_SECRET),
            "name": client_id,
            "roles": jsontext.dumps(list(ROLES)),
            "token_lifetime": 3600,
            "redirect_uris": jsontext.dumps(REDIRECTS),
            "draft": False,
        }
        values.update(dict(old) if old else {}, client_id=client_id)
        values.update({key: value for key, value in new.items() if value is not None})
        self.db.connection.execute(
            "INSERT OR REPLACE INTO apps VALUES (:client_id, :application_id, :name, :secret, :roles, "
            ":token_lifetime, :redirect_uris, :draft)",
            values,
        )

    def _app(self, where: str, value: str) -> App | None:
        row = self.db.row(f"SELECT * FROM apps WHERE {where} = ?", value)  # noqa: S608 - column names from this class
        if row is None:
            return None
        return App(
            row["client_id"],
            row["application_id"],
            row["name"],
            frozenset(jsontext.loads(row["roles"])),
            row["token_lifetime"],
            tuple(jsontext.loads(row["redirect_uris"])),
            bool(row["draft"]),
        )

    def app(self, client_id: str) -> App | None:
        """An application by its LWA client id."""
        return self._app("client_id", client_id)

    def app_by_application(self, application_id: str) -> App | None:
        """An application by the id that the consent page gets."""
        return self._app("application_id", application_id)

    def secret_matches(self, client_id: str, secret: str) -> bool:
        """Is this the application's client secret?"""
        row = self.db.row("SELECT secret FROM apps WHERE client_id = ?", client_id)
        return bool(row) and secrets.compare_digest(row["secret"], digest(secret))

    def put_seller(
        self,
        seller: str,
        name: str,
        region: str,
        marketplaces: list[str],
        client_id: str = APP,
        refresh_token: str | None = None,
    ) -> str:
        """Create or replace a seller who has authorised `client_id`; returns the refresh token."""
        self.db.execute(
            "INSERT OR REPLACE INTO sellers VALUES (?, ?, ?, ?)", seller, name, region, jsontext.dumps(marketplaces)
        )
        token = refresh_token or default_refresh_token(seller)
        self.add_grant(token, client_id, seller)
        return token

    def seller(self, seller: str) -> Seller | None:
        """A seller by its id."""
        row = self.db.row("SELECT * FROM sellers WHERE seller = ?", seller)
        if row is None:
            return None
        return Seller(row["seller"], row["name"], row["region"], tuple(jsontext.loads(row["marketplaces"])))

    def sellers(self) -> list[Seller]:
        """Every seller."""
        names = [row["seller"] for row in self.db.rows("SELECT seller FROM sellers ORDER BY seller")]
        return [found for name in names if (found := self.seller(name))]

    # Grants

    def add_grant(self, refresh_token: str, client_id: str, seller: str) -> None:
        """Record that `seller` authorised `client_id` with this refresh token."""
        self.db.execute("INSERT OR REPLACE INTO grants VALUES (?, ?, ?, 0)", digest(refresh_token), client_id, seller)

    def new_grant(self, client_id: str, seller: str) -> str:
        """A fresh refresh token after a consent."""
        token = "Atzr|" + secrets.token_urlsafe(64)
        self.add_grant(token, client_id, seller)
        return token

    def grant_of(self, refresh_token: str) -> tuple[str, str, bool] | None:
        """(client id, seller, revoked) of a refresh token."""
        row = self.db.row("SELECT * FROM grants WHERE refresh_token = ?", digest(refresh_token))
        return (row["client_id"], row["seller"], bool(row["revoked"])) if row else None

    def set_revoked(self, seller: str, revoked: bool) -> int:
        """The seller withdraws (or restores) every authorisation; access tokens die and live with it."""
        self.db.execute("UPDATE tokens SET revoked = ? WHERE seller = ?", revoked, seller)
        return self.db.execute("UPDATE grants SET revoked = ? WHERE seller = ?", revoked, seller).rowcount

    # Authorisation codes

    def new_code(self, client_id: str, seller: str, redirect_uri: str, now: int) -> str:
        """An ``spapi_oauth_code``: five minutes, once."""
        code = "AN" + secrets.token_urlsafe(24)
        self.db.execute(
            "INSERT INTO codes VALUES (?, ?, ?, ?, ?, 0)",
            digest(code),
            client_id,
            seller,
            redirect_uri,
            now + CODE_LIFETIME,
        )
        return code

    def use_code(self, code: str, client_id: str, redirect_uri: str | None, now: int) -> str | None:
        """The seller of a code that is valid for this client; the code is spent. None if it is not valid."""
        row = self.db.row("SELECT * FROM codes WHERE code = ?", digest(code))
        if row is None or row["used"] or row["client_id"] != client_id or now >= row["expires"]:
            return None
        if redirect_uri is not None and redirect_uri != row["redirect_uri"]:
            return None
        self.db.execute("UPDATE codes SET used = 1 WHERE code = ?", row["code"])
        return row["seller"]

    # Access tokens

    def new_token(
        self,
        client_id: str,
        now: int,
        lifetime: int,
        *,
        seller: str | None = None,
        scope: str | None = None,
        resources: list[dict[str, object]] | None = None,
    ) -> str:
        """An access token (or, with `resources`, a restricted data token) that lives `lifetime` seconds."""
        token = ("Atz.sprdt|" if resources else "Atza|") + secrets.token_urlsafe(96)
        self.db.execute("DELETE FROM tokens WHERE expires < ?", now - 24 * 60 * MINUTE)
        self.db.execute(
            "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, 0)",
            digest(token),
            client_id,
            seller,
            scope,
            jsontext.dumps(resources) if resources else None,
            now + lifetime * SECOND,
        )
        return token

    def token(self, token: str) -> Token | None:
        """What is known of an access token."""
        row = self.db.row("SELECT * FROM tokens WHERE token = ?", digest(token))
        if row is None:
            return None
        resources = jsontext.loads(row["resources"]) if row["resources"] else None
        return Token(row["client_id"], row["seller"], row["scope"], resources, row["expires"], bool(row["revoked"]))

    def expire_token(self, token: str, now: int) -> None:
        """Let an access token expire now."""
        self.db.execute("UPDATE tokens SET expires = MIN(expires, ?) WHERE token = ?", now, digest(token))
