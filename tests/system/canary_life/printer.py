"""The sandbox's printer as a process of its own: it keeps what it gets in its memory, outside of what is scanned."""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from pathlib import Path
from typing import Any

from house import REPO
from house.process import Child, child_env

_LISTENING = re.compile(r"listening on (ipp://\S+?)/ipp/print")


class Printer:
    """A context manager that stops it; ``uri`` is the queue for documents, ``labels`` the one for ZPL."""

    def __init__(self, folder: Path) -> None:
        log = folder / "printer.out"
        self._child = Child("The printer", [sys.executable, "-m", "sandbox.printer"], log, child_env(), cwd=REPO)
        self.base = ""

        def listening() -> bool:
            found = _LISTENING.search(log.read_text(errors="replace"))
            self.base = found[1] if found else ""
            return bool(found)

        self._child.wait_ready(listening, 60)
        self.uri, self.labels = f"{self.base}/ipp/print", f"{self.base}/printers/labels"

    @property
    def service(self) -> str:
        """An address that answers over HTTP."""
        return f"{self.base.replace('ipp', 'http', 1)}/control/journal"

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.base.replace('ipp', 'http', 1)}/control/{path}", timeout=30) as answer:
            return answer.read()

    def jobs(self) -> list[dict[str, Any]]:
        """Every job that has come in, oldest first."""
        return json.loads(self._get("jobs"))

    def documents(self) -> list[bytes]:
        """What was printed."""
        return [
            self._get(f"jobs/{job['id']}/documents/{number}")
            for job in self.jobs()
            for number in range(len(job["documents"]))
        ]

    def __enter__(self) -> Printer:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop()
