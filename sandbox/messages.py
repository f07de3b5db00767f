"""A request as it came off the wire, and what is to go back."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.types import Scope

from .marketplaces import REGIONS


@dataclass
class Outcome:
    """What goes out, and how: after `delay` seconds; or not at all (`hold` seconds of silence, or a reset)."""

    status: int
    content: bytes = b""
    media_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    hold: float | None = None
    reset: bool = False


@dataclass
class Request:
    """A request as it came off the wire. `path` is undecoded, without the region prefix."""

    method: str
    path: str
    full_path: str
    region: str | None
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    base: str

    @classmethod
    def read(cls, scope: Scope, body: bytes) -> Request:
        """From an ASGI scope."""
        full = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
        first, _slash, rest = full[1:].partition("/")
        region = first if first in REGIONS and rest else None
        headers = [(k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in scope["headers"]]
        host = dict(headers).get("host") or "{}:{}".format(*scope["server"])
        query = scope["query_string"].decode("latin-1")
        path = f"/{rest}" if region else full
        return cls(scope["method"], path, full, region, query, headers, body, f"{scope['scheme']}://{host}")
