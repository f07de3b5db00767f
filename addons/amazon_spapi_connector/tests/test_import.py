from datetime import timedelta
from random import Random
from unittest.mock import patch
from urllib.parse import parse_qs

from odoo import fields
from odoo.tests import tagged

from ..models import spapi_account_import as importing
from ..models import spapi_account_search as searching
from .common import DE, IT, SpapiCase


@tagged("post_install", "-at_install")
class TestImport(SpapiCase):
    def test_orders_become_deliveries(self):
        """Every order to ship becomes one confirmed sale order of Amazon's total with a delivery."""
        ids = self.sandbox.generate(12)
        self.make_products()
        mails = self.env["mail.mail"].search_count([])
        self.run_import()
        orders = self.env["spapi.order"].search([("account_id", "=", self.account.id)])
        self.assertEqual(sorted(orders.mapped("amazon_order_id")), sorted(ids))
        self.assertEqual(set(orders.mapped("state")), {"imported"}, orders.mapped("problem"))
        for order in orders:
            sale = order.sale_order_id
            self.assertEqual(sale.state, "sale")
            self.assertEqual(sale.currency_id.compare_amounts(sale.amount_total, order.amount_total), 0)
            self.assertTrue(sale.picking_ids)
            self.assertEqual(sale.partner_id.name, f"Amazon {order.amazon_order_id}")
            self.assertEqual(sale.date_order, order.purchase_date)
            self.assertFalse(sale.message_partner_ids)
        self.assertEqual(self.env["mail.mail"].search_count([]), mails)
        self.assertEqual(self.account.state, "connected")
        self.assertTrue(self.account.last_success)

    def test_calls_per_order(self):
        """250 orders cost three pages a search and no call per order."""
        self.sandbox.generate(250)
        self.sandbox.control("DELETE", "journal")
        self.run_import()
        counts = self.sandbox.counts()
        self.assertEqual(counts["searchOrders"], 6)
        self.assertFalse(counts.get("getOrder"))
        print("FIGURE import_calls_per_250_orders", counts["searchOrders"], "calls")

    def test_same_pages_twice(self):
        """Importing everything again changes nothing, writes nothing."""
        self.sandbox.generate(8)
        self.make_products()
        self.run_import()
        before = self.snapshot()
        stamps = dict(self.env["spapi.order"].search([]).mapped(lambda order: (order.id, order.write_date)))
        with self.committing() as env:
            env["spapi.cursor"].search([]).unlink()
        self.run_import()
        self.assertEqual(self.snapshot(), before)
        self.assertEqual(dict(self.env["spapi.order"].search([]).mapped(lambda o: (o.id, o.write_date))), stamps)

    def test_any_order_of_pages(self):
        """Pages in any order, of both searches, with orders on two pages, leave the same database."""
        self.sandbox.generate(10)
        self.make_products()
        payloads = list(self.sandbox.orders().values())
        full, less = searching.SEARCHES["unshipped"]["parts"], searching.SEARCHES["changes"]["parts"]
        stripped = [self._without_person(payload) for payload in payloads]
        pages = [(payloads[:6], full), (payloads[4:], full), (stripped, less), (stripped[3:8], less)]
        results = []
        for seed in range(6):
            shuffled = pages[:]
            Random(seed).shuffle(shuffled)
            with self.env.cr.savepoint() as savepoint:
                for page, parts in shuffled:
                    Random(seed).shuffle(page)
                    self.env["spapi.order"]._store_orders(self.account, page, parts)
                self.env["spapi.order"].search([])._as_service()._map_orders()
                results.append(self.snapshot())
                savepoint.rollback()
                self.env.invalidate_all()
        self.assertEqual(len(results[0]), 10)
        self.assertEqual({row[0] for row in results[0].values()}, {"imported"})
        for result in results[1:]:
            self.assertEqual(result, results[0])
        print("FIGURE page_orders_tried", len(results), "permutations")

    @staticmethod
    def _without_person(payload):
        return {key: value for key, value in payload.items() if key not in ("buyer", "recipient", "tax", "packages")}

    def test_older_never_replaces_newer(self):
        """A late page with an old state of an order is recognised."""
        raw = self.one_raw_order()
        parts = searching.SEARCHES["unshipped"]["parts"]
        old = {**raw, "lastUpdatedTime": "2020-01-01T00:00:00Z", "programs": ["PREORDER"]}
        store = self.env["spapi.order"]._store_orders
        store(self.account, [raw], parts)
        changed = store(self.account, [old], parts)
        self.assertFalse(changed)
        self.assertNotEqual(self.order(raw["orderId"]).programs, "PREORDER")

    def test_search_without_person_takes_nothing_away(self):
        """A newer state without buyer and address keeps both, and keeps the parts that were not asked for."""
        raw = self.one_raw_order()
        store = self.env["spapi.order"]._store_orders
        store(self.account, [raw], searching.SEARCHES["unshipped"]["parts"])
        order = self.order(raw["orderId"])
        token, country = order.subject_id.sudo().operational_token, order.business_json["recipient"]
        newer = {**self._without_person(raw), "lastUpdatedTime": "2040-01-01T00:00:00Z"}
        self.assertEqual(store(self.account, [newer], searching.SEARCHES["changes"]["parts"]), order)
        order.invalidate_recordset()
        self.assertEqual(order.subject_id.sudo().operational_token, token)
        self.assertTrue(token)
        self.assertEqual(order.business_json["recipient"], country)
        self.assertTrue(order.has_address)

    def test_cursor_waits_for_the_last_page(self):
        """An import that stops at the second page keeps its place, and the cursor its old value."""
        self.sandbox.generate(150)
        self.sandbox.fault("error_500", after=1)
        self.run_import()
        cursor = self.account.cursor_ids.filtered(lambda row: row.search_code == "unshipped")
        self.assertTrue(cursor.sudo().page_token)
        self.assertEqual(str(cursor.last_updated_after), "2020-01-01 00:00:00")
        self.assertEqual(self.env["spapi.order"].search_count([("account_id", "=", self.account.id)]), 100)
        self.assertTrue(self.account.last_error)
        self.assertTrue(self.account.last_error_request_id)
        self.sandbox.control("DELETE", "journal")
        self.run_import()
        rows = self.sandbox.control("GET", "journal?operation=searchOrders")
        self.assertIn("paginationToken", str(rows[0]["query"]))
        self.assertEqual(self.env["spapi.order"].search_count([("account_id", "=", self.account.id)]), 150)
        self.assertFalse(self.account.last_error)
        cursor.invalidate_recordset()
        self.assertFalse(cursor.sudo().page_token)
        self.assertGreater(str(cursor.last_updated_after), "2020-01-01 00:00:00")

    def test_expired_page_token(self):
        """A page token of yesterday is not used; the search begins again where the cursor stands."""
        self.account.import_since = fields.Datetime.now() - timedelta(days=25)
        self.sandbox.generate(120)
        self.sandbox.fault("error_500", after=1)
        self.run_import()
        cursor = self.account.cursor_ids.filtered(lambda row: row.search_code == "unshipped")
        with self.committing() as env:
            env["spapi.cursor"].browse(cursor.id).page_token_at -= timedelta(hours=25)
        self.sandbox.control("DELETE", "journal")
        self.run_import()
        rows = self.sandbox.control("GET", "journal?operation=searchOrders")
        self.assertNotIn("paginationToken", str(rows[0]["query"]))
        self.assertEqual(self.env["spapi.order"].search_count([("account_id", "=", self.account.id)]), 120)

    def test_a_period_that_is_too_long_for_one_search(self):
        """Pages that do not end while their token lives are not read from the first one for ever: by the week they end.

        At twenty calls an hour a token lives for 460 pages.
        """
        begin = fields.Datetime.now() - timedelta(days=25)
        self.account.import_since = begin
        many = {"count": 240, "case": "fbm_unshipped", "marketplaces": [IT, DE], "seed": 1}
        self.sandbox.control("POST", "orders/generate", {**many, "created_from": f"{begin:%Y-%m-%dT%H:%M:%SZ}"})
        with patch.object(searching, "MAX_PAGES", 1):
            self.run_import()
            self.assertTrue(self.account.last_error)
            self.sandbox.control("DELETE", "journal")
            self.run_import()  # the second search finds out for itself
            self.run_import()
        self.assertFalse(self.account.last_error)
        cursors = self.account.cursor_ids
        self.assertEqual(cursors.mapped("in_parts"), [False, False])
        self.assertGreater(min(cursors.mapped("last_updated_after")), fields.Datetime.now() - timedelta(hours=1))
        self.assertEqual(self.env["spapi.order"].search_count([("account_id", "=", self.account.id)]), 240)
        asked = [parse_qs(row["query"]) for row in self.sandbox.control("GET", "journal?operation=searchOrders")]
        parts = {
            (*one["lastUpdatedBefore"], *one.get("fulfilledBy", ())) for one in asked if "lastUpdatedBefore" in one
        }
        print(f"\nFIGURE import_parts {len(parts)} parts =6")
        self.assertEqual(len(parts), 6, "three whole weeks of each search")
        self.assertLessEqual(len(asked), 11, "no part is read twice")

    def test_second_import_of_an_account_steps_back(self):
        """While one process imports an account, another leaves it alone."""
        self.sandbox.generate(3)
        with self.registry.cursor() as other:
            other.execute("SELECT pg_advisory_lock(%s, %s)", [importing.LOCK, self.account.id])
            self.run_import()
            self.assertFalse(self.env["spapi.order"].search([("account_id", "=", self.account.id)]))
            other.execute("SELECT pg_advisory_unlock(%s, %s)", [importing.LOCK, self.account.id])
        self.run_import()
        self.assertEqual(self.env["spapi.order"].search_count([("account_id", "=", self.account.id)]), 3)

    def test_every_case(self):
        """Of each kind of order those to ship and those shipped become sale orders; the others say why not."""
        self.sandbox.generate(120, case="mixed")
        self.sandbox.generate(3, case="cancelled")  # rare in the mixture
        self.make_products()
        self.run_import()
        orders = self.env["spapi.order"].search([("account_id", "=", self.account.id)])
        for order in orders:
            should = order.status in ("PARTIALLY_SHIPPED", "SHIPPED") or (
                order.status == "UNSHIPPED" and order.fulfilled_by == "MERCHANT"
            )
            self.assertEqual(bool(order.sale_order_id), should, (order.status, order.fulfilled_by, order.problem))
            self.assertTrue(order.sale_order_id or order.problem or order.state == "cancelled")
            self.assertFalse(order.follow_up)
        self.assertEqual(set(orders.mapped("state")), {"imported", "pending", "cancelled"}, orders.mapped("problem"))

    def test_address_that_comes_later(self):
        """An order that the second search finds first waits for its address, gets it once, and is imported."""
        raw = self.one_raw_order()
        self.make_products()
        self.env["spapi.order"]._store_orders(self.account, [self._without_person(raw)], searching.BUSINESS_PARTS)
        order = self.order(raw["orderId"])
        self.assertEqual((order.state, order.problem_code), ("new", "address_to_come"))
        self.account.import_since = "2039-01-01"
        self.assertEqual(
            self.account._search_parameters("unshipped", min(self.account._without_address().values()))[
                "marketplaceIds"
            ][:1],
            "A",
        )
        self.run_import()
        self.assertEqual(self.order(raw["orderId"]).state, "imported", order.problem)

    def test_marketplace_that_is_not_chosen(self):
        """Amazon is asked for the chosen marketplaces only."""
        self.account.marketplace_ids = self.env["spapi.marketplace"].search([("amazon_id", "=", IT)])
        # two of each, in two calls: else chance chooses the marketplaces
        for marketplace in (IT, DE):
            self.sandbox.generate(2, marketplaces=[marketplace])
        self.run_import()
        orders = self.env["spapi.order"].search([("account_id", "=", self.account.id)])
        self.assertEqual(set(orders.marketplace_id.mapped("amazon_id")), {IT})
