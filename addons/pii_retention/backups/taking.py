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
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from odoo.tools import config
from odoo.tools.misc import exec_pg_environ, find_pg_tool

from .. import keys
from . import places, sealing
from .errors import BackupError
from .places import DATABASE, FILES, KEYS

#: Files of a key store that are made anew with it.
_NOT_KEPT = ("lock",)


@dataclass(frozen=True)
class Wanted:
    """What to back up and where to.

    :param targets: folder of each kind
    :param recipients: ``age1…`` for database and files
    :param key_recipients: others, for the keys
    :param same_device: the operator vouches for keys beside the data
    :param keep_expired: do not delete own backups that have expired
    """

    targets: dict[str, Path]
    recipients: list[str]
    key_recipients: list[str]
    same_device: bool = False
    keep_expired: bool = False


def take(env, wanted: Wanted) -> list[Any]:
    """Take the backups that are wanted, register them, and delete own ones that have expired.

    :return: the new rows of the register
    :raise BackupError: a place, a recipient or a program is not as it must be; parts that were finished are registered
    """
    keyring, configured = keys.unbound(env)
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
    recipients = {kind: wanted.key_recipients if kind == KEYS else wanted.recipients for kind in wanted.targets}
    parsed = {kind: sealing.recipients_of(texts) for kind, texts in recipients.items()}
    moment = datetime.now(UTC)
    mark = moment.strftime("%Y%m%dT%H%M%SZ")
    made = env["pii.backup"]
    sources = {DATABASE: _database, FILES: _files, KEYS: _keys}
    for kind in (DATABASE, FILES, KEYS):
        if kind not in wanted.targets:
            continue
        label = keyring.store_id[:8] if kind == KEYS else env.cr.dbname
        path = wanted.targets[kind] / f"{label}-{mark}.{kind}{sealing.SUFFIX}"
        with sources[kind](env, configured) as reader:
            sealed = sealing.seal(reader, path, parsed[kind])
        made |= made.create(
            {
                "name": path.name,
                "kind": kind,
                "run": mark,
                "host": made._host(),
                "path": str(path.parent.resolve()),
                "is_own": True,
                "made_on": moment.replace(tzinfo=None, microsecond=0),
                "size": sealed.size,
                "sha256": sealed.sha256,
                "encrypted": True,
                "recipients": "\n".join(recipients[kind]),
            }
        )
    if not wanted.keep_expired:
        delete_expired(env)
    return made


def delete_expired(env) -> int:
    """Delete own backups of this machine that have expired, and note it; return how many."""
    count = 0
    for backup in env["pii.backup"].search([("is_own", "=", True), ("state", "!=", "deleted")]):
        if backup.expires_on <= datetime.now(UTC).replace(tzinfo=None) and backup._lies_here():
            try:
                os.unlink(backup._file())
                count += 1
            except FileNotFoundError:
                pass
            except OSError as error:
                raise BackupError(f"{backup.name} has expired and cannot be deleted: {error.strerror}.") from error
    env["pii.backup"]._cron_check()
    return count


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
    return sealing.tar_of(Path(config.filestore(env.cr.dbname)), lambda name: not name.startswith("checklist/"))


def _keys(_env, configured):
    if configured.dsn:
        return _dump(["--schema=pii_keys", f"--dbname={configured.dsn}"], dict(os.environ))
    return _store(Path(configured.path))


def _store(folder: Path):
    def work(writer: BinaryIO) -> None:
        with tarfile.open(fileobj=writer, mode="w|") as tar:
            sealing.add_to(tar, folder, lambda name: name.startswith("keys/"))
            sealing.add_to(tar, folder, lambda name: not name.startswith(("keys/", ".tmp-")) and name not in _NOT_KEPT)

    return sealing.piped(work)
