"""The local Amazon of this repository, as a process of its own."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from .errors import HouseError
from .process import tail
from .service import Service

MARKETPLACES = {
    "IT": "APJ6JRA9NG5V4",
    "ES": "A1RKKUPIHCS9HS",
    "FR": "A13V1IB3VIYZZH",
    "DE": "A1PA6795UKMFR9",
}
"""Country -> Amazon's marketplace id (developer-docs.amazon.com/sp-api/docs/marketplace-ids)."""
SELLER = "A1SANDBOXSELLER"
CREDENTIALS = {
    "application_id": "amzn1.sp.solution.sandbox",
    "client_id": "amzn1.application-oa2-client.sandbox",
    "client_secret": "sandbox-client-secret",
    "seller_id": SELLER,
    "refresh_token": f"Atzr|sandbox-{SELLER}",
}
"""What the sandbox accepts when its state is empty: no secrets of anybody."""


class LocalAmazon(Service):
    """A running sandbox on a free port; its state file survives it."""

    def __init__(self, state: Path, log: Path, python: Path) -> None:
        arguments = ["-m", "sandbox", "--port", "0", "--state", state]
        super().__init__("The local Amazon", python, arguments, log, r"sandbox listening on (http://\S+)")

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.address

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self.url}/control/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                text = answer.read()
        except (urllib.error.URLError, OSError) as exc:
            raise HouseError(f"The local Amazon refused {method} {path}: {exc} ({tail(self._log, 1)})") from exc
        return json.loads(text) if text else None

    def orders(self) -> list[dict[str, Any]]:
        """Every order whole, as Amazon would have it."""
        answer = self._control("GET", "orders")
        return list(answer["orders"] if isinstance(answer, dict) else answer)

    def ensure_orders(self, count: int) -> list[dict[str, Any]]:
        """Generate what is missing to ``count`` orders, evenly over the marketplaces; returns all orders."""
        missing = count - len(self.orders())
        if missing > 0:
            body = {"marketplaces": list(MARKETPLACES.values()), "count": missing, "case": "mixed"}
            self._control("POST", "orders/generate", body)
        return self.orders()

    def counts(self) -> dict[str, int]:
        """Requests per operation since :meth:`forget_journal`."""
        return dict(self._control("GET", "journal/counts"))

    def forget_journal(self) -> None:
        """Start counting anew."""
        self._control("DELETE", "journal")
