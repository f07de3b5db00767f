from copy import deepcopy
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from ..models import spapi_account_search as searching
from .common import DE, IT, SpapiCase

FULL = searching.SEARCHES["unshipped"]["parts"]
LESS = searching.SEARCHES["changes"]["parts"]


@tagged("post_install", "-at_install")
class TestUpdates(SpapiCase):
    """What Amazon or a person changes between two imports."""

    @staticmethod
    def _without_person(payload):
        return {key: value for key, value in payload.items() if key not in ("buyer", "recipient", "tax", "packages")}

    def _cancel(self, order_id):
        self.sandbox.control("POST", f"orders/{order_id}/transition", {"status": "CANCELLED"})
        self.sandbox.advance(3600)
        self.run_import()

    def test_new_address_that_the_other_search_announced(self):
        """An update seen first without its address: the address that comes with the next search is sealed, once."""
        raw = self.one_raw_order()
        store = self.env["spapi.order"]._store_orders
        store(self.account, [raw], FULL)
        order = self.order(raw["orderId"])
        before = order.subject_id.sudo().operational_token
        moved = {**deepcopy(raw), "lastUpdatedTime": "2040-01-01T00:00:00Z"}
        moved["recipient"]["deliveryAddress"]["addressLine1"] = "Somewhere else 5"
        self.assertEqual(store(self.account, [self._without_person(moved)], LESS), order)
        self.assertEqual(order.subject_id.sudo().operational_token, before)
        self.assertEqual(store(self.account, [moved], FULL), order)
        self.assertNotEqual(order.subject_id.sudo().operational_token, before)
        self.assertFalse(store(self.account, [moved], FULL))
        self.assertFalse(store(self.account, [self._without_person(moved)], LESS))

    def test_marketplace_chosen_later(self):
        """Orders that a marketplace had before it was chosen are imported too."""
        markets = self.env["spapi.marketplace"].search([("amazon_id", "in", (IT, DE))])
        self.account.marketplace_ids = markets.filtered(lambda market: market.amazon_id == IT)
        ids = self.sandbox.generate(4, marketplaces=[DE])
        self.run_import()
        self.assertFalse(self.order(ids[0]))
        self.sandbox.advance(3600)
        self.account.marketplace_ids = markets
        self.run_import()
        self.assertTrue(all(self.order(order_id) for order_id in ids))
        cursors = self.account.cursor_ids
        self.account.marketplace_ids = markets[:1]
        self.assertTrue(cursors.exists(), "one marketplace less is no reason to read again")

    def test_changed_then_cancelled(self):
        """The one activity of an order says the latest: a change does not hide the cancellation after it."""
        raw = self.one_raw_order()
        self.make_products()
        self.run_import()
        self.account.write({"follow_changes": False, "follow_cancellations": False})
        items = deepcopy(raw["orderItems"])
        items[0]["quantityOrdered"] += 1
        self.sandbox.advance(3600)
        self.sandbox.patch(raw["orderId"], {"orderItems": items})
        self.sandbox.advance(3600)
        self.run_import()
        order = self.order(raw["orderId"])
        self.assertIn("amounts", order.sale_order_id.activity_ids.note)
        self._cancel(raw["orderId"])
        self.assertEqual(order.problem_code, "cancelled_after_import")
        self.assertEqual(len(order.sale_order_id.activity_ids), 1)
        self.assertIn("cancelled", order.sale_order_id.activity_ids.note)

    def test_cancelled_line_needs_no_product(self):
        """An order waits for the products of what is shipped, not for those of its cancelled lines."""
        raw = self.one_raw_order()
        dropped = deepcopy(raw["orderItems"][0])
        dropped.update(
            orderItemId="99999999999999",
            quantityOrdered=0,
            cancellation={"cancellationExecution": {"cancelledBy": "BUYER"}},
            proceeds={"proceedsTotal": {"amount": "0.00", "currencyCode": "EUR"}},
        )
        dropped["product"]["sellerSku"] = "NO-PRODUCT-EVER"
        raw["orderItems"].append(dropped)
        self.sandbox.put(raw)
        self.run_import()
        order = self.order(raw["orderId"])
        self.assertEqual(order.state, "waiting", order.problem)
        skus = set(order.line_ids.filtered("quantity").mapped("sku"))
        self.env["product.product"].create([{"name": sku, "default_code": sku, "is_storable": True} for sku in skus])
        self.run_import()
        self.assertEqual(order.state, "imported", order.problem)

    def test_update_of_long_ago(self):
        """An order with an impossible date, found without address, does not stop the search for addresses."""
        for moment in ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"):
            raw = self.one_raw_order(lastUpdatedTime=moment)
            self.env["spapi.order"]._store_orders(self.account, [self._without_person(raw)], LESS)
            self.sandbox.control("DELETE", "journal")
            self.run_import()
            self.assertFalse(self.account.last_error)
            rows = self.sandbox.control("GET", "journal?operation=searchOrders")
            self.assertNotIn(f"lastUpdatedAfter={moment[:4]}", str(rows[0]["query"]))

    def test_fast_clock(self):
        """Without Amazon's word the cursor goes no further than the newest order, however fast our clock is."""
        newest = fields.Datetime.now() - timedelta(days=9)
        raw = self.one_raw_order(lastUpdatedTime=f"{newest:%Y-%m-%dT%H:%M:%SZ}")
        self.env["spapi.order"]._store_orders(self.account, [raw], FULL)
        cursor = self.account._cursor("changes")
        cursor._begin({})
        cursor.begun_at += timedelta(days=2)
        cursor._advance(None, None)
        self.assertLess(cursor.last_updated_after, newest)
        self.assertGreater(cursor.last_updated_after, newest - timedelta(minutes=10))

    def test_who_opens_an_order(self):
        """Accounting follows the button from the sale order; a stranger gets nothing, not even ids of deliveries."""
        raw = self.one_raw_order()
        self.make_products()
        self.run_import()
        order = self.order(raw["orderId"])
        accountant = new_test_user(self.env, "amazon_accountant", groups="account.group_account_invoice")
        action = order.sale_order_id.with_user(accountant).action_view_spapi_order()
        opened = self.env[action["res_model"]].with_user(accountant).browse(action["res_id"])
        self.assertEqual(opened.read(["amount_total", "line_ids"])[0]["amount_total"], order.amount_total)
        self.assertEqual(opened.line_ids.mapped("sku"), order.line_ids.mapped("sku"))
        with self.assertRaises(AccessError):
            opened.read(["business_json"])
        stranger = new_test_user(self.env, "amazon_stranger", groups="base.group_user")
        with self.assertRaises(AccessError):
            order.with_user(stranger).action_view_deliveries()
