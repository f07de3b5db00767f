"""Amazon cancels orders while the warehouse validates them: what leaves is known, what is cancelled stays."""

from __future__ import annotations

import time

from support.figures import figure

from . import scenario

ORDERS = 6

IMPORT = """
env["spapi.account"]._cron_import_orders(force=True)
result = env["spapi.order"].search_count(["|", ("state", "in", ["new", "waiting"]), ("follow_up", "=", True)])
"""

WAREHOUSE = """
import time
from pathlib import Path

def wait_for(name):
    print(f"waits for {name}", flush=True)
    while not (Path(folder) / name).exists():
        time.sleep(0.02)

result = {}
for place, number in enumerate(numbers):
    if place == 1:
        wait_for("import ended")
    picking = env["sale.order"].search([("client_order_ref", "=", number)]).picking_ids
    try:
        for move in picking.move_ids:
            move.write({"quantity": move.product_uom_qty, "picked": True})
        picking.button_validate()
        env.flush_all()
        if not place:
            wait_for("import waits")
        env.cr.commit()
        result[number] = "shipped"
    except Exception as error:
        env.cr.rollback()
        env.invalidate_all()
        result[number] = type(error).__name__
"""

CHECK = """
cr.execute('''SELECT o.amazon_order_id, o.state, o.problem_code, s.state, array_agg(DISTINCT k.state),
                     (SELECT count(*) FROM mail_activity a WHERE a.res_model = 'sale.order' AND a.res_id = s.id)
                FROM spapi_order o JOIN sale_order s ON s.id = o.sale_order_id JOIN stock_picking k ON k.sale_id = s.id
               GROUP BY o.id, s.id''')
result = {row[0]: list(row[1:]) for row in cr.fetchall()}
"""

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def _until(true, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def test_cancelled_while_the_warehouse_validates(odoo_db, sandbox, tmp_path):
    numbers = sandbox.generate(scenario.MARKETPLACES, ORDERS, case="fbm_unshipped", seed=31)
    scenario.unthrottled(sandbox)
    scenario.connect(odoo_db, sandbox)
    scenario.add_products(odoo_db, sandbox)
    odoo_db.allow_log(r"could not serialize", r"could not obtain lock", r"bad query")
    assert odoo_db.python(IMPORT) == 0
    for number in numbers:
        sandbox.control("POST", f"orders/{number}/transition", {"status": "CANCELLED"})
    sandbox.control("POST", "time", {"advance": 3600})
    warehouse = odoo_db.start(WAREHOUSE, numbers=numbers, folder=str(tmp_path))
    _until(lambda: b"waits for import waits" in warehouse.output.read_bytes())
    running = odoo_db.start(IMPORT)
    # the import stands before the delivery that is validated and not committed yet
    _until(lambda: int(odoo_db.psql(WAITING)[0]) > 0)
    (tmp_path / "import waits").touch()
    assert running.wait() == 0
    (tmp_path / "import ended").touch()
    outcomes = warehouse.wait()
    assert odoo_db.python(IMPORT) == 0
    found = odoo_db.python(CHECK)
    shipped = {number for number, outcome in outcomes.items() if outcome == "shipped"}
    figure("cancelled_while_validated", ORDERS, "orders")
    figure("cancelled_while_validated_shipped", len(shipped), "orders")
    assert numbers[0] in shipped
    assert not shipped.intersection(numbers[1:]), "validated after Amazon's word was known"
    for number in numbers:
        if number in shipped:
            assert found[number] == ["exception", "cancelled_after_import", "sale", ["done"], 1], number
        else:
            assert found[number] == ["cancelled", None, "cancel", ["cancel"], 0], number
