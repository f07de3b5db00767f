from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.amazon_spapi_connector.models.reconciliation_facts import here_of
from odoo.addons.amazon_spapi_connector.tests.common import IT
from odoo.addons.amazon_spapi_connector.tests.lifecase import LifeCase


@tagged("post_install", "-at_install")
class TestKits(LifeCase):
    """An order of kits follows Amazon in whole kits, whatever their components do."""

    #: Units of each component in a kit; the second one comes in a kit of its own.
    PARTS = (2, 3)

    def kit(self, order_id):
        """Make the order's product a kit: two of one part, and a nested kit with three of another."""
        product = self.env["product.product"].search(
            [("default_code", "=", self.raw(order_id)["orderItems"][0]["product"]["sellerSku"])]
        )
        parts = self.env["product.product"].create(
            [{"name": name, "is_storable": True} for name in ("First part", "Second part", "Inner kit")]
        )
        for whole, part, quantity in (
            (parts[2], parts[1], self.PARTS[1]),
            (product, parts[0], self.PARTS[0]),
        ):
            self.env["mrp.bom"].create(
                {
                    "product_tmpl_id": whole.product_tmpl_id.id,
                    "type": "phantom",
                    "bom_line_ids": [Command.create({"product_id": part.id, "product_qty": quantity})],
                }
            )
        product.bom_ids.bom_line_ids = [Command.create({"product_id": parts[2].id, "product_qty": 1})]
        return parts[:2]

    def kits(self, quantity=4, seed=11):
        """``(order, parts)``: an imported order of several kits."""
        order_id = self.single("fbm_unshipped", seed)
        parts = self.kit(order_id)
        order = self.imported_with(quantity, order_id)
        self.assertEqual(order.sale_order_id.picking_ids.move_ids.product_id, parts)
        return order, parts

    def gone(self, order, parts):
        """Units of each part that have left for the customer."""
        moves = order.sale_order_id.picking_ids.move_ids.filtered(
            lambda move: move.state == "done" and move.location_dest_id.usage == "customer"
        )
        return tuple(sum(moves.filtered(lambda m, p=part: m.product_id == p).mapped("quantity")) for part in parts)

    def units(self, kits):
        return tuple(kits * units for units in self.PARTS)

    def is_open(self, order):
        return order.sale_order_id.picking_ids.filtered(lambda row: row.state not in ("done", "cancel"))

    def line(self, order):
        return order.sale_order_id.order_line.filtered("spapi_line_id")

    def counted(self, order):
        """Pieces of the order's item that the comparison with Amazon takes for shipped."""
        here = here_of(self.account, [order.amazon_order_id])[1][order.amazon_order_id]
        return next(iter(here.sales[0].items.values())).delivered

    def ship(self, order, status):
        self.move_on(order.amazon_order_id, status)
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.status), ("imported", status), order.problem)
        return order.line_ids.quantity_fulfilled

    def test_shipped_in_parts(self):
        for steps in ("ship_only", "pick_ship", "pick_pack_ship"):
            with self.subTest(steps=steps), self.env.cr.savepoint() as savepoint:
                self.account.warehouse_id.delivery_steps = steps
                order, parts = self.kits()
                some = self.ship(order, "PARTIALLY_SHIPPED")
                self.assertTrue(0 < some < 4)
                self.assertEqual(self.gone(order, parts), self.units(some))
                self.assertEqual((self.counted(order), self.line(order).qty_delivered), (some, some))
                self.ship(order, "SHIPPED")
                self.assertEqual(self.gone(order, parts), self.units(4))
                self.assertFalse(self.is_open(order))
                self.assertEqual((self.counted(order), self.line(order).qty_delivered), (4, 4))
                # said again, nothing moves
                order.sudo().follow_up = True
                self.follow()
                self.assertEqual((order.state, self.gone(order, parts)), ("imported", self.units(4)))
                savepoint.rollback()
                self.sandbox.reset()
                self.env.invalidate_all()

    def test_one_part_has_left_already(self):
        """The warehouse shipped one component of two kits: Amazon's word brings what is missing of each, no more."""
        order, parts = self.kits()
        picking = order.sale_order_id.picking_ids
        first = picking.move_ids.filtered(lambda move: move.product_id == parts[0])
        first.write({"quantity": 4, "picked": True})
        picking._action_done()
        self.assertEqual((self.gone(order, parts), self.counted(order)), ((4, 0), 0), "half a kit is none")
        self.ship(order, "SHIPPED")
        self.assertEqual(self.gone(order, parts), self.units(4))

    def test_returned_kits_had_left(self):
        order, parts = self.kits()
        some = self.ship(order, "PARTIALLY_SHIPPED")
        done = order.sale_order_id.picking_ids.filtered(lambda row: row.state == "done")
        wizard = self.env["stock.return.picking"].create({"picking_id": done.id})
        back = self.env["stock.picking"].browse(wizard.action_create_returns_all()["res_id"])
        back.move_ids.picked = True
        back._action_done()
        self.assertEqual(self.counted(order), some, "returns are another story")
        self.ship(order, "SHIPPED")
        self.assertEqual(self.gone(order, parts), self.units(4), "the rest left, and no kit left twice")

    def test_the_rest_is_cancelled(self):
        for steps in ("ship_only", "pick_ship"):
            with self.subTest(steps=steps), self.env.cr.savepoint() as savepoint:
                self.account.warehouse_id.delivery_steps = steps
                order, parts = self.kits()
                some = self.ship(order, "PARTIALLY_SHIPPED")
                self.move_on(order.amazon_order_id, "CANCELLED")
                self.tell(order.amazon_order_id)
                self.assertEqual(order.state, "imported", order.problem)
                self.assertEqual((self.gone(order, parts), self.is_open(order).ids), (self.units(some), []))
                savepoint.rollback()
                self.sandbox.reset()
                self.env.invalidate_all()

    def test_shipped_and_cancelled_in_one_breath(self):
        """What was shipped of the cancelled item and is not delivered yet keeps its place in the delivery."""
        order, parts = self.kits()
        raw = self.raw(order.amazon_order_id)
        item = raw["orderItems"][0]
        item["fulfillment"].update(quantityFulfilled=1, quantityUnfulfilled=0)
        item["cancellation"] = {"cancellationExecution": {"cancelledBy": "BUYER"}}
        raw["fulfillment"]["fulfillmentStatus"] = "SHIPPED"
        self.store({**raw, "lastUpdatedTime": "2040-01-01T00:00:00Z"})
        self.follow()
        self.assertEqual((order.state, self.gone(order, parts)), ("imported", self.units(1)), order.problem)
        self.assertFalse(self.is_open(order))

    def test_quantity_follows(self):
        order, parts = self.kits()
        for quantity in (6, 2):
            raw = self.raw(order.amazon_order_id)
            self.multiply(raw, quantity)
            self.change(order.amazon_order_id, orderItems=raw["orderItems"], proceeds=raw["proceeds"])
            self.tell(order.amazon_order_id, full=True)
            self.assertEqual((order.state, self.line(order).product_uom_qty), ("imported", quantity), order.problem)
            planned = [
                sum(
                    self.is_open(order).move_ids.filtered(lambda m, p=part: m.product_id == p).mapped("product_uom_qty")
                )
                for part in parts
            ]
            self.assertEqual(tuple(planned), self.units(quantity))
        self.ship(order, "SHIPPED")
        self.assertEqual(self.gone(order, parts), self.units(2))

    def test_cancelled_at_amazon(self):
        order, _parts = self.kits()
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.sale_order_id.state), ("cancelled", "cancel"))
        self.assertFalse(self.is_open(order))

    def test_from_amazon_s_stock(self):
        """A kit that Amazon ships takes its parts from Amazon's stock, once."""
        order_id = self.sandbox.generate(1, case="fba", marketplaces=[IT], seed=3)[0]
        self.make_products()
        parts = self.kit(order_id)
        if self.raw(order_id)["fulfillment"]["fulfillmentStatus"] != "SHIPPED":
            self.move_on(order_id, "SHIPPED")
        order = self.tell(order_id)
        self.assertEqual((order.state, order.problem), ("imported", False))
        line = self.line(order).filtered(lambda row: row.move_ids.product_id == parts)
        self.assertEqual(self.gone(order, parts), self.units(line.product_uom_qty))
        self.assertEqual(line.qty_delivered, line.product_uom_qty)
        stock = self.account.fba_location_ids.location_id
        self.assertEqual(line.move_ids.location_id, stock)
        order.sudo().follow_up = True
        self.follow()
        self.assertEqual((order.state, self.gone(order, parts)), ("imported", self.units(line.product_uom_qty)))

    def test_a_kit_only_later(self):
        """A bill of materials that is made after the order changes nothing about how the order leaves."""
        order_id = self.single("fbm_unshipped", 7)
        order = self.tell(order_id, full=True)
        self.kit(order_id)
        self.ship(order, "SHIPPED")
        self.assertEqual(self.delivered(order), self.ordered(order))
