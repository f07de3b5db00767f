"""Orders read outside of the plan: by number, by period, one again; and why an order is not here."""

import json
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import BaseCase, new_test_user, tagged

from odoo.addons.bus.models.bus import channel_with_db, json_dump

from .. import recovering
from ..mapping.whereabouts import Place, whereabouts
from .common import DE, ES, IT, SpapiCase


def of_long_ago() -> dict[str, str]:
    """Times of an order whose eighteen months are over, and that Amazon, with its two years, still knows."""
    moment = f"{fields.Datetime.now() - timedelta(days=640):%Y-%m-%dT%H:%M:%SZ}"
    return {"createdTime": moment, "lastUpdatedTime": moment}


@tagged("post_install", "-at_install")
class TestNumbers(BaseCase):
    def test_numbers_in_whatever_was_pasted(self):
        """A spreadsheet, a mail, markup: the numbers, each once, in their order, and how many words were none."""
        text = "406-1234567-1234567\t'Zoë Quux'\n<b>S01-7654321-0000001</b>;406-1234567-1234567 x406-1234567-12345678"
        self.assertEqual(recovering.numbers_in(text, 10), (["406-1234567-1234567", "S01-7654321-0000001"], 5))
        self.assertEqual(recovering.numbers_in("'; DROP TABLE spapi_order; --", 10)[0], [])
        self.assertEqual(recovering.numbers_in("٤٠٦-1234567-1234567 406-123456७-1234567", 10)[0], [])
        self.assertEqual(recovering.numbers_in("\x00\udc80 406-1234567-1234567", 10)[0], ["406-1234567-1234567"])
        with self.assertRaises(ValueError):
            recovering.numbers_in("406-1234567-1234567 406-1234567-1234568", 1)

    def test_long_input_takes_no_long_time(self):
        self.assertEqual(recovering.numbers_in("4-" * 500_000 + "\n" + "9" * 500_000, 10), ([], 2))


@tagged("post_install", "-at_install")
class TestRecovery(SpapiCase):
    def recover(self, **values):
        recovery = self.env["spapi.recovery"].create({"account_id": self.account.id, **values})
        self.go_on(recovery, "action_start")
        return recovery

    def go_on(self, record, action=None):
        with self.committing() as env:
            if action:
                getattr(record.with_env(env), action)()
            env["spapi.reconciliation"]._cron_background()
        self.env.invalidate_all()

    def test_by_number(self):
        """What is pasted is read, what is no number is counted and not kept, what Amazon does not know says so."""
        ids = self.sandbox.generate(3)
        self.make_products()
        pasted = f"{ids[0]}, {ids[1]}\nMargarethe Canary\t{ids[0]}\n406-0000000-0000000"
        one = self.recover(pasted=pasted)
        self.assertEqual(one.state, "done", one.problem)
        self.assertEqual((one.done_count, one.problem_count, one.not_understood), (2, 1, 2))
        self.assertEqual(
            {order_id: self.order(order_id).state for order_id in ids[:2]}, dict.fromkeys(ids[:2], "imported")
        )
        self.assertFalse(self.order(ids[2]), "it was not asked for")
        self.assertIn("knows no such order", one.line_ids.filtered(lambda line: line.state == "problem").outcome)
        self.env.flush_all()
        self.env.cr.execute("SELECT row_to_json(r)::text FROM spapi_recovery r WHERE id = %s", [one.id])
        self.assertNotIn("Margarethe", self.env.cr.fetchone()[0])
        self.assertEqual(one.sudo().pasted, False)
        # the same again: nothing is doubled
        again = self.recover(pasted=pasted)
        self.assertEqual(again.done_count, 2)
        self.assertIn("stored already", again.line_ids[0].outcome)
        sales = self.env["sale.order"].search([("client_order_ref", "in", ids)])
        self.assertEqual(len(sales), 2)

    def test_hostile_input(self):
        for pasted in ("", "no number at all", "406-1234567-123456", "<script>alert(1)</script>"):
            with self.subTest(pasted=pasted), self.assertRaises(UserError):
                self.recover(pasted=pasted)
        self.account.recovery_limit = 1
        with self.assertRaises(UserError):
            self.recover(pasted="406-1234567-1234567 406-1234567-1234568")
        self.assertFalse(self.sandbox.counts().get("getOrder"))

    def test_persons_are_asked_for_only_where_a_parcel_is_sent(self):
        to_ship = self.sandbox.generate(1, marketplaces=[IT])[0]
        pending = self.sandbox.generate(1, case="pending", marketplaces=[IT], seed=2)[0]
        self.recover(pasted=f"{to_ship} {pending}")
        calls = {}
        for row in self.sandbox.control("GET", "journal?operation=getOrder"):
            calls.setdefault(row["path"].rsplit("/", 1)[-1], []).append("RECIPIENT" in str(row["query"]))
        self.assertEqual(calls, {to_ship: [False, True], pending: [False]})
        self.assertTrue(self.order(to_ship).has_address)
        self.assertFalse(self.order(pending).subject_id)

    def test_period(self):
        """Looked through first: what is here, what is missing, what it costs. Only the decision reads anything."""
        first = self.sandbox.generate(4, marketplaces=[IT], seed=1)
        self.make_products()
        self.sandbox.advance(300)
        self.run_import()
        later = self.sandbox.generate(3, marketplaces=[DE], seed=2)
        self.make_products()
        start = fields.Datetime.now() - timedelta(days=600)
        self.sandbox.advance(300)
        self.sandbox.control("DELETE", "journal")
        one = self.recover(method="period", date_from=start)
        self.assertEqual(one.state, "ready", one.problem)
        self.assertEqual((one.todo_count, len(one.line_ids)), (3, 7))
        self.assertIn("<td>3</td>", one.preview)
        self.assertIn("At most 6 calls", one.estimate)
        self.assertFalse(self.sandbox.counts().get("getOrder"))
        self.assertFalse(any(self.order(order_id) for order_id in later))
        self.go_on(one, "action_import")
        self.assertEqual((one.state, one.done_count), ("done", 3), one.problem)
        self.assertTrue(all(self.order(order_id).state == "imported" for order_id in later))
        self.assertEqual(self.sandbox.counts()["getOrder"], 6)
        self.assertEqual(self.env["sale.order"].search_count([("client_order_ref", "in", first + later)]), 7)
        nothing = self.recover(method="period", date_from=start)
        self.assertEqual((nothing.state, nothing.todo_count), ("done", 0))

    def test_throttled_goes_on(self):
        """Without quota it waits and loses nothing; Amazon's own 429 too."""
        ids = self.sandbox.generate(4)
        self.sandbox.fault("throttle_body", operation="getOrder", after=3)
        one = self.recover(pasted=" ".join(ids))
        # the second order's call for the person was refused: the search for orders to ship brings that
        self.assertEqual((one.state, one.done_count, one.todo_count), ("running", 2, 2))
        self.assertTrue(one.retry_at)
        self.env["spapi.quota"].search([]).unlink()
        one.retry_at = False
        self.go_on(one)
        self.assertEqual((one.state, one.done_count), ("done", 4), one.problem)
        self.assertTrue(all(self.order(order_id) for order_id in ids))

    def test_not_enabled_and_over(self):
        """A marketplace that is off, and an order whose months are over: a clear result, nothing stored."""
        order_id = self.sandbox.generate(1, marketplaces=[ES])[0]
        self.account.marketplace_ids = self.account.marketplace_ids.filtered(lambda market: market.amazon_id == IT)
        old = self.one_raw_order(orderId="406-1111111-1111111", **of_long_ago())
        self.sandbox.put(old)
        one = self.recover(pasted=f"{order_id} 406-1111111-1111111")
        self.assertEqual((one.state, one.problem_count), ("done", 2), one.problem)
        texts = {line.amazon_order_id: line.outcome for line in one.line_ids}
        self.assertIn("not enabled", texts[order_id])
        self.assertIn("deleted", texts["406-1111111-1111111"])
        self.assertFalse(self.order(order_id) or self.order("406-1111111-1111111"))

    def test_read_one_again(self):
        """From the order and from the sale order; many, or during an import, in the background."""
        ids = self.sandbox.generate(5, marketplaces=[IT])
        self.make_products()
        self.sandbox.advance(300)
        self.run_import()
        order = self.order(ids[0])
        self.sandbox.patch(ids[0], {"fulfillment": {"shipByWindow": {"latestDateTime": "2040-01-01T00:00:00Z"}}})
        with self.committing() as env:
            answer = order.with_env(env).sale_order_id.action_reread_spapi_order()
        self.env.invalidate_all()
        self.assertIn("Imported", answer["params"]["message"])
        self.assertEqual(order.ship_by.year, 2040)
        orders = self.env["spapi.order"].search([("amazon_order_id", "in", ids)])
        with self.committing() as env:
            answer = orders.with_env(env).action_reread()
            self.assertEqual(answer["res_model"], "spapi.recovery")
            with patch.object(recovering, "locked", lambda account: False):
                answer = order.with_env(env).action_reread()
        self.assertEqual(answer["res_model"], "spapi.recovery", "the import was at work")

    def test_map_all_again(self):
        """After a correction: all that waited for it, with one button."""
        self.sandbox.generate(3)
        self.run_import()
        orders = self.env["spapi.order"].search([("account_id", "=", self.account.id)])
        self.assertEqual(set(orders.mapped("state")), {"waiting"})
        self.make_products()
        self.account.action_remap_all()
        self.assertEqual(set(orders.mapped("state")), {"new"})
        self.run_import()
        self.assertEqual(set(orders.mapped("state")), {"imported"})
        with self.assertRaises(UserError):
            self.account.action_remap_all()

    def test_rights(self):
        """Sales see what became of orders; only users of the Amazon app read and compare."""
        seller = new_test_user(self.env, "recovery_seller", groups="sales_team.group_sale_salesman")
        with self.assertRaises(AccessError):
            self.env["spapi.recovery"].with_user(seller).create({"account_id": self.account.id})
        with self.assertRaises(AccessError):
            self.env["spapi.reconciliation"].with_user(seller).search([])
        user = new_test_user(self.env, "recovery_user", groups="amazon_spapi_connector.group_user")
        order_id = self.sandbox.generate(1)[0]
        self.make_products()
        one = self.env["spapi.recovery"].with_user(user).create({"account_id": self.account.id, "pasted": order_id})
        self.go_on(one.with_user(user), "action_start")
        self.assertEqual(one.state, "done", one.problem)
        self.assertEqual(self.order(order_id).state, "imported")


@tagged("post_install", "-at_install")
class TestQuestion(SpapiCase):
    def mend(self, question):
        with self.committing() as env:
            answer = question.with_env(env).action_mend()
        self.env.invalidate_all()
        return answer

    def test_missed_to_come_and_read(self):
        """Not here: to come, or missed; the button brings it."""
        order_id = self.sandbox.generate(1)[0]
        self.make_products()
        question = self.ask(order_id)
        self.assertEqual((question.code, question.button), ("to_come", "read"))
        self.sandbox.advance(300)
        self.run_import()
        self.assertEqual(self.ask(order_id).code, "imported")
        order = self.order(order_id)
        order.sale_order_id._action_cancel()
        order.sale_order_id.unlink()
        order.unlink()
        question = self.ask(order_id, account_id=self.account.id)
        self.assertEqual(question.code, "missed")
        self.mend(question)
        self.assertEqual(self.order(order_id).state, "imported")
        self.assertEqual((question.button, question.order_id), ("open", self.order(order_id)))

    def test_unknown(self):
        """Another seller's order, or none: Amazon does not know it for this account."""
        question = self.ask("406-0000000-0000000")
        self.assertEqual((question.code, question.button), ("unknown", False))
        for nonsense in ("", "Zoë Quux", "406-1 OR 1=1", "406-1234567-1234567 406-1234567-1234568"):
            with self.subTest(nonsense=nonsense), self.assertRaises(UserError):
                self.ask(nonsense)

    def test_another_marketplace(self):
        order_id = self.sandbox.generate(1, marketplaces=[DE])[0]
        self.make_products()
        markets = self.account.marketplace_ids
        self.account.marketplace_ids = markets.filtered(lambda market: market.amazon_id == IT)
        question = self.ask(order_id)
        self.assertEqual((question.code, question.button), ("not_enabled", "enable"))
        self.mend(question)
        self.assertIn(question.marketplace_id, self.account.marketplace_ids)
        self.assertEqual(self.order(order_id).state, "imported")

    def test_of_long_ago(self):
        """Older than Import Since: it can be read by itself. Older than the months: it stays away."""
        raw = self.one_raw_order()
        self.make_products()
        self.account.import_since = "2039-01-01"
        question = self.ask(raw["orderId"])
        self.assertEqual((question.code, question.button), ("before_since", "read"))
        raw.update(of_long_ago())
        self.sandbox.put(raw)
        question = self.ask(raw["orderId"])
        self.assertEqual((question.code, question.button), ("over", False))

    def test_stored_and_stopped(self):
        """Here and no sale order: the reason, and the button that mends it."""
        waiting = self.sandbox.generate(1)[0]
        pending = self.sandbox.generate(1, case="pending", seed=5)[0]
        self.sandbox.advance(150)
        self.run_import()
        question = self.ask(waiting)
        self.assertEqual((question.code, question.button), ("waiting", "assign"))
        self.assertEqual(self.mend(question)["res_model"], "spapi.listing")
        self.assertEqual(self.ask(pending).code, "pending")
        self.order(waiting)._set_problem("exception", "total_mismatch", "It differs.")
        question = self.ask(waiting)
        self.assertEqual(question.code, "exception")
        self.assertIn("It differs.", question.answer)
        self.assertEqual(self.mend(question)["res_id"], self.order(waiting).id)

    def test_amazon_cannot_be_asked(self):
        """A failure of Amazon's is a sentence, and the account shows it."""
        self.sandbox.fault("error_500", operation="getOrder")
        question = self.env["spapi.order.question"].create({"number": "406-0000000-0000000"})
        with self.committing() as env:
            try:
                question.with_env(env).action_ask()
            except UserError as error:
                said = str(error)
            else:
                said = ""
        self.env.invalidate_all()
        self.assertIn("problem of its own", said)
        self.assertIn("problem of its own", self.account.last_error)
        self.assertFalse(question.answer)

    def test_every_code_has_its_sentence(self):
        """Pure: no place without an answer."""
        now = fields.Datetime.now()
        day = timedelta(days=1)
        codes = set()
        for stored in ("", "pending", "new", "waiting", "imported", "ignored", "exception", "quarantined", "cancelled"):
            for problem in ("", "fba", "unfulfillable", "else"):
                for known, enabled, erased, outdated, channel in (
                    (True, True, False, False, "MERCHANT"),
                    (False, True, False, False, ""),
                    (True, False, False, False, "MERCHANT"),
                    (True, True, True, False, "AMAZON"),
                    (True, True, False, True, "MERCHANT"),
                ):
                    for since, over, until in ((None, None, None), (now + day, None, now), (None, now, now)):
                        place = Place(known, "UNSHIPPED", channel, enabled, now, since, over, until, stored, problem)
                        codes.add(whereabouts(place))
                        codes.add(
                            whereabouts(
                                Place(
                                    known,
                                    "UNSHIPPED",
                                    channel,
                                    enabled,
                                    now,
                                    since,
                                    over,
                                    until,
                                    stored,
                                    problem,
                                    erased,
                                    outdated,
                                )
                            )
                        )
        codes.add(whereabouts(Place(True, updated=now, read_until=now)))
        question = self.env["spapi.order.question"].new({})
        asked = recovering.Asked("found")
        empty, none = self.env["spapi.order"], self.env["spapi.marketplace"]
        for code in codes:
            self.assertTrue(question._sentence(code, self.account, empty, asked, none), code)
        self.assertGreaterEqual(len(codes), 17)


@tagged("post_install", "-at_install")
class TestSyncProgress(SpapiCase):
    def told(self):
        """What the user who pressed the button was told, newest last."""
        channel = json_dump(channel_with_db(self.env.cr.dbname, self.env.user.partner_id))
        self.env.flush_all()
        rows = self.env["bus.bus"].sudo().search([("channel", "=", channel)], order="id")
        return [json.loads(row.message)["payload"] for row in rows if "simple_notification" in row.message]

    def test_read_and_left(self):
        """Where the import is while it waits for quota, and one notification when it is through."""
        self.sandbox.generate(250)
        with self.committing() as env:
            self.account.with_env(env(user=self.env.user)).action_sync_now()
            for _call in range(17):
                env["spapi.quota"]._take(self.account, "searchOrders")
        self.run_import()
        progress = self.account.sync_progress
        self.assertIn("100 orders on 1 pages", progress)
        self.assertRegex(progress, r"about \d+ % left")
        self.assertIn("goes on at", progress)
        self.assertEqual([row["type"] for row in self.told()], ["info"])
        self.env["spapi.quota"].search([]).unlink()
        self.run_import()
        self.assertFalse(self.account.sync_progress)
        self.assertEqual([row["type"] for row in self.told()], ["info", "success"])
        self.assertIn("250 orders new or changed, 250 of them need a person", self.told()[-1]["message"])
        self.run_import()
        self.assertEqual(len(self.told()), 2, "nobody waits any more")

    def test_failure(self):
        """What went wrong is told too."""
        with self.committing() as env:
            self.account.with_env(env(user=self.env.user)).action_sync_now()
        self.sandbox.fault("error_500", times=2)
        self.run_import()
        self.assertEqual([row["type"] for row in self.told()], ["danger"])
        self.assertIn("problem of its own", self.told()[-1]["message"])
