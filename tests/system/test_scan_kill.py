"""``kill -9`` during a comparison and during a recovery: it goes on by itself, and nothing is lost or doubled."""

from __future__ import annotations

import random
import time

from support.figures import figure

from . import scenario

ORDERS = 180
KILLS = 8
BEGIN = "it begins"
WAITING = 180
"""Seconds that the rest may take on a slow machine."""

#: Pages of six orders: more places to be killed at.
SMALL_PAGES = """
from odoo.addons.amazon_spapi_connector.models import spapi_scan_mixin_run
spapi_scan_mixin_run.PAGE_SIZE = 6
"""

COMPARE = (
    SMALL_PAGES
    + """
from odoo import fields
account = env["spapi.account"].search([], limit=1)
one = env["spapi.reconciliation"].create(
    {"account_id": account.id, "date_from": fields.Datetime.subtract(fields.Datetime.now(), days=60)})
one.action_start()
result = one.id
"""
)

RECOVER = (
    SMALL_PAGES
    + """
from odoo import fields
account = env["spapi.account"].search([], limit=1)
one = env["spapi.recovery"].create({"account_id": account.id, "method": "period",
                                    "date_from": fields.Datetime.subtract(fields.Datetime.now(), days=60)})
one.action_start()
result = one.id
"""
)

#: What the scheduled action does, again and again: what waits for quota is not waited for.
GO_ON = f"""
import time
print("{BEGIN}", flush=True)
end = time.monotonic() + seconds
one = env[model].browse(ids)
while one.state == "running" and time.monotonic() < end:
    one.retry_at = False
    cr.commit()
    env["spapi.reconciliation"]._cron_background()
    env.invalidate_all()
result = one.state
"""

FOUND = """
one = env["spapi.reconciliation"].browse(ids)
result = {
    "state": one.state, "problem": one.problem, "restarts": one.restart_count,
    "counts": [one.order_count, one.equal_count, one.known_count, one.different_count, one.difference_count],
    "lines": sorted([line.amazon_order_id, line.kind, line.part or "", line.reason or ""] for line in one.line_ids),
}
"""

RECOVERED = """
def rows(sql):
    cr.execute(sql)
    return {row[0]: row[1] for row in cr.fetchall()}

one = env["spapi.recovery"].browse(ids)
result = {
    "state": one.state, "problem": one.problem, "counts": [one.todo_count, one.done_count, one.problem_count],
    "orders": rows("SELECT amazon_order_id, count(*) FROM spapi_order GROUP BY 1"),
    "sales": rows("SELECT client_order_ref, count(*) FROM sale_order GROUP BY 1"),
    "subjects": rows("SELECT reference, count(*) FROM pii_subject GROUP BY 1"),
    "states": rows("SELECT state, count(*) FROM spapi_order GROUP BY 1"),
}
"""


def _kill(odoo_db, model: str, record: int, stage: str, kills: int, seed: int) -> tuple[int, int]:
    """``(kills, in how many different states of the database)``; ends early when the work is done.

    Each process lives until it has committed none, one or two steps, and a moment more.
    """
    dice, killed, seen = random.Random(seed), 0, {odoo_db.psql(stage)[0]}
    for number in range(kills):
        script = odoo_db.start(SMALL_PAGES + GO_ON, model=model, ids=record, seconds=WAITING)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and script.process.poll() is None:
            if BEGIN.encode() in script.output.read_bytes():
                break
            time.sleep(0.01)
        steps, now = number % 3, odoo_db.psql(stage)[0]
        while steps and time.monotonic() < deadline and script.process.poll() is None:
            before, now = now, odoo_db.psql(stage)[0]
            steps -= before != now
        time.sleep(dice.uniform(0.0, 0.3))
        if script.process.poll() is not None:
            break
        script.kill()
        killed += 1
        seen.add(odoo_db.psql(stage)[0])
    return killed, len(seen)


def test_a_killed_comparison_goes_on(odoo_db, sandbox):
    scenario.unthrottled(sandbox)
    sandbox.generate(scenario.MARKETPLACES, ORDERS, case="fbm_unshipped", seed=21)
    scenario.connect(odoo_db, sandbox)
    scenario.add_products(odoo_db, sandbox)
    odoo_db.allow_log(r"could not obtain lock", r"terminating connection", r"connection .* closed")
    sandbox.control("POST", "time", {"advance": 300})
    assert not odoo_db.python(scenario.IMPORT)["last_error"]
    # an order is lost, one has another total, one another quantity, one is not Amazon's
    odoo_db.psql("DELETE FROM spapi_order WHERE id IN (SELECT id FROM spapi_order ORDER BY amazon_order_id LIMIT 1)")
    odoo_db.psql("UPDATE sale_order SET amount_total = amount_total + 1 WHERE id = (SELECT max(id) FROM sale_order)")
    odoo_db.psql(
        "UPDATE sale_order_line SET product_uom_qty = 77 WHERE id = (SELECT min(l.id) FROM sale_order_line l"
        " JOIN sale_order s ON s.id = l.order_id WHERE l.spapi_line_id IS NOT NULL)"
    )
    odoo_db.psql(
        "UPDATE spapi_order SET amazon_order_id = '406-0000000-0000000', create_date = create_date - interval '1 day'"
        " WHERE id = (SELECT max(id) - 1 FROM spapi_order)"
    )
    whole = odoo_db.python(COMPARE)
    assert odoo_db.python(GO_ON, model="spapi.reconciliation", ids=whole, seconds=WAITING) == "done"
    expected = odoo_db.python(FOUND, ids=whole)
    assert expected["state"] == "done" and expected["counts"][0] == ORDERS and expected["counts"][3] >= 3, expected
    broken = odoo_db.python(COMPARE)
    stage = f"SELECT state, page_count, order_count FROM spapi_reconciliation WHERE id = {broken}"
    killed, stages = _kill(odoo_db, "spapi.reconciliation", broken, stage, KILLS, 5)
    figure("comparison_kills", killed, "kills", KILLS)
    figure("comparison_kill_stages", stages, "stages")
    assert killed >= KILLS // 2 and stages > 2, "it ended before it was killed: use smaller pages"
    if odoo_db.psql(stage)[0].startswith("running"):
        # and by itself: Odoo's own scheduler, after a restart, with nobody who presses anything
        with odoo_db.serve(crons=1):
            end = time.monotonic() + WAITING
            while odoo_db.psql(stage)[0].startswith("running") and time.monotonic() < end:
                time.sleep(0.5)
    found = odoo_db.python(FOUND, ids=broken)
    assert found == expected
    figure("comparison_orders_after_kills", found["counts"][0], "orders", ORDERS)


def test_a_killed_recovery_goes_on(odoo_db, sandbox):
    scenario.unthrottled(sandbox)
    sandbox.control("POST", "throttle", {"operation": "getOrder", "rate": 1000, "burst": 10000})
    scenario.connect(odoo_db, sandbox)
    odoo_db.python(scenario.IMPORT)
    expected = set(sandbox.generate(scenario.MARKETPLACES, ORDERS // 3, case="fbm_unshipped", seed=22))
    scenario.add_products(odoo_db, sandbox)
    odoo_db.allow_log(r"could not obtain lock", r"terminating connection", r"connection .* closed")
    sandbox.control("POST", "time", {"advance": 300})
    # the ledger goes by Amazon's documented plan until Amazon has said another one
    odoo_db.psql("UPDATE spapi_account SET quota_reserve = 0")
    record = odoo_db.python(RECOVER)
    stage = f"""SELECT r.state, r.page_count, count(*) FILTER (WHERE l.state <> 'todo'),
                       (SELECT count(*) FROM spapi_order), (SELECT count(*) FROM sale_order)
                  FROM spapi_recovery r LEFT JOIN spapi_recovery_line l ON l.recovery_id = r.id
                 WHERE r.id = {record} GROUP BY r.id"""
    looked, stages = _kill(odoo_db, "spapi.recovery", record, stage, 3, 6)
    assert odoo_db.python(GO_ON, model="spapi.recovery", ids=record, seconds=WAITING) == "ready"
    assert not odoo_db.psql("SELECT id FROM sale_order"), "it was read before it was decided"
    odoo_db.python('env["spapi.recovery"].browse(ids).action_import()\nresult = 1', ids=record)
    killed, more = _kill(odoo_db, "spapi.recovery", record, stage, KILLS, 7)
    figure("recovery_kills", looked + killed, "kills", KILLS + 3)
    figure("recovery_kill_stages", stages + more, "stages")
    assert killed >= KILLS // 2 and more > 2, "it ended before it was killed: use more orders"
    assert odoo_db.python(GO_ON, model="spapi.recovery", ids=record, seconds=WAITING) == "done"
    found = odoo_db.python(RECOVERED, ids=record)
    assert found["counts"] == [0, len(expected), 0], found
    odoo_db.python(scenario.IMPORT)
    found = odoo_db.python(RECOVERED, ids=record)
    for what in ("orders", "sales", "subjects"):
        assert set(found[what]) == expected, f"{what}: {len(found[what])} of {len(expected)}"
        assert set(found[what].values()) == {1}, f"{what} doubled"
    assert found["states"] == {"imported": len(expected)}
    figure("recovery_orders_after_kills", len(found["orders"]), "orders", len(expected))
