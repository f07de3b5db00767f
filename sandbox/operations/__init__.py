"""The operations of the sandbox: one small file each, found and registered by importing this package's modules.

A module declares ``OPERATION = Operation(...)`` (or a list ``OPERATIONS``), and nothing else has to be told. A
handler takes a `Call` and returns an `Answer`, or raises one of `sandbox.errors`; it runs inside the request's
transaction and must not wait for anything.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .. import jsontext
from ..errors import invalid, spapi

if TYPE_CHECKING:
    from ..accounts import App, Seller
    from ..faults import Fault
    from ..world import World


@dataclass
class Answer:
    """A success: `body` as JSON, or `raw` bytes of a `media_type`, or neither (204)."""

    status: int = 200
    body: Any = None
    raw: bytes = b""
    media_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        """The bytes that go out."""
        return self.raw if self.body is None else jsontext.encode(self.body)


@dataclass
class Call:
    """One authorised request, as a handler sees it. `now` in ms; `query` holds the last value of each parameter."""

    world: World
    operation: Operation
    method: str
    path: dict[str, str]
    params: list[tuple[str, str]]
    headers: dict[str, str]
    raw: bytes
    now: int
    base: str
    caller: App | None = None
    selling_partner: Seller | None = None
    fault: Fault | None = None

    @property
    def app(self) -> App:
        """The calling application (operations behind an access token have one)."""
        if self.caller is None:
            raise LookupError("this operation has no caller")
        return self.caller

    @property
    def seller(self) -> Seller:
        """The seller who authorised it (absent for grantless operations)."""
        if self.selling_partner is None:
            raise LookupError("this operation has no seller")
        return self.selling_partner

    def query(self, *known: str) -> dict[str, str]:
        """The named query parameters that were sent.

        Others are ignored, as Amazon does. Sent twice is an error: Amazon's models declare comma-separated lists.
        """
        found: dict[str, str] = {}
        for name, value in self.params:
            if name not in known:
                continue
            if name in found:
                raise invalid(f"The parameter {name} was provided more than once; lists are comma-separated.")
            found[name] = value
        return found

    def json(self) -> dict[str, Any]:
        """The request body, which must be a JSON object."""
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind and kind != "application/json":
            raise spapi(415, "UnsupportedMediaType", "The request payload is in an unsupported format.")
        try:
            body = jsontext.loads(self.raw)
        except (ValueError, UnicodeDecodeError, RecursionError):
            raise invalid("Could not parse the request body as JSON.") from None
        if not isinstance(body, dict):
            raise invalid("The request body must be a JSON object.")
        return body


@dataclass(frozen=True)
class Operation:
    """What the gateway must know of an operation.

    `path` is a template with ``{names}``; `rate` (requests/s) and `burst` are Amazon's usage plan, `rate` 0 means
    never throttled. `roles`: the application needs one of them (empty: any role at all). `grantless`: the scope whose
    token it takes instead of a seller's. `public`: no access token (token endpoint, consent page).
    """

    api: str
    name: str
    method: str
    path: str
    handler: Callable[[Call], Answer]
    rate: float = 0.0
    burst: float = 0.0
    roles: frozenset[str] = frozenset()
    grantless: str | None = None
    public: bool = False

    def pattern(self) -> re.Pattern[str]:
        """The template as a regular expression over the undecoded path: a quoted slash stays inside its segment."""
        parts = re.split(r"\{(\w+)\}", self.path)
        text = "".join(f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
        return re.compile(text + "/?")


class Registry:
    """Every operation, by name and by request."""

    def __init__(self) -> None:
        self.by_name: dict[str, Operation] = {}
        self._patterns: list[tuple[re.Pattern[str], Operation]] = []
        for module in pkgutil.iter_modules(__path__):
            loaded = importlib.import_module(f"{__name__}.{module.name}")
            listed = getattr(loaded, "OPERATIONS", None)
            listed = [loaded.OPERATION] if listed is None else listed
            for operation in listed:
                self.by_name[operation.name] = operation
                self._patterns.append((operation.pattern(), operation))

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation of a request and its decoded path parameters."""
        for pattern, operation in self._patterns:
            found = pattern.fullmatch(path)
            if found and operation.method == method:
                return operation, {name: unquote(value) for name, value in found.groupdict().items()}
        return None
