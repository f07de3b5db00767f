"""The workplace that ``bin/test`` prepared: interpreter, Odoo, server and template database."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from house.cache import location
from house.database import Workplace
from house.errors import HouseError
from house.odoo import Odoo
from house.postgres import Binaries, Cluster, Server


@dataclass(frozen=True)
class Prepared:
    """A :class:`house.database.Workplace`, the name of its template database and the folder for this run's logs."""

    place: Workplace
    template: str
    run: Path


@contextlib.contextmanager
def prepared() -> Iterator[Prepared]:
    """Join the server that the last ``bin/test`` used (or start it again) while the context lasts.

    :raises HouseError: when no run has prepared one.
    """
    path = Path(os.environ.get("HOUSE_STATE") or location() / "test" / "state.json")
    try:
        state = json.loads(path.read_text())
    except OSError as exc:
        raise HouseError("There is no test database yet; run bin/test system once.") from exc
    binaries = Binaries(
        Path(state["binaries"]["path"]), int(state["binaries"]["major"]), str(state["binaries"]["origin"])
    )
    found = state["odoo"]
    odoo = Odoo(Path(found["dist"]), found["version"], tuple(Path(item) for item in found["addons"]))
    run = Path(state["run"])
    run.mkdir(parents=True, exist_ok=True)
    python, data_dir = Path(state["python"]), Path(state["data_dir"])
    if state["cluster"]:
        with Cluster(Path(state["cluster"]), binaries, durable=False) as server:
            yield Prepared(Workplace(python, odoo, server, data_dir), state["template"], run)
        return
    named = state["server"]
    server = Server(
        named["host"],
        int(named["port"]),
        named["user"],
        named["superuser"],
        binaries,
        os.environ.get("PGPASSWORD", ""),
    )
    yield Prepared(Workplace(python, odoo, server, data_dir), state["template"], run)
