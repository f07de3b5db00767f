"""The process that owns one private PostgreSQL server and ends it when its last user is gone, however that one died.

Every user of the server holds a shared lock on ``users.lock``. The keeper waits for the exclusive one: the kernel
grants it when no user lives any more, ``kill -9`` included. No polling, and nothing is left running.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from .process import die_with_parent


def _stop_server(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGINT)  # fast shutdown: sessions are ended, a checkpoint is written
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait()


def main() -> int:
    """``python -m house.keeper JSON``: folder, command, uid, gid (see :class:`house.postgres.Cluster`)."""
    given = json.loads(sys.argv[1])
    folder = Path(given["folder"])
    for name in (signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(
            given["command"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            preexec_fn=die_with_parent(signal.SIGINT, given["uid"], given["gid"]),
        )

    class Told(Exception):
        pass

    def told(_signum: int, _frame: FrameType | None) -> None:
        raise Told

    signal.signal(signal.SIGTERM, told)
    stopping = folder / "stopping"
    state = folder / "keeper.json"
    try:
        state.write_text(json.dumps({"pid": os.getpid(), "server": server.pid}))
        with (folder / "users.lock").open("a") as users, contextlib.suppress(Told):
            fcntl.flock(users, fcntl.LOCK_EX)
            stopping.touch()
            _stop_server(server)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _stop_server(server)
        state.unlink(missing_ok=True)
        stopping.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
