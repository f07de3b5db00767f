"""The support library itself: if it cannot see or kill, no test that stands on it proves anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from support.browser import log_in
from support.odoo import Database, ScriptError
from support.pg import FreshCluster
from support.sandbox import ControlError, Sandbox


def test_script_commits_and_answers(odoo_db: Database) -> None:
    """A script's result comes back and its writes stay."""
    assert odoo_db.python("result = env['res.partner'].create({'name': name}).name", name="Ring") == "Ring"
    assert odoo_db.psql("SELECT count(*) FROM res_partner WHERE name = 'Ring'") == ["1"]


def test_script_that_raises_rolls_back(odoo_db: Database) -> None:
    """A failing script is an error here, and nothing of it stays."""
    with pytest.raises(ScriptError, match="on purpose"):
        odoo_db.python("env['res.partner'].create({'name': 'Gone'}); env.flush_all(); raise ValueError('on purpose')")
    assert odoo_db.psql("SELECT count(*) FROM res_partner WHERE name = 'Gone'") == ["0"]


def test_killed_script_leaves_what_it_committed(odoo_db: Database) -> None:
    """``kill`` is a real kill -9: the committed half is there, the rest is not."""
    script = odoo_db.start(
        """
        import time
        env['res.partner'].create({'name': 'Committed'})
        cr.commit()
        env['res.partner'].create({'name': 'Lost'})
        env.flush_all()
        time.sleep(600)
        """
    )
    until = time.monotonic() + 60
    committed = "SELECT count(*) FROM res_partner WHERE name = 'Committed'"
    while odoo_db.psql(committed) == ["0"] and time.monotonic() < until:
        time.sleep(0.05)
    script.kill()
    assert script.process.returncode == -9
    assert odoo_db.psql("SELECT name FROM res_partner WHERE name IN ('Committed', 'Lost')") == ["Committed"]


def test_dump_and_restore(odoo_db: Database, tmp_path: Path) -> None:
    """A dump holds the data in clear, and a database restored from it works."""
    odoo_db.python("env['res.partner'].create({'name': 'Dumped'})")
    dump = odoo_db.dump(tmp_path / "dump.sql")
    assert "Dumped" in dump.read_text()
    restored = odoo_db.restore(dump)
    assert restored.python("result = env['res.partner'].search_count([('name', '=', 'Dumped')])") == 1
    restored.drop()


def test_server_and_browser(odoo_db: Database, page: Page) -> None:
    """A browser logs in to a served database."""
    odoo_db.python("env.ref('base.user_admin').password = 'browser-password'")
    with odoo_db.serve() as server:
        log_in(page, server.url, "admin", "browser-password")
        assert page.locator(".o_main_navbar").count() == 1


def test_fresh_cluster_has_its_own_wal(fresh_cluster: FreshCluster) -> None:
    """What is written here can be found in this cluster's WAL."""
    server = fresh_cluster.place.server
    marker = "wal-marker-c2f1"
    server.psql(f"CREATE TABLE marker AS SELECT '{marker}'::text AS t", fresh_cluster.template)
    wal = b"".join(path.read_bytes() for path in (fresh_cluster.data / "pg_wal").iterdir() if path.is_file())
    assert marker.encode() in wal
    database = Database(fresh_cluster.place, fresh_cluster.template, fresh_cluster.run, "fresh")
    assert database.python("result = env['res.users'].search_count([])") > 0
    database.drop()


def test_sandbox_control(sandbox: Sandbox) -> None:
    """Orders that were asked for are there, also after a restart, and a refusal is an error here."""
    ids = sandbox.generate(["APJ6JRA9NG5V4"], 3)
    assert len(ids) == 3
    sandbox.kill()
    sandbox.start()
    assert {order["orderId"] for order in sandbox.orders()} >= set(ids)
    with pytest.raises(ControlError):
        sandbox.control("GET", "no-such-thing")


def test_databases_are_apart(make_db: Callable[..., Database]) -> None:
    """Two copies share neither rows nor files."""
    one, two = make_db("one"), make_db("two")
    one.python("env['ir.attachment'].create({'name': 'only here', 'raw': b'only here'})")
    assert two.psql("SELECT count(*) FROM ir_attachment WHERE name = 'only here'") == ["0"]
    assert one.data_dir != two.data_dir
