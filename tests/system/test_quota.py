"""Amazon's quota with real processes: never refused in ordinary times, slower and whole when it is cut, shared by all.

Time is moved on both sides at once: the sandbox's clock forward, and what the ledger and the plan remember back.
"""

from __future__ import annotations

import threading
import time

from support.figures import figure
from support.sandbox import CLIENT_ID

from . import scenario

MOVE = """
import json as _json
import urllib.request as _request

def control(path, body):
    call = _request.Request(url + "/control/" + path, data=_json.dumps(body).encode(), method="POST",
                            headers={"Content-Type": "application/json"})
    with _request.urlopen(call, timeout=60) as answer:
        return _json.load(answer)

def move(seconds):
    # Amazon first: were it behind, it would refuse what the ledger already grants
    control("time", {"advance": seconds})
    for statement in (
        "UPDATE spapi_quota SET updated_epoch = updated_epoch - %(s)s",
        "UPDATE spapi_account SET retry_at = retry_at - make_interval(secs => %(s)s)",
        '''UPDATE spapi_cursor SET last_done = last_done - make_interval(secs => %(s)s),
                                   page_token_at = page_token_at - make_interval(secs => %(s)s)''',
        "UPDATE spapi_reconciliation SET retry_at = retry_at - make_interval(secs => %(s)s)",
        "UPDATE spapi_recovery SET retry_at = retry_at - make_interval(secs => %(s)s)",
    ):
        cr.execute(statement, {"s": seconds})
    cr.commit()
    env.invalidate_all()
"""

DAY = (
    MOVE
    + """
from odoo import fields
account = env["spapi.account"].search([], limit=1)
errors = []
for tick in range(ticks):
    for event in events.get(str(tick), ()):
        if event == "compare":
            env["spapi.reconciliation"].create(
                {"account_id": account.id, "date_from": fields.Datetime.subtract(fields.Datetime.now(), days=30)}
            ).action_start()
        elif event[0] == "orders":
            # new ones: what appears with a date of days ago, no search by changes would ever find
            with _request.urlopen(url + "/control/time", timeout=60) as said:
                now = _json.load(said)["now"]
            body = {"marketplaces": marketplaces, "count": event[1], "seed": event[2]}
            control("orders/generate", {**body, "created_from": now, "created_to": now})
        else:
            control(*event)
        cr.commit()
    env["spapi.account"]._cron_import_orders()
    env["spapi.reconciliation"]._cron_background()
    env.invalidate_all()
    if account.last_error:
        errors.append([tick, account.last_error])
    move(300)
compared = env["spapi.reconciliation"].search([])
uses = env["spapi.quota.use"].search([("operation", "=", "searchOrders")])
result = {
    "errors": errors, "orders": env["spapi.order"].search([]).mapped("amazon_order_id"),
    "compared": [[one.state, one.order_count, one.different_count] for one in compared],
    "counted": [sum(uses.mapped("calls")), sum(uses.mapped("throttled")), sum(uses.mapped("waited"))],
    "left": env["spapi.quota"].search([("operation", "=", "searchOrders")]).available,
}
"""
)

WORK = """
import time as _time
account = env["spapi.account"].browse(account_id)
compare = env["spapi.reconciliation"].browse(compare_id or [])
end = _time.monotonic() + seconds
cr.commit()
while _time.monotonic() < end:
    cr.rollback()
    env.invalidate_all()
    if account_id:
        account._as_service()._run_import(force=True)
    if compare:
        cr.execute("UPDATE spapi_reconciliation SET retry_at = NULL WHERE id = %s", [compare_id])
        cr.commit()
        env.invalidate_all()
        compare._run()
    cr.commit()
    env.invalidate_all()
    cursors = env["spapi.cursor"].search([("account_id", "=", account_id)]) if account_id else []
    done = account_id and len(cursors) == 2 and all(cursor.last_done for cursor in cursors)
    if (done or not account_id) and (not compare or compare.state == "done"):
        break
    _time.sleep(0.05)
result = [account.last_error if account_id else "", compare.state if compare else ""]
"""


def refused(sandbox) -> int:
    return sum(1 for row in sandbox.journal("searchOrders") if row["status"] == 429)


def day(database, sandbox, ticks: int, events: dict):
    """Run the plan every five minutes, `ticks` times; events happen before the run of their number."""
    args = {"url": sandbox.url, "ticks": ticks, "events": events, "marketplaces": scenario.MARKETPLACES}
    return database.python(DAY, **args, timeout=900)


def test_a_day_of_orders_meets_no_refusal(odoo_db, sandbox):
    """288 runs of the plan, a morning of 1,500 orders at once, small batches, a comparison: nothing is refused."""
    sandbox.generate(scenario.MARKETPLACES, 50, seed=1)
    scenario.connect(odoo_db, sandbox)
    sandbox.forget_journal()
    events = {str(tick): [["orders", 20, tick]] for tick in range(11, 280, 30)}
    events["60"] = [["orders", 1500, 1000]]
    events["200"] = ["compare"]
    answer = day(odoo_db, sandbox, 288, events)
    known = {order["orderId"] for order in sandbox.orders()}
    figure("quota_day_calls", answer["counted"][0], "calls")
    figure("quota_day_put_off", answer["counted"][2], "calls")
    figure("quota_day_refused", refused(sandbox), "calls", 0)
    figure("quota_day_lost", len(known - set(answer["orders"])), "orders", 0)
    assert refused(sandbox) == 0 and answer["counted"][1] == 0
    assert answer["errors"] == []
    assert known == set(answer["orders"]) and len(answer["orders"]) == len(known) == 1730
    # an access token that expired is noticed by a call that Amazon does not count
    made = [row["status"] for row in sandbox.journal("searchOrders") if row["status"] != 403]
    assert answer["counted"][0] == len(made), "each call is counted once"
    assert answer["counted"][2] > 0, "the morning takes more than Amazon grants at once"
    assert [row[0] for row in answer["compared"]] == ["done"]
    assert answer["compared"][0][2] == 0, answer["compared"]


def test_a_quarter_of_the_quota_at_run_time(odoo_db, sandbox):
    """The plan is cut while a catch-up of 700 orders runs, to a quarter with the bucket full, later to one call at
    once: the import slows down and loses nothing. What Amazon does not state, the bucket, costs a refusal at most."""
    sandbox.generate(scenario.MARKETPLACES, 700, seed=2)
    scenario.connect(odoo_db, sandbox)
    sandbox.forget_journal()
    sandbox.control("POST", "throttle", {"factor": 0.25})
    first = day(odoo_db, sandbox, 96, {})
    known = {order["orderId"] for order in sandbox.orders()}
    figure("quota_quarter_refused", refused(sandbox), "calls", 0)
    assert refused(sandbox) == 0
    assert first["errors"] == []
    assert known == set(first["orders"])
    sandbox.forget_journal()
    events = {
        "3": [["orders", 300, 3]],
        # an empty bucket of one, at an eighth: nothing that Amazon says beforehand
        "4": [["throttle", {"operation": "searchOrders", "rate": 0.0028, "burst": 4}]],
    }
    second = day(odoo_db, sandbox, 96, events)
    known = {order["orderId"] for order in sandbox.orders()}
    figure("quota_unannounced_bucket_refused", refused(sandbox), "calls", "<=1")
    figure("quota_cut_lost", len(known - set(second["orders"])), "orders", 0)
    assert refused(sandbox) <= 1
    assert known == set(second["orders"])


def test_two_processes_share_it(odoo_db, sandbox):
    """Two accounts, each imported by a process of its own; a third process compares one of them at the same time, a
    fourth wants to import it too: no call is refused, no order doubled, none lost."""
    # Odoo logs each statement that another process got in the way of; they are tried again
    odoo_db.allow_log(r"odoo\.sql_db: bad query")
    other = "A2SANDBOXSELLER"
    token = sandbox.control("PUT", f"sellers/{other}", {"client_id": CLIENT_ID})["refresh_token"]
    # the vault's first intake of all makes the first proof of absence, once
    scenario.connect(odoo_db, sandbox)
    odoo_db.python(scenario.IMPORT)
    odoo_db.psql("DELETE FROM spapi_cursor")  # what is generated now has dates of days ago
    sandbox.generate(scenario.MARKETPLACES, 330, seed=4)
    sandbox.generate(scenario.MARKETPLACES, 330, seed=5, seller=other)
    first = int(odoo_db.psql("SELECT id FROM spapi_account")[0])
    second = scenario.connect(odoo_db, sandbox, name="Second", seller_id=other, refresh_token=token)
    scenario.add_products(odoo_db, sandbox)
    sandbox.control("POST", "throttle", {"factor": 0.25})
    sandbox.control("POST", "time", {"advance": 300})
    compare = odoo_db.python(
        """
one = env["spapi.reconciliation"].create({"account_id": account_id, "date_from": "2026-01-01"})
one.action_start()
result = one.id
""",
        account_id=first,
    )
    sandbox.forget_journal()
    over = threading.Event()

    def clock() -> None:
        while not over.wait(0.3):
            sandbox.control("POST", "time", {"advance": 120})
            odoo_db.psql("UPDATE spapi_quota SET updated_epoch = updated_epoch - 120")

    scripts = [
        odoo_db.start(WORK, account_id=first, compare_id=0, seconds=240),
        odoo_db.start(WORK, account_id=second, compare_id=0, seconds=240),
        odoo_db.start(WORK, account_id=0, compare_id=compare, seconds=240),
        odoo_db.start(WORK, account_id=first, compare_id=0, seconds=240),
    ]
    time.sleep(1)
    mover = threading.Thread(target=clock)
    mover.start()
    try:
        answers = [script.wait(300) for script in scripts]
    finally:
        over.set()
        mover.join()
    # what changed at Amazon while it was read is for the next run
    sandbox.control("POST", "time", {"advance": 3600})
    odoo_db.psql("UPDATE spapi_quota SET updated_epoch = updated_epoch - 3600")
    odoo_db.python(scenario.IMPORT)
    rows = odoo_db.psql(
        "SELECT count(*), count(DISTINCT amazon_order_id), count(DISTINCT sale_order_id) FROM spapi_order"
    )[0]
    sales = int(odoo_db.psql("SELECT count(*) FROM sale_order WHERE spapi_order_id IS NOT NULL")[0])
    stored, distinct, imported = (int(number) for number in rows.split("|"))
    known = {order["orderId"] for order in sandbox.orders()}
    figure("quota_processes_refused", refused(sandbox), "calls", 0)
    figure("quota_processes_lost", len(known) - distinct, "orders", 0)
    figure("quota_processes_doubled", stored - distinct + sales - imported, "orders", 0)
    assert refused(sandbox) == 0
    assert stored == distinct == len(known)
    assert sales == imported > 0
    assert not any(answer[0] for answer in answers), answers
    assert answers[2][1] == "done"


MANY = """
import threading
from collections import Counter
from odoo import api
answers, failures = Counter(), []

def work():
    try:
        with env.registry.cursor() as mine:
            account = api.Environment(mine, env.uid, {})["spapi.account"].browse(account_id)
            for _call in range(calls):
                answers["no" if account.env["spapi.quota"]._take(account, "searchOrders") else "yes"] += 1
    except Exception as error:
        failures.append(type(error).__name__)

env.cr.commit()
threads = [threading.Thread(target=work) for _worker in range(workers)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
result = {"answers": answers, "failures": failures}
"""

HOLD = """
import time
print("holding", flush=True)

def hold(bucket, now):
    time.sleep(600)
    return bucket

env["spapi.quota"]._change(env["spapi.account"].browse(account_id), "searchOrders", hold)
"""


def test_many_workers_and_one_that_dies(odoo_db, sandbox):
    """A dozen workers at the same bucket take what is in it and not one call more; none gives up. One that is killed
    with the row locked holds up nobody."""
    odoo_db.allow_log(r"odoo\.sql_db: bad query")
    account = scenario.connect(odoo_db, sandbox)
    found = odoo_db.python(MANY, account_id=account, workers=12, calls=10)
    figure("quota_workers", 12, "workers")
    figure("quota_many_granted", found["answers"].get("yes", 0), "calls", 20)
    assert found["failures"] == []
    assert found["answers"] == {"yes": 20, "no": 100}
    odoo_db.psql("UPDATE spapi_quota SET tokens = 20")
    holder = odoo_db.start(HOLD, account_id=account)
    end = time.monotonic() + 60
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%spapi_quota%'"
    while odoo_db.psql(waiting, superuser=True) == ["0"]:
        assert time.monotonic() < end, "nobody holds the row"
        time.sleep(0.1)
    holder.kill()
    begin = time.monotonic()
    assert odoo_db.python(MANY, account_id=account, workers=1, calls=1)["answers"] == {"yes": 1}
    figure("quota_after_a_dead_holder", time.monotonic() - begin, "s")
