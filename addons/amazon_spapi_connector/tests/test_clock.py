from datetime import UTC, timedelta
from zlib import crc32

from odoo.fields import Command
from odoo.tests import tagged

from ..models import spapi_account_search as searching
from .common import SpapiCase

FULL = searching.SEARCHES["unshipped"]["parts"]
LESS = searching.SEARCHES["changes"]["parts"]


@tagged("post_install", "-at_install")
class TestClock(SpapiCase):
    """What happens to an Amazon order, at Amazon or in Odoo, moves the day on which its buyer is forgotten."""

    def imported(self, **changes):
        """Return an order of yesterday that has become a sale order."""
        moment = self.env.cr.now().replace(tzinfo=UTC, microsecond=0) - timedelta(days=1)
        stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        # a buyer who was erased does not come back: each test has an order of its own
        number = f"402-{crc32(self._testMethodName.encode()) % 10**7:07}-1111111"
        self.raw = self.one_raw_order(orderId=number)
        self.raw |= {"createdTime": stamp, "lastUpdatedTime": stamp, **changes}
        self.make_products()
        self.env["spapi.order"]._store_orders(self.account, [self.raw], FULL)
        order = self.order(self.raw["orderId"])
        order._as_service()._map_orders()
        self.assertEqual(order.state, "imported", order.problem)
        return order

    def news(self, status, hours=0, **changes):
        """Let Amazon say that an order has another status, without a word about its buyer."""
        moment = self.env.cr.now().replace(tzinfo=UTC, microsecond=0) - timedelta(hours=hours)
        raw = {key: value for key, value in self.raw.items() if key not in ("buyer", "recipient", "tax", "packages")}
        fulfillment = {**raw["fulfillment"], "fulfillmentStatus": status}
        raw |= {"fulfillment": fulfillment, "lastUpdatedTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), **changes}
        self.env["spapi.order"]._store_orders(self.account, [raw], LESS)

    def test_an_open_order_is_kept_on(self):
        subject = self.imported().subject_id.sudo()
        self.assertEqual((subject.deadline_rule, subject.is_open), ("open", True))
        self.assertEqual(subject.created_on, self.company._pii_day() - timedelta(days=1))
        self.assertEqual(subject.deadline, self.company._pii_day() + timedelta(days=30))

    def test_shipped_at_amazon(self):
        subject = self.imported().subject_id.sudo()
        self.news("SHIPPED")
        self.assertEqual((subject.deadline_rule, subject.state), ("shipped", "live"))
        before = subject.deadline
        self.news("UNSHIPPED", hours=-1)
        self.assertEqual((subject.deadline, subject.deadline_rule), (before, "shipped"))

    def packages(self, *said):
        """Return packages of the order: each ``(status, days ago on which it was shipped or None)``."""
        now, result = self.env.cr.now().replace(tzinfo=UTC, microsecond=0), []
        for number, (status, days) in enumerate(said, 1):
            package = {"packageReferenceId": str(number), "packageStatus": {"status": status}}
            if days is not None:
                package["shipTime"] = (now - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
            result.append(package)
        return result

    def test_the_day_of_shipment_is_that_of_the_last_package(self):
        """An order that Amazon has touched long after its shipment is not kept for longer because of that."""
        order, today = self.imported(), self.company._pii_day()
        old = (self.env.cr.now().replace(tzinfo=UTC) - timedelta(days=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
        order.subject_id.sudo()._record("created", today - timedelta(days=20))
        self.news("SHIPPED", createdTime=old, packages=self.packages(("SHIPPED", 12), ("SHIPPED", 9), ("CANCELLED", 1)))
        subject = order.subject_id.sudo()
        self.assertEqual((subject.shipped_on, subject.deadline_rule), (today - timedelta(days=9), "shipped"))
        self.assertEqual(subject.deadline, today + timedelta(days=21))

    def test_delivery_is_what_every_package_proves(self):
        order, today = self.imported(), self.company._pii_day()
        subject = order.subject_id.sudo()
        promised = {"latestDateTime": (self.env.cr.now() + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M:%SZ")}
        fulfillment = {**self.raw["fulfillment"], "deliverByWindow": promised}
        for hours, status, said in (
            (5, "PARTIALLY_SHIPPED", [("DELIVERED", 1)]),
            (4, "SHIPPED", [("DELIVERED", 1), ("IN_TRANSIT", 1)]),
            (3, "SHIPPED", [("DELIVERED", 1), ("UNDELIVERABLE", 1)]),
            (2, "SHIPPED", []),
        ):
            self.news(
                status,
                hours,
                fulfillment={**fulfillment, "fulfillmentStatus": status},
                packages=self.packages(*said),
            )
            self.assertFalse(subject.delivered_on, said)
        self.news(
            "SHIPPED",
            fulfillment={**fulfillment, "fulfillmentStatus": "SHIPPED"},
            packages=self.packages(("DELIVERED", 1), ("DELIVERED", 0), ("CANCELLED", None)),
        )
        self.assertEqual(subject.delivered_on, today)

    def test_delivery_that_is_told_late_counts_from_the_day_that_was_promised(self):
        subject = self.imported().subject_id.sudo()
        subject._record("created", self.company._pii_day() - timedelta(days=20))
        promised = self.env.cr.now().replace(tzinfo=UTC) - timedelta(days=8)
        fulfillment = {
            **self.raw["fulfillment"],
            "fulfillmentStatus": "SHIPPED",
            "deliverByWindow": {"latestDateTime": promised.strftime("%Y-%m-%dT%H:%M:%SZ")},
        }
        self.news("SHIPPED", fulfillment=fulfillment, packages=self.packages(("DELIVERED", 12)))
        self.assertEqual(subject.delivered_on, self.company._pii_day(promised))

    def test_cancelled_at_amazon(self):
        order = self.imported()
        self.news("CANCELLED")
        subject = order.subject_id.sudo()
        self.assertEqual((subject.state, subject.deadline_rule), ("erased", "cancelled"))
        self.assertFalse(subject.operational_token)
        self.assertEqual(order.sale_order_id.amount_total, order.amount_total)
        self.assertTrue(order.follow_up, "and the documents follow")

    def test_shipped_by_amazon_after_all(self):
        order = self.imported()
        self.news("UNSHIPPED", fulfillment={**self.raw["fulfillment"], "fulfilledBy": "AMAZON"})
        self.assertEqual(order.subject_id.sudo().state, "erased")
        self.assertEqual(order.subject_id.sudo().deadline_rule, "fba")

    def test_the_delivery_is_done(self):
        order = self.imported()
        subject, picking = order.subject_id.sudo(), order.sale_order_id.picking_ids
        for move in picking.move_ids:
            move.write({"quantity": move.product_uom_qty, "picked": True})
        picking._action_done()
        self.assertEqual(picking.state, "done")
        self.assertEqual((subject.deadline_rule, subject.is_open), ("shipped", False))
        self.assertEqual(subject.shipped_on, self.company._pii_day())

    def test_a_part_of_the_delivery_is_no_shipment_until_the_rest_is_given_up(self):
        order = self.imported()
        subject, sale = order.subject_id.sudo(), order.sale_order_id
        sale.order_line.filtered("product_id")[:1].product_uom_qty += 1
        picking = sale.picking_ids
        move = picking.move_ids[0]
        move.write({"quantity": 1, "picked": True})
        (picking.move_ids - move).write({"picked": False})
        picking.with_context(skip_backorder=True)._action_done()
        rest = sale.picking_ids - picking
        self.assertEqual((picking.state, bool(rest)), ("done", True))
        self.assertEqual(subject.deadline_rule, "open")
        rest.action_cancel()
        self.assertEqual(subject.deadline_rule, "shipped")

    def test_the_sale_order_is_cancelled(self):
        order = self.imported()
        order.sale_order_id._action_cancel()
        self.assertEqual(order.subject_id.sudo().state, "erased")
        self.assertEqual(order.sale_order_id.partner_id.name, f"Amazon {order.amazon_order_id}")

    def test_the_invoice_is_issued(self):
        order = self.imported()
        subject = order.subject_id.sudo()
        subject._record("invoice_due")
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": order.sale_order_id.partner_id.id,
                "invoice_line_ids": [Command.create({"name": "Goods", "price_unit": 10.0, "tax_ids": []})],
            }
        )
        self.news("CANCELLED")
        self.assertEqual((subject.state, subject.deadline_rule), ("live", "invoice"))
        invoice.action_post()
        self.assertEqual((subject.state, subject.deadline_rule), ("live", "invoiced"))
        self.assertEqual(subject.deadline, self.company._pii_day() + timedelta(days=1))
