"""The local Amazon as a process of its own, and its control API."""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from house import REPO, amazon
from house.process import Child, child_env

CLIENT_ID = amazon.CREDENTIALS["client_id"]
CLIENT_SECRET = amazon.CREDENTIALS["client_secret"]
APPLICATION_ID = amazon.CREDENTIALS["application_id"]
REFRESH_TOKEN = amazon.CREDENTIALS["refresh_token"]
SELLER = amazon.SELLER
MARKETPLACES = amazon.MARKETPLACES
_LISTENING = re.compile(r"sandbox listening on (http://\S+)")


class ControlError(Exception):
    """The control API refused; the text is its answer."""


class Sandbox:
    """A running sandbox; a context manager that stops it. The state file survives, so that it can be started again."""

    def __init__(self, folder: Path, seed: int | None = None, python: Path | None = None) -> None:
        self.folder = folder
        self.state = folder / "sandbox.sqlite"
        self.log = folder / "sandbox.out"
        folder.mkdir(parents=True, exist_ok=True)
        self._command = [
            *(python or Path(sys.executable), "-m", "sandbox", "--port", "0", "--state", self.state),
            *(() if seed is None else ("--seed", str(seed))),
        ]
        self.url = ""
        self.token_url = ""
        self.start()

    def start(self) -> None:
        """Start the process (again) on a free port and wait until it says where it listens."""
        before = self.log.stat().st_size if self.log.exists() else 0
        self._child = Child("The sandbox", self._command, self.log, child_env(), cwd=REPO)

        def listening() -> bool:
            with self.log.open(errors="replace") as said:
                said.seek(before)
                match = _LISTENING.search(said.read())
            self.url = match[1] if match else ""
            return bool(match)

        try:
            self._child.wait_ready(listening, 30)
        except BaseException:
            self._child.kill()
            raise
        self.token_url = f"{self.url}/auth/o2/token"

    def stop(self) -> None:
        """End the process; its state file stays."""
        self._child.stop()

    def kill(self) -> None:
        """``kill -9``."""
        self._child.kill()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API: ``control("POST", "/control/time", {"advance": 60})``.

        :raises ControlError: on any status other than 2xx.
        """
        path = path if path.startswith("/control") else f"/control/{path.lstrip('/')}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        if token := os.environ.get("SANDBOX_CONTROL_TOKEN"):
            headers["x-control-token"] = token
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                text = answer.read()
        except urllib.error.HTTPError as exc:
            raise ControlError(f"{method} {path}: {exc.code} {exc.read().decode(errors='replace')[:500]}") from exc
        return json.loads(text) if text else None

    def generate(self, marketplaces: list[str], count: int, **options: Any) -> list[str]:
        """Add generated orders and return their ids; options as of ``POST /control/orders/generate``."""
        body = {"marketplaces": marketplaces, "count": count, **options}
        return list(self.control("POST", "orders/generate", body)["orderIds"])

    def orders(self) -> list[dict[str, Any]]:
        """The truth: every order whole."""
        answer = self.control("GET", "orders")
        return list(answer["orders"] if isinstance(answer, dict) else answer)

    def fault(self, operation: str, kind: str, times: int = 1, **more: Any) -> None:
        """Make the next calls of an operation fail."""
        self.control("POST", "faults", {"operation": operation, "kind": kind, "times": times, **more})

    def journal(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Every request so far, oldest first."""
        return list(self.control("GET", "journal" + (f"?operation={operation}" if operation else "")))

    def counts(self) -> dict[str, int]:
        """Requests per operation."""
        return dict(self.control("GET", "journal/counts"))

    def forget_journal(self) -> None:
        """Start counting anew."""
        self.control("DELETE", "journal")
