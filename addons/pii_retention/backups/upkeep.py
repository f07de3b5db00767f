"""Backups that have expired are deleted, and what a crash or a restore left out of the register is put into it.

Functions, not methods of a model. Nothing that stands in the database alone makes a file disappear: its name has to say
that it is a backup whose time is over (:mod:`.names`). A row that names a key file, or a fresh backup, deletes neither.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from odoo import fields

from . import names, sealing

_logger = logging.getLogger(__name__)

#: System parameter: names that this database had before it was restored, separated by slashes.
FORMER = "pii_retention.former_names"


def delete_expired(register) -> list[str]:
    """Delete own backups of this machine whose time is over; return the names of those that could not be deleted.

    :param register: ``pii.backup``, superuser
    """
    stuck = []
    now = fields.Datetime.now()
    for backup in register.search([("is_own", "=", True), ("state", "!=", "deleted")]):
        named = names.parse(backup.name)
        if not named or not backup._lies_here() or named.taken + register._life(named.kind) > now:
            continue
        try:
            os.unlink(backup._file())
        except FileNotFoundError:
            pass
        except OSError as error:
            _logger.info("The backup %s has expired and cannot be deleted: %s", backup.name, error.strerror)
            stuck.append(backup.name)
    return stuck


def adopt(register, folders: Iterable[Path], labels: set[str]) -> int:
    """Register backups that lie in ``folders`` and that no row knows, and remove unfinished ones; return how many.

    A process that was killed has not registered what it wrote; a database that was restored knows nothing of the
    backups that were taken after it. Nobody would ever delete them.

    :param labels: names of databases and of the key store whose backups are ours; those of others are left alone
    """
    # under whatever name this database had when they were taken
    # sudo: a system parameter, no secret
    labels = labels | set((register.env["ir.config_parameter"].sudo().get_param(FORMER) or "").split("/"))
    for (name,) in register._read_group([("is_own", "=", True)], ["name"]):
        if named := names.parse(name):
            labels = labels | {named.label}
    count = 0
    for folder in folders:
        known = set(register.search([("path", "=", str(folder.resolve())), ("is_own", "=", True)]).mapped("name"))
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if not entry.is_file(follow_symlinks=False):
                continue
            half, whole = names.parse_half(entry.name), names.parse(entry.name)
            if half and half.label in labels:
                _remove_if_dead(Path(entry.path))
            elif whole and whole.label in labels and entry.name not in known:
                found = register.create(
                    {
                        "name": entry.name,
                        "kind": whole.kind,
                        "run": whole.mark,
                        "host": register._host(),
                        "path": str(folder.resolve()),
                        "is_own": True,
                        "made_on": whole.taken,
                        "size": entry.stat().st_size,
                        "sha256": sealing.sha256_of(Path(entry.path)),
                        "encrypted": True,
                    }
                )
                found._message_log(body=register.env._("It lay in its folder, and the register did not know it."))
                count += 1
    return count


def remember(env, name: str) -> None:
    """Remember under which name the database was backed up from which ``env`` was restored."""
    # sudo: as in adopt
    parameters = env["ir.config_parameter"].sudo()
    former = set((parameters.get_param(FORMER) or "").split("/")) - {"", env.cr.dbname}
    parameters.set_param(FORMER, "/".join(sorted(former | {name})))


def _remove_if_dead(path: Path) -> None:
    """Remove an unfinished file unless somebody is writing it: its writer holds a lock on it."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except (BlockingIOError, FileNotFoundError):
        return
