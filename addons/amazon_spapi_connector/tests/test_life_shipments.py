from copy import deepcopy
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .lifecase import LifeCase


@tagged("post_install", "-at_install")
class TestLifeShipments(LifeCase):
    """What Amazon says was shipped leaves Odoo's stock, once, whoever shipped it and however often Amazon says so."""

    def test_shipped_elsewhere_is_delivered_once(self):
        order = self.imported("multi_line")
        self.move_on(order.amazon_order_id, "SHIPPED")
        raw = self.raw(order.amazon_order_id)
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.status), ("imported", "SHIPPED"), order.problem)
        self.assertEqual(self.delivered(order), self.ordered(order))
        self.assertEqual(set(order.sale_order_id.picking_ids.mapped("state")), {"done"})
        self.assertIn(raw["packages"][0]["trackingNumber"], order.sale_order_id.picking_ids[0].carrier_tracking_ref)
        self.assertEqual(len([note for note in self.notes(order) if "Shipped" in note]), 1)
        # the same again, an older state that arrives late, and a parcel that travels on: nothing moves twice
        self.store(raw)
        self.store({**raw, "lastUpdatedTime": "2020-01-01T00:00:00Z"})
        order.sudo().follow_up = True
        self.follow()
        self.move_on(order.amazon_order_id, "DELIVERED")
        self.tell(order.amazon_order_id)
        self.assertEqual(self.delivered(order), self.ordered(order))
        self.assertEqual(len(order.sale_order_id.picking_ids), 1)
        self.assertEqual(len([note for note in self.notes(order) if "Shipped" in note]), 1)
        self.assertEqual(order.sale_order_id.delivery_status, "full")

    def test_delivered_in_odoo_first(self):
        """The warehouse shipped it: Amazon's word about it moves nothing."""
        order = self.imported()
        self.begin_picking(order)._action_done()
        before = self.delivered(order)
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, self.delivered(order)), ("imported", before))
        self.assertEqual(len(order.sale_order_id.picking_ids), 1)

    def test_returned_goods_are_not_delivered_again(self):
        order = self.imported()
        picking = self.begin_picking(order)
        picking._action_done()
        wizard = self.env["stock.return.picking"].create({"picking_id": picking.id})
        action = wizard.action_create_returns_all()
        back = self.env["stock.picking"].browse(action["res_id"])
        back.move_ids.picked = True
        back._action_done()
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        outgoing = order.sale_order_id.picking_ids.filtered(lambda row: row.picking_type_code == "outgoing")
        self.assertEqual((order.state, outgoing), ("imported", picking), order.problem)

    def test_part_then_rest(self):
        order = self.several_units(quantity=3)
        sku = order.line_ids.sku
        self.move_on(order.amazon_order_id, "PARTIALLY_SHIPPED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.status, order.state), ("PARTIALLY_SHIPPED", "imported"), order.problem)
        self.assertEqual(self.delivered(order), {sku: order.line_ids.quantity_fulfilled})
        self.assertTrue(0 < order.line_ids.quantity_fulfilled < 3)
        rest = order.sale_order_id.picking_ids.filtered(lambda picking: picking.state not in ("done", "cancel"))
        self.assertEqual(sum(rest.move_ids.mapped("product_uom_qty")), 3 - order.line_ids.quantity_fulfilled)
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        self.assertEqual(self.delivered(order), {sku: 3})

    def test_both_parts_in_the_wrong_order(self):
        """The later state first, the earlier one late: as if only the later had come."""
        order = self.several_units(quantity=4)
        self.move_on(order.amazon_order_id, "PARTIALLY_SHIPPED")
        part = self.raw(order.amazon_order_id)
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        self.store(part)
        self.follow()
        self.assertEqual((order.status, self.delivered(order)), ("SHIPPED", self.ordered(order)))

    def test_a_person_may_be_asked_instead(self):
        self.account.shipped_elsewhere = "exception"
        order = self.imported()
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.problem_code), ("exception", "shipped_elsewhere"))
        self.assertFalse(self.delivered(order))
        self.assertEqual(len(order.sale_order_id.activity_ids), 1)
        order.action_deliver_as_amazon_says()
        self.assertEqual((order.state, self.delivered(order)), ("imported", self.ordered(order)), order.problem)
        self.assertFalse(order.sale_order_id.activity_ids)

    def test_shipped_before_it_was_seen(self):
        """No person comes with it and none is needed: a sale order under the pseudonym, delivered."""
        order_id = self.generate("shipped")[0]
        order = self.tell(order_id)
        self.assertEqual((order.state, order.problem), ("imported", False))
        sale = order.sale_order_id
        self.assertEqual(sale.partner_id.name, f"Amazon {order_id}")
        self.assertEqual(sale.currency_id.compare_amounts(sale.amount_total, order.amount_total), 0)
        self.assertEqual(self.delivered(order), self.ordered(order))
        subject = order.subject_id.sudo()
        self.assertFalse(subject.operational_token or subject.fiscal_token)
        self.assertEqual((subject.state, subject.deadline_rule, subject.is_open), ("live", "shipped", False))

    def test_shipped_without_person_and_taxes_by_postcode(self):
        """Where postcodes decide about taxes, an order without a person is decided by its country."""
        position = self.env["account.fiscal.position"].create(
            {
                "name": "Some postcodes",
                "auto_apply": True,
                "country_id": self.env.ref("base.it").id,
                "zip_from": "20100",
                "zip_to": "20199",
            }
        )
        order = self.tell(self.generate("shipped")[0])
        self.assertEqual((order.state, order.problem), ("imported", False))
        self.assertNotEqual(order.fiscal_position_id, position)

    def test_quotations_wait_for_a_person(self):
        self.account.confirmation = "manual"
        order_id = self.single("fbm_unshipped", 7)
        order = self.tell(order_id, full=True)
        self.assertEqual((order.state, order.sale_order_id.state), ("imported", "draft"))
        self.move_on(order_id, "SHIPPED")
        self.tell(order_id)
        self.assertEqual((order.state, order.problem_code), ("exception", "not_confirmed"))
        order.sale_order_id.action_confirm()
        self.follow()
        self.assertEqual((order.state, self.delivered(order)), ("imported", self.ordered(order)), order.problem)

    def test_who_may_deliver(self):
        """Reading an order is not enough to move stock on Amazon's word."""
        order = self.imported()
        seller = new_test_user(self.env, "amazon_seller", groups="sales_team.group_sale_salesman_all_leads")
        with self.assertRaises(AccessError):
            order.with_user(seller).action_deliver_as_amazon_says()

    def test_shipped_before_the_account_began(self):
        self.account.import_since = fields.Datetime.now() + timedelta(days=1)
        for case in ("shipped", "partially_shipped"):
            order = self.tell(self.generate(case)[0], full=case == "partially_shipped")
            self.assertEqual((order.state, order.problem_code), ("ignored", "before_start"), case)
        to_ship = self.tell(self.generate(seed=8)[0], full=True)
        self.assertEqual(to_ship.state, "imported", "what must still be shipped is imported however old it is")

    def test_partly_shipped_before_it_was_seen(self):
        order = self.tell(self.generate("partially_shipped")[0], full=True)
        self.assertEqual((order.state, order.problem), ("imported", False))
        shipped = {line.sku: line.quantity_fulfilled for line in order.line_ids if line.quantity_fulfilled}
        self.assertEqual(self.delivered(order), shipped)
        rest = order.sale_order_id.picking_ids.filtered(lambda picking: picking.state not in ("done", "cancel"))
        self.assertEqual(
            sum(rest.move_ids.mapped("product_uom_qty")), sum(self.ordered(order).values()) - sum(shipped.values())
        )
        self.assertTrue(order.subject_id.sudo().operational_token, "the rest goes to an address")

    def test_partly_shipped_waits_for_its_address(self):
        order = self.tell(self.generate("partially_shipped")[0])
        self.assertEqual((order.state, order.problem_code), ("new", "address_to_come"))

    def test_several_steps(self):
        """Picked, packed and shipped: goods that Amazon says are gone pass through all of it."""
        for steps in ("pick_ship", "pick_pack_ship"):
            with self.subTest(steps=steps), self.env.cr.savepoint() as savepoint:
                self.account.warehouse_id.delivery_steps = steps
                order = self.several_units(quantity=3, seed=11)
                self.move_on(order.amazon_order_id, "PARTIALLY_SHIPPED")
                self.tell(order.amazon_order_id)
                self.assertEqual(sum(self.delivered(order).values()), order.line_ids.quantity_fulfilled, order.problem)
                self.move_on(order.amazon_order_id, "SHIPPED")
                self.tell(order.amazon_order_id)
                self.assertEqual((order.state, self.delivered(order)), ("imported", self.ordered(order)), order.problem)
                self.assertEqual(set(order.sale_order_id.picking_ids.mapped("state")), {"done"})
                savepoint.rollback()
                self.sandbox.reset()
                self.env.invalidate_all()

    def test_same_sku_on_two_lines(self):
        """Amazon's count is by item: what was shipped of one line is not taken from the other."""
        order_id = self.single("fbm_unshipped", 7)
        raw = self.raw(order_id)
        twin = deepcopy(raw["orderItems"][0])
        twin["orderItemId"] = "55555555555555"
        grand = raw["proceeds"]["grandTotal"]
        grand["amount"] = f"{float(grand['amount']) + float(twin['proceeds']['proceedsTotal']['amount']):.2f}"
        raw["proceeds"] = {"grandTotal": grand}
        raw["orderItems"].append(twin)
        self.store(raw, full=True)
        self.follow()
        order = self.order(order_id)
        self.assertEqual(order.state, "imported", order.problem)
        raw["orderItems"][-1]["fulfillment"].update(quantityFulfilled=1, quantityUnfulfilled=0)
        raw["fulfillment"]["fulfillmentStatus"] = "PARTIALLY_SHIPPED"
        raw["lastUpdatedTime"] = "2040-01-01T00:00:00Z"
        self.store(raw)
        self.follow()
        done = order.sale_order_id.picking_ids.move_ids.filtered(lambda move: move.state == "done")
        self.assertEqual(done.sale_line_id.spapi_line_id.item_id, "55555555555555", order.problem)

    def test_more_shipped_than_ordered(self):
        """A count that cannot be is no more than what was ordered."""
        order = self.imported()
        raw = self.raw(order.amazon_order_id)
        for item in raw["orderItems"]:
            item["fulfillment"]["quantityFulfilled"] = 500
        raw["fulfillment"]["fulfillmentStatus"] = "SHIPPED"
        self.store({**raw, "lastUpdatedTime": "2040-01-01T00:00:00Z"})
        self.follow()
        self.assertEqual((order.state, self.delivered(order)), ("imported", self.ordered(order)), order.problem)

    def test_no_open_delivery(self):
        """The warehouse threw the delivery away, Amazon says it left: a person decides."""
        order = self.imported()
        order.sale_order_id.picking_ids.action_cancel()
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.problem_code), ("exception", "not_delivered"))
        self.assertIn(order.line_ids.product_id.default_code, order.problem)

    def test_a_lot_that_only_a_person_knows(self):
        """A serial number that nobody reserved stops its own order; the other of the batch is delivered."""
        ids = self.generate(count=8, seed=21)
        self.tell(*ids, full=True)
        first = ids[0]
        blocked = self.order(first)
        product = blocked.line_ids.product_id[:1]
        second = next(number for number in ids[1:] if product not in self.order(number).line_ids.product_id)
        product.tracking = "serial"
        for order_id in (first, second):
            self.move_on(order_id, "SHIPPED")
        self.tell(first, second)
        self.assertEqual((blocked.state, blocked.problem_code), ("exception", "refused"))
        self.assertFalse(self.delivered(blocked))
        self.assertEqual(self.order(second).state, "imported")
        self.assertEqual(self.delivered(self.order(second)), self.ordered(self.order(second)))
