from datetime import datetime, timedelta

from freezegun.api import freeze_time

from odoo.tests import tagged

from .common import SpapiCase

SECOND = timedelta(seconds=1)


@tagged("post_install", "-at_install")
class TestSecretAge(SpapiCase):
    """A secret is renewed in time; an old one brings orders without their buyers."""

    def duty(self):
        return self.env["pii.duty"].search(
            [("record_ref", "=", f"spapi.account,{self.account.id}"), ("done_at", "=", False)]
        )

    def at(self, moment):
        self.env.invalidate_all()
        return freeze_time(moment, ignore=["odoo.addons.pii_retention.access_log"])

    def test_warned_and_blocked_to_the_second(self):
        self.account._store_secrets({"client_secret": "sandbox-client-secret"})
        day = self.account.client_secret_set_on
        start = datetime.combine(day, datetime.min.time())
        self.assertEqual(self.company._pii_figure("tz"), "UTC")
        duty = self.duty()
        self.assertEqual((duty.started_at, duty.due_at), (start, start + timedelta(days=180)))
        for moment, state, duty_state in (
            (start + timedelta(days=150) - SECOND, "fresh", "running"),
            (start + timedelta(days=150), "old", "soon"),
            (start + timedelta(days=180) - SECOND, "old", "soon"),
            (start + timedelta(days=180), "ended", "overdue"),
        ):
            with self.subTest(moment=moment), self.at(moment):
                self.assertEqual(self.account.secret_state, state)
                self.assertEqual(bool(self.account._personal_refusal()), state == "ended")
                self.assertEqual(duty.state, duty_state)

    def test_a_new_secret_begins_anew(self):
        before = self.duty()
        self.assertEqual(len(before), 1)
        with self.at(datetime(2031, 5, 5, 12)):
            self.account._store_secrets({"client_secret": "another-client-secret"})
            self.assertEqual(before.state, "done")
            self.assertEqual(self.duty().started_at, datetime(2031, 5, 5))
            self.env["pii.duty"]._ensure_all()
            self.assertEqual(len(self.duty()), 1)

    def test_an_old_secret_imports_no_buyer(self):
        self.sandbox.generate(2)
        day = datetime.combine(self.account.client_secret_set_on, datetime.min.time())
        self.account.client_secret_set_on = day.date() - timedelta(days=180)
        before = self.sandbox.counts().get("searchOrders", 0)
        self.run_import()
        self.assertEqual(self.sandbox.counts().get("searchOrders", 0) - before, 1, "the search without buyers only")
        orders = self.env["spapi.order"].search([("account_id", "=", self.account.id)])
        self.assertEqual(len(orders), 2)
        self.assertFalse(any(orders.mapped("has_address")))
        self.assertIn("180 days", self.account.last_error)
        self.account.client_secret_set_on = day.date()
        self.run_import()
        orders.invalidate_recordset()
        self.assertTrue(all(orders.mapped("has_address")), "what was left out is read when the secret is renewed")
        self.assertFalse(self.account.last_error)
