"""Scripts that the benchmark of orders runs inside an Odoo process."""

from __future__ import annotations

#: Import what is new at Amazon. With ``go`` it waits for that file first; then ``part`` of ``parts`` of the accounts.
IMPORT = """
import gc, os, time

def memory(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(name))

names = globals()
service = env.ref("amazon_spapi_connector.user_service").id
accounts = env["spapi.account"].search([], order="id")
if "go" in names:
    accounts = accounts.browse([one.id for index, one in enumerate(accounts) if index % parts == part])
# what a worker has loaded before its first order
env["spapi.order"].search([], limit=1)._map_orders()
last = env["spapi.order"].search([], order="id desc", limit=1).id or 0
cr.commit()
gc.collect()
if "go" in names:
    open(f"{go}.{part}", "w").close()
    while not os.path.exists(go):
        time.sleep(0.01)
with open("/proc/self/clear_refs", "w") as clear:
    clear.write("5")
idle = memory("VmRSS")
begin = time.time()
for account in accounts:
    account._as_service()._run_import(force=True)
end = time.time()
made = env["spapi.order"].search([("id", ">", last), ("account_id", "in", accounts.ids)])
assert set(made.mapped("state")) <= {"imported"}, made.read_group([], ["state"], ["state"])
result = {"seconds": end - begin, "begin": begin, "end": end, "orders": len(made), "idle": idle,
          "peak": memory("VmHWM"), "last": last}
"""

#: The orders above ``last`` again, created and confirmed in batches of the same size by the same user, without Amazon.
BARE = """
import time
from odoo.tools import split_every

quiet = dict(tracking_disable=True, mail_create_nosubscribe=True, mail_notrack=True, mail_create_nolog=True)
worker = env(user=env.ref("amazon_spapi_connector.user_service").id, context=quiet)
orders = env["spapi.order"].search([("id", ">", last)], order="id").sale_order_id
prepared = []
for index, order in enumerate(orders):
    person = people[index % len(people)]
    prepared.append(({
        "client_order_ref": "bare " + order.client_order_ref, "date_order": order.date_order,
        "warehouse_id": order.warehouse_id.id, "currency_id": order.currency_id.id,
        "fiscal_position_id": order.fiscal_position_id.id, "team_id": order.team_id.id,
        "user_id": order.user_id.id, "company_id": order.company_id.id,
        "order_line": [(0, 0, {
            "product_id": line.product_id.id, "product_uom_qty": line.product_uom_qty, "name": line.name,
            "price_unit": line.price_unit, "tax_ids": [(6, 0, line.tax_ids.ids)],
        }) for line in order.order_line],
    }, {**person, "country_id": order.partner_id.country_id.id}))
env.invalidate_all()
begin = time.time()
for batch in split_every(50, prepared):
    partners = worker["res.partner"].sudo().create([partner for _order, partner in batch])
    worker["sale.order"].create(
        [{**order, "partner_id": partner.id} for (order, _person), partner in zip(batch, partners)]).action_confirm()
    cr.commit()
result = {"seconds": time.time() - begin, "orders": len(prepared)}
"""

#: Searches that bring ``wanted`` orders of which nothing has changed: statements and their time, of the first one of a
#: process, which reads users, rights and companies too, and of the next.
POLL = """
import time
from datetime import timedelta
from odoo.sql_db import Cursor

account = env["spapi.account"].search([], order="id", limit=1)._as_service()
newest = env["spapi.order"].search([("account_id", "=", account.id)], order="last_updated desc, id", limit=wanted + 1)
after = newest[wanted - 1].last_updated - timedelta(seconds=1)
original = Cursor.execute
Orders = type(env["spapi.order"])
store = Orders._store_orders

def poll():
    cursor = account._cursor("unshipped")
    cursor._restart()
    cursor.last_updated_after = after
    cr.commit()
    env.invalidate_all()
    spent = {"read": 0, "db_ms": 0.0, "statements": 0, "written": 0}

    def execute(self, query, *args, **kwargs):
        begin = time.perf_counter()
        try:
            return original(self, query, *args, **kwargs)
        finally:
            spent["db_ms"] += 1000 * (time.perf_counter() - begin)
            spent["statements"] += 1
            text = query if isinstance(query, str) else query.code
            spent["written"] += text.lstrip().startswith(("UPDATE", "INSERT", "DELETE")) and '"spapi_order' in text

    def count(self, account, payloads, parts):
        spent["read"] += len(payloads)
        return store(self, account, payloads, parts)

    Orders._store_orders = count
    Cursor.execute = execute
    try:
        account._import_search("unshipped")
    finally:
        Cursor.execute = original
        Orders._store_orders = store
    return spent

result = {"first": poll(), "next": poll()}
"""

#: Statements that multiply what the imports have made until there are ``wanted`` orders; to be run without triggers.
MULTIPLY = """
env.cr.execute("SELECT count(*) FROM spapi_order")
copies = -(-wanted // env.cr.fetchone()[0]) - 1
step = 1_000_000
shifted = {
    "pii_subject": {"id"},
    "res_partner": {"id", "pii_subject_id", "commercial_partner_id"},
    "spapi_order": {"id", "subject_id", "sale_order_id"},
    "spapi_order_line": {"id", "order_id"},
    "sale_order": {"id", "partner_id", "partner_invoice_id", "partner_shipping_id", "spapi_order_id"},
    "sale_order_line": {"id", "order_id", "spapi_line_id", "order_partner_id"},
    "account_tax_sale_order_line_rel": {"sale_order_line_id"},
    "stock_picking": {"id", "sale_id", "partner_id"},
    "stock_move": {"id", "picking_id", "sale_line_id", "partner_id"},
}
own = {
    ("pii_subject", "uuid"): "gen_random_uuid()",
    ("pii_subject", "reference"): "t.reference || '-' || k",
    ("spapi_order", "amazon_order_id"): "t.amazon_order_id || '-' || k",
    ("sale_order", "client_order_ref"): "t.client_order_ref || '-' || k",
    ("sale_order", "name"): "t.name || '-' || k",
    ("sale_order", "access_token"): "NULL",
    ("stock_picking", "name"): "t.name || '-' || k",
}
only = {"res_partner": "t.pii_subject_id IS NOT NULL"}
result = []
for table, keys in shifted.items():
    env.cr.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position",
                   [table])
    columns = [row[0] for row in env.cr.fetchall()]
    keys &= set(columns)
    values = []
    for column in columns:
        if column in keys:
            values.append(f't."{column}" + k * {step}')
        else:
            values.append(own.get((table, column), f't."{column}"'))
    names = ", ".join(f'"{column}"' for column in columns)
    result.append(f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM {table} t, "
                  f"generate_series(1, {copies}) k WHERE {only.get(table, 'true')}")
    if "id" in columns:
        result.append(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")
"""
