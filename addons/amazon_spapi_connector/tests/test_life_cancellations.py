from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .lifecase import LifeCase


@tagged("post_install", "-at_install")
class TestLifeCancellations(LifeCase):
    """Cancelled at Amazon, cancelled in Odoo, or the buyer wishes it were."""

    def test_cancelled_before_anybody_began(self):
        order = self.imported()
        sale = order.sale_order_id
        total = sale.amount_total
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.problem), ("cancelled", False))
        self.assertEqual((sale.state, set(sale.picking_ids.mapped("state"))), ("cancel", {"cancel"}))
        self.assertEqual(sale.amount_total, total)
        self.assertFalse(sale.activity_ids)
        self.assertEqual(len([note for note in self.notes(order) if "Amazon cancelled" in note]), 1)
        self.assertEqual(order.subject_id.sudo().state, "erased")
        raw = self.raw(order.amazon_order_id)
        self.store({**raw, "lastUpdatedTime": "2040-01-01T00:00:00Z"})
        self.follow()
        self.assertEqual((order.state, len(self.notes(order))), ("cancelled", len(self.notes(order))))
        self.assertEqual(len([note for note in self.notes(order) if "Amazon cancelled" in note]), 1)

    def test_a_person_may_be_asked_instead(self):
        self.account.follow_cancellations = False
        order = self.imported()
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.problem_code), ("exception", "cancelled_after_import"))
        sale = order.sale_order_id
        self.assertEqual((sale.state, len(sale.activity_ids)), ("sale", 1))
        sale._action_cancel()
        order.action_retry()
        self.assertEqual((order.state, len(sale.activity_ids)), ("cancelled", 0))

    def test_cancelled_while_it_is_picked(self):
        """Whoever stands at the packing table cannot ship it, in whatever way the delivery is validated."""
        order = self.imported()
        picking = self.begin_picking(order)
        self.move_on(order.amazon_order_id, "CANCELLED")
        # not even in the minutes before the documents have followed
        self.store(self.raw(order.amazon_order_id))
        with self.assertRaisesRegex(UserError, "Amazon cancelled"):
            picking.button_validate()
        self.follow()
        self.assertEqual((order.state, order.problem_code), ("exception", "cancelled_after_import"))
        self.assertEqual(len(order.sale_order_id.activity_ids), 1)
        self.assertIn("Do not ship", picking.spapi_warning)
        for validate in (picking.button_validate, picking._action_done):
            with self.assertRaisesRegex(UserError, order.amazon_order_id):
                validate()
        self.assertNotEqual(picking.state, "done")
        picking.action_cancel()
        self.assertFalse(picking.spapi_warning)

    def test_begun_means_printed_labelled_or_invoiced_too(self):
        for what in ("printed", "carrier_tracking_ref"):
            order = self.imported(seed=len(what))
            order.sale_order_id.picking_ids[what] = True if what == "printed" else "TRACK1"
            self.move_on(order.amazon_order_id, "CANCELLED")
            self.tell(order.amazon_order_id)
            self.assertEqual((order.state, order.problem_code), ("exception", "cancelled_after_import"), what)
        order = self.imported(seed=99)
        invoice = order.sale_order_id.sudo()._create_invoices()
        invoice.action_post()
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual(order.problem_code, "cancelled_after_import")

    def test_returns_of_a_cancelled_order_are_taken_in(self):
        order = self.imported()
        picking = self.begin_picking(order)
        picking._action_done()
        raw = self.raw(order.amazon_order_id)
        raw["fulfillment"]["fulfillmentStatus"] = "CANCELLED"
        self.store({**raw, "lastUpdatedTime": "2040-01-01T00:00:00Z"})
        self.follow()
        self.assertEqual(order.problem_code, "cancelled_after_import")
        wizard = self.env["stock.return.picking"].create({"picking_id": picking.id})
        back = self.env["stock.picking"].browse(wizard.action_create_returns_all()["res_id"])
        back.move_ids.picked = True
        back.button_validate()
        self.assertEqual(back.state, "done")

    def test_cancelled_in_odoo(self):
        """Odoo cannot tell Amazon: a person is told at once what to do there, until Amazon knows."""
        order = self.imported()
        sale = order.sale_order_id
        sale._action_cancel()
        self.assertEqual((order.state, order.problem_code), ("exception", "cancelled_here"))
        self.assertIn("Seller Central", order.problem)
        self.assertEqual(len(sale.activity_ids), 1)
        self.assertIn(order.amazon_order_id, order.action_open_seller_central()["url"])
        self.change(order.amazon_order_id, programs=["PRIME"])
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual(order.problem_code, "cancelled_here")
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, len(sale.activity_ids)), ("cancelled", 0))

    def test_cancelled_in_odoo_and_confirmed_again(self):
        order = self.imported()
        sale = order.sale_order_id
        sale._action_cancel()
        sale.action_draft()
        sale.action_confirm()
        self.follow()
        self.assertEqual((order.state, len(sale.activity_ids)), ("imported", 0), order.problem)

    def test_the_buyer_asks(self):
        """Flag, activity and warnings; the reason in words is sealed, a code is shown."""
        order = self.imported()
        sale = order.sale_order_id
        self.move_on(order.amazon_order_id, "BUYER_CANCEL_REQUESTED")
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual((order.state, order.cancel_requested, order.cancel_reason), ("imported", True, False))
        self.assertEqual(len(sale.activity_ids), 1)
        self.assertIn("asks to cancel", sale.activity_ids.note)
        self.assertIn("asks to cancel", sale.picking_ids.spapi_warning)
        self.assertTrue(sale.spapi_cancel_requested and sale.picking_ids.spapi_cancel_requested)
        reason = self.raw(order.amazon_order_id)["orderItems"][0]["cancellation"]["cancellationRequest"]["cancelReason"]
        self.assertNotIn(reason, str(order.business_json) + str(self.notes(order)))
        raw = self.raw(order.amazon_order_id)
        raw["orderItems"][0]["cancellation"]["cancellationRequest"]["cancelReason"] = "BUYER_REMORSE"
        self.store({**raw, "lastUpdatedTime": "2040-01-01T00:00:00Z"}, full=True)
        self.follow()
        self.assertEqual(order.cancel_reason, "BUYER_REMORSE")
        self.assertEqual(len(sale.activity_ids), 1)
        # shipped all the same: the wish is over
        self.begin_picking(order)._action_done()
        raw["fulfillment"]["fulfillmentStatus"] = "SHIPPED"
        self.store({**raw, "lastUpdatedTime": "2041-01-01T00:00:00Z"})
        self.follow()
        self.assertEqual((order.cancel_requested, len(sale.activity_ids)), (False, 0))

    def test_accepting_is_one_click(self):
        order = self.imported()
        sale = order.sale_order_id
        self.move_on(order.amazon_order_id, "BUYER_CANCEL_REQUESTED")
        self.tell(order.amazon_order_id, full=True)
        warehouse = new_test_user(self.env, "amazon_picker", groups="stock.group_stock_user")
        with self.assertRaises(AccessError):
            sale.picking_ids.with_user(warehouse).action_spapi_accept_cancellation()
        self.assertEqual(sale.state, "sale")
        seller = new_test_user(self.env, "amazon_seller", groups="sales_team.group_sale_salesman_all_leads")
        action = sale.with_user(seller).action_spapi_accept_cancellation()
        self.assertEqual((action["type"], action["target"]), ("ir.actions.act_url", "new"))
        self.assertIn(f"/orders-v3/order/{order.amazon_order_id}", action["url"])
        self.assertEqual((sale.state, set(sale.picking_ids.mapped("state"))), ("cancel", {"cancel"}))
        self.assertEqual((order.state, order.problem_code), ("exception", "cancelled_here"))
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.cancel_requested), ("cancelled", False))

    def test_accepting_what_is_on_its_way(self):
        order = self.imported()
        self.begin_picking(order)
        self.move_on(order.amazon_order_id, "BUYER_CANCEL_REQUESTED")
        self.tell(order.amazon_order_id, full=True)
        with self.assertRaisesRegex(UserError, "was begun"):
            order.action_accept_cancellation()
        self.assertEqual(order.sale_order_id.state, "sale")

    def test_nobody_asked(self):
        with self.assertRaisesRegex(UserError, "does not ask"):
            self.imported().action_accept_cancellation()

    def test_pre_order(self):
        """A pre-order is mirrored with its release date, and imported when Amazon releases it."""
        order_id = self.generate("pending_availability")[0]
        order = self.tell(order_id)
        self.assertEqual((order.state, order.problem_code, order.is_preorder), ("pending", "preorder", True))
        self.assertTrue(order.ship_from)
        self.assertIn(self.account._local(order.ship_from), order.problem)
        self.move_on(order_id, "UNSHIPPED")
        self.make_products()
        self.tell(order_id, full=True)
        self.assertEqual(order.state, "imported", order.problem)

    def test_pending_and_never_imported(self):
        order_id = self.generate("pending")[0]
        order = self.tell(order_id)
        self.assertEqual((order.state, order.sale_order_id.id), ("pending", False))
        self.move_on(order_id, "CANCELLED")
        self.tell(order_id)
        self.assertEqual(order.state, "cancelled")
