from copy import deepcopy

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .lifecase import LifeCase


@tagged("post_install", "-at_install")
class TestLifeByHand(LifeCase):
    """What persons do to an order in Odoo, before and after Amazon says something about it."""

    def put_back(self, picking):
        """Return a transfer as the warehouse does, and validate the return."""
        wizard = self.env["stock.return.picking"].create({"picking_id": picking.id})
        back = self.env["stock.picking"].browse(wizard.action_create_returns_all()["res_id"])
        back.move_ids.picked = True
        back.button_validate()
        return back

    def picked(self, order):
        """The first operation of the order's delivery, done."""
        picking = order.sale_order_id.picking_ids.filtered(
            lambda row: row.picking_type_code == "internal" and row.state != "done"
        )
        for move in picking.move_ids:
            move.write({"quantity": move.product_uom_qty, "picked": True})
        picking._action_done()
        return picking

    # === CANCELLED AT AMAZON === #

    def test_picked_goods_of_a_cancelled_order_are_put_back(self):
        """Nothing of a cancelled order is shipped, and what was picked for it finds its shelf again."""
        self.account.warehouse_id.delivery_steps = "pick_ship"
        order = self.imported()
        picked = self.picked(order)
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.problem_code), ("exception", "cancelled_after_import"))
        shipping = order.sale_order_id.picking_ids.filtered(lambda row: row.picking_type_code == "outgoing")
        shipping.move_ids.picked = True
        with self.assertRaisesRegex(UserError, "put back"):
            shipping.button_validate()
        self.assertTrue(shipping.spapi_warning)
        shipping.action_cancel()
        back = self.put_back(picked)
        self.assertEqual((back.state, back.location_dest_id), ("done", picked.location_id))
        self.assertFalse(back.spapi_warning)

    def test_a_slip_was_printed(self):
        """Reports leave no trace on a delivery; that the buyer's data was opened for one is in the vault's log."""
        order = self.imported()
        uuid = order.subject_id.sudo().uuid
        # as a reveal writes it, on a connection of its own that this transaction does not see
        for purpose, begun in (("customer_service", False), ("label", True)):
            self.env.cr.execute(
                "INSERT INTO pii_access_log (id, at, user_ref, subject_uuid, purpose, outcome)"
                " SELECT COALESCE(max(id), 0) + 1, now() AT TIME ZONE 'UTC', 2, %s, %s, 'opened' FROM pii_access_log",
                [uuid, purpose],
            )
            self.assertEqual(order._is_untouched(), not begun, purpose)
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.problem_code), ("exception", "cancelled_after_import"))
        order.sale_order_id.picking_ids.action_cancel()
        self.follow()
        self.assertEqual((order.state, order.sale_order_id.state), ("cancelled", "cancel"), order.problem)

    def test_a_person_has_cancelled_it_too(self):
        """The exception goes by itself when a person has done what it asks for."""
        order = self.imported()
        sale = order.sale_order_id
        self.begin_picking(order)
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.problem_code, len(sale.activity_ids)), ("cancelled_after_import", 1))
        sale._action_cancel()
        self.follow()
        self.assertEqual((order.state, order.problem, len(sale.activity_ids)), ("cancelled", False, 0))

    # === SHIPPED === #

    def test_a_person_has_delivered_it(self):
        self.account.shipped_elsewhere = "exception"
        order = self.imported()
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        self.assertEqual(order.problem_code, "shipped_elsewhere")
        self.begin_picking(order).button_validate()
        self.follow()
        self.assertEqual((order.state, len(order.sale_order_id.activity_ids)), ("imported", 0), order.problem)

    def test_goods_that_are_still_to_be_bought(self):
        """Amazon says that they left: a delivery that waits for a receipt is validated all the same."""
        order = self.imported()
        delivery = order.sale_order_id.picking_ids
        receipt = self.env["stock.move"].create(
            {
                "product_id": order.line_ids.product_id.id,
                "product_uom_qty": 1,
                "location_id": self.env.ref("stock.stock_location_suppliers").id,
                "location_dest_id": delivery.location_id.id,
                "move_dest_ids": [Command.set(delivery.move_ids.ids)],
            }
        )
        receipt._action_confirm()
        delivery.move_ids.procure_method = "make_to_order"
        delivery.do_unreserve()
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, self.delivered(order)), ("imported", self.ordered(order)), order.problem)
        self.assertNotIn(receipt.state, ("done", "cancel"))

    def test_each_delivery_has_its_own_tracking_number(self):
        order = self.several_units(quantity=3)
        for status in ("PARTIALLY_SHIPPED", "SHIPPED"):
            self.move_on(order.amazon_order_id, status)
            self.tell(order.amazon_order_id)
        known = {package["trackingNumber"] for package in self.raw(order.amazon_order_id)["packages"]}
        pickings = order.sale_order_id.picking_ids
        self.assertEqual((len(known), len(pickings)), (2, 2))
        self.assertEqual(set(pickings.mapped("carrier_tracking_ref")), known)

    # === CHANGED === #

    def changed_while_picked(self, **values):
        """An order whose quantity Amazon raised from one to three while it was picked."""
        order = self.imported(**values)
        self.begin_picking(order)
        raw = self.raw(order.amazon_order_id)
        self.multiply(raw, 3)
        self.change(order.amazon_order_id, orderItems=raw["orderItems"], proceeds=raw["proceeds"])
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual((order.state, order.problem_code), ("exception", "changed_after_import"))
        return order

    def test_a_person_has_corrected_it(self):
        """Prices typed to the cent are good enough when the total is Amazon's."""
        order = self.changed_while_picked()
        sale = order.sale_order_id
        line = sale.order_line.filtered("spapi_line_id")
        # neither the price nor the tax as the import would have it
        line.write({"product_uom_qty": 3, "tax_ids": [Command.clear()]})
        line.price_unit = 1
        order.action_retry()
        self.assertEqual(order.problem_code, "changed_after_import", "the pieces agree, the money does not yet")
        line.price_unit += (order.amount_total - sale.amount_total) / 3
        self.assertEqual(sale.currency_id.compare_amounts(sale.amount_total, order.amount_total), 0)
        order.action_retry()
        self.assertEqual((order.state, len(sale.activity_ids)), ("imported", 0), order.problem)

    def test_an_invoice_that_nobody_has_posted_yet(self):
        """A draft keeps the amounts that it was made with: a person decides about it before the order follows."""
        order = self.imported()
        invoice = order.sale_order_id.sudo()._create_invoices()
        raw = self.raw(order.amazon_order_id)
        self.multiply(raw, 3)
        self.change(order.amazon_order_id, orderItems=raw["orderItems"], proceeds=raw["proceeds"])
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual((order.state, order.problem_code), ("exception", "changed_after_import"))
        invoice.button_cancel()
        order.action_retry()
        self.assertEqual((order.state, sum(self.ordered(order).values())), ("imported", 3), order.problem)

    def test_a_person_has_added_the_new_item(self):
        """An item that a person typed is the one that Amazon added: what leaves of it counts for Amazon's item."""
        order = self.imported()
        sale = order.sale_order_id
        self.begin_picking(order)
        product = self.env["product.product"].create({"name": "New", "default_code": "NEW-1", "is_storable": True})
        raw = self.raw(order.amazon_order_id)
        twin = deepcopy(raw["orderItems"][0])
        twin["orderItemId"], twin["product"]["sellerSku"] = "55555555555555", "NEW-1"
        added = float(twin["proceeds"]["proceedsTotal"]["amount"])
        total = float(raw["proceeds"]["grandTotal"]["amount"]) + added
        money = {**raw["proceeds"]["grandTotal"], "amount": f"{total:.2f}"}
        self.change(order.amazon_order_id, orderItems=[*raw["orderItems"], twin], proceeds={"grandTotal": money})
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual(order.problem_code, "changed_after_import", order.problem)
        line = self.env["sale.order.line"].create(
            {"order_id": sale.id, "product_id": product.id, "product_uom_qty": 1, "tax_ids": False, "price_unit": added}
        )
        order.action_retry()
        self.assertEqual(order.state, "imported", order.problem)
        self.assertEqual(line.spapi_line_id.item_id, "55555555555555")
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, self.delivered(order)), ("imported", self.ordered(order)), order.problem)

    def test_what_a_person_added_stays(self):
        """A gift that the seller puts in is none of Amazon's items, and no change at Amazon takes it out."""
        order = self.imported()
        sale = order.sale_order_id
        gift = self.env["product.product"].create({"name": "Sample", "is_storable": True, "taxes_id": False})
        line = self.env["sale.order.line"].create(
            {"order_id": sale.id, "product_id": gift.id, "product_uom_qty": 1, "price_unit": 0}
        )
        raw = self.raw(order.amazon_order_id)
        self.multiply(raw, 2)
        self.change(order.amazon_order_id, orderItems=raw["orderItems"], proceeds=raw["proceeds"])
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual((order.state, line.product_uom_qty), ("imported", 1), order.problem)
        self.assertEqual(sale.order_line.filtered("spapi_line_id").product_uom_qty, 2)

    def test_cancelled_goods_on_their_way_to_the_gate(self):
        """The rest of an item is cancelled, and stands picked at the gate: a person takes it back."""
        self.account.warehouse_id.delivery_steps = "pick_ship"
        order = self.several_units(quantity=4, seed=11)
        self.move_on(order.amazon_order_id, "PARTIALLY_SHIPPED")
        self.tell(order.amazon_order_id)
        self.assertTrue(self.picked(order).backorder_id)
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.problem_code), ("exception", "changed_after_import"))
        waiting = order.sale_order_id.picking_ids.filtered(lambda row: row.state not in ("done", "cancel"))
        self.assertTrue(waiting)
        waiting.action_cancel()
        self.follow()
        self.assertEqual(order.state, "imported", order.problem)

    def test_cancelled_before_it_was_picked_in_steps(self):
        self.account.warehouse_id.delivery_steps = "pick_pack_ship"
        order = self.several_units(quantity=4, seed=11)
        self.move_on(order.amazon_order_id, "PARTIALLY_SHIPPED")
        self.tell(order.amazon_order_id)
        gone = sum(self.delivered(order).values())
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, sum(self.delivered(order).values())), ("imported", gone), order.problem)
        self.assertFalse(order.sale_order_id.picking_ids.filtered(lambda row: row.state not in ("done", "cancel")))

    def test_an_address_that_nobody_has_printed_yet(self):
        """Other news about the order does not make the old label a good one: only a person does, or the dispatch."""
        order = self.imported()
        sale = order.sale_order_id
        sale.picking_ids.carrier_tracking_ref = "TRACK1"
        raw = self.raw(order.amazon_order_id)
        address = {**raw["recipient"]["deliveryAddress"], "addressLine1": "Uxbolstrasse 4711b"}
        self.change(order.amazon_order_id, recipient={"deliveryAddress": address})
        self.tell(order.amazon_order_id, full=True)
        for programs in (["PRIME"], ["PRIME", "PREMIUM"]):
            self.change(order.amazon_order_id, programs=programs)
            self.tell(order.amazon_order_id, full=True)
            self.assertEqual((order.state, order.problem_code), ("exception", "address_changed"))
        self.assertEqual(len(sale.activity_ids), 1)
        self.assertEqual(len([note for note in self.notes(order) if "other data of the buyer" in note]), 1)
        order.action_retry()
        self.assertEqual((order.state, len(sale.activity_ids)), ("imported", 0), order.problem)
        self.change(order.amazon_order_id, programs=[])
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual(order.state, "imported", order.problem)

    def test_an_update_that_cannot_be_used(self):
        """Of an order that is a sale order, a person hears where that person works."""
        order = self.imported()
        raw = self.raw(order.amazon_order_id)
        raw["orderItems"][0]["quantityOrdered"] = -1
        self.store({**raw, "lastUpdatedTime": "2040-01-01T00:00:00Z"}, full=True)
        self.follow()
        self.assertEqual((order.state, len(order.sale_order_id.activity_ids)), ("exception", 1))
        self.assertFalse(order.follow_up)
        raw["orderItems"][0]["quantityOrdered"] = 1
        self.store({**raw, "lastUpdatedTime": "2041-01-01T00:00:00Z"}, full=True)
        self.follow()
        self.assertEqual((order.state, len(order.sale_order_id.activity_ids)), ("imported", 0), order.problem)
