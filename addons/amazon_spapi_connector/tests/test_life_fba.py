import time

from odoo.tests import tagged

from .common import DE, IT
from .lifecase import LifeCase

GB = "A1F83G8C2ARO7P"


@tagged("post_install", "-at_install")
class TestLifeFba(LifeCase):
    """Orders that Amazon ships leave Amazon's stock, once, and touch no warehouse of ours."""

    def fba(self, status, seed=7, marketplace=IT):
        """An FBA order in a status, as the sandbox holds it."""
        for attempt in range(200):  # one in seven is what is looked for
            order_id = self.sandbox.generate(1, case="fba", marketplaces=[marketplace], seed=seed + attempt)[0]
            found = self.raw(order_id)["fulfillment"]["fulfillmentStatus"]
            if found == status:
                self.make_products()
                return order_id
            if found == "UNSHIPPED" and status == "SHIPPED":
                self.move_on(order_id, status)
                self.make_products()
                return order_id
        raise AssertionError(f"no FBA order is {status}")

    def stock_of(self, order):
        return self.env["spapi.fba.location"].search(
            [("account_id", "=", self.account.id), ("region", "=", "UK" if order.marketplace_id.code == "GB" else "EU")]
        )

    def test_from_amazon_s_stock_once(self):
        order_id = self.fba("UNSHIPPED")
        order = self.tell(order_id)
        self.assertEqual((order.state, order.problem_code), ("pending", "fba_preparing"))
        self.assertFalse(order.sale_order_id)
        self.move_on(order_id, "SHIPPED")
        self.tell(order_id)
        self.assertEqual((order.state, order.problem), ("imported", False))
        sale, stock = order.sale_order_id, self.stock_of(order)
        self.assertEqual((sale.state, len(sale.picking_ids)), ("sale", 1))
        self.assertEqual(sale.currency_id.compare_amounts(sale.amount_total, order.amount_total), 0)
        self.assertEqual(sale.picking_ids.location_id, stock.location_id)
        self.assertEqual(sale.picking_ids.state, "done")
        self.assertEqual(self.delivered(order), self.ordered(order))
        units = sum(self.ordered(order).values())
        self.assertEqual(self.on_hand(order, stock.location_id), -units, "Amazon's stock may go below what Odoo knows")
        self.assertEqual(self.on_hand(order, self.account.warehouse_id.lot_stock_id), 0)
        self.assertFalse(stock.location_id.warehouse_id)
        # again, late and doubled
        self.store(self.raw(order_id))
        self.store({**self.raw(order_id), "lastUpdatedTime": "2040-01-01T00:00:00Z", "programs": ["PRIME"]})
        order.sudo().follow_up = True
        self.follow()
        self.assertEqual(self.on_hand(order, stock.location_id), -units)
        self.assertEqual(len(sale.picking_ids), 1)
        # more units typed into the sale order are not fetched from our own shelves
        sale.order_line[0].product_uom_qty += 1
        self.assertEqual(len(sale.picking_ids), 1)

    def test_without_the_person(self):
        order = self.tell(self.fba("SHIPPED"))
        subject = order.subject_id.sudo()
        self.assertEqual(order.sale_order_id.partner_id.name, f"Amazon {order.amazon_order_id}")
        self.assertEqual((subject.state, subject.deadline_rule), ("erased", "fba"))
        self.assertFalse(subject.operational_token or subject.fiscal_token or subject.quarantine_token)

    def test_pending_is_mirrored_only(self):
        order = self.tell(self.fba("PENDING"))
        self.assertEqual((order.state, order.problem_code), ("pending", "pending"))

    def test_switched_off_and_on(self):
        self.account.fba_enabled = False
        order = self.tell(self.fba("SHIPPED"))
        self.assertEqual((order.state, order.problem_code), ("ignored", "fba"))
        self.account.fba_enabled = True
        self.follow()
        self.assertEqual((order.state, self.delivered(order)), ("imported", self.ordered(order)), order.problem)

    def test_lots_and_serial_numbers_do_not_block(self):
        """Products tracked by lot or serial number: without a lot, and from the lot that stands at Amazon."""
        for tracking, lots in (("lot", False), ("serial", False), ("lot", True)):
            with self.subTest(tracking=tracking, lots=lots):
                order_id = self.fba("UNSHIPPED" if lots else "SHIPPED", seed=50 + 40 * (len(tracking) + lots))
                raw = self.raw(order_id)
                product = self.env["product.product"].search(
                    [("default_code", "=", raw["orderItems"][0]["product"]["sellerSku"])]
                )
                product.tracking = tracking
                if lots:
                    stock = self.env["spapi.fba.location"]._ensure(self.account, {"IT"})["IT"].location_id
                    lot = self.env["stock.lot"].create({"name": "AMZ-1", "product_id": product.id})
                    self.env["stock.quant"]._update_available_quantity(product, stock, 50, lot_id=lot)
                    self.move_on(order_id, "SHIPPED")
                order = self.tell(order_id)
                self.assertEqual((order.state, order.problem), ("imported", False))
                self.assertEqual(self.delivered(order), self.ordered(order))
                if lots:
                    moved = order.sale_order_id.picking_ids.move_ids.grouped("product_id")[product]
                    self.assertEqual(moved.move_line_ids.lot_id, lot)
                product.tracking = "none" if not lots else tracking

    def test_returns_come_back_to_amazon_s_stock(self):
        order = self.tell(self.fba("SHIPPED"))
        stock = self.stock_of(order)
        picking = order.sale_order_id.picking_ids
        wizard = self.env["stock.return.picking"].create({"picking_id": picking.id})
        back = self.env["stock.picking"].browse(wizard.action_create_returns_all()["res_id"])
        self.assertEqual(back.location_dest_id, stock.location_id)
        self.assertEqual(back.picking_type_id, stock.delivery_type_id.return_picking_type_id)
        self.assertFalse(back.picking_type_id.use_create_lots or back.picking_type_id.use_existing_lots)
        back.move_ids.picked = True
        back._action_done()
        self.assertEqual(self.on_hand(order, stock.location_id), 0)
        order.sudo().follow_up = True
        self.follow()
        self.assertEqual(self.on_hand(order, stock.location_id), 0, "what came back had left all the same")

    def test_regions_have_stock_of_their_own(self):
        """German and Italian orders share a location, British ones have another."""
        self.account.marketplace_ids += self.env["spapi.marketplace"].search([("amazon_id", "=", GB)])
        self.account.action_make_fba_locations()
        rows = self.account.fba_location_ids
        self.assertEqual(sorted(rows.mapped("region")), ["EU", "UK"])
        self.assertEqual(len(rows.location_id), 2)
        self.assertEqual(set(rows.location_id.location_id.mapped("usage")), {"view"})
        self.account.action_make_fba_locations()
        self.assertEqual(self.account.fba_location_ids, rows, "pressed twice it makes nothing twice")
        german = self.tell(self.fba("SHIPPED", marketplace=DE))
        self.assertEqual(german.sale_order_id.picking_ids.location_id, rows.sorted("region")[0].location_id)
        found = self.env["spapi.fba.location"]._ensure(self.account, {"DE", "IT", "GB", "US", "CA", "TR"})
        self.assertEqual(found["DE"], found["IT"])
        self.assertEqual(found["US"], found["CA"])
        self.assertEqual(len({row.location_id for row in found.values()}), 4)

    def test_two_accounts_do_not_share(self):
        other = self._new_account(name="Second", seller_id="A2OTHER")
        (self.account + other).action_make_fba_locations()
        rows = (self.account + other).fba_location_ids
        self.assertEqual(len(rows.location_id), 2)
        names = rows.delivery_type_id.mapped("sequence_id.prefix")
        self.assertEqual(len(set(names)), 2, names)

    def test_unfulfillable(self):
        """Not imported: left alone. Imported after all: a person looks, because it was shipped here."""
        order_id = self.fba("UNSHIPPED")
        self.move_on(order_id, "UNFULFILLABLE")
        order = self.tell(order_id)
        self.assertEqual((order.state, order.problem_code), ("ignored", "unfulfillable"))
        shipped = self.tell(self.fba("SHIPPED", seed=300))
        raw = self.raw(shipped.amazon_order_id)
        raw["fulfillment"]["fulfillmentStatus"] = "UNFULFILLABLE"
        self.store({**raw, "lastUpdatedTime": "2040-01-01T00:00:00Z"})
        self.follow()
        self.assertEqual((shipped.state, shipped.problem_code), ("exception", "cancelled_after_import"))

    def test_for_another_shop(self):
        """Multi-channel fulfilment: the sale is another shop's, and is not booked twice."""
        raw = self.raw(self.fba("SHIPPED"))
        raw["salesChannel"] = {"channelName": "NON_AMAZON"}
        self.store(raw)
        self.follow()
        order = self.order(raw["orderId"])
        self.assertEqual((order.state, order.problem_code), ("ignored", "other_channel"))

    def test_cancelled_in_odoo(self):
        order = self.tell(self.fba("SHIPPED"))
        order.sale_order_id._action_cancel()
        self.assertEqual((order.state, order.problem_code), ("exception", "cancelled_here"))

    def test_many_at_once(self):
        """FBA orders are delivered together: an order more costs little more."""
        counts = []
        for count, seed in ((2, 1), (2, 2), (20, 3)):
            ids = self.sandbox.generate(count, case="fba", marketplaces=[IT], seed=seed)
            self.make_products()
            for order_id in ids:
                if self.raw(order_id)["fulfillment"]["fulfillmentStatus"] in ("PENDING", "UNSHIPPED"):
                    self.move_on(order_id, "SHIPPED")
            self.store(*(self.raw(order_id) for order_id in ids))
            account = self.account._as_service()
            account.env["spapi.order"].search([("account_id", "=", account.id), ("state", "=", "new")])._map_orders()
            self.env.flush_all()
            self.env.invalidate_all()
            before, start = self.env.cr.sql_log_count, time.perf_counter()
            self.follow()
            spent = time.perf_counter() - start
            counts.append(self.env.cr.sql_log_count - before)
            for order_id in ids:
                order = self.order(order_id)
                self.assertEqual(self.delivered(order), self.ordered(order), order.problem)
        more = (counts[2] - counts[1]) / 18
        print("FIGURE queries_per_fba_delivery", round(more, 1), "queries")
        print("FIGURE ms_per_fba_delivery", round(1000 * spent / 20, 1), "ms")
        self.assertLess(more, 40)
