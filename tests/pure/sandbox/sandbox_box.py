"""A sandbox process and a client for it, for tests."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

REPO = Path(__file__).resolve().parents[3]
APP = "amzn1.application-oa2-client.sandbox"
APP_ID = "amzn1.sp.solution.sandbox"
SECRET = "sandbox-client-secret"
SELLER = "A1SANDBOXSELLER"
REFRESH = f"Atzr|sandbox-{SELLER}"
IT, ES, DE, FR = "APJ6JRA9NG5V4", "A1RKKUPIHCS9HS", "A1PA6795UKMFR9", "A13V1IB3VIYZZH"
US, JP = "ATVPDKIKX0DER", "A1VC38T7YXB528"
ORDERS = "/orders/2026-01-01/orders"
EVERYTHING = (
    "BUYER,RECIPIENT,PROCEEDS,EXPENSE,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES,TAX,PAYMENT,FULFILLMENT_ORDERS"
)
LONG_AGO = "2025-06-01T00:00:00Z"
# What tests run at: far from the real date, so that nothing depends on it.
TODAY = "2026-03-10T12:00:00Z"


class Box:
    """A running sandbox and a client for it."""

    def __init__(self, state: Path | None, *arguments: str) -> None:
        self.arguments = [*(("--state", str(state)) if state else ()), *arguments]
        self.access_token = ""
        self.start()

    def start(self) -> None:
        """Start the process on a free port and wait for its line."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "--port", "0", *self.arguments],
            cwd=REPO,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        said = self.process.stdout.readline()
        found = re.fullmatch(r"sandbox listening on (http://127\.0\.0\.1:\d+)\n", said)
        if not found:
            self.process.kill()
            raise AssertionError(f"the sandbox said {said!r}: {self.process.communicate()[1]}")
        self.url = found[1]
        self.client = httpx.Client(base_url=self.url, timeout=20, trust_env=False)

    def stop(self) -> str:
        """End it in good order; returns what it wrote to stderr."""
        self.client.close()
        self.process.terminate()
        _out, err = self.process.communicate(timeout=10)
        assert self.process.returncode == 0, err
        return err

    def kill(self) -> None:
        """kill -9."""
        self.client.close()
        self.process.kill()
        self.process.communicate()

    def control(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Call the control API and expect a status."""
        answer = self.client.request(method, f"/control/{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def generate(
        self, count: int, case: str = "fbm_unshipped", marketplaces: list[str] | None = None, **more: Any
    ) -> list[str]:
        """Order ids of new orders."""
        body = {"marketplaces": marketplaces or [IT], "count": count, "case": case, **more}
        return self.control("POST", "orders/generate", body)["orderIds"]

    def advance(self, seconds: float) -> None:
        """Move the clock."""
        self.control("POST", "time", {"advance": seconds})

    def fault(self, operation: str, kind: str, **more: Any) -> None:
        """Queue a fault."""
        self.control("POST", "faults", {"operation": operation, "kind": kind, **more})

    def lwa(self, **form: str) -> httpx.Response:
        """A call of the token endpoint; the refresh grant of the default seller unless said otherwise."""
        given = {
            "grant_type": "refresh_token",
            "refresh_token": REFRESH,
            "client_id": APP,
            "client_secret": SECRET,
            **form,
        }
        return self.client.post("/auth/o2/token", data={k: v for k, v in given.items() if v})

    def token(self) -> str:
        """An access token, the same until it is forgotten."""
        if not self.access_token:
            self.access_token = self.lwa().json()["access_token"]
        return self.access_token

    def get(self, path: str, token: str | None = None, **query: str) -> httpx.Response:
        """GET with the access token."""
        headers = {"x-amz-access-token": self.token() if token is None else token}
        return self.client.get(path, params=query, headers=headers)

    def post(self, path: str, body: Any, token: str | None = None) -> httpx.Response:
        """POST JSON with the access token."""
        headers = {"x-amz-access-token": self.token() if token is None else token}
        return self.client.post(path, json=body, headers=headers)

    def search(self, **query: str) -> httpx.Response:
        """searchOrders; everything that was ever updated unless the query says otherwise."""
        if not {"createdAfter", "lastUpdatedAfter"} & set(query):
            query["lastUpdatedAfter"] = LONG_AGO
        return self.get(ORDERS, **query)

    def found(self, **query: str) -> list[dict[str, Any]]:
        """The orders of a search that fits on one page."""
        answer = self.search(**query)
        assert answer.status_code == 200, answer.text
        assert "pagination" not in answer.json()
        return answer.json()["orders"]

    def pages(self, change: Callable[[int], None] | None = None, **query: str) -> list[list[str]]:
        """The order ids of every page of a search; `change(number)` is called after each page."""
        result: list[list[str]] = []
        while True:
            answer = self.search(**query)
            assert answer.status_code == 200, answer.text
            result.append([order["orderId"] for order in answer.json()["orders"]])
            if "pagination" not in answer.json():
                return result
            query["paginationToken"] = answer.json()["pagination"]["nextToken"]
            if change:
                change(len(result))
