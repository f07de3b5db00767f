"""The local printer of this repository, as a process of its own."""

from __future__ import annotations

from pathlib import Path

from .service import Service


class LocalPrinter(Service):
    """A running IPP printer on a free port; what it prints stays in its memory."""

    def __init__(self, log: Path, python: Path) -> None:
        arguments = ["-m", "sandbox.printer", "--port", "0"]
        super().__init__("The local printer", python, arguments, log, r"printer listening on (ipp://\S+)")

    @property
    def uri(self) -> str:
        """Its address, for Odoo."""
        return self.address
