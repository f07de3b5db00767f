"""Odoo processes that need not read Odoo's code: forked from one that has (:mod:`.nursery_process`).

A start of Odoo costs more than two seconds of a core, most of it for importing the same thousands of files. The tests
start it some hundred times.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from .database import Workplace
from .process import Child

NURSERY_PROCESS = Path(__file__).with_name("nursery_process.py")
_PACKET = 1 << 16


@contextlib.contextmanager
def nursery(place: Workplace, template: str, folder: Path) -> Iterator[Path]:
    """A nursery with the addons of a template database; yields the socket at which it is asked.

    :param folder: for its configuration and its log
    :raises HouseError: when it cannot read the addons
    """
    names = place.server.psql("SELECT name FROM ir_module_module WHERE state = 'installed' ORDER BY name", template)
    config = place.config(folder / "nursery.conf", template, folder / "nursery-keys")
    home = Path(tempfile.mkdtemp(prefix="odoo-amazon-"))  # the path of a socket has to be short
    path = home / "socket"
    command = [place.python, "-P", NURSERY_PROCESS, config, path, ",".join(names)]
    child = Child("The nursery of Odoo processes", command, folder / "nursery.log", place.env, cwd=folder)
    try:
        child.wait_ready(path.exists)
        yield path
    finally:
        child.stop()
        shutil.rmtree(home, ignore_errors=True)


class Forked:
    """A child of a nursery, as :class:`subprocess.Popen` shows a process. Its group has its pid; it dies with us.

    :param argv: a Python file and its arguments
    :param out: where it writes to
    """

    def __init__(self, path: str, argv: list[str], env: Mapping[str, str], cwd: Path, out: IO[bytes]) -> None:
        self.args = argv
        self.returncode: int | None = None
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._link.connect(path)
        request = json.dumps({"argv": argv, "env": dict(env), "cwd": os.fspath(cwd)}).encode()
        socket.send_fds(self._link, [request], [out.fileno()])
        self.pid = int(self._hear()["pid"])

    def _hear(self) -> dict[str, int]:
        packet = self._link.recv(_PACKET)
        return json.loads(packet) if packet else {"code": -signal.SIGKILL}  # the nursery died, and it with it

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for a signal. :raises subprocess.TimeoutExpired: it has not ended by then."""
        if self.returncode is None:
            self._link.settimeout(timeout)
            try:
                self.returncode = self._hear()["code"]
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            self._link.close()
        return self.returncode

    def poll(self) -> int | None:
        """Its exit code if it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None
