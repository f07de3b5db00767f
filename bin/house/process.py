"""Child processes: run to the end with a log, or kept running until we stop them. None outlives its parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from .cache import home
from .errors import HouseError

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_INHERITED_TRAPS = (
    "PYTHONDONTWRITEBYTECODE",  # without byte code every start of Odoo compiles it anew
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "ODOO_RC",
    "OPENERP_SERVER",
    "PYTEST_ADDOPTS",
)


def child_env(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child: ours without what would change its meaning, plus ``extra``."""
    env = {key: value for key, value in os.environ.items() if key not in _INHERITED_TRAPS}
    env.update(HOME=str(home()), LANG="C.UTF-8", LC_ALL="C.UTF-8", PYTHONUNBUFFERED="1")
    env.update(extra or {})
    return env


def die_with_parent(sig: int = signal.SIGKILL, uid: int | None = None, gid: int | None = None) -> Callable[[], None]:
    """A ``preexec_fn``: drop to ``uid``/``gid`` if given, then let the kernel send ``sig`` when our process is gone."""
    parent = os.getpid()

    def prepare() -> None:
        if gid is not None:
            os.setgroups([])
            os.setgid(gid)
        if uid is not None:
            os.setuid(uid)
        _libc.prctl(_PR_SET_PDEATHSIG, sig, 0, 0, 0)  # after the change of user, which clears it
        if os.getppid() != parent:
            os.kill(os.getpid(), sig)

    return prepare


def tail(log: Path, lines: int = 3) -> str:
    """The last non-empty lines of a log as one string."""
    with contextlib.suppress(OSError):
        text = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        return " | ".join(text[-lines:])
    return ""


def run(
    cmd: Iterable[str | os.PathLike[str]],
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    pass_fds: tuple[int, ...] = (),
) -> int:
    """Run a command, append what it says to ``log`` and hand each line to ``on_line``. Returns its exit code."""
    argv = [os.fspath(part) for part in cmd]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as out:
        out.write(f"$ {' '.join(argv)}\n")
        out.flush()
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else child_env(),
                cwd=cwd,
                start_new_session=True,
                preexec_fn=die_with_parent(),
                pass_fds=pass_fds,
                text=True,
                errors="replace",
            )
        except FileNotFoundError as exc:
            raise HouseError(f"The program {argv[0]} is missing.") from exc
        assert child.stdout is not None
        try:
            for line in child.stdout:
                out.write(line)
                if on_line:
                    on_line(line.rstrip("\n"))
            return child.wait()
        finally:
            kill_group(child)


class Process(Protocol):
    """What :func:`kill_group` needs of a process."""

    @property
    def pid(self) -> int:
        """Its id, and its group's."""

    def poll(self) -> int | None:
        """Its exit code if it has ended."""

    def wait(self) -> int:
        """Its exit code, when it has ended."""


def kill_group(child: Process, sig: int = signal.SIGKILL) -> None:
    """Signal a child that leads its own process group, if it still runs."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, sig)
        if sig == signal.SIGKILL:
            child.wait()


class Child:
    """A long-running child in its own process group, writing to a log file."""

    def __init__(
        self,
        name: str,
        cmd: Iterable[str | os.PathLike[str]],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            try:
                self.process = subprocess.Popen(
                    [os.fspath(part) for part in cmd],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=dict(env) if env is not None else child_env(),
                    cwd=cwd,
                    start_new_session=True,
                    preexec_fn=die_with_parent(),
                )
            except FileNotFoundError as exc:
                raise HouseError(f"{name} cannot start: {exc.filename} is missing.") from exc

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its group."""
        return self.process.pid

    def wait_ready(self, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Poll ``ready`` until it is true.

        :raises HouseError: when the child ends first or the time is over; the text ends with its last log lines.
        """
        until = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None:
                raise HouseError(
                    f"{self.name} ended at once (code {self.process.returncode}): {tail(self.log)} [{self.log}]"
                )
            if time.monotonic() > until:
                raise HouseError(
                    f"{self.name} did not become ready within {seconds:.0f} s: {tail(self.log)} [{self.log}]"
                )
            time.sleep(0.1)

    def kill(self) -> None:
        """``kill -9``, for tests that need it."""
        kill_group(self.process)

    def stop(self, seconds: float = 10) -> None:
        """Ask it to end (SIGTERM), and kill the whole group when it does not within ``seconds``."""
        if self.process.poll() is None:
            kill_group(self.process, signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                kill_group(self.process)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)  # what it started itself and left behind


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Whether 127.0.0.1:port can be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
