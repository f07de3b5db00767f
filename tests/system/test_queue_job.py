"""Imports as jobs of OCA's queue, by a real server with its job runner: side by side, and through a kill."""

from __future__ import annotations

import time

from support.figures import figure

from . import scenario

ORDERS = 150
SECOND = "A2SECONDSELLER"
WAITING = 240
"""Seconds that the imports may take on a slow machine."""

ENQUEUE = 'env["spapi.account"]._cron_import_orders(force=True)\ncr.commit()'
IMPORTED = "SELECT count(*) FROM sale_order WHERE state = 'sale'"
JOBS = "SELECT count(*) FROM queue_job WHERE state <> 'done'"


def _wait(condition, what: str) -> None:
    end = time.monotonic() + WAITING
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def test_accounts_are_imported_side_by_side_and_through_a_kill(odoo_db, sandbox):
    log = odoo_db.folder / "install.log"
    odoo_db.place.install(odoo_db.config, log, "Database with the queue", install=["amazon_spapi_queue_job"])
    scenario.unthrottled(sandbox)
    sandbox.control("PUT", f"sellers/{SECOND}", {"refresh_token": f"Atzr|sandbox-{SECOND}", "region": "eu"})
    expected = set(sandbox.generate(scenario.MARKETPLACES, ORDERS, case="fbm_unshipped", seed=3))
    expected |= set(sandbox.generate(scenario.MARKETPLACES, ORDERS, case="fbm_unshipped", seed=4, seller=SECOND))
    second = {"name": "Second", "seller_id": SECOND, "refresh_token": f"Atzr|sandbox-{SECOND}"}
    accounts = [scenario.connect(odoo_db, sandbox), scenario.connect(odoo_db, sandbox, **second)]
    scenario.add_products(odoo_db, sandbox)
    odoo_db.python(ENQUEUE)
    assert odoo_db.psql(JOBS) == ["2"], "each account is a job"
    # a kill leaves connections that end in the middle, and jobs that are started anew
    odoo_db.allow_log(r"queue_job", r"terminating connection", r"connection .* closed", r"could not serialize access")
    # both make the same tax at the same time, and one looks again
    odoo_db.allow_log(r"INSERT INTO \"spapi_tax_map\"", r"duplicate key value")
    odoo_db.variables = {"ODOO_QUEUE_JOB_CHANNELS": "root:4,root.amazon:4"}
    wide = "base,rpc,web,queue_job"
    server = odoo_db.serve(server_wide_modules=wide)
    try:
        _wait(lambda: int(odoo_db.psql(IMPORTED)[0]) >= 50, "no order was imported by a job")
        assert odoo_db.psql(JOBS) != ["0"], "the jobs were done before they could be killed: use more orders"
    finally:
        server.kill()
    before = int(odoo_db.psql(IMPORTED)[0])
    with odoo_db.serve(server_wide_modules=wide):
        _wait(lambda: odoo_db.psql(JOBS) == ["0"], "jobs are left after the restart")
    sales = odoo_db.psql("SELECT client_order_ref, count(*) FROM sale_order GROUP BY 1")
    assert {row.partition("|")[0] for row in sales} == expected, f"{len(sales)} of {len(expected)}"
    assert {row.partition("|")[2] for row in sales} == {"1"}, "an order was doubled"
    spans = [row.split("|") for row in odoo_db.psql("SELECT date_started, date_done, channel FROM queue_job")]
    assert {span[2] for span in spans} == {f"root.amazon.account_{account}" for account in accounts}
    side_by_side = [
        (one, other)
        for one in spans
        for other in spans
        if one[2] < other[2] and one[0] < other[1] and other[0] < one[1]
    ]
    assert side_by_side, f"one account waited for the other: {spans}"
    assert odoo_db.psql("SELECT count(*) FROM pii_proof WHERE blocks IS NOT NULL") == ["0"], (
        "a first proof was taken for a late one"
    )
    waiting = "SELECT amazon_order_id, state, problem_code FROM spapi_order WHERE state <> 'imported'"
    assert not odoo_db.psql(waiting)
    said = odoo_db.psql("SELECT args || kwargs || coalesce(exc_info, '') || coalesce(exc_message, '') FROM queue_job")
    assert all(len(row) < 400 for row in said), "a job holds more than ids"
    figure("queue_orders", len(sales), "orders", 2 * ORDERS)
    figure("queue_killed_at", before, "orders")
