"""Odoo databases and processes for the system rings."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import textwrap
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from house.cache import remove
from house.database import ODOO_SCRIPT, Workplace
from house.nursery import Forked
from house.process import Child, die_with_parent, free_port, kill_group, tail

_numbers = itertools.count(1)
MOVED_CLOCK = Path(__file__).with_name("moved_clock")


class ScriptError(Exception):
    """A script ended badly; the text is the tail of its output."""


class Script:
    """A script running in an Odoo process of its own; ``process`` is there to be killed."""

    process: subprocess.Popen[bytes] | Forked

    def __init__(self, database: Database, code: str, login: str | None, args: dict[str, Any]) -> None:
        number = next(_numbers)
        self._job = database.folder / f"script-{number}.json"
        self._result = database.folder / f"script-{number}.result"
        self.output = database.folder / f"script-{number}.out"
        self._job.write_text(json.dumps({"code": textwrap.dedent(code), "args": args, "login": login}))
        place = database.place
        script = [os.fspath(part) for part in (ODOO_SCRIPT, database.config, database.name, self._job, self._result)]
        nursery = os.environ.get("HOUSE_NURSERY")
        with self.output.open("wb") as out:
            if nursery and database.is_plain:
                self.process = Forked(nursery, script, database.env, database.folder, out)
                return
            self.process = subprocess.Popen(
                [os.fspath(place.python), "-P", *script],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=database.env,
                cwd=database.folder,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )

    def kill(self) -> None:
        """``kill -9`` of the process and everything it started."""
        kill_group(self.process)

    def wait(self, seconds: float = 300) -> Any:
        """What the script set as ``result``. :raises ScriptError: when it raised, was killed, or took too long."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ScriptError(f"the script did not end within {seconds:.0f} s: {tail(self.output, 12)}") from None
        if code or not self._result.exists():
            raise ScriptError(f"the script ended with code {code}: {tail(self.output, 12)}")
        return json.loads(self._result.read_text())


class OdooServer:
    """A running Odoo HTTP server of one database; a context manager that stops it."""

    def __init__(self, database: Database, crons: int, options: dict[str, object]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = database.name
        self.home = database
        self.log = database.log
        config = database.write_config(
            database.folder / f"server-{self.port}.conf",
            http_port=self.port,
            max_cron_threads=crons,
            **options,
        )
        command = database.place.command(config)
        self._child = Child("Odoo", command, database.log, database.env, cwd=database.folder)
        try:
            self._child.wait_ready(self._answers, 90)
        except BaseException:
            self._child.kill()
            raise

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The server's process, to be killed by a test that needs it."""
        return self._child.process

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/web/health", timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def kill(self) -> None:
        """``kill -9``."""
        self._child.kill()

    def stop(self) -> None:
        """End it politely."""
        self._child.stop()

    def __enter__(self) -> OdooServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Database:
    """A copy of a template with its own data, key and log folders."""

    def __init__(self, place: Workplace, template: str, run: Path, label: str = "db") -> None:
        self.name = f"t{os.getpid()}_{re.sub(r'[^a-z0-9_]', '_', label.lower())[:30]}_{next(_numbers)}"
        self.folder = run / self.name
        self.place = replace(place, data_dir=self.folder / "data")
        self.keys = self.folder / "keys"
        self.log = self.folder / "odoo.log"
        self.folder.mkdir(parents=True)
        self.place.copy(template, self.name, files_of=place)
        own = self.place.filestore(self.name)
        self._stock = [path.relative_to(own) for path in own.rglob("*") if path.is_file()]
        self.config = self.write_config(self.folder / "odoo.conf")

    #: How far the clock of this database's processes is ahead.
    ahead: timedelta = timedelta()
    #: More variables for the environment of its processes.
    variables: Mapping[str, str] = MappingProxyType({})

    @property
    def env(self) -> dict[str, str]:
        """Environment of this database's processes."""
        moved = {"PYTHONPATH": str(MOVED_CLOCK), "MOVED_CLOCK": str(self.ahead.total_seconds())} if self.ahead else {}
        return self.place.env | moved | self.variables

    @property
    def is_plain(self) -> bool:
        """Whether its processes have our time, no variables and no addons of their own: such a one may be forked."""
        addons = ",".join(str(path) for path in self.place.addons_path)
        return not self.ahead and not self.variables and self._addons == addons

    @property
    def _addons(self) -> str:
        line = next(line for line in self.config.read_text().splitlines() if line.startswith("addons_path"))
        return line.partition("=")[2].strip()

    @property
    def data_dir(self) -> Path:
        """Odoo's data folder: filestore and sessions of this database alone."""
        return self.place.data_dir

    def write_config(self, path: Path, **options: object) -> Path:
        """An Odoo configuration for this database, with its log file and key store."""
        return self.place.config(path, self.name, self.keys, **({"logfile": self.log} | options))

    def start(self, code: str, *, login: str | None = None, **args: Any) -> Script:
        """Start a script in a Odoo process of its own (``house/odoo_script.py``) and do not wait for it."""
        return Script(self, code, login, args)

    def python(self, code: str, *, login: str | None = None, timeout: float = 300, **args: Any) -> Any:
        """Run a script in an Odoo process of its own and return what it set as ``result``.

        ``args`` (JSON values) are names of the script; ``login`` runs it as that user instead of the superuser.
        :raises ScriptError: when it fails.
        """
        return self.start(code, login=login, **args).wait(timeout)

    def serve(self, crons: int = 0, **options: object) -> OdooServer:
        """A running HTTP server on a free port of 127.0.0.1; ``options`` go into its configuration file."""
        return OdooServer(self, crons, options)

    def odoo(self, command: str, *args: object, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command of Odoo's, one of our addons' too; what it says is in ``stdout`` and ``stderr``."""
        return subprocess.run(
            self.command(command, *args),
            env=self.env,
            cwd=self.folder,
            timeout=seconds,
            capture_output=True,
            text=True,
            check=False,
        )

    def command(self, command: str, *args: object) -> list[str]:
        """The command line of a command of Odoo's for this database, to be run with :attr:`env`."""
        line = [self.place.python, "-m", "odoo", f"--addons-path={self._addons}", command]
        return [os.fspath(part) for part in (*line, *map(str, args), "-c", self.config, "-d", self.name)]

    def psql(self, sql: str, superuser: bool = False) -> list[str]:
        """Rows as text lines, columns separated by ``|``."""
        return self.place.server.psql(sql, self.name, superuser)

    def dump(self, path: Path) -> Path:
        """A plain SQL dump, as a backup would hold it."""
        server = self.place.server
        command = [server.binaries["pg_dump"], "--no-owner", "-f", path, self.name]
        subprocess.run([os.fspath(part) for part in command], env=self.place.env, check=True)
        return path

    def restore(
        self, path: Path, label: str = "restored", files: Path | None = None, keys: Path | None = None
    ) -> Database:
        """A new database from a plain SQL dump.

        :param files: a copy of the filestore; default: this database's as it is now
        :param keys: its key store; default: this database's
        """
        new = self._beside(label, keys)
        server = self.place.server
        server.psql(f'CREATE DATABASE "{new.name}" TEMPLATE template0')
        command = [server.binaries["psql"], "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", new.name, "-f", path]
        subprocess.run([os.fspath(part) for part in command], env=self.place.env, check=True, stdout=subprocess.DEVNULL)
        if files:
            shutil.copytree(files, new.place.filestore(new.name))
        else:
            new.place.copy_files(self.place, self.name, new.name)
        return new

    def clone(self, label: str = "clone", keys: Path | None = None) -> Database:
        """A copy as ``createdb -T`` makes it, its files too; it uses the same key store unless told otherwise."""
        new = self._beside(label, keys)
        self.place.server.psql(f'CREATE DATABASE "{new.name}" TEMPLATE "{self.name}"')
        new.place.copy_files(self.place, self.name, new.name)
        return new

    def copy_files(self, path: Path) -> Path:
        """A copy of the filestore as it is now, as a backup would hold it."""
        shutil.copytree(self.place.filestore(self.name), path)
        return path

    def _beside(self, label: str, keys: Path | None) -> Database:
        new = object.__new__(Database)
        new.name = f"t{os.getpid()}_{label}_{next(_numbers)}"
        new.folder = self.folder.parent / new.name
        new.place = replace(self.place, data_dir=new.folder / "data")
        new._stock = self._stock
        new.keys, new.log, new.ahead = keys or self.keys, new.folder / "odoo.log", self.ahead
        new.folder.mkdir(parents=True)
        new.config = new.write_config(new.folder / "odoo.conf")
        return new

    def stock_files(self) -> list[Path]:
        """Files of the filestore that came with the template: pictures and assets, which take long to search."""
        mine, stock = self.place.filestore(self.name), self._stock
        return [mine / name for name in stock if (mine / name).exists()]

    def allow_log(self, *expressions: str) -> None:
        """Say which records at WARNING or above this test provokes on purpose, as regular expressions."""
        path = self.log.with_name(self.log.name + ".allow")
        with path.open("a") as out:
            out.writelines(f"{expression}\n" for expression in expressions)

    def drop(self) -> None:
        """Remove the database and its files; the log stays."""
        self.place.drop(self.name)
        remove(self.data_dir)
        if self.keys.parent == self.folder:  # not those that are shared with another one
            remove(self.keys)
