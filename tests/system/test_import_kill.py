"""``kill -9`` at random moments of an import: every order exactly once, none missing."""

from __future__ import annotations

import random
import time

from support.figures import figure
from support.odoo import ScriptError

from . import scenario

ORDERS = 500
KILLS = 20
BEGIN = "import begins"

KILLED_IMPORT = f"""
import sys
print("{BEGIN}", flush=True)
env["spapi.account"]._cron_import_orders(force=True)
left = env["spapi.order"].search_count([("state", "in", ["new", "waiting"])])
result = left
"""

CHECK = """
cr.execute("SELECT amazon_order_id, count(*) FROM spapi_order GROUP BY 1")
orders = dict(cr.fetchall())
cr.execute("SELECT client_order_ref, count(*) FROM sale_order GROUP BY 1")
sales = dict(cr.fetchall())
cr.execute("SELECT s.client_order_ref, count(*) FROM stock_picking k JOIN sale_order s ON s.id = k.sale_id GROUP BY 1")
pickings = dict(cr.fetchall())
cr.execute("SELECT reference, count(*) FROM pii_subject GROUP BY 1")
subjects = dict(cr.fetchall())
cr.execute("SELECT name, count(*) FROM res_partner WHERE pii_subject_id IS NOT NULL GROUP BY 1")
partners = dict(cr.fetchall())
cr.execute("SELECT count(*) FROM sale_order s WHERE state <> 'sale' OR NOT EXISTS "
           "(SELECT 1 FROM spapi_order o WHERE o.sale_order_id = s.id)")
result = {"orders": orders, "sales": sales, "pickings": pickings, "subjects": subjects, "partners": partners,
          "stray": cr.fetchone()[0]}
"""


def _wait_for_begin(script, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and script.process.poll() is None:
        if BEGIN.encode() in script.output.read_bytes():
            return
        time.sleep(0.02)
    if script.process.poll() is None:
        raise AssertionError("the import never began")


def test_twenty_kills_lose_and_double_nothing(odoo_db, sandbox):
    expected = set(sandbox.generate(scenario.MARKETPLACES, ORDERS, case="fbm_unshipped", seed=11))
    scenario.unthrottled(sandbox)
    scenario.connect(odoo_db, sandbox)
    scenario.add_products(odoo_db, sandbox)
    odoo_db.allow_log(r"could not obtain lock", r"terminating connection", r"connection .* closed")
    dice = random.Random(20)
    killed = stages = 0
    seen = set()
    span = 1.0
    for _ in range(KILLS):
        script = odoo_db.start(KILLED_IMPORT)
        _wait_for_begin(script)
        time.sleep(dice.uniform(0.0, span))
        if script.process.poll() is None:
            script.kill()
            killed += 1
        stored = odoo_db.psql("SELECT (SELECT count(*) FROM spapi_order), (SELECT count(*) FROM sale_order)")[0]
        # wait longer where nothing was committed in between, so that the kills spread over the whole import
        span = 1.0 if stored not in seen else min(span * 1.6, 8.0)
        stages += stored not in seen
        seen.add(stored)
    figure("import_kills", killed, "kills", KILLS)
    figure("import_kill_stages", stages, "stages")
    assert killed == KILLS, "the import ended before it was killed: use more orders"
    for _ in range(5):
        try:
            if odoo_db.python(KILLED_IMPORT) == 0:
                break
        except ScriptError as error:  # pragma: no cover - shown by the assertion
            raise AssertionError(f"after the kills the import fails: {error}") from error
    found = odoo_db.python(CHECK)
    for what in ("orders", "sales", "pickings", "subjects"):
        assert set(found[what]) == expected, f"{what}: {len(found[what])} of {len(expected)}"
        assert set(found[what].values()) == {1}, f"{what} doubled"
    assert len(found["partners"]) == len(expected) and set(found["partners"].values()) == {1}
    assert found["stray"] == 0
    figure("orders_after_kills", len(found["orders"]), "orders", ORDERS)
