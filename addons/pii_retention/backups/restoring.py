"""The work of ``odoo-bin pii_restore``: backups become a database, its files, or a key store again.

A database and its files come back into new places only; nothing that is there is overwritten. Before anybody logs in,
whoever was erased since is erased again (:mod:`..replay`). An old key store never comes back as it was: what is newer
than it, the registers of destroyed keys and erased people, is joined with it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from odoo.tools import config
from odoo.tools.misc import exec_pg_environ, find_pg_tool

from ..crypto import FileKeyStore
from . import sealing
from .errors import BackupError

_STAMP = re.compile(r"-([0-9]{8}T[0-9]{6}Z)\.(database|files|keys)\.age\Z")
_REGISTERS = ("tombstones.jsonl", "subjects.jsonl")


def taken_on(path: Path) -> datetime:
    """Return when a backup was taken, by its name (UTC).

    :raise BackupError: it is not named like one of ours
    """
    found = _STAMP.search(path.name)
    if not found:
        raise BackupError(f"{path.name} is not named like a backup of bin/backup.")
    return datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def check_digest(path: Path, expected: str | None) -> None:
    """Refuse a file that is not the one that was registered.

    :param expected: SHA-256 in hex, if it is known
    """
    if not path.is_file():
        raise BackupError(f"There is no backup {path}.")
    if expected and sealing.sha256_of(path) != expected:
        raise BackupError(f"{path.name} is not the file that was registered; do not restore it.")


def database(path: Path, name: str, identities: list[Any]) -> None:
    """Make the database ``name`` from a backup; a failed attempt leaves none.

    :raise BackupError: there is one of this name, or the backup does not open
    """
    environment = exec_pg_environ()
    psql = [find_pg_tool("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", "postgres"]
    quoted = '"' + name.replace('"', '""') + '"'
    made = subprocess.run(
        [*psql, "-c", f"CREATE DATABASE {quoted} TEMPLATE template0 ENCODING 'UTF8'"], env=environment, check=False
    )
    if made.returncode:
        raise BackupError(f"The database {name} could not be made; what PostgreSQL said stands above.")
    command = [find_pg_tool("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error", "--dbname", name]
    try:
        with sealing.opened(path, identities) as reader:
            code = subprocess.run(command, stdin=reader, env=environment, check=False).returncode
            while reader.read(1 << 20):  # to the end, where the encryption proves that nothing is missing
                pass
        if code:
            raise BackupError("pg_restore failed; what it said stands above.")
    except BaseException:
        subprocess.run([*psql, "-c", f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)"], env=environment, check=False)
        raise


def files(path: Path, name: str, identities: list[Any]) -> int:
    """Make the filestore of the database ``name`` from a backup; return how many files.

    :raise BackupError: there is one, or the backup does not open
    """
    folder = Path(config.filestore(name))
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"The database {name} has files already, in {folder}.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with sealing.opened(path, identities) as reader:
        return sealing.untar(reader, folder)


def key_store(path: Path, folder: Path, identities: list[Any], newest: Path | None, hours: float) -> dict[str, int]:
    """Make a key store of files from a backup, in an empty or missing folder.

    :param newest: what is left of the store that was lost, or a newer copy: its registers are joined with the backup's
    :param hours: older backups are refused: they bring keys back that have to be gone
    :return: what was joined: ``{register: entries}``
    :raise BackupError: the backup is too old or does not open, or there is a store already
    """
    age = datetime.now(UTC) - taken_on(path)
    if age > timedelta(hours=hours):
        raise BackupError(
            f"{path.name} is {age.total_seconds() / 3600:.0f} hours old; a backup of keys lives {hours:g} hours. Keys "
            "that were destroyed since would come back with it, and with them the people they belonged to. Delete it."
        )
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty. A key store that is whole is never replaced by an older one.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(folder, 0o700)
    with sealing.opened(path, identities) as reader:
        sealing.untar(reader, folder)
    joined = {name: _join(folder / name, newest / name) for name in _REGISTERS} if newest else {}
    (folder / "keys").mkdir(mode=0o700, exist_ok=True)
    # completes it, and destroys again whatever the joined registers say is destroyed
    FileKeyStore.initialise(folder, forbidden=[config["data_dir"]]).check_parts()
    return joined


def _join(register: Path, newer: Path) -> int:
    """Add to a register of tombstones what a newer copy of it holds; return how many entries."""
    known = {json.loads(line)["id"] for line in register.read_bytes().splitlines()}
    try:
        lines = newer.read_bytes().splitlines()
    except FileNotFoundError:
        return 0
    added = []
    for line in lines:
        try:
            entry = json.loads(line)["id"]
        except (ValueError, KeyError, TypeError):
            continue  # torn by a crash
        if entry not in known:
            added.append(line)
            known.add(entry)
    with register.open("ab") as file:
        file.writelines(line + b"\n" for line in added)
        file.flush()
        os.fsync(file.fileno())
    return len(added)
