from unittest import skipUnless

from odoo.tests import Form, new_test_user, tagged

from ..models import spapi_account_search as searching
from . import amazon_examples, generated_orders
from .common import SpapiCase

MODEL = amazon_examples.document()
FULL = searching.SEARCHES["unshipped"]["parts"]
PAGES, PAGE = 8, 50
STATES = {"pending", "new", "waiting", "imported", "ignored", "exception", "quarantined", "cancelled"}


@tagged("post_install", "-at_install")
@skipUnless(MODEL, "Amazon's model orders_2026-01-01.json is not here; name its folder in SPAPI_MODELS")
class TestGenerated(SpapiCase):
    """Payloads made from Amazon's model, most of them broken, through the database, page by page."""

    def test_generated_payloads(self):
        """Each has a clear state, can be read in the screens, and none leaves anything personal in clear."""
        self.env["product.product"].search([("default_code", "in", generated_orders.SKUS)]).default_code = False
        self.env["product.product"].create(
            [{"name": sku, "default_code": sku, "is_storable": True} for sku in generated_orders.SKUS]
        )
        self.account.marketplace_ids = self.env["spapi.marketplace"].search([])
        Order = self.env["spapi.order"].sudo()
        stored, tried = Order, 0
        for page in range(PAGES):
            payloads = []
            for number in range(page * PAGE, page * PAGE + PAGE):
                kind = generated_orders.KINDS[number % len(generated_orders.KINDS)]
                order = generated_orders.Builder(MODEL["definitions"], number).order(number)
                payloads.append(generated_orders.broken(order, kind, number))
            found = Order._store_orders(self.account, payloads, FULL)
            # what is no order at all and comes again is stored once
            whole = [payload for payload in payloads if isinstance(payload, dict) and len(payload) > 2]
            self.assertGreaterEqual(len(found), len(whole))
            found.filtered(lambda order: order.state == "new")._as_service()._map_orders()
            stored |= found
            tried += len(payloads)
        self.assertLessEqual(set(stored.mapped("state")), STATES)
        stopped = stored.filtered(lambda order: order.state in ("exception", "quarantined"))
        self.assertFalse(stopped.filtered(lambda order: not order.problem))
        self.assertFalse(stored.filtered(lambda order: order.state == "quarantined" and not order.notices))
        imported = stored.filtered("sale_order_id")
        self.assertTrue(imported)
        for order in imported:
            self.assertEqual(order.sale_order_id.amount_total, order.amount_total)
        user = new_test_user(self.env, "reader", groups="amazon_spapi_connector.group_user")
        for order in stored.with_user(user):
            self.assertNotIn(generated_orders.CANARY, str(order.read()))
        self.assertTrue(Form(stopped[:1].with_user(user)).problem)
        self._assert_no_canary()
        print("\nFIGURE generated_payloads_stored", tried, "payloads")
        print("FIGURE generated_payloads_imported", len(imported), "orders")
        print("FIGURE generated_payloads_quarantined", len(stored.filtered("quarantine_subject_id")), "orders")

    def _assert_no_canary(self):
        """In no table in clear; but for titles and notes on a product, which are the seller's own words."""
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        tables = [table for (table,) in self.env.cr.fetchall()]
        for table in tables:
            self.env.cr.execute(
                f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE %s', [f"%{generated_orders.CANARY}%"]
            )
            self.assertEqual(self.env.cr.fetchone()[0], 0, table)
        print("FIGURE generated_payloads_tables_scanned", len(tables), "tables")
