from odoo.tests import tagged

from ..models.reconciliation_facts import here_of
from .lifecase import LifeCase


@tagged("post_install", "-at_install")
class TestLifeExchanges(LifeCase):
    """Odoo's “Return for Exchange”: what goes out again replaces what came back, and is no unit more of the order."""

    def exchange(self, picking, quantity):
        """Return some units of a delivery for exchange; return what comes back and what goes out again, as moves."""
        before = picking.sale_id.picking_ids.move_ids
        wizard = self.env["stock.return.picking"].create({"picking_id": picking.id})
        wizard.product_return_moves.quantity = quantity
        back = self.env["stock.picking"].browse(wizard.action_create_exchanges()["res_id"]).move_ids
        return back, picking.sale_id.picking_ids.move_ids - before - back

    def validate(self, moves):
        for picking in moves.picking_id:
            for move in picking.move_ids & moves:
                move.write({"quantity": move.product_uom_qty, "picked": True})
            (picking.move_ids - moves).picked = False
            picking._action_done()

    def sent(self, order):
        """What a comparison takes for shipped, all items together."""
        _stored, found = here_of(self.account, [order.amazon_order_id])
        return sum(item.delivered for item in found[order.amazon_order_id].sales[0].items.values())

    def test_all_shipped_and_one_exchanged(self):
        order = self.several_units(quantity=3)
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        back, out = self.exchange(order.sale_order_id.picking_ids, 1)
        self.validate(back + out)
        self.assertEqual((back + out).mapped("picking_code"), ["incoming", "outgoing"])
        self.assertEqual(self.sent(order), 3)
        again, once_more = self.exchange(out.picking_id, 1)
        self.validate(again + once_more)
        self.assertEqual(self.sent(order), 3)

    def several_shipped(self, steps="ship_only"):
        """An order of four units, of which two have left and two are still to be shipped."""
        self.account.warehouse_id.delivery_steps = steps
        order = self.several_units(quantity=4, seed=11)
        self.move_on(order.amazon_order_id, "PARTIALLY_SHIPPED")
        self.tell(order.amazon_order_id)
        gone = sum(self.delivered(order).values())
        self.assertTrue(0 < gone < 4)
        done = order.sale_order_id.picking_ids.filtered(
            lambda row: row.state == "done" and row.picking_type_code == "outgoing"
        )
        return order, done, gone

    def test_one_exchanged_before_the_rest_is_shipped(self):
        """The rest is delivered whole, and from its own delivery; the exchange leaves when the warehouse sends it."""
        for steps in ("ship_only", "pick_ship"):
            with self.subTest(steps=steps):
                order, done, _gone = self.several_shipped(steps)
                back, out = self.exchange(done, 1)
                self.assertEqual(sum(out.mapped("product_uom_qty")), 1, "apart from what is still to be shipped")
                self.validate(back)
                self.move_on(order.amazon_order_id, "SHIPPED")
                self.tell(order.amazon_order_id)
                self.assertEqual((order.state, sum(self.delivered(order).values())), ("imported", 4), order.problem)
                self.assertFalse(set(out.mapped("state")) & {"done", "cancel"})
                self.validate(out)
                while rest := order.sale_order_id.picking_ids.move_ids.filtered(
                    lambda move: move.state not in ("done", "cancel")
                ):
                    self.validate(rest)
                self.assertEqual((sum(self.delivered(order).values()), self.sent(order)), (5, 4))

    def test_one_exchanged_and_the_rest_cancelled(self):
        """What Amazon takes out of the order is taken from the order's delivery, not from the exchange."""
        order, done, gone = self.several_shipped()
        _back, out = self.exchange(done, 1)
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual(order.state, "imported", order.problem)
        self.assertFalse(set(out.mapped("state")) & {"done", "cancel"})
        self.assertEqual((sum(out.mapped("product_uom_qty")), self.sent(order)), (1, gone))
