"""Odoo, the Python environment and PostgreSQL, in the order in which each needs the one before."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import odoo, postgres, venv
from .cache import Cache
from .database import Workplace
from .odoo import Odoo
from .postgres import Cluster, Server


@dataclass(frozen=True)
class Base:
    """What every run stands on: the cache, Odoo and the venv's Python."""

    cache: Cache
    odoo: Odoo
    python: Path


def base(cache: Cache) -> Base:
    """Fetch and build what is missing, one run at a time. :raises HouseError: with what the user can do."""
    with cache.lock("setup"):
        found = odoo.ensure(cache)
        return Base(cache, found, venv.ensure(cache, found))


@contextlib.contextmanager
def workplace(found: Base, name: str, durable: bool) -> Iterator[tuple[Workplace, Path]]:
    """A server for ``name`` ('demo', 'test') and the folder of its databases' files, while the context lasts.

    The folder belongs to the server: databases and their files never part.
    """
    server = postgres.from_environment(found.cache)
    if server:
        mark = hashlib.sha256(f"{server.host}:{server.port}".encode()).hexdigest()[:8]
        folder = found.cache.folder(f"{name}/named-{mark}")
        yield Workplace(found.python, found.odoo, server, folder / "odoo"), folder
        return
    with found.cache.lock("setup"):
        binaries = postgres.find_binaries(found.cache)
    folder = found.cache.folder(f"{name}/pg{binaries.major}")
    cluster = Cluster(folder, binaries, durable)
    try:
        yield Workplace(found.python, found.odoo, cluster.start(), folder / "odoo"), folder
    finally:
        cluster.stop()


def state(place: Workplace, folder: Path, cluster: bool, template: str, run: Path) -> dict[str, object]:
    """What a test process needs to find the same workplace again, as JSON values."""
    server: Server = place.server
    return {
        "python": str(place.python),
        "odoo": {
            "dist": str(place.odoo.dist),
            "version": place.odoo.version,
            "addons": [str(path) for path in place.odoo.addons],
        },
        "cluster": str(folder) if cluster else "",
        "binaries": {
            "path": str(server.binaries.path),
            "major": server.binaries.major,
            "origin": server.binaries.origin,
        },
        "server": {"host": server.host, "port": server.port, "user": server.user, "superuser": server.superuser},
        "data_dir": str(place.data_dir),
        "template": template,
        "run": str(run),
    }
