"""Where backups go: three places that are really apart. Pure, no Odoo."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from .errors import BackupError

DATABASE, FILES, KEYS = "database", "files", "keys"


def check(targets: Mapping[str, Path], data: Iterable[Path], store: Path | None, *, same_device: bool) -> None:
    """Refuse places where one theft, or one restore, takes keys and data together.

    :param targets: folder of each kind (``database``, ``files``, ``keys``); they have to exist
    :param data: Odoo's data directory and whatever else of the data lies on this machine
    :param store: the key store's own folder, if it is one
    :param same_device: keys may lie on the same device as the other backups; the operator vouches for it
    :raises BackupError: naming the two
    """
    real = {}
    for kind, path in targets.items():
        if not path.is_dir():
            raise BackupError(f"The folder for backups of the {kind} is not there: {path}. Mount or make it.")
        if os.stat(path).st_mode & 0o077:
            raise BackupError(f"The folder for backups of the {kind} can be reached by others; chmod 700 {path}.")
        real[kind] = Path(os.path.realpath(path))
    kinds = sorted(real)
    for index, one in enumerate(kinds):
        for other in kinds[index + 1 :]:
            if _nested(real[one], real[other]):
                raise BackupError(
                    f"Backups of the {one} and of the {other} must not share a folder: {real[one]} and {real[other]}. "
                    "Give each a place of its own."
                )
    for folder in data:
        for kind, path in real.items():
            if _nested(Path(os.path.realpath(folder)), path):
                raise BackupError(f"Backups of the {kind} must not lie in or around {folder}, which is backed up.")
    if store is not None:
        for kind, path in real.items():
            if _nested(Path(os.path.realpath(store)), path):
                raise BackupError(f"Backups of the {kind} must not lie in or around the key store.")
    devices = {kind: os.stat(path).st_dev for kind, path in real.items()}
    if not same_device and devices.get(KEYS) in {devices.get(DATABASE), devices.get(FILES)}:
        raise BackupError(
            "Backups of the keys lie on the same device as those of the data: whoever takes the device has both. Put "
            "them on another volume, or vouch for it with --same-device."
        )


def _nested(one: Path, other: Path) -> bool:
    """Whether one is the other, or lies in it, by name or by way of a mount."""
    if one == other or one in other.parents or other in one.parents:
        return True
    try:
        ids = [{(os.stat(path).st_dev, os.stat(path).st_ino) for path in (start,)} for start in (one, other)]
        around = [
            {(os.stat(path).st_dev, os.stat(path).st_ino) for path in start.parents if path != Path(path.anchor)}
            for start in (one, other)
        ]
    except OSError:
        return False
    return bool(ids[0] & (ids[1] | around[1]) or ids[1] & around[0])
