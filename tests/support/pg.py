"""PostgreSQL for tests that look into its files."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from house.cache import remove
from house.database import Workplace
from house.postgres import Cluster

from .workplace import Prepared

_numbers = itertools.count(1)


@dataclass(frozen=True)
class FreshCluster:
    """A cluster made for one test: its WAL holds nothing but what the test did and the loading of the template.

    ``data`` is PostgreSQL's data folder (``pg_wal``, ``base``, …), ``log`` its server log.
    """

    place: Workplace
    template: str
    run: Path
    folder: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """PostgreSQL's own log."""
        return self.folder / "server.log"


@contextlib.contextmanager
def fresh_cluster(base: Prepared) -> Iterator[FreshCluster]:
    """A new durable cluster with the template database loaded into it; gone with the context."""
    folder = base.run / f"pg{os.getpid()}_{next(_numbers)}"
    cluster = Cluster(folder, base.place.server.binaries, durable=True)
    server = cluster.start()
    try:
        place = replace(base.place, server=server, data_dir=folder / "odoo")
        server.psql(f'CREATE DATABASE "{base.template}" TEMPLATE template0')
        with tempfile.TemporaryDirectory() as scratch:
            dump = Path(scratch) / "template.dump"
            _libpq(base.place, "pg_dump", "-Fc", "-Z1", "-f", str(dump), base.template)
            _libpq(place, "pg_restore", "--no-owner", "--no-comments", "-j2", "-d", base.template, str(dump))
        place.copy_files(base.place, base.template, base.template)
        yield FreshCluster(place, base.template, base.run, folder)
    finally:
        cluster.stop()
        remove(folder)


def _libpq(place: Workplace, program: str, *args: str) -> None:
    subprocess.run([str(place.server.binaries[program]), *args], env=place.env, check=True)
