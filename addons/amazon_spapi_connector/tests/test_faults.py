from odoo import fields
from odoo.tests import tagged

from ..calling import call
from ..spapi import errors
from .common import SpapiCase


@tagged("post_install", "-at_install")
class TestFaults(SpapiCase):
    """Each fault ends in a retry or a visible error, and never in a lost order."""

    ORDERS = 130

    def _with_fault(self, kind, *, after=1, times=1, operation="searchOrders", **params):
        """Import with a fault at the second page, then again; returns (account error after the first run, states)."""
        self.sandbox.generate(self.ORDERS)
        self.sandbox.fault(kind, operation=operation, after=after, times=times, **params)
        self.run_import()
        error, request_id = self.account.last_error, self.account.last_error_request_id
        cursor = self.account.cursor_ids.filtered(lambda row: row.search_code == "unshipped")
        stored = self.env["spapi.order"].search_count([("account_id", "=", self.account.id)])
        if stored < self.ORDERS and cursor:
            self.assertEqual(str(cursor.last_updated_after), "2020-01-01 00:00:00", "the cursor passed unstored orders")
        self.sandbox.control("DELETE", "faults")
        self.run_import()
        self.env.invalidate_all()
        self.assertEqual(self.env["spapi.order"].search_count([("account_id", "=", self.account.id)]), self.ORDERS)
        self.assertFalse(self.account.last_error)
        self.assertEqual(self.account.state, "connected")
        return error, request_id

    def test_throttled_with_body(self):
        self._throttled("throttle_body")

    def test_throttled_without_body(self):
        self._throttled("throttle_empty")

    def _throttled(self, kind):
        """A 429 stops the import, keeps what is stored and plans the next attempt; nobody waits for it."""
        self.sandbox.generate(self.ORDERS)
        self.sandbox.fault(kind, after=1)
        self.run_import()
        self.assertIn("quota", self.account.last_error)
        self.assertEqual(self.account.state, "connected")
        self.assertEqual(self.env["spapi.order"].search_count([("account_id", "=", self.account.id)]), 100)
        self.assertGreater(self.account.retry_at, fields.Datetime.now())
        self.assertTrue(self.env["ir.cron.trigger"].search([("call_at", "=", self.account.retry_at)]))
        self.sandbox.control("DELETE", "journal")
        with self.committing() as env:
            env["spapi.account"]._cron_import_orders()
        self.assertFalse(self.sandbox.counts().get("searchOrders"), "asked before the pause was over")
        self.run_import()
        self.assertEqual(self.env["spapi.order"].search_count([("account_id", "=", self.account.id)]), self.ORDERS)

    def test_throttled_drains_the_ledger(self):
        """A 429 means that Amazon's bucket is empty, whatever ours says."""
        self.sandbox.fault("throttle_body")
        with self.committing() as env:
            account = self.account.with_env(env)
            try:
                call(account, "searchOrders", lambda client: client.search_orders({"createdAfter": "2026-01-01"}))
                self.fail("the fault did not strike")
            except errors.Throttled as error:
                self.assertNotEqual(error.code, "Ledger")
        self.env.invalidate_all()
        quota = self.account.quota_ids.filtered(lambda row: row.operation == "searchOrders")
        self.assertEqual(quota.available, 0)

    def test_error_500(self):
        error, request_id = self._with_fault("error_500")
        self.assertIn("searchOrders", error)
        self.assertTrue(request_id)

    def test_error_503_as_html(self):
        error, _request_id = self._with_fault("error_503_html")
        self.assertNotIn("<", error)

    def test_reset(self):
        error, _request_id = self._with_fault("reset")
        self.assertIn("could not be reached", error)

    def test_truncated_json(self):
        error, _request_id = self._with_fault("truncated_json")
        self.assertIn("could not be read", error)

    def test_not_json(self):
        error, _request_id = self._with_fault("not_json_200")
        self.assertIn("could not be read", error)

    def test_empty(self):
        error, _request_id = self._with_fault("empty_200")
        self.assertIn("could not be read", error)

    def test_slow(self):
        error, _request_id = self._with_fault("slow", seconds=1)
        self.assertFalse(error)

    def test_expired_access_token(self):
        error, _request_id = self._with_fault("expired_token", after=0)
        self.assertFalse(error)

    def test_token_endpoint_down(self):
        error, _request_id = self._with_fault("error_500", operation="token", after=0)
        self.assertTrue(error)

    def test_moving_order(self):
        error, _request_id = self._with_fault("moving_order", after=0)
        self.assertFalse(error)

    def test_unknown_fields(self):
        """Unknown fields are sealed and flagged; the orders are imported."""
        ids = self.sandbox.generate(2)
        self.make_products()
        self.sandbox.fault("unknown_fields", times=5)
        self.run_import()
        for order_id in ids:
            order = self.order(order_id)
            self.assertTrue(order.has_unknown_fields)
            self.assertEqual(order.state, "imported", order.problem)
            self.assertTrue(order.subject_id.sudo().quarantine_token)

    def test_revoked_consent(self):
        """Withdrawn consent: the account says so, a person gets one activity, nothing is tried any more."""
        self.sandbox.generate(1)
        self.sandbox.control("POST", "sellers/A1SANDBOXSELLER/revoke", {})
        self.run_import()
        self.assertEqual(self.account.state, "revoked")
        self.assertEqual(len(self.account.activity_ids), 1)
        self.sandbox.control("DELETE", "journal")
        self.run_import()
        self.assertFalse(self.sandbox.counts())
        self.sandbox.control("POST", "sellers/A1SANDBOXSELLER/grant", {})

    def test_backoff_grows(self):
        """Failure after failure the pause grows; there is no endless loop of attempts."""
        self.sandbox.fault("error_500", times=20)
        pauses = []
        for _attempt in range(3):
            self.run_import()
            pauses.append((self.account.retry_at - fields.Datetime.now()).total_seconds())
        self.assertLess(pauses[0], pauses[1])
        self.assertLess(pauses[1], pauses[2])
        self.sandbox.control("DELETE", "journal")
        with self.committing() as env:
            env["spapi.account"]._cron_import_orders()
        self.assertFalse(self.sandbox.counts().get("searchOrders"), "tried again before the pause was over")

    def test_one_account_does_not_stop_another(self):
        """The failure of one account is its own."""
        bad = self._new_account(name="Bad", seller_id="A7BAD", client_secret="wrong", sequence=1)
        ids = self.sandbox.generate(2)
        self.run_import()
        self.assertEqual(bad.state, "error")
        self.assertEqual(self.account.state, "connected")
        self.assertTrue(all(self.order(order_id) for order_id in ids))
