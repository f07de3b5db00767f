"""The comparison of Odoo with Amazon: equal where it is equal, and each kind of difference really caused."""

import re
from datetime import timedelta
from pathlib import Path

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from ..models import reconciliation_words
from .common import DE, IT, SpapiCase

QUESTION = "spapi.order.question"
CODES = (
    r"(?<![A-Za-z_])problem\(\s*\"([a-z_]+)\"",
    r"(?<!_)stop\(\s*\"([a-z_]+)\"",
    r"_stop\(\s*\"[a-z]+\", \"([a-z_]+)\"",
    r"_set_problem\(\s*\"[a-z]+\", \"([a-z_]+)\"",
    r"problem_code\": \"([a-z_]+)\"",
    r"_give_up_following\(\"([a-z_]+)\"",
    r"Verdict\(KNOWN, \"([a-z_]+)\"",
)
"""How the code names why an order stops."""


class ReconcileCase(SpapiCase):
    def reconcile(self, **values):
        """Compare everything of the sandbox's, to the end."""
        start = fields.Datetime.now() - timedelta(days=600)
        one = self.env["spapi.reconciliation"].create({"account_id": self.account.id, "date_from": start, **values})
        with self.committing() as env:
            mine = one.with_env(env)
            mine.action_start()
            env["spapi.reconciliation"]._cron_background()
        self.env.invalidate_all()
        return one

    def settle(self) -> None:
        """Import, long enough after the last change that Amazon lists it and the cursor has passed it."""
        self.sandbox.advance(300)
        self.run_import()

    def came_earlier(self, order) -> None:
        """What came in the second in which a comparison begins may be too young for Amazon's listing."""
        self.env.flush_all()
        earlier = "UPDATE spapi_order SET create_date = create_date - interval '1 hour' WHERE id = %s"
        self.env.cr.execute(earlier, order.ids)
        order.invalidate_recordset(["create_date"])

    def differences(self, one) -> list[tuple]:
        return sorted(
            (line.kind, line.amazon_order_id, line.part or "", line.amazon_value, line.odoo_value)
            for line in one.line_ids.filtered("differs")
        )

    def imported(self):
        """One imported order of one item, settled, and its payload."""
        raw = self.one_raw_order()
        raw["orderItems"] = raw["orderItems"][:1]
        raw["proceeds"] = {"grandTotal": raw["orderItems"][0]["proceeds"]["proceedsTotal"]}
        self.sandbox.put(raw)
        self.make_products()
        self.settle()
        order = self.order(raw["orderId"])
        self.assertEqual(order.state, "imported", order.problem)
        return raw, order


@tagged("post_install", "-at_install")
class TestReconcile(ReconcileCase):
    def test_equal(self):
        """Imported orders are equal; what is knowingly not imported is counted by its reason."""
        self.sandbox.generate(5)
        self.sandbox.generate(2, case="pending")
        waiting = self.make_products(skip=1)
        self.settle()
        one = self.reconcile()
        self.assertEqual(one.state, "done", one.problem)
        self.assertEqual(self.differences(one), [])
        self.assertEqual(one.result, "equal")
        self.assertEqual(one.order_count, 7)
        self.assertEqual(one.equal_count + one.known_count, 7)
        stored = self.env["spapi.order"].search([("account_id", "=", self.account.id)])
        self.assertEqual(one.equal_count, len(stored.filtered(lambda order: order.state == "imported")))
        reasons = one.line_ids.mapped("reason")
        self.assertEqual(reasons.count("pending"), 2)
        lacking = stored.filtered(lambda order: waiting[0] in (order.missing_skus or ""))
        self.assertEqual(reasons.count("waiting"), len(lacking))
        self.assertFalse(one.activity_ids)

    def test_reasons_are_words(self):
        """Every code that an order can stop with has words in the list, and new ones of other addons do no harm."""
        found = set()
        for path in Path(reconciliation_words.__file__).parents[1].glob("*/*.py"):
            if path.parent.name != "tests":
                found |= {code for pattern in CODES for code in re.findall(pattern, path.read_text())}
        self.assertGreater(len(found), 50)
        nameless = {code for code in found if reconciliation_words.reason_of(code) == reconciliation_words.OTHER}
        # a SKU without product is a state of its own
        self.assertEqual(nameless, {"sku_unmapped"})
        self.assertLessEqual(reconciliation_words.UNTOUCHED, dict(reconciliation_words.REASONS).keys())

    def test_list_is_read_by_people(self):
        """Parts and values are words and SKUs, in the reader's language; reasons can be grouped and filtered."""
        self.sandbox.generate(1, case="pending")
        stopped = self.sandbox.generate(1, seed=99)[0]
        raw, order = self.imported()
        self.order(stopped).write({"state": "exception", "problem_code": "tax_zero"})
        order.sale_order_id.order_line.filtered("spapi_line_id")[:1].product_uom_qty += 1
        one = self.reconcile()
        line = one.line_ids.filtered(lambda line: line.kind == "quantity")
        ordered = raw["orderItems"][0]["quantityOrdered"]
        self.assertEqual(line.part_text, raw["orderItems"][0]["product"]["sellerSku"])
        self.assertEqual((line.amazon_text, line.odoo_text), (str(ordered), str(ordered + 1)))
        groups = dict(one.line_ids._read_group([("id", "in", one.line_ids.ids)], ["reason"], ["__count"]))
        self.assertEqual((groups.get("pending"), groups.get("tax_zero")), (1, 1), groups)
        self.assertEqual(one.line_ids.filtered_domain([("needs_person", "=", True)]).mapped("reason"), ["tax_zero"])
        domain = [("id", "in", one.line_ids.ids), ("needs_person", "=", False)]
        self.assertEqual(line.search_count(domain), len(one.line_ids) - 1)
        order.sale_order_id._action_cancel()
        order.write({"state": "imported", "problem_code": False, "follow_up": False})
        line = self.reconcile().line_ids.filtered(lambda line: line.kind == "sale_state")
        self.assertEqual(
            (line.part_text, line.amazon_text, line.odoo_text),
            ("Sale order", "Unshipped", f"{order.sale_order_id.name}: Cancelled"),
        )
        order.unlink()
        line = self.reconcile().line_ids.filtered(lambda line: line.amazon_order_id == raw["orderId"])
        self.assertEqual((line.kind, line.amazon_text, line.odoo_text), ("missing", "Unshipped", "—"))
        # a click on a line opens the order, or the question why it is not here
        asked = line.action_open_order()
        self.assertEqual((asked["res_model"], asked["context"]["default_number"]), (QUESTION, raw["orderId"]))
        other = one.line_ids.filtered(lambda line: line.amazon_order_id == stopped)
        self.assertEqual(other.action_open_order()["res_id"], self.order(stopped).id)

    def test_missing_and_mended(self):
        """An order that Amazon has and Odoo lost is missing; reading it again brings it back, confirmed."""
        raw, order = self.imported()
        order.sale_order_id._action_cancel()
        order.sale_order_id.unlink()
        order.unlink()
        one = self.reconcile()
        self.assertEqual(self.differences(one), [("missing", raw["orderId"], "", "UNSHIPPED", "-")])
        self.assertEqual((one.different_count, one.result), (1, "different"))
        self.assertEqual(one.activity_ids.user_id, self.account.user_id)
        with self.committing() as env:
            one.with_env(env).action_reread()
            env["spapi.reconciliation"]._cron_background()
        self.env.invalidate_all()
        self.assertEqual(self.order(raw["orderId"]).state, "imported")
        self.assertEqual(self.differences(self.reconcile()), [])
        self.assertTrue(one.line_ids.filtered("differs").reread_at)

    def test_a_life_of_both_channels(self):
        """Four days of a living market, both channels: afterwards Odoo equals Amazon, order by order."""
        self.account.import_since = fields.Datetime.now() - timedelta(days=30)
        self.sandbox.generate(30, case="mixed", seed=11)
        self.sandbox.generate(10, case="fba", seed=12)
        self.make_products()
        for _day in range(4):
            self.run_import()
            self.env["spapi.quota"].search([]).unlink()
            self.sandbox.advance(86400)
        self.run_import()
        one = self.reconcile()
        self.assertEqual(one.state, "done", one.problem)
        self.assertEqual(self.differences(one), [])
        self.assertEqual(one.order_count, 40)
        self.assertEqual(one.equal_count + one.known_count, 40)
        self.assertGreater(one.equal_count, 20, one.line_ids.mapped("reason"))
        orders = self.env["spapi.order"].search([("account_id", "=", self.account.id), ("state", "=", "imported")])
        fba = orders.filtered(lambda order: order.fulfilled_by == "AMAZON" and order.status == "SHIPPED")
        self.assertTrue(fba)
        # one piece less left Odoo's stock than Amazon shipped
        move = fba[0].sale_order_id.order_line.move_ids.filtered(lambda move: move.state == "done")[0]
        line = move.sale_line_id.spapi_line_id
        move.sudo().write({"state": "cancel"})
        found = self.differences(self.reconcile())
        self.assertEqual(
            [(kind, number, part) for kind, number, part, _amazon, _odoo in found],
            [("shipped", fba[0].amazon_order_id, line.item_id)],
        )

    def test_not_at_amazon(self):
        """An order here that Amazon does not list."""
        raw, order = self.imported()
        self.sandbox.control("DELETE", f"orders/{raw['orderId']}")
        self.came_earlier(order)
        one = self.reconcile()
        self.assertEqual(self.differences(one), [("foreign", raw["orderId"], "", "-", "imported")])

    def test_doubled(self):
        """A second sale order with Amazon's number."""
        raw, order = self.imported()
        twin = order.sale_order_id.copy({"client_order_ref": raw["orderId"]})
        twin.action_confirm()
        names = ", ".join(sorted([twin.name, order.sale_order_id.name]))
        self.assertEqual(self.differences(self.reconcile()), [("doubled", raw["orderId"], "sale_order", "1", names)])

    def test_money_and_pieces(self):
        """A changed price is a difference of a cent; a changed quantity names the item."""
        raw, order = self.imported()
        line = order.sale_order_id.order_line.filtered("spapi_line_id")[:1]
        line.price_unit += 0.02
        found = self.differences(self.reconcile())
        self.assertEqual([(kind, part) for kind, _id, part, _a, _o in found], [("money", "total")])
        self.assertEqual(found[0][3], raw["proceeds"]["grandTotal"]["amount"])
        line.price_unit -= 0.02
        line.product_uom_qty += 1
        found = self.differences(self.reconcile())
        item = raw["orderItems"][0]
        self.assertIn(
            (
                "quantity",
                raw["orderId"],
                item["orderItemId"],
                str(item["quantityOrdered"]),
                str(line.product_uom_qty)[:-2],
            ),
            found,
        )

    def test_sale_order_cancelled_here(self):
        raw, order = self.imported()
        order.sale_order_id.with_context(disable_cancel_warning=True)._action_cancel()
        order.state = "imported"
        name = order.sale_order_id.name
        self.assertEqual(
            self.differences(self.reconcile()),
            [("sale_state", raw["orderId"], "sale_order", "UNSHIPPED", f"{name}: cancel")],
        )

    def test_shipped_here_and_not_at_amazon(self):
        """Delivered in Odoo, unknown to Amazon; after the return of the goods it was shipped all the same."""
        raw, order = self.imported()
        picking = order.sale_order_id.picking_ids
        picking.move_ids.write({"quantity": order.line_ids.quantity, "picked": True})
        picking.with_context(skip_backorder=True)._action_done()
        item = raw["orderItems"][0]
        self.assertEqual(
            self.differences(self.reconcile()),
            [("shipped", raw["orderId"], item["orderItemId"], "0", str(item["quantityOrdered"]))],
        )

    def test_status_without_a_new_date(self):
        """A status that the stored order does not have, though nothing says that it was read too early."""
        raw, order = self.imported()
        order.status = "SHIPPED"
        self.assertEqual(
            self.differences(self.reconcile()), [("status", raw["orderId"], "status", "UNSHIPPED", "SHIPPED")]
        )
        order.write({"status": "UNSHIPPED", "state": "ignored"})
        kinds = {kind for kind, *_rest in self.differences(self.reconcile())}
        self.assertEqual(kinds, {"state", "sale_state"})

    def test_older_than_at_amazon(self):
        """Older than at Amazon is a difference only where the import claims to have read so far."""
        raw, order = self.imported()
        self.sandbox.patch(
            raw["orderId"], {"fulfillment": {"shipByWindow": {"latestDateTime": "2040-01-01T00:00:00Z"}}}
        )
        self.sandbox.advance(600)
        one = self.reconcile()
        self.assertEqual(self.differences(one), [])
        self.assertEqual(one.line_ids.mapped("reason"), ["not_read_yet"])
        self.account.cursor_ids.write({"last_updated_after": "2039-01-01"})
        self.assertEqual([kind for kind, *_rest in self.differences(self.reconcile())], ["outdated"])

    def test_pages_quota_and_errors(self):
        """Without quota it waits and goes on where it was; a token that Amazon refuses costs a restart."""
        self.sandbox.generate(230, case="pending", marketplaces=[IT, DE])
        start = fields.Datetime.now() - timedelta(days=600)
        one = self.env["spapi.reconciliation"].create({"account_id": self.account.id, "date_from": start})
        with self.committing() as env:
            one.with_env(env).action_start()
            env["spapi.quota"]._drain(self.account, "searchOrders", 700)
            env["spapi.reconciliation"]._cron_background()
        self.env.invalidate_all()
        self.assertEqual((one.state, one.page_count), ("running", 0))
        self.assertTrue(one.retry_at > fields.Datetime.now() + timedelta(minutes=9))
        self.assertIn("goes on at", one.progress)
        self.env["spapi.quota"].search([]).unlink()
        self.sandbox.fault("error_500", after=1)
        with self.committing() as env:
            one.with_env(env).write({"retry_at": False})
            env["spapi.reconciliation"]._cron_background()
        self.env.invalidate_all()
        self.assertEqual((one.state, one.page_count, one.failure_count), ("running", 1, 1))
        one.page_token = "no such token"
        with self.committing() as env:
            one.with_env(env).write({"retry_at": False})
            env["spapi.reconciliation"]._cron_background()
        self.env.invalidate_all()
        self.assertEqual((one.state, one.restart_count), ("done", 1), one.problem)
        self.assertEqual((one.page_count, one.order_count), (3, 230))
        # nothing was imported: everything is known to come
        self.assertEqual((one.known_count, one.different_count), (230, 0))
        self.assertFalse(self.sandbox.counts().get("getOrder"))

    def test_orders_that_come_again(self):
        """Orders that change while the pages are read come on two of them, and count once."""
        self.sandbox.generate(150, case="pending", marketplaces=[IT])
        self.sandbox.fault("moving_order", count=3)
        one = self.reconcile()
        self.assertEqual((one.state, one.page_count, one.order_count), ("done", 2, 153), one.problem)
        self.assertEqual((one.known_count, one.different_count), (150, 0))
        self.assertEqual(len(one.line_ids), 150)

    def test_a_clock_that_is_five_minutes_fast(self):
        """An end of the period that Amazon would refuse is not sent, whichever clock is wrong."""
        self.sandbox.generate(3, case="pending", marketplaces=[IT])
        self.sandbox.advance(-300)
        one = self.reconcile(date_to=fields.Datetime.now() - timedelta(minutes=1))
        self.assertEqual(one.state, "done", one.problem)

    def test_leaves_calls_to_people(self):
        """The last calls are left to people and to the import; it asks for no person's data."""
        self.sandbox.generate(3)
        quota = self.env["spapi.quota"]
        with self.enter_registry_test_mode():
            for _call in range(17):
                quota._take(self.account, "searchOrders")
        self.sandbox.control("DELETE", "journal")
        one = self.reconcile()
        self.assertEqual((one.state, one.page_count), ("running", 0))
        self.assertFalse(self.sandbox.counts().get("searchOrders"))
        self.account.quota_reserve = 0
        with self.committing() as env:
            one.with_env(env).retry_at = False
            env["spapi.reconciliation"]._cron_background()
        self.env.invalidate_all()
        self.assertEqual(one.state, "done")
        query = str(self.sandbox.control("GET", "journal?operation=searchOrders")[-1]["query"])
        self.assertNotIn("BUYER", query)
        self.assertNotIn("RECIPIENT", query)

    def test_by_itself(self):
        """Off by default; where it is on, once in the days chosen."""
        Reconciliation = self.env["spapi.reconciliation"]
        with self.committing() as env:
            env["spapi.reconciliation"]._cron_background()
        self.assertFalse(Reconciliation.search([("account_id", "=", self.account.id)]))
        self.account.reconcile_every = 7
        for _run in range(2):
            with self.committing() as env:
                env["spapi.reconciliation"]._cron_background()
        self.env.invalidate_all()
        self.assertEqual(Reconciliation.search_count([("account_id", "=", self.account.id)]), 1)

    def test_period_that_is_none(self):
        with self.assertRaises(UserError):
            self.reconcile(date_to=fields.Datetime.now() - timedelta(days=601))
