from datetime import datetime, timedelta

from freezegun import freeze_time
from psycopg2.errors import CheckViolation

from odoo import fields
from odoo.exceptions import ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import IT, SpapiCase


@tagged("post_install", "-at_install")
class TestShipRisk(SpapiCase):
    def make(self, ship_by, **values):
        self.number = getattr(self, "number", 0) + 1
        return self.env["spapi.order"].create(
            {
                "account_id": self.account.id,
                "amazon_order_id": f"403-{self.number:07d}-0000000",
                "status": "UNSHIPPED",
                "fulfilled_by": "MERCHANT",
                "ship_by": ship_by,
                **values,
            }
        )

    @freeze_time("2026-11-18 12:00:00")
    def test_weekend_does_not_count(self):
        """What must leave on Monday morning is at risk from Friday on, not from Sunday."""
        calendar = self.company.resource_calendar_id
        calendar.tz = "UTC"
        self.account.risk_hours = 8
        order = self.make(datetime(2026, 11, 23, 12))
        # Monday 8 to 12 are four hours, the other four are Friday afternoon
        self.assertEqual(order.risk_from, datetime(2026, 11, 20, 13))
        self.assertEqual(order.ship_risk, "ok")
        self.assertEqual(order.hours_left, 4 + 8 + 8 + 4)
        Order = self.env["spapi.order"].search([("account_id", "=", self.account.id)])
        for moment, state, hours in (
            ("2026-11-20 12:59:00", "ok", 8),
            ("2026-11-21 10:00:00", "risk", 4),
            ("2026-11-23 11:00:00", "risk", 1),
            ("2026-11-23 12:00:00", "late", 0),
        ):
            with freeze_time(moment):
                order.invalidate_recordset(["ship_risk", "hours_left"])
                self.assertEqual((order.ship_risk, order.hours_left), (state, hours), moment)
                found = [
                    risk
                    for risk in ("ok", "risk", "late")
                    if Order.search([("id", "=", order.id), ("ship_risk", "=", risk)])
                ]
                self.assertEqual(found, [state], moment)

    @freeze_time("2026-11-18 12:00:00")
    def test_follows_holidays_and_the_account(self):
        """A holiday that is entered later, and other hours on the account, move the moment."""
        self.company.resource_calendar_id.tz = "UTC"
        order = self.make(datetime(2026, 11, 23, 12))
        before = order.risk_from
        self.account.risk_hours = 4
        self.assertEqual(order.risk_from, datetime(2026, 11, 23, 8))
        self.account.risk_hours = 8
        self.assertEqual(order.risk_from, before)
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Closed",
                "calendar_id": self.company.resource_calendar_id.id,
                "company_id": self.company.id,
                "date_from": "2026-11-20 00:00:00",
                "date_to": "2026-11-20 23:59:59",
            }
        )
        self.env["spapi.order"]._refresh_risk_daily()
        self.assertEqual(order.risk_from, datetime(2026, 11, 19, 13))
        with self.assertRaises(CheckViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            self.account.risk_hours = -1
            self.account.flush_recordset()

    def test_what_is_not_to_be_shipped_has_no_risk(self):
        past = fields.Datetime.now() - timedelta(days=1)
        orders = self.make(past, fulfilled_by="AMAZON") + self.make(past, status="SHIPPED")
        orders += self.make(past, state="cancelled", status="CANCELLED") + self.make(False)
        late = self.make(past, status="PARTIALLY_SHIPPED")
        self.assertEqual(orders.mapped("ship_risk"), [False] * 4)
        mine = [("account_id", "=", self.account.id)]
        Order = self.env["spapi.order"]
        self.assertEqual(Order.search([*mine, ("ship_risk", "in", ("ok", "risk", "late"))]), late)
        self.assertEqual(Order.search([*mine, ("ship_risk", "=", False)]), orders)
        self.assertEqual((self.account.to_ship_count, self.account.risk_count), (1, 1))

    def test_without_calendar_and_far_away(self):
        """A company without calendar always works; dates far away ask no calendar."""
        self.company.resource_calendar_id = False
        soon = fields.Datetime.now().replace(microsecond=0) + timedelta(hours=20)
        self.assertEqual(self.make(soon).risk_from, soon - timedelta(hours=8))
        far = datetime(9998, 1, 1)
        self.assertEqual(self.make(far).risk_from, far - timedelta(hours=8))
        self.assertEqual(self.make(far).hours_left, 0)

    def test_imported_orders_have_it(self):
        number = self.sandbox.generate(1, marketplaces=[IT])[0]
        self.make_products()
        self.run_import()
        order = self.order(number)
        self.assertTrue(order.risk_from)
        self.assertLess(order.risk_from, order.ship_by)
        sale = order.sale_order_id
        self.assertEqual((sale.spapi_ship_by, sale.spapi_ship_risk), (order.ship_by, order.ship_risk))
        self.assertEqual(sale.picking_ids.spapi_order_id, order)
        self.assertEqual(sale.picking_ids.spapi_ship_by, order.ship_by)
        self.assertEqual(sale.picking_ids.action_view_spapi_order()["res_id"], order.id)
        # Amazon gives more time
        self.sandbox.advance(3600)
        raw = self.sandbox.orders()[number]
        later = order.ship_by + timedelta(days=90)
        raw["fulfillment"]["shipByWindow"]["latestDateTime"] = f"{later:%Y-%m-%dT%H:%M:%SZ}"
        self.sandbox.patch(number, {"fulfillment": raw["fulfillment"]})
        self.sandbox.advance(3600)
        before = order.risk_from
        self.run_import()
        self.assertGreater(order.risk_from, before)

    def test_card(self):
        """The card counts today's orders, and says when the next read is and what Amazon grants."""
        self.sandbox.generate(3)
        self.run_import()
        self.assertGreater(self.account.calls_left, 0)
        self.assertTrue(self.account.next_run)
        self.account.invalidate_recordset()
        everything = self.env["spapi.order"].search([("account_id", "=", self.account.id)])
        everything[0].purchase_date = fields.Datetime.now()
        self.assertGreaterEqual(self.account.today_count, 1)
        self.assertLessEqual(self.account.today_count, 3)
        for action in ("today", "risk", "waiting", "exceptions", "orders", "unmapped"):
            self.assertTrue(getattr(self.account, f"action_view_{action}")()["domain"])
        self.account.state = "draft"
        self.assertFalse(self.account.next_run)
        with self.assertRaises(ValidationError):
            self.account.write({"unmapped_sku_rule": "default", "default_product_id": False})
