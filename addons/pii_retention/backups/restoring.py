"""The work of ``odoo-bin pii_restore``: backups become a database, its files, or a key store again.

A database and its files come back into new places only; nothing that is there is overwritten. Before anybody logs in,
whoever was erased since is erased again (:mod:`..replay`). An old key store never comes back as it was: what is newer
than it, the registers of destroyed keys and erased people, is joined with it.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from odoo.tools import config
from odoo.tools.misc import exec_pg_environ, find_pg_tool

from ..crypto import FileKeyStore
from ..crypto.posix import TEMPORARY
from ..figures import CATALOGUE
from . import names, new_database, sealing
from .errors import BackupError

#: Hours that the strictest source gives a backup of keys.
KEY_HOURS = CATALOGUE["key_backup_hours"].strict
#: Registers that are only ever added to.
_REGISTERS = ("tombstones.jsonl", "subjects.jsonl", "revoked.jsonl")
_ANCHORS, _MARKER = "anchors", "keystore.json"
#: Lies in a key store that is not whole yet.
_UNFINISHED = TEMPORARY + "restoring"


def check_digest(path: Path, expected: str | None) -> None:
    """Refuse a file that is not the one that was registered.

    :param expected: SHA-256 in hex, if it is known
    """
    if not path.is_file():
        raise BackupError(f"There is no backup {path}.")
    if expected and sealing.sha256_of(path) != expected:
        raise BackupError(f"{path.name} is not the file that was registered; do not restore it.")


def database(path: Path, name: str, identities: list[Any]) -> None:
    """Fill an empty database from a backup.

    :raise BackupError: the backup does not open
    """
    command = [find_pg_tool("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error", "--dbname", name]
    environment = exec_pg_environ() | {"PGAPPNAME": new_database.FILLER}
    with sealing.opened(path, identities) as reader:
        code = subprocess.run(command, stdin=reader, env=environment, check=False).returncode
        while reader.read(1 << 20):  # to the end, where the encryption proves that nothing is missing
            pass
    if code:
        raise BackupError("pg_restore failed; what it said stands above.")


def files(path: Path, name: str, identities: list[Any]) -> int:
    """Fill the empty filestore of the database ``name`` from a backup; return how many files.

    :raise BackupError: the backup does not open
    """
    folder = Path(config.filestore(name))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with sealing.opened(path, identities) as reader:
        return sealing.untar(reader, folder)


# === KEYS === #


def check_age(path: Path, hours: float) -> None:
    """Refuse a backup of keys that brings back keys which have to be gone.

    :param hours: how old it may be; more than the strictest source allows does not count
    :raise BackupError: it is older, or its name does not say how old it is
    """
    hours = min(hours, KEY_HOURS)
    age = names.age_of(path, datetime.now(UTC))
    if age is None:
        raise BackupError(f"{path.name} is not named like a backup of bin/backup, and nobody knows how old it is.")
    if age > hours:
        raise BackupError(
            f"{path.name} is {age:.0f} hours old; a backup of keys lives {hours:g} hours. Keys "
            "that were destroyed since would come back with it, and with them the people they belonged to. Delete it."
        )


def key_store(path: Path, folder: Path, identities: list[Any], newest: Path | None) -> dict[str, int]:
    """Make a key store of files from a backup, in an empty or missing folder; a failed attempt leaves it empty.

    :param newest: what is left of the store that was lost, or a newer copy: its registers are joined with the backup's
    :return: what was joined: ``{register: entries}``
    :raise BackupError: the backup does not open, there is a store already, or ``newest`` is of another one
    """
    if newest and not any((newest / name).is_file() for name in _REGISTERS):
        raise BackupError(f"In {newest} lies no register of a key store; --newest names its folder.")
    if folder.exists() and any(folder.iterdir()) and not (folder / _UNFINISHED).exists():
        raise BackupError(f"{folder} is not empty. A key store that is whole is never replaced by an older one.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(folder, 0o700)
    _clear(folder)
    (folder / _UNFINISHED).touch(mode=0o600)
    try:
        with sealing.opened(path, identities) as reader:
            sealing.untar(reader, folder)
        joined = _join_all(folder, newest) if newest else {}
        (folder / "keys").mkdir(mode=0o700, exist_ok=True)
        # completes it, and destroys again whatever the joined registers say is destroyed
        FileKeyStore.initialise(folder, forbidden=[config["data_dir"]]).check_parts()
        (folder / _UNFINISHED).unlink(missing_ok=True)
    except BaseException:
        _clear(folder)
        raise
    return joined


def _clear(folder: Path) -> None:
    """Overwrite and remove what lies in ``folder``: keys that no register knows must not lie about."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
            continue
        if path.is_file() and not path.is_symlink():
            with path.open("r+b") as file:
                file.write(bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
        path.unlink()


def _join_all(folder: Path, newest: Path) -> dict[str, int]:
    """Bring the registers of a key store up to those of a newer copy of it.

    :raise BackupError: the copy is one of another store
    """
    with suppress(FileNotFoundError):
        if (newest / _MARKER).read_bytes() != (folder / _MARKER).read_bytes():
            raise BackupError(f"{newest} is a copy of another key store; nothing was joined.")
    joined = {name: _join(folder / name, newest / name) for name in _REGISTERS}
    anchors = newest / _ANCHORS
    for path in sorted(anchors.glob("*")) if anchors.is_dir() else []:
        ours = folder / _ANCHORS / path.name
        before, after = ours.read_bytes() if ours.exists() else b"", path.read_bytes()
        # an anchor file only grows; a head begins with a number of fixed length
        if after[:20] > before[:20] if path.suffix == ".head" else after.startswith(before.rpartition(b"\n")[0]):
            ours.parent.mkdir(mode=0o700, exist_ok=True)
            ours.touch(mode=0o600)
            ours.write_bytes(after)
    return joined


def _join(register: Path, newer: Path) -> int:
    """Add to a register what a newer copy of it holds; return how many entries."""
    known = dict(_lines(register))
    added = {entry: line for entry, line in _lines(newer) if entry not in known}
    register.touch(mode=0o600)
    with register.open("wb") as file:
        # what was torn when the backup was taken was confirmed to nobody, and goes
        file.writelines(line + b"\n" for line in (known | added).values())
        file.flush()
        os.fsync(file.fileno())
    return len(added)


def _lines(register: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the entries of a register and their lines, without what a crash has torn; none if it is not there."""
    with suppress(FileNotFoundError):
        for line in register.read_bytes().splitlines():
            with suppress(ValueError, KeyError, TypeError):
                yield json.loads(line)["id"], line
