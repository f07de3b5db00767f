"""Fixtures of all rings. Nothing here is imported by the pure ring until a test asks for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

_TESTS = Path(__file__).resolve().parent
for _path in (_TESTS, _TESTS.parent, _TESTS.parent / "bin"):
    if str(_path) not in sys.path:
        sys.path.insert(0, str(_path))

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from support.odoo import Database
    from support.pg import FreshCluster
    from support.sandbox import Sandbox
    from support.workplace import Prepared


@pytest.fixture(scope="session")
def prepared() -> Iterator[Prepared]:
    """The server and template database that ``bin/test`` prepared."""
    from house.errors import HouseError
    from support import workplace

    context = workplace.prepared()
    try:
        found = context.__enter__()
    except HouseError as exc:
        pytest.exit(str(exc), returncode=3)
    yield found
    context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def make_db(prepared: Prepared) -> Iterator[Callable[..., Database]]:
    """``make_db(label)``: a new copy of the template; all are dropped at the end of the session."""
    from support.odoo import Database

    made: list[Database] = []

    def make(label: str = "db") -> Database:
        made.append(Database(prepared.place, prepared.template, prepared.run, label))
        return made[-1]

    yield make
    for database in made:
        database.drop()


@pytest.fixture
def odoo_db(prepared: Prepared, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database for this test alone."""
    from support.odoo import Database

    database = Database(prepared.place, prepared.template, prepared.run, request.node.name)
    yield database
    database.drop()


@pytest.fixture(scope="module")
def odoo_db_module(prepared: Prepared, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database for the tests of one file."""
    from support.odoo import Database

    database = Database(prepared.place, prepared.template, prepared.run, Path(request.node.name).stem)
    yield database
    database.drop()


@pytest.fixture
def fresh_cluster(prepared: Prepared) -> Iterator[FreshCluster]:
    """A PostgreSQL cluster for this test alone, with the template database in it."""
    from support import pg

    with pg.fresh_cluster(prepared) as cluster:
        yield cluster


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A local Amazon for this test alone, with its defaults."""
    from support.sandbox import Sandbox

    with Sandbox(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture(scope="module")
def sandbox_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A local Amazon for the tests of one file."""
    from support.sandbox import Sandbox

    with Sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for the session."""
    from support.browser import chromium

    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a context of its own: no cookie survives."""
    context = browser.new_context()
    yield context.new_page()
    context.close()
