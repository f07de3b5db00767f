"""Odoo databases of one server: made with progress, copied with their files, dropped."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import REPO
from .cache import remove
from .errors import HouseError
from .odoo import Odoo
from .postgres import Server
from .process import child_env, run, tail
from .progress import Step
from .venv import other_addons

ODOO_SCRIPT = Path(__file__).with_name("odoo_script.py")
"""Runs a script with ``env`` in an Odoo process of its own; see its docstring."""
APART = ("amazon_spapi_mrp", "amazon_spapi_notification", "amazon_spapi_queue_job", "dpp_compliance")
"""Addons that are tested in a database of their own: a queue of jobs would run all imports, and rules for signing in
would bind the people of all other tests; notifications are for those who have a queue at AWS, kits for those who have a
production."""
_IGNORED = {"__pycache__", "tests", "readme", "node_modules"}


def addons_hash(odoo: Odoo, folder: Path = REPO / "addons") -> str:
    """A short hash of everything that a database is made from: our addons' files (tests aside) and Odoo's version."""
    digest = hashlib.sha256(odoo.version.encode())
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and path.suffix != ".pyc" and not _IGNORED.intersection(inside.parts):
            digest.update(f"\0{inside}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def own_addons(folder: Path = REPO / "addons") -> list[str]:
    """The names of the addons of this repository that live together in one database of ours."""
    return sorted({path.parent.name for path in folder.glob("*/__manifest__.py")} - set(APART))


@dataclass(frozen=True)
class Workplace:
    """Everything an Odoo process needs to know: interpreter, Odoo, server, and the folder of its files."""

    python: Path
    odoo: Odoo
    server: Server
    data_dir: Path

    @property
    def env(self) -> dict[str, str]:
        """Environment of an Odoo process."""
        return child_env(self.server.env | {"HOUSE_REPO": str(REPO)})

    @property
    def addons_path(self) -> list[Path]:
        """Where addons are looked for: ours, Odoo's, and those of others that the tests need."""
        return [path for path in (REPO / "addons", *self.odoo.addons, other_addons(self.python)) if path.is_dir()]

    def filestore(self, database: str) -> Path:
        """Where Odoo keeps a database's attachments."""
        return self.data_dir / "filestore" / database

    def config(
        self, path: Path, database: str, key_store: Path, vault: Mapping[str, object] | None = None, **options: object
    ) -> Path:
        """Write an Odoo configuration file (mode 0600) and return its path.

        :param vault: more for the section of the vault, whose ``environment`` is ``test`` otherwise
        :param options: override the defaults of the section of Odoo
        """
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        key_store.mkdir(parents=True, exist_ok=True, mode=0o700)
        values: dict[str, object] = {
            "addons_path": ",".join(str(item) for item in self.addons_path),
            "admin_passwd": secrets.token_urlsafe(24),
            "data_dir": self.data_dir,
            "db_host": self.server.host,
            "db_port": self.server.port,
            "db_user": self.server.user,
            "db_name": database,
            "dbfilter": f"^{re.escape(database)}$",
            "db_maxconn": 32,
            "list_db": False,
            "http_interface": "127.0.0.1",
            "http_port": 8069,
            "max_cron_threads": 0,
            "workers": 0,
            "log_level": "info",
        }
        if self.server.password:
            values["db_password"] = self.server.password
        values |= options
        lines = ["[options]", *(f"{key} = {value}" for key, value in values.items())]
        section = {"key_store": key_store, "environment": "test"} | dict(vault or {})
        lines += ["", "[pii_retention]", *(f"{key} = {value}" for key, value in section.items()), ""]
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write("\n".join(lines))
        return path

    def command(self, config: Path, *args: str) -> list[str]:
        """The command line of an Odoo server process."""
        return [str(self.python), "-m", "odoo", "server", "-c", str(config), *args]

    def exists(self, name: str) -> bool:
        """Whether the server has this database."""
        return bool(self.server.psql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))

    def names(self, prefix: str) -> list[str]:
        """Databases whose name starts with ``prefix``, oldest first."""
        return self.server.psql(f"SELECT datname FROM pg_database WHERE starts_with(datname, '{prefix}') ORDER BY oid")

    def drop(self, name: str) -> None:
        """Remove a database, its sessions and its files."""
        if self.exists(name):  # a restore that was killed leaves a template, which PostgreSQL does not drop
            self.server.psql(f'ALTER DATABASE "{name}" IS_TEMPLATE false')
        # as superuser: an autovacuum worker may be at work in it, which nobody else may end
        self.server.psql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', superuser=True)
        remove(self.filestore(name))

    def copy(self, source: str, target: str, files_of: Workplace | None = None) -> None:
        """``createdb -T`` together with the files (of another workplace if given)."""
        self.drop(target)
        # copying files beats logging every block, but only PostgreSQL 15 and newer can choose
        strategy = " STRATEGY FILE_COPY" if self.server.binaries.major >= 15 else ""
        self.server.psql(f'CREATE DATABASE "{target}" TEMPLATE "{source}"{strategy}')
        self.copy_files(files_of or self, source, target)

    def copy_files(self, other: Workplace, source: str, target: str) -> None:
        """Take over a database's files as hard links: Odoo never changes a stored file."""
        if other.filestore(source).is_dir():
            shutil.copytree(other.filestore(source), self.filestore(target), copy_function=os.link)

    def rename(self, source: str, target: str) -> None:
        """Give a finished database its final name: a half-made one never has it."""
        self.drop(target)
        if self.filestore(source).is_dir():
            self.filestore(source).rename(self.filestore(target))
        self.server.psql(f'ALTER DATABASE "{source}" RENAME TO "{target}"')

    def install(
        self, config: Path, log: Path, title: str, install: Iterable[str] = (), update: Iterable[str] = ()
    ) -> None:
        """Install or update modules in the configuration's database.

        :raises HouseError: with the first error line of Odoo's log.
        """
        args = ["--stop-after-init", "--no-http"]
        if install := ",".join(install):
            args += ["-i", install]
        if update := ",".join(update):
            args += ["-u", update]
        errors: list[str] = []
        with Step(title) as step:

            def listen(line: str) -> None:
                if match := re.search(r"loading \d+ modules", line):
                    step.update(step._fraction, "reading modules")
                if match := re.search(r"Loading module (\S+) \((\d+)/(\d+)\)", line):
                    done, total = int(match[2]), int(match[3])
                    step.update(0.05 if total == 1 else 0.98 * done / total, match[1])  # base loads alone, first
                if re.search(r" (ERROR|CRITICAL) ", line):
                    errors.append(line)

            code = run(self.command(config, *args), log, self.env, cwd=self.data_dir, on_line=listen)
        if code:
            first = re.sub(r"^\S+ \S+ \d+ \w+ \S+ ", "", errors[0]) if errors else tail(log)
            raise HouseError(f"Odoo could not set up the database: {first} [{log}]")

    def script(
        self,
        config: Path,
        database: str,
        log: Path,
        title: str,
        code: Path,
        watch: Callable[[], float] | None = None,
        **args: object,
    ) -> Any:
        """Run a file of ``house`` inside Odoo (:data:`ODOO_SCRIPT`) with progress and return what it set as ``result``.

        ``watch`` is asked every second how far the script is, from outside.
        :raises HouseError: when it fails, with the last line of its output.
        """
        with tempfile.TemporaryDirectory(prefix="odoo-amazon-") as scratch, Step(title) as step:
            job, result = Path(scratch) / "job.json", Path(scratch) / "result.json"
            job.write_text(json.dumps({"code": code.read_text(), "args": args, "login": None}))
            over = threading.Event()

            def look() -> None:
                while watch and not over.wait(1):
                    step.update(watch())

            def listen(line: str) -> None:
                if match := re.match(r"PROGRESS ([\d.]+) ?(.*)", line):
                    step.update(float(match[1]), match[2])

            command = [self.python, "-P", ODOO_SCRIPT, config, database, job, result]
            watcher = threading.Thread(target=look, daemon=True)
            watcher.start()
            try:
                ended = run(command, log, self.env, cwd=self.data_dir, on_line=listen)
            finally:
                over.set()
                watcher.join()
            if ended or not result.exists():
                raise HouseError(f"{title} failed: {tail(log, 1)} [{log}]")
            return json.loads(result.read_text())
