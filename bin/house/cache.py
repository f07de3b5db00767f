"""The cache folder: where Odoo, the venv, the PostgreSQL clusters and the databases' files live between runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path

from .errors import HouseError
from .progress import say

ROOT_CACHE = Path("/var/cache/odoo-amazon")
"""Root's cache is not below root's home: PostgreSQL runs as another user and has to reach its files."""


def home() -> Path:
    """The user's own home folder, also when ``HOME`` was inherited from somebody else (``runuser``, ``sudo -u``)."""
    own = Path(pwd.getpwuid(os.geteuid()).pw_dir)
    named = Path(os.environ.get("HOME") or own)
    return named if os.access(named, os.W_OK) or not os.access(own, os.W_OK) else own


def location() -> Path:
    """``ODOO_AMAZON_CACHE``, else root's folder, else ``$XDG_CACHE_HOME/odoo-amazon`` or ``~/.cache/odoo-amazon``."""
    named = os.environ.get("ODOO_AMAZON_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    if os.geteuid() == 0:
        return ROOT_CACHE
    base = os.environ.get("XDG_CACHE_HOME")
    if base and not os.access(base, os.W_OK):
        base = None
    return Path(base or home() / ".cache") / "odoo-amazon"


class Cache:
    """The folder, its lock and its free space."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or location()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                self.path.chmod(0o755)
            (self.path / "locks").mkdir(exist_ok=True)
        except OSError as exc:
            raise HouseError(
                f"The cache folder {self.path} cannot be made ({exc.strerror}); set ODOO_AMAZON_CACHE to another one."
            ) from exc
        if not os.access(self.path / "locks", os.W_OK):
            raise HouseError(f"The cache folder {self.path} is not writable; set ODOO_AMAZON_CACHE to another one.")

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def folder(self, name: str) -> Path:
        """A sub-folder, made when missing."""
        path = self.path / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def need_space(self, gigabytes: float) -> None:
        """:raises HouseError: when the cache's disk has less free than that."""
        free = shutil.disk_usage(self.path).free / 1e9
        if free < gigabytes:
            raise HouseError(
                f"The disk of {self.path} has {free:.1f} GB free and about {gigabytes:g} GB are needed; "
                "free some space or set ODOO_AMAZON_CACHE to a folder on a larger disk."
            )

    @contextlib.contextmanager
    def lock(self, name: str, wait: bool = True, busy: str = "") -> Iterator[None]:
        """Hold ``locks/<name>``: two runs never build the same thing at once. A killed holder frees it by dying.

        :raises HouseError: with ``busy`` as its text, when ``wait`` is false and another run holds the lock.
        """
        with (self.path / "locks" / name).open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not wait:
                    raise HouseError(busy or f"Another run holds {name}.") from None
                say("Another run is at work in the same cache folder; waiting for it.")
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def remove(path: Path) -> None:
    """Delete a file or a whole folder, whatever is left of it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
