"""Reading in the background, as Odoo's workers run it: turns, what goes first, stops, ends, and whose word counts."""

import json
from datetime import timedelta
from unittest.mock import patch

import psycopg2

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.base.models import ir_cron
from odoo.addons.bus.models.bus import channel_with_db, json_dump

from .. import recovering
from ..models import spapi_recovery_line, spapi_scan_mixin_run
from ..models.spapi_quota import SLOWEST
from .common import IT, SpapiCase
from .test_reconcile import ReconcileCase

IMPORT, BACKGROUND = "amazon_spapi_connector.ir_cron_import_orders", "amazon_spapi_connector.ir_cron_background"


class BackgroundCase(ReconcileCase):
    def background(self) -> None:
        with self.committing() as env:
            env["spapi.reconciliation"]._cron_background()
        self.env.invalidate_all()

    def start(self, model: str, **values):
        start = fields.Datetime.now() - timedelta(days=600)
        one = self.env[model].create({"account_id": self.account.id, "date_from": start, **values})
        with self.committing() as env:
            one.with_env(env).action_start()
        self.env.invalidate_all()
        return one

    def left(self, operation: str, tokens: float, **values) -> None:
        """Let the ledger know of so many calls."""
        Quota = self.env["spapi.quota"]
        with self.enter_registry_test_mode():
            Quota._change(self.account, operation, lambda bucket, now: bucket)
        row = Quota.search([("account_id", "=", self.account.id), ("operation", "=", operation)])
        row.write({"tokens": tokens, "updated_epoch": Quota._now(self.env.cr), **values})

    def calls(self, account) -> int:
        rows = self.env["spapi.quota.use"].search([("account_id", "=", account.id), ("operation", "=", "searchOrders")])
        return sum(rows.mapped("calls"))

    def told(self, user) -> list[dict]:
        channel = json_dump(channel_with_db(self.env.cr.dbname, user.partner_id))
        self.env.flush_all()
        rows = self.env["bus.bus"].sudo().search([("channel", "=", channel)], order="id")
        return [json.loads(row.message)["payload"] for row in rows if "simple_notification" in row.message]


@tagged("post_install", "-at_install")
class TestTurns(BackgroundCase):
    def test_a_slow_account_takes_neither_the_others_turn_nor_their_calls(self):
        """Odoo runs a job again, from its beginning, as long as its time was up and something is left."""
        other = self._new_account(name="Other", seller_id="A5OTHER")
        self.sandbox.generate(3)
        self.make_products()
        for _job in range(5):
            if self.run_job(IMPORT) == ir_cron.CompletionStatus.FULLY_DONE:
                break
            # a second later: who was served when is known by the second
            for row in (self.account + other).cursor_ids.filtered("last_done"):
                row.last_done -= timedelta(seconds=1)
        self.assertEqual((self.calls(self.account), self.calls(other)), (2, 2))
        self.assertEqual(other.order_count, 3)

    def test_who_wakes_the_import_takes_no_call_of_the_plan(self):
        self.sandbox.generate(1)
        for _click in range(5):
            with self.committing() as env:
                env["spapi.account"]._cron_import_orders()
            self.env.invalidate_all()
        self.assertEqual(self.calls(self.account), 2)
        for cursor in self.account.cursor_ids:
            cursor.last_done -= timedelta(minutes=5)
        with self.committing() as env:
            env["spapi.account"]._cron_import_orders()
        self.assertEqual(self.calls(self.account), 4)

    def test_somebody_saves_the_account_at_the_end_of_an_import(self):
        """The other accounts are imported, and this one has had its success."""
        real, failed = type(self.account)._record_success, []

        def conflict(account):
            if not failed:
                failed.append(account.id)
                raise psycopg2.errors.SerializationFailure
            return real(account)

        with patch.object(type(self.account), "_record_success", conflict):
            self.run_import()
        self.assertTrue(failed and self.account.last_success)

    def test_a_comparison_goes_on_in_steps(self):
        self.sandbox.generate(230, case="pending", marketplaces=[IT])
        one = self.start("spapi.reconciliation")
        self.run_job(BACKGROUND)
        self.assertEqual((one.state, one.page_count), ("done", 3), one.progress)

    def test_more_pages_than_an_import_may_have(self):
        """Thirty days of 2,000 orders are 600 pages."""
        self.sandbox.generate(230, case="pending", marketplaces=[IT])
        one = self.start("spapi.reconciliation")
        one.page_count = 600
        self.background()
        self.assertEqual((one.state, one.restart_count, one.page_count), ("done", 0, 603), one.problem)

    def test_orders_to_ship_go_first(self):
        """Two calls are left to the import besides those for people; who gets none for an hour takes one."""
        self.sandbox.generate(3)
        one = self.start("spapi.reconciliation")
        self.left("searchOrders", 4.5)
        self.background()
        self.assertEqual((one.state, one.page_count, self.calls(self.account)), ("running", 0, 0))
        self.assertTrue(one.retry_at)
        self.run_import()
        self.assertEqual((self.calls(self.account), bool(self.account.retry_at)), (2, False))
        self.left("searchOrders", 4.5)
        one.write({"retry_at": False, "started_at": fields.Datetime.now() - timedelta(hours=2)})
        self.background()
        self.assertEqual(one.state, "done")

    def test_an_account_without_marketplaces_stops_nobody(self):
        other = self._new_account(name="Other", seller_id="A5OTHER", reconcile_every=1)
        self.account.write({"reconcile_every": 1, "marketplace_ids": [(5, 0, 0)]})
        self.background()
        self.assertEqual(self.env["spapi.reconciliation"].search([]).account_id, other)

    def test_an_account_that_is_not_used_any_more_is_not_asked(self):
        for values in ({"active": False}, {"state": "revoked"}):
            one = self.start("spapi.recovery", pasted="406-1234567-1234567")
            self.account.write(values)
            self.background()
            self.assertEqual(one.state, "failed")
            self.account.write({"active": True, "state": "connected"})
        self.assertFalse(self.sandbox.counts().get("getOrder"))


@tagged("post_install", "-at_install")
class TestPersons(BackgroundCase):
    def test_results_are_nobodys_to_write(self):
        """What is read-only on the screen is so for every client."""
        user = new_test_user(self.env, "background_user", groups="amazon_spapi_connector.group_user")
        period = {"account_id": self.account.id, "date_from": "2026-01-01"}
        for model in ("spapi.reconciliation", "spapi.recovery"):
            Model = self.env[model].with_user(user)
            with self.assertRaises(AccessError):
                Model.create({**period, "state": "done"})
            one = Model.create(period)
            for forged in (
                {"state": "done"},
                {"parameters": {"includedData": "BUYER,RECIPIENT"}},
                {"order_count": 1, "scanned": True},
            ):
                with self.assertRaises(AccessError):
                    one.write(forged)
            one.date_from = "2026-01-02"
            one.sudo().state = "running"
            with self.assertRaises(UserError):
                one.date_from = "2026-01-03"
        with self.assertRaises(AccessError):
            self.env["spapi.reconciliation"].with_user(user).create({**period, "different_count": 0})

    def test_stopped_and_resumed(self):
        """Stop is obeyed after the order that is being read; what was read is not read again."""
        ids = self.sandbox.generate(5, case="pending")
        one = self.start("spapi.recovery", pasted=" ".join(ids))
        note, noted = spapi_recovery_line.SpapiRecoveryLine._note, []

        def stop_after_two(line, outcome, order):
            note(line, outcome, order)
            noted.append(line.id)
            if len(noted) == 2:
                line.recovery_id.action_cancel()

        with patch.object(spapi_recovery_line.SpapiRecoveryLine, "_note", stop_after_two):
            self.background()
        self.assertEqual((one.state, one.done_count, one.todo_count), ("cancelled", 2, 3))
        self.background()
        self.assertEqual(one.done_count, 2)
        with self.committing() as env:
            one.with_env(env).action_resume()
        self.background()
        self.assertEqual((one.state, one.done_count), ("done", 5))
        self.assertEqual(self.sandbox.counts()["getOrder"], 5)
        with self.assertRaises(UserError):
            one.action_resume()

    def test_what_failed_goes_on_at_its_page(self):
        self.sandbox.generate(230, case="pending", marketplaces=[IT])
        one = self.start("spapi.reconciliation")
        self.sandbox.fault("error_500", after=1)
        with patch.object(spapi_scan_mixin_run, "MOST_FAILURES", 1):
            self.background()
        self.assertEqual((one.state, one.page_count), ("failed", 1), one.problem)
        with self.committing() as env:
            one.with_env(env).action_resume()
        self.background()
        self.assertEqual((one.state, one.page_count, one.order_count), ("done", 3, 230), one.problem)

    def test_the_end_is_told(self):
        """Who started it is told, wherever that person is in Odoo; what has to be decided too."""
        self.sandbox.generate(2, case="pending", marketplaces=[IT])
        user = new_test_user(self.env, "background_starter", groups="amazon_spapi_connector.group_user")
        for model, kind in (("spapi.reconciliation", "success"), ("spapi.recovery", "info")):
            start = fields.Datetime.now() - timedelta(days=600)
            one = self.env[model].create({"account_id": self.account.id, "date_from": start})
            if model == "spapi.recovery":
                one.method = "period"
            with self.committing() as env:
                one.with_env(env(user=user)).action_start()
            self.background()
            self.assertEqual(self.told(user)[-1]["type"], kind)
        self.assertIn("2 orders compared: 0 equal, 2 knowingly", self.told(user)[0]["message"])
        self.assertIn("Decide below", self.told(user)[1]["message"])

    def test_the_import_is_paused(self):
        """At once, between two pages; “Sync now” lets it go on; nothing is lost."""
        ids = self.sandbox.generate(120)
        self.make_products()
        Account = type(self.account)
        real = Account._store_page

        def pause(account, code, page):
            real(account, code, page)
            account.sudo().import_paused = True

        with patch.object(Account, "_store_page", pause):
            self.run_import()
        self.assertEqual((self.calls(self.account), self.account.order_count), (1, 100))
        self.assertIn("paused", self.account.health)
        self.run_import()
        self.assertEqual(self.calls(self.account), 1)
        self.press("action_sync_now")
        self.assertTrue(self.account.sync_progress)
        self.run_import()
        self.assertEqual({self.order(name).state for name in ids}, {"imported"})


@tagged("post_install", "-at_install")
class TestMeanwhile(BackgroundCase):
    """Comparing and recovering while the rest of the world goes on."""

    def test_what_is_about_to_follow_is_no_difference(self):
        raw, order = self.imported()
        order.sale_order_id.order_line.filtered("spapi_line_id").price_unit += 1
        self.assertTrue(self.differences(self.reconcile()))
        order.follow_up = True
        one = self.reconcile()
        self.assertEqual((self.differences(one), one.line_ids.mapped("reason")), ([], ["to_follow"]))
        order.write({"follow_up": False, "last_updated": order.last_updated + timedelta(minutes=1)})
        one = self.reconcile()
        self.assertEqual((self.differences(one), one.line_ids.mapped("reason")), ([], ["listed_late"]))

    def test_what_came_after_the_beginning_is_not_foreign(self):
        raw, order = self.imported()
        self.sandbox.control("DELETE", f"orders/{raw['orderId']}")
        self.came_earlier(order)
        self.assertEqual(self.reconcile().different_count, 1)
        one = self.start("spapi.reconciliation")
        one.started_at = order.create_date - timedelta(seconds=1)
        self.background()
        self.assertEqual((one.state, one.different_count), ("done", 0))

    def test_shipped_as_the_import_counts_it(self):
        """Amazon's packages say what was shipped where the items do not."""
        raw, order = self.imported()
        item = raw["orderItems"][0]
        self.sandbox.control("POST", f"orders/{raw['orderId']}/transition", {"status": "SHIPPED"})
        shipped = self.sandbox.orders()[raw["orderId"]]
        shipped["orderItems"][0].get("fulfillment", {}).pop("quantityFulfilled", None)
        self.sandbox.put(shipped)
        self.settle()
        self.assertEqual(order.status, "SHIPPED", order.problem)
        done = order.sale_order_id.picking_ids.filtered(lambda picking: picking.state == "done")
        self.assertEqual(sum(done.move_ids.mapped("quantity")), item["quantityOrdered"])
        self.assertEqual(self.differences(self.reconcile()), [])

    def test_one_call_at_a_time_is_enough(self):
        """Where Amazon grants a single call, an order to ship is stored, and its address comes with a search."""
        ids = self.sandbox.generate(2, marketplaces=[IT])
        self.make_products()
        one = self.start("spapi.recovery", pasted=" ".join(ids))
        self.sandbox.control("POST", "throttle", {"operation": "getOrder", "rate": 0.01, "burst": 1})
        for _call in range(3):
            self.left("getOrder", 1, rate=0.01, burst=1)
            self.sandbox.advance(300)
            one.retry_at = False
            self.background()
        self.assertEqual((one.state, one.done_count), ("done", 2), one.progress)
        self.assertEqual({self.order(name).problem_code for name in ids}, {"address_to_come"})
        self.run_import()
        self.assertEqual({self.order(name).state for name in ids}, {"imported"})

    def test_a_rate_that_cannot_be_is_corrected(self):
        """A statement that would put the next call off for days counts as one call an hour."""
        quota = self.env["spapi.quota"]
        with self.enter_registry_test_mode():
            quota._take(self.account, "searchOrders")
            quota._feed(self.account, "searchOrders", 0.000002)
            quota._take(self.account, "searchOrders")
            self.assertLessEqual(quota._take(self.account, "searchOrders"), 3600)
            quota._feed(self.account, "searchOrders", 0.0056)
        self.env.invalidate_all()
        row = self.account.quota_ids.filtered(lambda row: row.operation == "searchOrders")
        self.assertAlmostEqual(row.rate, 0.0056)
        self.assertLess(SLOWEST, 0.001)


@tagged("post_install", "-at_install")
class TestQuestions(BackgroundCase):
    def test_a_number_in_whatever_form(self):
        for pasted in (
            " 406-1234567-1234567\n",
            "Order ID: 406\u20111234567\u20131234567 (Zo\u00eb Quux)",
            "406-1234567-\n1234567",
            "\ufeff406-1234567-1234567\u200b",
            "406 - 1234567 - 1234567",
        ):
            question = self.env["spapi.order.question"].create({"number": pasted})
            self.assertEqual(question.number, "406-1234567-1234567")
        self.assertEqual(recovering.numbers_in("s01-1234567-1234567", 1)[0], ["S01-1234567-1234567"])
        for pasted in ("", "Zo\u00eb Quux", "406-1234567-123456", "406-1234567-1234567 406-1234567-1234568", False):
            with self.assertRaises(UserError):
                self.env["spapi.order.question"].create({"number": pasted})
            with self.assertRaises(UserError):
                question.number = pasted

    def test_an_account_that_cannot_be_asked_silences_no_other(self):
        (number,) = self.sandbox.generate(1)
        broken = self._new_account(name="Broken", seller_id="A5OTHER", sequence=1)
        broken.write({"marketplace_ids": False, "state": "error"})
        self.assertEqual(self.ask(number).code, "to_come")
        question = self.ask("406-0000000-0000000")
        self.assertEqual(question.code, "unknown")
        self.assertIn("Broken could not be asked", question.answer)
        with self.assertRaises(UserError):
            self.ask(number, account_id=broken.id)

    def test_what_is_known_here_when_amazon_is_away(self):
        raw, _order = self.imported()
        self.sandbox.fault("error_500", operation="getOrder", times=9)
        question = self.ask(raw["orderId"])
        self.assertEqual((question.code, question.button), ("not_asked", "open"))
        self.assertIn("Imported", question.answer)

    def test_the_import_that_stands_still_is_named(self):
        (number,) = self.sandbox.generate(1)
        self.account.write({"last_error": "Key store: away.", "last_error_at": fields.Datetime.now()})
        self.assertIn("Key store: away.", self.ask(number).answer)
        self.account.import_paused = True
        self.assertIn("paused", self.ask(number).answer)

    def test_another_companys_account(self):
        """A question that a client of the API has filled reads nothing of another company."""
        (number,) = self.sandbox.generate(1)
        company = self.env["res.company"].create({"name": "Elsewhere"})
        user = new_test_user(
            self.env,
            "elsewhere",
            groups="amazon_spapi_connector.group_user",
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )
        question = self.env["spapi.order.question"].with_user(user).create({"number": number})
        question.write({"found_account_id": self.account.id, "button": "read"})
        with self.assertRaises(AccessError):
            question.action_mend()
        self.assertFalse(self.sandbox.counts().get("getOrder"))


@tagged("post_install", "-at_install")
class TestAccountRights(SpapiCase):
    def test_only_administrators_pause(self):
        user = new_test_user(self.env, "pause_user", groups="amazon_spapi_connector.group_user")
        with self.assertRaises(AccessError):
            self.account.with_user(user).action_pause_import()
        self.account.action_pause_import()
        self.assertTrue(self.account.import_paused)
