"""A printer process to try the client on."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

_REPO = Path(__file__).resolve().parents[3]


class Device:
    """A printer process; ``office`` and ``labels`` are the addresses of its queues."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "sandbox.printer", "--port", "0", *options]
        self.process = subprocess.Popen(command, cwd=_REPO, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert "listening on" in line, line
        self.office = line.split()[-1]
        self.base = self.office.removesuffix("/ipp/print")
        self.labels = f"{self.base}/printers/labels"

    def call(self, method: str, path: str, body: object = None) -> bytes:
        """A call of the control API."""
        request = urllib.request.Request(
            f"{self.base.replace('ipp', 'http', 1)}/control/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def jobs(self) -> list[dict]:
        """Every job."""
        return json.loads(self.call("GET", "jobs"))

    def journal(self) -> list[dict]:
        """Every request."""
        return json.loads(self.call("GET", "journal"))

    def fault(self, kind: str, **more: object) -> None:
        """Let the office printer fail."""
        self.call("POST", "queues/office/faults", {"kind": kind, **more})

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout
        self.process.stdout.close()
