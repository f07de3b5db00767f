"""The work of ``odoo-bin pii_backup``: three backups that only together, and only in the right hands, are anything.

====================  ==============================================================================================
``*.database.age``    ``pg_dump`` in its custom format
``*.files.age``       the filestore of the database, as a tar
``*.keys.age``        the key store: keys first, registers after them, so that no destroyed key lacks its tombstone
====================  ==============================================================================================

Each is encrypted for its recipients while it is read; nothing lies on the disk in between. The keys have recipients of
their own, and live for some hours instead of months.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from odoo.tools import SQL, config
from odoo.tools.misc import exec_pg_environ, find_pg_tool

from .. import filestore, keys, transactions
from . import key_database, names, places, sealing, upkeep
from .errors import BackupError
from .places import DATABASE, FILES, KEYS

#: Files of a key store that are made anew with it.
_NOT_KEPT = ("lock",)
#: Number of the advisory lock: one process at a time takes backups of a database.
_LOCK = 507_720_141


@dataclass(frozen=True)
class Wanted:
    """What to back up and where to.

    :param targets: folder of each kind
    :param recipients: ``age1…`` for database and files
    :param key_recipients: others, for the keys
    :param same_device: the operator vouches for keys beside the data
    """

    targets: dict[str, Path]
    recipients: list[str]
    key_recipients: list[str]
    same_device: bool = False


def take(env, wanted: Wanted) -> Any:
    """Take the backups that are wanted, register each as soon as it is whole, and delete own ones that have expired.

    What a killed run has left is registered or removed first. Commits.

    :return: the new rows of the register
    :raise BackupError: a place, a recipient or a program is not as it must be, another run is at work, or an expired
        backup cannot be deleted; parts that were finished are registered
    """
    keyring, configured = keys.unbound(env)
    parsed = _checked(wanted, configured)
    labels = {kind: keyring.store_id[:8] if kind == KEYS else env.cr.dbname for kind in parsed}
    register = env["pii.backup"]
    with transactions.lock_cursor(env) as lock:
        lock.execute(SQL("SELECT pg_try_advisory_xact_lock(%s)", _LOCK))
        if not lock.fetchone()[0]:
            raise BackupError("Backups of this database are being taken right now; wait for the other run to end.")
        upkeep.adopt(register, wanted.targets.values(), set(labels.values()))
        transactions.commit(env)
        made = register
        moment = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        for kind, recipients in parsed.items():
            made |= _take(env, configured, names.Name(labels[kind], moment, kind), wanted, recipients)
            transactions.commit(env)
        stuck = upkeep.delete_expired(register)
        register._cron_check()
        transactions.commit(env)
    if stuck:
        raise BackupError(f"Backups that have expired cannot be deleted: {', '.join(stuck)}. Delete them by hand.")
    return made


def _checked(wanted: Wanted, configured) -> dict[str, list[Any]]:
    """Return the parsed recipients of each kind that is wanted.

    :raise BackupError: the places or recipients keep the keys not apart from the data
    """
    store = Path(configured.path) if configured.path else None
    data = [Path(config["data_dir"])]
    places.check(wanted.targets, data, store, same_device=wanted.same_device or not configured.production)
    if KEYS in wanted.targets:
        places.check({KEYS: wanted.targets[KEYS]}, map(Path, configured.backup_paths), store, same_device=True)
        if set(wanted.key_recipients) & set(wanted.recipients):
            raise BackupError(
                "The keys are encrypted for somebody else than the data: whoever opens one must not open the other. "
                "Name other recipients for them."
            )
    return {
        kind: sealing.recipients_of(wanted.key_recipients if kind == KEYS else wanted.recipients)
        for kind in (DATABASE, FILES, KEYS)
        if kind in wanted.targets
    }


def _take(env, configured, name: names.Name, wanted: Wanted, recipients: list[Any]):
    """Take one backup; return its row of the register."""
    path = wanted.targets[name.kind] / str(name)
    source = {DATABASE: _database, FILES: _files, KEYS: _keys}[name.kind]
    with source(env, configured) as reader:
        sealed = sealing.seal(reader, path, recipients)
    register = env["pii.backup"]
    return register.create(
        {
            "name": path.name,
            "kind": name.kind,
            "run": name.mark,
            "host": register._host(),
            "path": str(path.parent.resolve()),
            "is_own": True,
            "made_on": name.taken,
            "size": sealed.size,
            "sha256": sealed.sha256,
            "encrypted": True,
            "recipients": "\n".join(wanted.key_recipients if name.kind == KEYS else wanted.recipients),
        }
    )


# === SOURCES === #


@contextmanager
def _dump(arguments: list[str], environment: dict[str, str]) -> Iterator[BinaryIO]:
    """Yield what ``pg_dump`` writes.

    :raise BackupError: it failed; its own words are in its output
    """
    command = [find_pg_tool("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment) as process:
        yield _Whole(process)


class _Whole(io.RawIOBase):
    """The output of a process; its end is an end only if the process ended well."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__()
        self._process = process

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:  # pylint: disable=method-required-super
        data = self._process.stdout.read(size)
        if not data and self._process.wait():
            raise BackupError("pg_dump failed; what it said stands above.")
        return data


def _database(env, _configured):
    return _dump([env.cr.dbname], exec_pg_environ())


def _files(env, _configured):
    def is_wanted(name: str) -> bool:
        return not name.startswith("checklist/") and not name.endswith(filestore.ASIDE)

    return sealing.tar_of(Path(config.filestore(env.cr.dbname)), is_wanted)


def _keys(_env, configured):
    if configured.dsn:
        place, environment = key_database.command_line(configured.dsn)
        return _dump(["--schema=pii_keys", place], environment)
    return _store(Path(configured.path))


def _store(folder: Path):
    def work(writer: BinaryIO) -> None:
        with tarfile.open(fileobj=writer, mode="w|") as tar:
            sealing.add_to(tar, folder, lambda name: name.startswith("keys/"))
            sealing.add_to(tar, folder, lambda name: not name.startswith(("keys/", ".tmp-")) and name not in _NOT_KEPT)

    return sealing.piped(work)
