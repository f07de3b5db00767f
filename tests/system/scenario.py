"""Scripts that the system tests run inside an Odoo process: connect an account, make products, take a snapshot."""

from __future__ import annotations

from typing import Any

from support.odoo import Database
from support.sandbox import APPLICATION_ID, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, SELLER, Sandbox

IT, ES, FR, DE = "APJ6JRA9NG5V4", "A1RKKUPIHCS9HS", "A13V1IB3VIYZZH", "A1PA6795UKMFR9"
MARKETPLACES = [IT, ES, FR, DE]

CONNECT = """
from odoo import fields
account = env["spapi.account"].create({
    "name": name, "region": "custom", "endpoint_url": url, "token_url": url + "/auth/o2/token",
    "consent_url": url + "/apps/authorize/consent", "application_id": application_id, "client_id": client_id,
    "client_secret": client_secret, "refresh_token": refresh_token, "seller_id": seller_id,
    "import_since": fields.Datetime.subtract(fields.Datetime.now(), days=25),
})
cr.commit()
account.action_test_connection()
account.marketplace_ids = env["spapi.marketplace"].search([("amazon_id", "in", marketplaces)])
for currency in account.marketplace_ids.currency_id - account.company_id.currency_id:
    # an order in a currency without a rate stops
    currency.active = True
    if not currency.rate_ids:
        env["res.currency.rate"].create({"currency_id": currency.id, "name": "2020-01-01", "rate": 11.5})
assert account.state == "connected", account.state
result = account.id
"""

PRODUCTS = """
known = set(env["product.product"].search([]).mapped("default_code"))
env["product.product"].create([
    {"name": sku["title"], "default_code": sku["sku"], "type": "consu", "is_storable": True}
    for sku in skus if sku["sku"] not in known
])
result = len(skus)
"""

IMPORT = """
env["spapi.account"]._cron_import_orders(force=True)
account = env["spapi.account"].search([], limit=1)
result = {"state": account.state, "last_error": account.last_error, "request": account.last_error_request_id}
"""

SNAPSHOT = """
def rows(sql):
    cr.execute(sql)
    return [list(map(str, row)) for row in cr.fetchall()]

result = {
    "orders": rows('''SELECT o.amazon_order_id, o.status, o.state, o.amount_total, o.payload_hash,
                             s.client_order_ref, s.state, s.amount_total, p.name, v.reference, v.state
                        FROM spapi_order o LEFT JOIN sale_order s ON s.id = o.sale_order_id
                        LEFT JOIN res_partner p ON p.id = s.partner_id LEFT JOIN pii_subject v ON v.id = o.subject_id
                       ORDER BY o.amazon_order_id'''),
    "lines": rows('''SELECT o.amazon_order_id, l.sku, l.quantity FROM spapi_order_line l
                       JOIN spapi_order o ON o.id = l.order_id ORDER BY 1, 2, 3'''),
    "sale_lines": rows('''SELECT s.client_order_ref, l.product_id, l.product_uom_qty, l.price_unit, l.price_total
                            FROM sale_order_line l JOIN sale_order s ON s.id = l.order_id ORDER BY 1, 2, 3, 4, 5'''),
    "moves": rows('''SELECT s.client_order_ref, m.product_id, m.product_uom_qty, m.state FROM stock_move m
                       JOIN stock_picking k ON k.id = m.picking_id JOIN sale_order s ON s.id = k.sale_id
                      ORDER BY 1, 2, 3, 4'''),
    "subjects": rows("SELECT reference, state, operational_token IS NOT NULL FROM pii_subject ORDER BY reference"),
    "partners": rows("SELECT name FROM res_partner WHERE pii_subject_id IS NOT NULL ORDER BY name"),
}
"""


def connect(database: Database, sandbox: Sandbox, marketplaces: list[str] | None = None, **overrides: Any) -> int:
    """Connect an account to the sandbox and return its id."""
    args = {
        "name": "Sandbox",
        "url": sandbox.url,
        "application_id": APPLICATION_ID,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        "seller_id": SELLER,
        "marketplaces": marketplaces or MARKETPLACES,
    }
    return database.python(CONNECT, **{**args, **overrides})


def add_products(database: Database, sandbox: Sandbox) -> int:
    """Make a product for each SKU that the sandbox's orders hold."""
    skus = {
        item["product"]["sellerSku"]: item["product"].get("title") or item["product"]["sellerSku"]
        for order in sandbox.orders()
        for item in order.get("orderItems", [])
        if item.get("product", {}).get("sellerSku")
    }
    return database.python(PRODUCTS, skus=[{"sku": sku, "title": title} for sku, title in sorted(skus.items())])


def unthrottled(sandbox: Sandbox) -> None:
    """Let a test search as often as it restarts: Amazon's one search in three minutes would make it take hours."""
    sandbox.control("POST", "throttle", {"operation": "searchOrders", "rate": 50, "burst": 1000})


def snapshot(database: Database) -> dict[str, list[list[str]]]:
    """What the import made of the orders, without ids and times."""
    return database.python(SNAPSHOT)
