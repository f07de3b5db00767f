from contextlib import contextmanager
from unittest.mock import patch

from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import channel

from .common import SpapiCase


@tagged("post_install", "-at_install")
class TestIntakeStopped(SpapiCase):
    """While the vault takes nothing in, no address is fetched, nothing is lost, and everything else goes on."""

    needs_proof = True

    def setUp(self):
        super().setUp()
        self.officer = new_test_user(self.env, "stopped_officer", groups="pii_retention.group_privacy_officer")

    @contextmanager
    def officer_at_the_browser(self):
        caller = channel.Caller(channel.WEB, self.officer.id, "0123456789abcdef", "192.0.2.7")
        with patch.object(channel, "caller", lambda: caller):
            yield

    def orders(self):
        return self.env["spapi.order"].search([("account_id", "=", self.account.id)])

    def test_nothing_is_lost(self):
        first = self.sandbox.generate(3, marketplaces=["APJ6JRA9NG5V4"], seed=1)
        self.make_products()
        self.run_import()
        self.assertEqual(len(self.orders().filtered("subject_id")), 3)
        self.assertFalse(self.account.last_error)

        partner = self.orders()[:1].subject_id._partner()
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_partner SET street = 'x' WHERE id = %s", [partner.id])
        with self.committing() as env, mute_logger("odoo.addons.pii_retention.alarms"):
            env["pii.proof"]._cron_proof()
        self.env.invalidate_all()

        self.sandbox.advance(3600)
        new = self.sandbox.generate(4, marketplaces=["APJ6JRA9NG5V4"], seed=2)
        self.make_products()
        for order_id in new:
            self.sandbox.patch(order_id, {})
        self.sandbox.patch(first[0], {"fulfillment": {"fulfillmentStatus": "CANCELLED"}})
        self.sandbox.advance(3600)
        cursor = self.account.cursor_ids.filtered(lambda row: row.search_code == "unshipped")
        before = cursor.last_updated_after
        subjects = self.env["pii.subject"].search_count([])
        for attempt in range(3):
            self.sandbox.control("DELETE", "journal")
            # the alarm is logged once, at the first refusal; nothing else is
            with mute_logger("odoo.addons.pii_retention.alarms"):
                if attempt:
                    with self.assertNoLogs("odoo.addons", "WARNING"):
                        self.run_import()
                else:
                    self.run_import()
            asked = str(self.sandbox.control("GET", "journal"))
            self.assertIn("searchOrders", asked)
            self.assertNotIn("RECIPIENT", asked, "an address was asked for")
        self.assertIn("No new personal data is taken in", self.account.last_error)
        self.assertEqual(self.account.state, "connected")
        self.assertEqual(self.env["pii.alert"].search_count([("cause", "=", "intake_found")]), 1)
        self.assertEqual(cursor.last_updated_after, before)
        self.assertEqual(self.env["pii.subject"].search_count([]), subjects)
        waiting = self.orders().filtered(lambda order: order.amazon_order_id in new)
        self.assertEqual(len(waiting), 4)
        self.assertFalse(waiting.subject_id)
        self.assertFalse(waiting.sale_order_id)
        self.assertEqual(self.order(first[0]).status, "CANCELLED")

        self.env.cr.execute("UPDATE res_partner SET street = NULL WHERE id = %s", [partner.id])
        self.env.invalidate_all()
        with self.officer_at_the_browser():
            self.env["pii.proof"].with_user(self.officer).action_check_again()
        self.assertFalse(self.account.retry_at)
        self.run_import()
        self.assertFalse(self.account.last_error)
        self.assertEqual(set(waiting.mapped("state")), {"imported"})
        self.assertEqual(len(waiting.subject_id), 4)
        print("\nFIGURE intake_stopped_orders_lost 0 orders =0")
