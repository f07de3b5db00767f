import time

from psycopg2.errors import LockNotAvailable, SerializationFailure

from odoo.tests import tagged

from .lifecase import LifeCase


@tagged("post_install", "-at_install")
class TestLifeRobust(LifeCase):
    """Kills, collisions and many orders at once."""

    def test_killed_between_storing_and_following(self):
        """What was stored is followed later, by whoever comes next."""
        order = self.imported()
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.store(self.raw(order.amazon_order_id))
        self.assertEqual((order.state, order.follow_up, self.delivered(order)), ("imported", True, {}))
        self.run_import()
        order = self.order(order.amazon_order_id)
        self.assertEqual((order.follow_up, self.delivered(order)), (False, self.ordered(order)))

    def test_somebody_moves_the_same_goods(self):
        """A collision with the warehouse is tried again, and nothing is lost or doubled by it."""
        order = self.imported()
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.store(self.raw(order.amazon_order_id))
        collisions = [SerializationFailure(), LockNotAvailable()]
        Picking = type(self.env["stock.picking"])
        done = Picking._action_done

        def collide(pickings):
            result = done(pickings)
            if collisions:
                raise collisions.pop()
            return result

        self.patch(Picking, "_action_done", collide)
        self.env.flush_all()
        with self.committing() as env:
            self.account.with_env(env)._as_service()._follow_pending()
        self.env.invalidate_all()
        self.assertFalse(collisions)
        self.assertEqual((order.follow_up, self.delivered(order)), (False, self.ordered(order)), order.problem)
        self.assertEqual(len(order.sale_order_id.picking_ids), 1)

    def test_no_label_is_bought(self):
        """A delivery that Amazon reports asks no carrier for anything."""
        order = self.imported()
        asked = []
        self.patch(type(self.env["stock.picking"]), "send_to_shipper", lambda pickings: asked.extend(pickings.ids))
        product = self.env["product.product"].create({"name": "Carriage", "type": "service"})
        carrier = self.env["delivery.carrier"].create(
            {"name": "Fixed", "product_id": product.id, "delivery_type": "fixed", "integration_level": "rate_and_ship"}
        )
        order.sale_order_id.picking_ids.carrier_id = carrier
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        self.assertEqual((self.delivered(order), asked), (self.ordered(order), []))

    def test_queries_for_many(self):
        """Deliveries are validated together: an order more costs little more."""
        ids = self.generate(count=24, seed=3)
        self.tell(*ids, full=True)
        counts = []
        for batch in (ids[:2], ids[2:4], ids[4:]):
            for order_id in batch:
                self.move_on(order_id, "SHIPPED")
            self.store(*(self.raw(order_id) for order_id in batch))
            self.env.flush_all()
            self.env.invalidate_all()
            before, start = self.env.cr.sql_log_count, time.perf_counter()
            self.follow()
            spent = time.perf_counter() - start
            counts.append(self.env.cr.sql_log_count - before)
        for order_id in ids:
            self.assertEqual(self.delivered(self.order(order_id)), self.ordered(self.order(order_id)))
        more = (counts[2] - counts[1]) / 18
        print("FIGURE queries_per_delivery_that_amazon_reports", round(more, 1), "queries")
        print("FIGURE ms_per_delivery_that_amazon_reports", round(1000 * spent / 20, 1), "ms")
        self.assertLess(more, 40)
