"""Two weeks of a seller with five marketplaces: at the end Odoo equals Amazon, order by order.

Time passes in both places. Each day is an Odoo process of its own whose clock is that day's; within the day Amazon's
clock goes on in steps, and after each step something happens to orders on either side, and the import runs into faults.
"""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from support.figures import figure

from . import scenario

ORDERS = int(os.environ.get("LIFE_ORDERS", "700"))
"""``LIFE_ORDERS=5000 bin/test system -k two_weeks`` is the whole life; it takes a quarter of an hour."""
DAYS = 14
STEPS = 6
FAULT_SHARE = 0.12
"""Of the calls that a step may take; it takes fewer, so that more than one in twenty is struck, whatever the dice."""
SE = "A2NODRKZP88ZB9"
MARKETPLACES = [*scenario.MARKETPLACES, SE]
FAULTS = (
    ("throttle_body", {}),
    ("throttle_empty", {}),
    ("error_500", {}),
    ("error_503_html", {}),
    ("reset", {}),
    ("truncated_json", {}),
    ("not_json_200", {}),
    ("empty_200", {}),
    ("expired_token", {}),
    ("moving_order", {}),
)
ON_COMMAND = {
    "SHIPPED": 0.30,
    "PARTIALLY_SHIPPED": 0.06,
    "CANCELLED": 0.04,
    "BUYER_CANCEL_REQUESTED": 0.02,
    "ITEM_CANCELLED": 0.03,
    "QUANTITY_REDUCED": 0.03,
    "ADDRESS_CHANGED": 0.03,
}
"""What happens to an order that waits to be shipped, by the share of such orders in a step."""

STOCKED = """
location = env["stock.warehouse"].search([], limit=1).lot_stock_id
for product in env["product.product"].search([("default_code", "in", skus)]):
    env["stock.quant"]._update_available_quantity(product, location, 10**6)
cr.commit()
"""

#: Who lives through days in minutes does not want to prove each of them.
WITHOUT_PROOF = """
from odoo.addons.pii_retention import proof
proof.intake_refusal = lambda env, company: False
"""

#: The count of Amazon's quota goes by the database's clock, which does not move: for it no time has passed.
LATER = """
env["spapi.quota"].search([]).unlink()
cr.commit()
"""

#: A day's work in one process: the test says what happens at Amazon in between, line by line.
DAY = (
    WITHOUT_PROOF
    + """
import json, random, urllib.error, urllib.request

def control(method, path, body=None):
    request = urllib.request.Request(url + "/control/" + path, method=method,
                                     data=None if body is None else json.dumps(body).encode(),
                                     headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)

account = env["spapi.account"].search([], limit=1)
failures, shipped_here = 0, []
for step in steps:
    control("POST", "time", {"set": step["at"]})
    for order_id, command in step["commands"]:
        try:
            control("POST", f"orders/{order_id}/transition", {"status": command})
        except urllib.error.HTTPError as error:
            assert error.code == 422, error
    for fault in step["faults"]:
        control("POST", "faults", fault)
    control("POST", "time", {"advance": 130})
    env["spapi.quota"].search([]).unlink()
    cr.commit()
    env["spapi.account"]._cron_import_orders(force=True)
    control("DELETE", "faults")
    env.invalidate_all()
    failures += bool(account.failure_count)
    # the warehouse ships some of what waits, and tells Amazon (here: by hand)
    dice = random.Random(step["at"])
    waiting = env["stock.picking"].search([("sale_id.spapi_order_id.status", "=", "UNSHIPPED"),
                                           ("sale_id.spapi_order_id.fulfilled_by", "=", "MERCHANT"),
                                           ("state", "=", "assigned")])
    chosen = waiting.filtered(lambda picking: dice.random() < share)
    for picking in chosen:
        name = picking.sale_id.spapi_order_id.amazon_order_id
        try:
            with cr.savepoint():
                picking.move_ids.picked = True
                picking.with_context(skip_backorder=True, cancel_backorder=False).button_validate()
        except Exception as error:
            continue
        shipped_here.append(name)
    cr.commit()
    for name in shipped_here[-len(chosen):] if chosen else ():
        try:
            control("POST", f"orders/{name}/transition", {"status": "SHIPPED"})
        except urllib.error.HTTPError as error:
            assert error.code == 422, error
result = {"failures": failures, "shipped": len(shipped_here)}
"""
)

LAST_IMPORT = """
account = env["spapi.account"].search([], limit=1)
env["spapi.account"]._cron_import_orders(force=True)
env.invalidate_all()
result = {"error": account.failure_count and account.last_error}
"""

RECONCILE = (
    LATER
    + """
account = env["spapi.account"].search([], limit=1)
one = env["spapi.reconciliation"].create({"account_id": account.id, "date_from": begin})
one.action_start()
cr.commit()
env["spapi.reconciliation"]._run_all()
env.invalidate_all()
lines = [[line.amazon_order_id, line.kind, line.part, line.amazon_value, line.odoo_value, line.reason]
         for line in one.line_ids]
result = {"state": one.state, "result": one.result, "orders": one.order_count, "equal": one.equal_count,
          "known": one.known_count, "different": one.different_count, "lines": lines, "problem": one.problem}
"""
)

TRUTH_HERE = """
rows = {}
for order in env["spapi.order"].search([]):
    sale = order.sale_order_id
    sent = {}
    for move in sale.order_line.move_ids:
        if move.state == "done" and move.location_dest_id.usage == "customer":
            item = move.sale_line_id.spapi_line_id.item_id
            sent[item] = sent.get(item, 0) + move.quantity
    rows.setdefault(order.amazon_order_id, []).append({
        "state": order.state, "problem": order.problem_code, "status": order.status, "sale": sale.state or "",
        "total": f"{sale.amount_total:.2f}" if sale else "", "sent": sent,
        "ordered": {line.spapi_line_id.item_id: line.product_uom_qty for line in sale.order_line if line.spapi_line_id},
    })
env.cr.execute(
    "SELECT client_order_ref, count(*) FROM sale_order WHERE client_order_ref IS NOT NULL"
    " GROUP BY 1 HAVING count(*) > 1")
doubled = env.cr.fetchall()
env.cr.execute('''SELECT p.default_code, sum(CASE WHEN d.usage = 'customer' THEN m.quantity ELSE -m.quantity END)
                    FROM stock_move m JOIN stock_location s ON s.id = m.location_id
                    JOIN stock_location d ON d.id = m.location_dest_id JOIN product_product p ON p.id = m.product_id
                   WHERE m.state = 'done' AND (d.usage = 'customer') <> (s.usage = 'customer') GROUP BY 1''')
result = {"orders": rows, "doubled": doubled, "left": dict(env.cr.fetchall())}
"""


def _plan(sandbox, dice: random.Random, begin: datetime, day: int) -> list[dict]:
    """What happens at Amazon in the steps of a day."""
    steps = []
    truth = sandbox.orders()
    waiting = [
        order["orderId"]
        for order in truth
        if order["fulfillment"].get("fulfilledBy") == "MERCHANT"
        and order["fulfillment"]["fulfillmentStatus"] in ("UNSHIPPED", "PARTIALLY_SHIPPED")
    ]
    dice.shuffle(waiting)
    for step in range(STEPS):
        at = begin + timedelta(days=day, hours=4 + 20 * (step + 1) / STEPS)
        mine = waiting[step::STEPS]
        commands = []
        for order_id in mine:
            choice, edge = dice.random(), 0.0
            for command, share in ON_COMMAND.items():
                edge += share
                if choice < edge:
                    commands.append((order_id, command))
                    break
        faults = []
        for call in range(8):
            if dice.random() < FAULT_SHARE:
                kind, params = dice.choice(FAULTS)
                faults.append({"operation": "searchOrders", "kind": kind, "times": 1, "after": call, "params": params})
        steps.append({"at": at.isoformat(), "commands": commands, "faults": faults})
    return steps


def test_two_weeks_of_five_marketplaces(odoo_db, sandbox):
    scenario.unthrottled(sandbox)
    dice = random.Random(14)
    begin = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    scenario.connect(odoo_db, sandbox, marketplaces=MARKETPLACES)
    failures = shipped = 0
    for day in range(DAYS):
        # orders of this morning: later than all that was read, as at Amazon
        sandbox.control("POST", "time", {"set": (begin + timedelta(days=day, hours=3)).isoformat()})
        sandbox.generate(
            MARKETPLACES,
            ORDERS // DAYS + (day < ORDERS % DAYS),
            seed=500,
            created_from=(begin + timedelta(days=day, minutes=5)).isoformat(),
            created_to=(begin + timedelta(days=day, hours=2, minutes=50)).isoformat(),
        )
        scenario.add_products(odoo_db, sandbox)
        if not day:
            skus = {item["product"]["sellerSku"] for order in sandbox.orders() for item in order["orderItems"]}
            odoo_db.python(STOCKED, skus=sorted(skus))
        odoo_db.ahead = begin + timedelta(days=day) - datetime.now(UTC)
        done = odoo_db.python(DAY, url=sandbox.url, steps=_plan(sandbox, dice, begin, day), share=0.2, timeout=900)
        failures += done["failures"]
        shipped += done["shipped"]
    calls = sandbox.journal("searchOrders")
    struck = sum(bool(call["fault"]) for call in calls)
    odoo_db.ahead = begin + timedelta(days=DAYS, hours=6) - datetime.now(UTC)
    # the last changes are found two minutes later, and some orders go on by themselves meanwhile
    for minutes in (0, 3, 6):
        at = begin + timedelta(days=DAYS, hours=6, minutes=minutes)
        sandbox.control("POST", "time", {"set": at.isoformat()})
        left = odoo_db.python(WITHOUT_PROOF + LATER + LAST_IMPORT, timeout=900)
        assert not left["error"], left

    since = (begin - timedelta(days=2)).strftime("%Y-%m-%d %H:%M:%S")
    found = odoo_db.python(RECONCILE, begin=since, timeout=900)
    assert found["state"] == "done", found["problem"]
    truth = {order["orderId"]: order for order in sandbox.orders()}
    assert found["orders"] == len(truth) == ORDERS
    reasons = Counter(line[5] for line in found["lines"] if line[1] == "known")
    kinds = Counter(line[1] for line in found["lines"] if line[1] != "known")
    figure("life_orders", len(truth), "orders", 5000)
    figure("life_calls", len(calls), "calls")
    figure("life_faults", 100 * struck / len(calls), "%", ">=5")
    figure("life_failed_runs", failures, "runs")
    figure("life_shipped_here", shipped, "orders")
    figure("life_equal", found["equal"], "orders")
    figure("life_known", sum(reasons.values()), "orders")
    for reason, count in sorted(reasons.items()):
        figure(f"life_known_{reason}", count, "orders")
    figure("life_different", found["different"], "orders", "=0")
    assert not found["different"], [line for line in found["lines"] if line[1] != "known"][:20]
    assert not kinds

    # and the same without the product's own word for it
    here = odoo_db.python(TRUTH_HERE, timeout=300)
    assert not here["doubled"]
    assert {name for name, rows in here["orders"].items()} == set(truth)
    assert all(len(rows) == 1 for rows in here["orders"].values())
    left: dict[str, Decimal] = defaultdict(Decimal)
    compared = 0
    for name, order in truth.items():
        (mine,) = here["orders"][name]
        items = {item["orderItemId"]: item for item in order["orderItems"]}
        for item, count in mine["sent"].items():
            left[items[item]["product"]["sellerSku"]] += Decimal(str(count))
        assert mine["status"] == order["fulfillment"]["fulfillmentStatus"], name
        if mine["state"] != "imported":
            continue
        compared += 1
        assert mine["sale"] == "sale", name
        assert Decimal(mine["total"]) == Decimal(order["proceeds"]["grandTotal"]["amount"]), name
        for item_id, item in items.items():
            assert mine["ordered"].get(item_id, 0) == item["quantityOrdered"], (name, item_id)
            fulfilled = (item.get("fulfillment") or {}).get("quantityFulfilled") or 0
            assert mine["sent"].get(item_id, 0) == fulfilled, (name, item_id, mine, fulfilled)
    figure("life_compared", compared, "orders")
    assert {sku: Decimal(str(count)) for sku, count in here["left"].items()} == {
        sku: count for sku, count in left.items() if count
    }
    assert compared > ORDERS * 0.8 and struck > 5
