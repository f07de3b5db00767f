from datetime import timedelta

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

    def test_use_by_the_hour(self):
        """Each call, each put-off call and each refusal is counted in its hour, and the old hours go."""
        quota = self.env["spapi.quota"]
        with self.enter_registry_test_mode():
            for _call in range(22):
                quota._take(self.account, "searchOrders")
            quota._drain(self.account, "searchOrders", None)
            quota._take(self.account, "getOrder")
        self.env.invalidate_all()
        rows = self.env["spapi.quota.use"].search([("account_id", "=", self.account.id)])
        self.assertEqual(
            {row.operation: (row.calls, row.waited, row.throttled) for row in rows},
            {"searchOrders": (20, 2, 1), "getOrder": (1, 0, 0)},
        )
        cards = {card["operation"]: card for card in self.account.quota_cards}
        self.assertEqual(list(cards), ["searchOrders", "getOrder"])
        card = cards["searchOrders"]
        self.assertEqual((card["left"], card["burst"], card["calls"], card["throttled"]), (0, 20, 20, 1))
        self.assertTrue(0 < card["next"] <= 179)
        self.assertEqual(cards["getOrder"]["left"], 29)
        rows.filtered(lambda row: row.operation == "getOrder").sudo().hour -= timedelta(days=31)
        self.env["spapi.quota.use"]._gc_old()
        self.assertEqual(rows.exists().mapped("operation"), ["searchOrders"])

    def test_people_have_calls_left(self):
        """Automatic work leaves the account's reserve; a person takes it."""
        take = self.env["spapi.quota"]._take
        with self.enter_registry_test_mode():
            for _call in range(18):
                self.assertEqual(take(self.account, "searchOrders", reserve=2), 0.0)
            self.assertTrue(take(self.account, "searchOrders", reserve=2) > 170)
            self.assertEqual([take(self.account, "searchOrders") for _call in range(2)], [0.0, 0.0])

    def test_a_quarter_of_the_quota(self):
        """Amazon cuts the plan while an import runs: the answer says it, and no further call is refused."""
        self.sandbox.generate(700)
        self.sandbox.control("POST", "throttle", {"factor": 0.25})
        self.run_import()
        rows = self.sandbox.control("GET", "journal?operation=searchOrders")
        self.assertEqual([row["status"] for row in rows], [200, 200, 200])  # 5 at once, 2 kept for people
        quota = self._quota()
        self.assertAlmostEqual(quota.rate, 0.0014)
        self.assertEqual(quota.burst, 5)
        self.sandbox.control("POST", "throttle", {"factor": 1})
        with self.enter_registry_test_mode():
            self.env["spapi.quota"]._feed(self.account, "searchOrders", 0.0056)
        self.assertEqual(self._quota().burst, 20)
