from odoo.tests import tagged

from .common import SpapiCase


@tagged("post_install", "-at_install")
class TestQuota(SpapiCase):
    def _quota(self):
        self.env.invalidate_all()
        return self.account.quota_ids.filtered(lambda row: row.operation == "searchOrders")

    def test_burst_then_wait(self):
        """Twenty calls at once, then the ledger says how long to wait, and takes nothing."""
        take = self.env["spapi.quota"]._take
        with self.enter_registry_test_mode():
            self.assertEqual([take(self.account, "searchOrders") for _call in range(20)], [0.0] * 20)
            wait = take(self.account, "searchOrders")
        self.assertTrue(170 < wait <= 179, wait)
        self.assertEqual(self._quota().available, 0)

    def test_amazon_states_another_rate(self):
        """The rate in Amazon's answers replaces the documented one."""
        with self.enter_registry_test_mode():
            self.env["spapi.quota"]._take(self.account, "searchOrders")
            self.env["spapi.quota"]._feed(self.account, "searchOrders", 0.05)
        self.assertAlmostEqual(self._quota().rate, 0.05)

    def test_drained(self):
        """After a 429 nothing is left, whatever was counted."""
        with self.enter_registry_test_mode():
            self.env["spapi.quota"]._take(self.account, "searchOrders")
            self.env["spapi.quota"]._drain(self.account, "searchOrders", None)
            self.assertGreater(self.env["spapi.quota"]._take(self.account, "searchOrders"), 100)

    def test_import_obeys(self):
        """With the quota used up the import asks nothing, is no error, and plans its next attempt."""
        self.sandbox.generate(2)
        with self.enter_registry_test_mode():
            self.env["spapi.quota"]._drain(self.account, "searchOrders", None)
        self.sandbox.control("DELETE", "journal")
        self.run_import()
        self.assertFalse(self.sandbox.counts().get("searchOrders"))
        self.assertFalse(self.account.last_error)
        self.assertTrue(self.account.retry_at)
        self.assertTrue(self.env["ir.cron.trigger"].search([("call_at", "=", self.account.retry_at)]))

    def test_each_account_and_operation_has_its_own(self):
        """What one account uses, another keeps."""
        other = self._new_account(name="Other", seller_id="A5OTHER")
        with self.enter_registry_test_mode():
            self.env["spapi.quota"]._drain(self.account, "searchOrders", None)
            self.assertEqual(self.env["spapi.quota"]._take(other, "searchOrders"), 0.0)
            self.assertEqual(self.env["spapi.quota"]._take(self.account, "getOrder"), 0.0)
