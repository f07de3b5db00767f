from copy import deepcopy

from odoo.tests import tagged

from .lifecase import LifeCase


@tagged("post_install", "-at_install")
class TestLifeChanges(LifeCase):
    """Items, quantities, money and addresses that Amazon changes after the import; relations between orders."""

    def more_units(self, order, quantity):
        raw = self.raw(order.amazon_order_id)
        self.multiply(raw, quantity)
        self.change(order.amazon_order_id, orderItems=raw["orderItems"], proceeds=raw["proceeds"])
        return self.tell(order.amazon_order_id, full=True)

    def open_units(self, order):
        moves = order.sale_order_id.picking_ids.move_ids
        return sum(moves.filtered(lambda move: move.state not in ("done", "cancel")).mapped("product_uom_qty"))

    def test_quantity_follows(self):
        order = self.imported()
        sale = order.sale_order_id
        for quantity in (4, 2):
            self.more_units(order, quantity)
            line = sale.order_line.filtered("spapi_line_id")
            self.assertEqual((order.state, line.product_uom_qty), ("imported", quantity), order.problem)
            self.assertEqual(sale.currency_id.compare_amounts(sale.amount_total, order.amount_total), 0)
            self.assertEqual(self.open_units(order), quantity)
        self.assertTrue([note for note in self.notes(order) if "1 → 4" in note])
        self.assertTrue([note for note in self.notes(order) if "4 → 2" in note])
        self.assertFalse(sale.activity_ids)
        # told again, nothing is said again
        before = self.notes(order)
        order.sudo().follow_up = True
        self.follow()
        self.assertEqual(self.notes(order), before)

    def test_a_person_may_be_asked_instead(self):
        self.account.follow_changes = False
        order = self.imported()
        before = order.sale_order_id.amount_total
        self.more_units(order, 3)
        self.assertEqual((order.state, order.problem_code), ("exception", "changed_after_import"))
        self.assertIn("1 → 3", order.problem)
        self.assertEqual((order.sale_order_id.amount_total, self.open_units(order)), (before, 1))
        self.account.follow_changes = True
        order.action_retry()
        self.assertEqual((order.state, self.open_units(order)), ("imported", 3), order.problem)
        self.assertFalse(order.sale_order_id.activity_ids)

    def test_changed_while_it_is_picked(self):
        order = self.imported()
        self.begin_picking(order)
        self.more_units(order, 3)
        self.assertEqual((order.state, order.problem_code), ("exception", "changed_after_import"))
        self.assertEqual(len(order.sale_order_id.activity_ids), 1)
        self.assertEqual(order.sale_order_id.order_line.filtered("spapi_line_id").product_uom_qty, 1)
        # a person puts back what was picked: then it follows
        order.sale_order_id.picking_ids.move_ids.picked = False
        order.action_retry()
        self.assertEqual((order.state, self.open_units(order)), ("imported", 3), order.problem)

    def test_a_line_more_and_a_line_less(self):
        order = self.imported()
        raw = self.raw(order.amazon_order_id)
        product = self.env["product.product"].create({"name": "New", "default_code": "NEW-1", "is_storable": True})
        twin = deepcopy(raw["orderItems"][0])
        twin["orderItemId"] = "77777777777777"
        twin["product"]["sellerSku"] = "NEW-1"
        total = raw["proceeds"]["grandTotal"]["amount"]
        money = {"grandTotal": {**raw["proceeds"]["grandTotal"], "amount": f"{2 * float(total):.2f}"}}
        self.change(order.amazon_order_id, orderItems=[*raw["orderItems"], twin], proceeds=money)
        self.tell(order.amazon_order_id, full=True)
        sale = order.sale_order_id
        self.assertEqual((order.state, order.problem), ("imported", False))
        self.assertIn(product, sale.order_line.product_id)
        self.assertEqual(sale.currency_id.compare_amounts(sale.amount_total, 2 * float(total)), 0)
        self.assertEqual(self.open_units(order), 2)
        # and the first one is cancelled: Amazon lists it with nothing
        gone = deepcopy(raw["orderItems"][0])
        gone.update(quantityOrdered=0, cancellation={"cancellationExecution": {"cancelledBy": "BUYER"}})
        gone["proceeds"] = {"proceedsTotal": {"amount": "0.00", "currencyCode": "EUR"}}
        self.change(order.amazon_order_id, orderItems=[gone, twin], proceeds=raw["proceeds"])
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual((order.state, order.problem), ("imported", False))
        self.assertEqual(sale.currency_id.compare_amounts(sale.amount_total, float(total)), 0)
        still = sale.order_line.filtered(lambda line: line.spapi_line_id and line.product_uom_qty)
        self.assertEqual((still.product_id, self.open_units(order)), (product, 1))
        # so that it ships whole, and once
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        self.assertEqual(self.delivered(order), {"NEW-1": 1.0})

    def test_a_new_line_without_product(self):
        order = self.imported()
        raw = self.raw(order.amazon_order_id)
        raw["orderItems"][0]["product"]["sellerSku"] = "NOBODY-KNOWS"
        twin = {**deepcopy(raw["orderItems"][0]), "orderItemId": "77777777777777"}
        money = deepcopy(raw["proceeds"])
        money["grandTotal"]["amount"] = f"{2 * float(money['grandTotal']['amount']):.2f}"
        self.change(order.amazon_order_id, orderItems=[self.raw(order.amazon_order_id)["orderItems"][0], twin])
        self.change(order.amazon_order_id, proceeds=money)
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual((order.state, order.problem_code), ("exception", "changed_after_import"))
        self.assertIn("NOBODY-KNOWS", order.problem)
        self.env["product.product"].create({"name": "Found", "default_code": "NOBODY-KNOWS", "is_storable": True})
        order.action_retry()
        self.assertEqual((order.state, self.open_units(order)), ("imported", 2), order.problem)

    def test_money_that_does_not_add_up(self):
        """What cannot be followed to the cent is not followed at all."""
        order = self.imported()
        before = order.sale_order_id.amount_total
        money = self.raw(order.amazon_order_id)["proceeds"]
        money["grandTotal"]["amount"] = f"{float(money['grandTotal']['amount']) + 0.01:.2f}"
        self.change(order.amazon_order_id, proceeds=money)
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual((order.state, order.problem_code), ("exception", "total_mismatch"))
        self.assertEqual(order.sale_order_id.amount_total, before)

    def test_taxes_that_give_another_total(self):
        """New lines whose total Odoo cannot make are undone; the old ones stand."""
        order = self.imported()
        sale = order.sale_order_id
        line = sale.order_line.filtered("spapi_line_id")
        before = sale.amount_total
        Order = type(order)
        apply = Order._apply_line_changes

        def wrongly(record, account, changes, values):
            apply(record, account, changes, values)
            record.sale_order_id.order_line[0].price_unit += 1

        self.patch(Order, "_apply_line_changes", wrongly)
        self.more_units(order, 3)
        self.assertEqual((order.state, order.problem_code), ("exception", "total_mismatch"))
        self.assertEqual((sale.amount_total, line.product_uom_qty, self.open_units(order)), (before, 1, 1))

    def test_rest_of_an_item_is_cancelled(self):
        """A part left, the rest is cancelled: the warehouse is not asked for it any more."""
        order = self.several_units(quantity=4)
        self.move_on(order.amazon_order_id, "PARTIALLY_SHIPPED")
        self.tell(order.amazon_order_id)
        gone = sum(self.delivered(order).values())
        self.assertEqual(self.open_units(order), 4 - gone)
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.status, order.state), ("SHIPPED", "imported"), order.problem)
        self.assertEqual((sum(self.delivered(order).values()), self.open_units(order)), (gone, 0))
        self.assertTrue([note for note in self.notes(order) if "taken out of the delivery" in note])

    def test_rest_that_is_picked_already(self):
        order = self.several_units(quantity=4)
        self.move_on(order.amazon_order_id, "PARTIALLY_SHIPPED")
        self.tell(order.amazon_order_id)
        rest = order.sale_order_id.picking_ids.filtered(lambda picking: picking.state not in ("done", "cancel"))
        for move in rest.move_ids:
            move.write({"quantity": move.product_uom_qty, "picked": True})
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.problem_code), ("exception", "changed_after_import"))
        self.assertNotEqual(rest.state, "cancel")

    def test_another_address(self):
        """Sealed like the first; the chatter says that there is one, and never which."""
        order = self.imported()
        raw = self.raw(order.amazon_order_id)
        address = {**raw["recipient"]["deliveryAddress"], "addressLine1": "Uxbolstrasse 4711b", "city": "Kwylburgh"}
        self.change(order.amazon_order_id, recipient={"deliveryAddress": address})
        self.tell(order.amazon_order_id, full=True)
        said = [note for note in self.notes(order) if "other data of the buyer" in note]
        self.assertEqual((order.state, len(said)), ("imported", 1), order.problem)
        self.assertNotIn("Uxbol", str(self.notes(order)) + str(order.business_json))
        self.change(order.amazon_order_id, programs=["PRIME"])
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual(len([note for note in self.notes(order) if "other data of the buyer" in note]), 1)

    def test_another_address_on_a_printed_label(self):
        order = self.imported()
        order.sale_order_id.picking_ids.carrier_tracking_ref = "TRACK1"
        raw = self.raw(order.amazon_order_id)
        address = {**raw["recipient"]["deliveryAddress"], "addressLine1": "Uxbolstrasse 4711b"}
        self.change(order.amazon_order_id, recipient={"deliveryAddress": address})
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual((order.state, order.problem_code), ("exception", "address_changed"))
        self.assertEqual(len(order.sale_order_id.activity_ids), 1)
        order.action_retry()
        self.assertEqual((order.state, len(order.sale_order_id.activity_ids)), ("imported", 0))

    def test_a_gift_message_that_comes_alone(self):
        """The search for changes brings gift messages and no address: what is sealed stays whole."""
        order = self.imported("gift")
        subject = order.subject_id.sudo()
        before = subject.operational_token
        self.change(order.amazon_order_id, programs=["PRIME"])
        raw = self.raw(order.amazon_order_id)
        self.assertIn("giftMessage", str(raw["orderItems"]))
        self.tell(order.amazon_order_id)
        self.assertEqual(subject.operational_token, before)

    def test_replacement(self):
        """Free, linked with the original in both directions, whichever came first, and shipped like any order."""
        replacement = self.imported("replacement")
        self.assertEqual((replacement.association, replacement.amount_total), ("replacement", 0.0))
        self.assertEqual(replacement.sale_order_id.amount_total, 0.0)
        self.assertTrue(replacement.sale_order_id.picking_ids)
        self.assertFalse(replacement.original_id)
        original = self.raw(self.generate(seed=31)[0])
        original["orderId"] = replacement.original_number
        self.store(original, full=True)
        self.follow()
        first = self.order(replacement.original_number)
        self.env.invalidate_all()
        self.assertEqual((replacement.original_id, first.replacement_ids), (first, replacement))
        self.assertEqual(replacement.sale_order_id.spapi_original_order_id, first.sale_order_id)
        self.assertTrue(first.sale_order_id)

    def test_exchange(self):
        raw = self.raw(self.generate()[0])
        raw["associatedOrders"] = [{"orderId": "402-7654321-7654321", "associationType": "EXCHANGE_ORIGINAL_ID"}]
        self.store(raw, full=True)
        order = self.order(raw["orderId"])
        self.assertEqual((order.association, order.original_number), ("exchange", "402-7654321-7654321"))

    def test_one_order_that_fails_stops_no_other(self):
        ids = self.generate(count=3, seed=5)
        orders = self.tell(*ids, full=True)
        bad = orders.filtered(lambda order: order.amazon_order_id == ids[0])
        original = type(bad)._missing_deliveries

        def fail(order, shipped):
            if order.id == bad.id:
                raise ZeroDivisionError("Uxbolstrasse 4711b")
            return original(order, shipped)

        self.patch(type(bad), "_missing_deliveries", fail)
        for order_id in ids:
            self.move_on(order_id, "SHIPPED")
        with self.assertLogs("odoo.addons.amazon_spapi_connector", "ERROR") as logged:
            self.tell(*ids)
        self.assertNotIn("Uxbol", str(logged.output) + str(bad.problem))
        self.assertEqual((bad.state, bad.problem_code), ("exception", "unexpected"))
        for order in orders - bad:
            self.assertEqual((order.state, self.delivered(order)), ("imported", self.ordered(order)), order.problem)

    def test_texts_hold_nothing_personal(self):
        """No word of the buyer gets into the chatter, the activities or the mirror of a whole life."""
        ids = self.generate(count=2, seed=41)
        planted = {"name": "Zyxwanna Quorvelli", "addressLine1": "Uxbolstrasse 4711b", "city": "Kwylburgh"}
        self.sandbox.control("POST", "plant", {"orders": ids, "values": planted})
        self.tell(*ids, full=True)
        self.move_on(ids[0], "BUYER_CANCEL_REQUESTED")
        self.tell(*ids, full=True)
        for step in ("PARTIALLY_SHIPPED", "SHIPPED"):
            if step == "SHIPPED" or sum(self.ordered(self.order(ids[1])).values()) > 1:
                self.move_on(ids[1], step)
        self.move_on(ids[0], "CANCELLED")
        self.tell(*ids)
        probes = 0
        for table in ("mail_message", "mail_activity", "spapi_order", "sale_order", "stock_picking", "stock_move"):
            for word in ("Zyxwanna", "Uxbolstrasse", "Kwylburgh"):
                self.env.cr.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE %s', [f"%{word}%"])
                self.assertEqual(self.env.cr.fetchone()[0], 0, (table, word))
                probes += 1
        print("FIGURE life_plaintext_probes", probes, "probes")
