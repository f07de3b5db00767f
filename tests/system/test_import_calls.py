"""What an import costs at Amazon, and that reading again, out of order or twice changes nothing."""

from __future__ import annotations

from support.figures import figure

from . import scenario

OUT_OF_ORDER = """
account = env["spapi.account"].search([], limit=1)._as_service()
from odoo.addons.amazon_spapi_connector.calling import call
from odoo.addons.amazon_spapi_connector.models.spapi_account_search import SEARCHES

parts = SEARCHES["unshipped"]["parts"]
client_pages = []
parameters = account._search_parameters("unshipped", account.import_since)
while True:
    page = call(account, "searchOrders", lambda client: client.search_orders(dict(parameters)))
    client_pages.append(page)
    if not page.next_token:
        break
    parameters["paginationToken"] = page.next_token
orders = env["spapi.order"].sudo()
# the last page first, each page twice, an order on two pages, one page backwards
doubled = [*reversed(client_pages), *client_pages]
for page in doubled:
    listed = [*page.orders, *client_pages[0].orders[:3]]
    orders._store_orders(account, listed[::-1], parts)
    cr.commit()
account._map_pending()
for page in client_pages:
    orders._store_orders(account, page.orders, parts)
account._map_pending()
result = [len(client_pages), sum(len(page.orders) for page in client_pages)]
"""


def test_a_thousand_orders_cost_ten_searches_each_and_no_call_per_order(odoo_db, sandbox):
    sandbox.generate(scenario.MARKETPLACES, 1000, case="fbm_unshipped")
    # twenty searches in one go are all that Amazon grants, and two of them are kept for people
    scenario.unthrottled(sandbox)
    scenario.connect(odoo_db, sandbox)
    sandbox.forget_journal()
    # no products: the orders are stored and wait for them, which is all that this test needs
    answer = odoo_db.python(scenario.IMPORT)
    assert answer["state"] == "connected", answer
    stored = int(odoo_db.psql("SELECT count(*) FROM spapi_order")[0])
    assert stored == 1000
    counts = sandbox.counts()
    by_search = {"unshipped": 0, "changes": 0}
    for entry in sandbox.journal("searchOrders"):
        by_search["unshipped" if "fulfilledBy" in entry["query"] else "changes"] += 1
    figure("searchOrders_calls_unshipped", by_search["unshipped"], "calls", "10")
    figure("searchOrders_calls_changes", by_search["changes"], "calls", "10")
    figure("calls_per_order", sum(n for name, n in counts.items() if name not in ("searchOrders", "token")), "calls", 0)
    assert by_search == {"unshipped": 10, "changes": 10}
    assert set(counts) <= {"searchOrders", "token"}, counts


def test_twice_out_of_order_and_on_two_pages_is_the_same_database(make_db, sandbox):
    sandbox.generate(scenario.MARKETPLACES, 230, case="mixed", seed=7)
    scenario.unthrottled(sandbox)
    plain, again, shuffled = make_db("plain"), make_db("again"), make_db("shuffled")
    for database in (plain, again, shuffled):
        scenario.connect(database, sandbox)
        scenario.add_products(database, sandbox)
    plain.python(scenario.IMPORT)
    expected = scenario.snapshot(plain)
    assert len(expected["orders"]) == 230
    assert any(row[6] == "sale" for row in expected["orders"])
    assert len(expected["moves"]) > 100

    again.python(scenario.IMPORT)
    again.python("env['spapi.cursor'].search([]).write({'last_updated_after': '2025-01-01'})")
    again.python(scenario.IMPORT)
    assert scenario.snapshot(again) == expected

    pages, orders = shuffled.python(OUT_OF_ORDER)
    assert pages > 1 and orders > 100
    shuffled.python(scenario.IMPORT)
    assert scenario.snapshot(shuffled) == expected
