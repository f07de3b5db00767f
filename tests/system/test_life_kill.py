"""``kill -9`` while Odoo's documents follow Amazon: every unit leaves the stock once, every cancellation lands."""

from __future__ import annotations

import random
import time

from support.figures import figure

from . import scenario

SOLD, FROM_AMAZON = 240, 60
KILLS = 8
BEGIN = "import begins"

IMPORT = f"""
print("{BEGIN}", flush=True)
env["spapi.account"]._cron_import_orders(force=True)
Order = env["spapi.order"]
result = Order.search_count(["|", ("state", "in", ["new", "waiting"]), ("follow_up", "=", True)])
"""

STAGE = "SELECT (SELECT count(*) FROM spapi_order WHERE follow_up), (SELECT count(*) FROM sale_order)"

CHECK = """
def rows(sql):
    cr.execute(sql)
    return {row[0]: list(row[1:]) for row in cr.fetchall()}

result = {
    "states": rows("SELECT amazon_order_id, status, state, problem_code, follow_up FROM spapi_order"),
    "amazon": rows('''SELECT o.amazon_order_id, sum(l.quantity_fulfilled) FROM spapi_order o
                        JOIN spapi_order_line l ON l.order_id = o.id GROUP BY 1'''),
    "gone": rows('''SELECT s.client_order_ref, sum(m.quantity)::int FROM stock_move m
                      JOIN sale_order_line l ON l.id = m.sale_line_id JOIN sale_order s ON s.id = l.order_id
                     WHERE m.state = 'done' GROUP BY 1'''),
    "done": rows('''SELECT s.client_order_ref, count(*) FROM stock_picking k JOIN sale_order s ON s.id = k.sale_id
                     WHERE k.state = 'done' GROUP BY 1'''),
    "open": rows('''SELECT s.client_order_ref, count(*) FROM stock_picking k JOIN sale_order s ON s.id = k.sale_id
                     WHERE k.state NOT IN ('done', 'cancel') GROUP BY 1'''),
    "sales": rows("SELECT client_order_ref, state FROM sale_order"),
    "notes": rows('''SELECT s.client_order_ref, count(*) FROM mail_message m JOIN sale_order s ON s.id = m.res_id
                      WHERE m.model = 'sale.order' AND m.body LIKE '%At Amazon:%' GROUP BY 1'''),
    "customers": rows('''SELECT 'all', sum(q.quantity)::int FROM stock_quant q
                           JOIN stock_location c ON c.id = q.location_id WHERE c.usage = 'customer' '''),
}
"""


def _kill_some(odoo_db) -> tuple[int, int]:
    """``(kills, in how many different states of the database)``."""
    dice, killed, seen, span = random.Random(8), 0, set(), 1.0
    for _ in range(KILLS):
        script = odoo_db.start(IMPORT)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and script.process.poll() is None:
            if BEGIN.encode() in script.output.read_bytes():
                break
            time.sleep(0.02)
        time.sleep(dice.uniform(0.0, span))
        if script.process.poll() is None:
            script.kill()
            killed += 1
        stage = odoo_db.psql(STAGE)[0]
        span = 1.0 if stage not in seen else min(span * 2, 12.0)
        seen.add(stage)
    return killed, len(seen)


def test_kills_move_nothing_twice(odoo_db, sandbox):
    sold = sandbox.generate(scenario.MARKETPLACES, SOLD, case="fbm_unshipped", seed=11)
    scenario.unthrottled(sandbox)
    scenario.connect(odoo_db, sandbox)
    scenario.add_products(odoo_db, sandbox)
    odoo_db.allow_log(r"could not obtain lock", r"terminating connection", r"connection .* closed")
    assert odoo_db.python(IMPORT) == 0
    by_amazon = sandbox.generate(scenario.MARKETPLACES, FROM_AMAZON, case="fba", seed=12)
    scenario.add_products(odoo_db, sandbox)
    for number, order_id in enumerate(sold):
        status = "CANCELLED" if number % 4 == 0 else "SHIPPED"
        sandbox.control("POST", f"orders/{order_id}/transition", {"status": status})
    now = {order["orderId"]: order["fulfillment"]["fulfillmentStatus"] for order in sandbox.orders()}
    for order_id in by_amazon:
        if now[order_id] != "SHIPPED":
            sandbox.control("POST", f"orders/{order_id}/transition", {"status": "SHIPPED"})
        else:
            # the market made it in the past: what is read has gone by, so something happens to it now
            sandbox.control("PATCH", f"orders/{order_id}", {"programs": ["PRIME"]})
    sandbox.control("POST", "time", {"advance": 3600})
    killed, stages = _kill_some(odoo_db)
    figure("life_kills", killed, "kills")
    figure("life_kill_stages", stages, "stages")
    assert killed >= KILLS // 2 and stages > 1, "the import ended before it was killed: use more orders"
    for _ in range(5):
        if odoo_db.python(IMPORT) == 0:
            break
    found = odoo_db.python(CHECK)
    shipped = {key for key, row in found["states"].items() if row[0] == "SHIPPED"}
    cancelled = set(found["states"]) - shipped
    assert set(found["states"]) == {*sold, *by_amazon}
    assert len(cancelled) == SOLD // 4
    wrong = {
        key: row
        for key, row in found["states"].items()
        if row[1:3] != ["imported" if key in shipped else "cancelled", None] or row[3]
    }
    assert not wrong, wrong
    assert found["gone"] == {key: found["amazon"][key] for key in shipped}
    assert set(found["done"]) == shipped and {row[0] for row in found["done"].values()} == {1}
    assert not found["open"]
    assert {key for key, row in found["sales"].items() if row[0] == "cancel"} == cancelled
    assert set(found["notes"]) == {*sold, *by_amazon} and {row[0] for row in found["notes"].values()} == {1}
    units = sum(found["amazon"][key][0] for key in shipped)
    assert found["customers"]["all"][0] == units
    figure("life_units_after_kills", units, "units")
