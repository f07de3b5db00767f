"""A server of this repository on a free port, as a process of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from . import REPO
from .process import Child, child_env


class Service:
    """A running server; a context of its caller ends it with :meth:`stop`.

    :param name: how messages call it
    :param arguments: of the interpreter ``python``
    :param announces: what it prints once it listens, a regular expression whose group is its address
    :raises HouseError: when it does not listen within half a minute
    """

    def __init__(self, name: str, python: Path, arguments: Iterable[str | Path], log: Path, announces: str) -> None:
        log.unlink(missing_ok=True)
        self._log = log
        self._announces = re.compile(announces)
        self.address = ""
        self._child = Child(name, [python, *arguments], log, child_env(), cwd=REPO)
        try:
            self._child.wait_ready(self._listens, 30)
        except BaseException:
            self._child.kill()
            raise

    def _listens(self) -> bool:
        match = self._announces.search(self._log.read_text(errors="replace"))
        self.address = match[1] if match else ""
        return bool(match)

    def stop(self) -> None:
        """End it."""
        self._child.stop()
