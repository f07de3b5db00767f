"""The local printer of this repository, as a process of its own."""

from __future__ import annotations

import re
from pathlib import Path

from . import REPO
from .process import Child, child_env


class LocalPrinter:
    """A running IPP printer on a free port; what it prints stays in its memory."""

    def __init__(self, log: Path, python: Path) -> None:
        log.unlink(missing_ok=True)
        command = [python, "-m", "sandbox.printer", "--port", "0"]
        self._child = Child("The local printer", command, log, child_env(), cwd=REPO)
        self._log = log
        self.uri = ""
        try:
            self._child.wait_ready(self._listens, 30)
        except BaseException:
            self._child.kill()
            raise

    def _listens(self) -> bool:
        match = re.search(r"printer listening on (ipp://\S+)", self._log.read_text(errors="replace"))
        self.uri = match[1] if match else ""
        return bool(match)

    def stop(self) -> None:
        """End it."""
        self._child.stop()
