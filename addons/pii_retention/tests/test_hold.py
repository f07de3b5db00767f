"""Legal holds: who may keep what alive, for how long, and what everybody sees of it."""

import time
from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch
from uuid import uuid4

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged

from odoo.addons.pii_retention import calendar, keys, moving, proof, purge_day, purging
from odoo.addons.pii_retention.crypto import day_key_id

from .test_clock import ClockCase

DAY = date(2031, 3, 10)


class HoldCase(ClockCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(patch.object(purging, "_vacuum"))
        cls.second = new_test_user(cls.env, "hold_officer", groups="pii_retention.group_privacy_officer")

    def setUp(self):
        super().setUp()
        # a destroyed key stays destroyed: each test has keys of its own
        self.subject.sudo().write(self.subject._erased_columns())
        self.company.sudo().pii_domain = str(uuid4())
        self.env.flush_all()
        self.relax(mfa_required=False)

    def noon(self, days=0):
        return self.at(datetime.combine(DAY + timedelta(days), datetime.min.time(), UTC) + timedelta(hours=11))

    def request(self, user=None, **vals):
        user = user or self.officer
        return (
            self.env["pii.hold"]
            .with_user(user)
            .create(
                {
                    "basis": "claims",
                    "legal_reference": "District court of Milan, 12 C 345/31",
                    "reason": "The buyer disputes the delivery of this order",
                    "date_end": DAY + timedelta(60),
                    "scope": "references",
                    "references": "held-1",
                    **vals,
                }
            )
        )

    def approve_hold(self, hold, user=None):
        user = user or self.second
        with self.acting(user):
            hold.with_user(user).action_approve()
        return hold

    def clock(self):
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref("pii_retention.cron_clock").method_direct_trigger()
        self.env.invalidate_all()

    def pass_midnight(self):
        """Let the day's purge run, as if the one of yesterday had ended."""
        purge_day.passed(self.env, self.company.sudo(), self.company._pii_day() - timedelta(days=1))
        with self.acting(None):
            purging.purge(self.env(su=True), self.company)
        self.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestHold(HoldCase):
    # === IN FORCE === #

    def test_a_hold_keeps_its_customers_and_nobody_else(self):
        with self.noon():
            held, other = self.new("held-1", DAY), self.new("held-2", DAY)
            self.approve_hold(self.request())
            self.assertEqual((held | other)._held(), held)
            self.assertEqual(held.deadline, DAY + timedelta(30), "it changes nothing before the day")
        with self.noon(30):
            # before the daily run has come
            self.assertTrue(self.readable(held))
            self.assertFalse(self.readable(other))
            self.pass_midnight()
            self.assertEqual((held.deadline, held.deadline_rule), (DAY + timedelta(31), "held"))
            self.assertEqual(self.keys_of(held), {DAY + timedelta(31)})
            self.assertEqual(other.state, "erased")
            self.assertTrue(self.readable(held))
            self.assertIn("legal hold", held.deadline_text)
            old = day_key_id(self.company._pii_domain(), DAY + timedelta(30))
            self.assertTrue(keys.keyring(self.env).destroyed(old), "the dumps of before are dead")
        for days in (31, 32, 33):
            with self.noon(days):
                self.pass_midnight()
                self.assertEqual(held.deadline, DAY + timedelta(days + 1))
                self.assertTrue(self.readable(held))

    def test_after_its_end_data_is_gone_within_a_day(self):
        with self.noon():
            lifted, ended = self.new("held-1", DAY), self.new("held-3", DAY)
            hold = self.approve_hold(self.request())
            self.approve_hold(self.request(references="held-3", date_end=DAY + timedelta(32)))
        for days in (30, 31):
            with self.noon(days):
                self.pass_midnight()
        with self.noon(31), self.acting(self.officer):
            hold.with_user(self.officer).action_lift("The claim was settled")
            self.assertEqual(hold.state, "lifted")
            self.assertTrue(self.readable(ended))
        with self.noon(32):
            self.pass_midnight()
            self.assertEqual((lifted.state, ended.state), ("erased", "live"))
        with self.at(calendar.begins(DAY + timedelta(33), "Europe/Rome")):
            self.assertFalse(self.readable(ended), "from the first second after the hold's last day")
            self.pass_midnight()
            self.assertEqual(ended.state, "erased")

    def test_a_cancelled_order_s_person_stays_under_a_hold(self):
        with self.noon():
            held = self.new("held-1", DAY, open=True)
            self.approve_hold(self.request())
            held._record("cancelled")
            self.assertEqual((held.state, held.deadline), ("live", DAY + timedelta(1)))
            self.assertTrue(self.readable(held))

    def test_scopes(self):
        with self.noon():
            early = self.new("held-1", DAY - timedelta(9))
            late = self.new("held-2", DAY)
            web = (
                self.env["pii.subject"]
                ._seal_many(
                    [
                        {
                            "company_id": self.company.id,
                            "origin": "web",
                            "reference": "held-1",
                            "start": DAY,
                            "values": {"operational": {"name": "Kwast"}},
                        }
                    ]
                )
                .sudo()
            )
            every = early | late | web
            for vals, covered in (
                ({"scope": "references", "references": " held-1 \n\nheld-9"}, early | web),
                ({"scope": "subjects", "references": False, "subject_ids": late.ids}, late),
                ({"scope": "orders", "references": False, "origin": "web"}, web),
                ({"scope": "orders", "references": False, "date_to": DAY - timedelta(5)}, early),
                ({"scope": "orders", "references": False, "date_from": DAY, "origin": "shop"}, late),
                ({"scope": "company", "references": False}, every),
            ):
                hold = self.approve_hold(self.request(**vals))
                self.assertEqual(every._held(), covered, vals)
                self.assertEqual(hold.subject_count, len(hold.sudo()._covered()))
                with self.acting(self.officer):
                    hold.with_user(self.officer).action_lift()
                self.assertFalse(every._held())

    # === BAD INPUT === #

    def test_what_is_no_hold(self):
        with self.noon():
            for vals, words in (
                ({"basis": False}, "legal basis"),
                ({"legal_reference": " "}, "proceedings"),
                ({"reason": "because"}, "different words"),
                ({"reason": "claim of zyx@example.com about it"}, "e-mail"),
                ({"date_end": DAY}, "future"),
                ({"date_end": DAY - timedelta(1)}, "future"),
                ({"date_end": DAY + timedelta(181)}, "at most 180 days"),
                ({"references": " \n "}, "order numbers"),
                ({"scope": "subjects"}, "Choose the customers"),
                ({"scope": "orders"}, "channel or a period"),
            ):
                with self.subTest(vals), self.assertRaisesRegex(ValidationError, words):
                    self.request(**vals)

    def test_two_persons_decide(self):
        with self.noon():
            hold = self.request()
            with self.assertRaisesRegex(UserError, "Nobody approves"):
                self.approve_hold(hold, self.officer)
            with self.assertRaises(AccessError):
                self.approve_hold(hold, self.clerk)
            admin = self.env.ref("base.user_admin")
            with self.assertRaises(AccessError):
                self.approve_hold(hold, admin)
            with self.assertRaisesRegex(AccessError, "in person"):
                hold.with_user(self.second).action_approve()
            self.assertEqual(hold.state, "requested")
            self.approve_hold(hold)
            with self.assertRaisesRegex(UserError, "decided already"):
                self.approve_hold(hold)
            for vals in ({"date_end": DAY + timedelta(90)}, {"state": "approved"}, {"references": "x"}):
                with self.assertRaises(AccessError):
                    hold.with_user(self.second).write(vals)
            with self.assertRaises(AccessError):
                hold.with_user(self.second).unlink()
            with self.assertRaises(AccessError):
                self.request(state="approved", decided_by_id=self.second.id)

    def test_typed_code_approves_nothing(self):
        with self.noon():
            hold = self.request()
            action = self.env["ir.actions.server"].create(
                {
                    "name": "approve",
                    "model_id": self.env["ir.model"]._get_id("pii.hold"),
                    "state": "code",
                    "code": f"env['pii.hold'].browse({hold.id}).action_approve()",
                }
            )
            with self.acting(self.second), self.assertRaises(Exception):  # noqa: B017 safe_eval wraps what is raised
                action.with_user(self.second).sudo().run()
            self.assertEqual(hold.state, "requested")

    def test_what_was_written_past_the_approval_is_no_hold(self):
        with self.noon():
            held, other = self.new("held-1", DAY), self.new("held-2", DAY)
            requested = self.request()
            approved = self.approve_hold(self.request(references="held-2"))
            self.env.flush_all()
            before = self.env["pii.alert"].search([("kind", "=", "hold")])
            forgeries = (
                (
                    "UPDATE pii_hold SET state = 'approved', decided_by_id = %s WHERE id = %s",
                    [self.second.id, requested.id],
                ),
                (
                    "UPDATE pii_hold SET state = 'approved', decided_by_id = %s, terms_seal = "
                    "(SELECT terms_seal FROM pii_hold WHERE id = %s) WHERE id = %s",
                    [self.second.id, approved.id, requested.id],
                ),
                ('UPDATE pii_hold SET "references" = %s WHERE id = %s', ["held-2\nheld-1", approved.id]),
                ("UPDATE pii_hold SET date_end = '2099-01-01' WHERE id = %s", [approved.id]),
            )
            for statement, parameters in forgeries:
                with self.subTest(statement), self.env.cr.savepoint() as savepoint:
                    self.assertEqual((held | other)._held(), other)
                    self.env.cr.execute(statement, parameters)
                    self.env.invalidate_all()
                    self.assertNotIn(held, (held | other)._held())
                    self.assertTrue(self.env["pii.alert"].search([("kind", "=", "hold")]) - before)
                    savepoint.rollback()
                    self.env.invalidate_all()

    # === SEEN === #

    def test_it_is_reported_every_day_and_before_its_end(self):
        with self.noon():
            self.new("held-1", DAY - timedelta(29))
            hold = self.approve_hold(self.request(date_end=DAY + timedelta(20)))
        told = {}
        for days in (1, 2, 6):
            with self.noon(days):
                self.pass_midnight()
                self.env["pii.hold"]._cron_report()
                activities = hold.activity_ids.filtered(lambda one: one.user_id == self.officer)
                told[days] = {one.activity_type_id: (one.date_deadline, str(one.note)) for one in activities}
                made = proof.run(self.env, alarm=False).filtered(lambda one: one.company_id == self.company)
                held = made.line_ids.filtered(lambda line: line.code == "subject_held")
                self.assertEqual((held.looked, held.found), (1, 0), "the proof of the day counts him too")
        daily, end = (self.env.ref(f"pii_retention.activity_hold_{name}") for name in ("daily", "end"))
        self.assertEqual([told[days][daily][0] for days in (1, 2, 6)], [DAY + timedelta(days) for days in (1, 2, 6)])
        self.assertIn("1 of them would be gone", told[6][daily][1])
        self.assertEqual([end in told[days] for days in (1, 2, 6)], [False, False, True])

    def test_roles(self):
        auditor = new_test_user(self.env, "hold_auditor", groups="pii_retention.group_auditor")
        with self.noon():
            hold = self.request()
            self.assertTrue(hold.with_user(auditor).read(["name", "reason", "is_active"]))
            for user in (self.clerk, self.nobody, self.env.ref("base.user_admin")):
                with self.assertRaises(AccessError):
                    hold.with_user(user).read(["name"])
            with self.assertRaises(AccessError):
                self.request(auditor)
            other = self.env["res.company"].create({"name": "Other hold"})
            foreign = self.request(company_id=other.id) if other in self.officer.company_ids else hold
            self.assertEqual(foreign, hold)


@tagged("post_install", "-at_install")
class TestClockRun(HoldCase):
    def test_open_orders_are_kept_on_and_the_forgotten_ones_are_not(self):
        with self.noon():
            subjects = (
                self.env["pii.subject"]
                .sudo()
                .union(*(self.new(f"run-{number}", DAY, open=True) for number in range(5)))
            )
            shipped, old = self.new("run-s", DAY), self.new("run-o", DAY - timedelta(88), open=True)
            shipped._record("shipped")
        for days in (1, 2, 3):
            with self.noon(days):
                self.clock()
                self.clock()
                self.assertEqual(set(subjects.mapped("deadline")), {DAY + timedelta(30 + days)})
                self.assertEqual(shipped.deadline, DAY + timedelta(30))
        self.assertEqual(self.keys_of(subjects[0]), {DAY + timedelta(33)})
        self.assertEqual(old.deadline, DAY + timedelta(32), "ninety days after the order it is not open any more")

    def test_a_tightened_policy_reaches_everybody(self):
        queued = []
        self.patch(moving, "queue_rotation", lambda env, key_id: queued.append(key_id))
        with self.noon():
            subjects = {days: self.new(f"tight-{days}", DAY - timedelta(days)) for days in (0, 10, 25)}
        with self.noon(1):
            self.env["pii.policy.change"].sudo()._tighten(self.company, "retention_days", 20)
            self.clock()
            self.assertEqual(subjects[0].deadline, DAY + timedelta(20))
            self.assertEqual(subjects[10].deadline, DAY + timedelta(10))
            self.assertEqual(subjects[25].state, "erased")
            self.assertEqual(len(set(queued)), 3)
            self.assertEqual(self.keys_of(subjects[0]), {DAY + timedelta(20)})

    def test_what_lives_too_long_is_found_by_the_same_arithmetic(self):
        import random

        from odoo.addons.pii_retention import clock

        chance = random.Random(4711)
        with self.noon(60):
            figures = self.company._pii_clock_figures()
            rows = []
            for _number in range(150):
                known = {"created": DAY + timedelta(chance.randrange(30))}
                for event in ("open", "shipped", "delivered"):
                    if chance.random() < 0.5:
                        known[event] = DAY + timedelta(chance.randrange(60))
                facts = clock.Facts(**known)
                last, rule = clock.deadline(facts, figures)
                rows.append((facts, last, rule, chance.choice((-1, 0, 1))))
            subjects = (
                self.env["pii.subject"]
                .sudo()
                .create(
                    [
                        {
                            "company_id": self.company.id,
                            "origin": "sums",
                            "reference": f"sums-{number}",
                            "deadline": last + timedelta(off),
                            "deadline_rule": rule,
                            **self.env["pii.subject"]._clock_columns(facts),
                        }
                        for number, (facts, last, rule, off) in enumerate(rows)
                    ]
                )
            )
            expected = {subject.id for subject, row in zip(subjects, rows, strict=True) if row[3] > 0}
            found = self.env["pii.subject"]._clock_exceeding(self.company, subjects[0].id - 1)
            self.assertEqual(set(found.ids) & set(subjects.ids), expected)

    def test_it_is_cheap(self):
        with self.noon():
            for start in range(0, 400, 50):
                self.env["pii.subject"]._seal_many(
                    [
                        {
                            "company_id": self.company.id,
                            "origin": "bench",
                            "reference": f"bench-{number}",
                            "country_id": self.germany.id,
                            "start": DAY,
                            "open": True,
                            "values": {
                                "operational": {"name": f"Kwast {number}", "street": "Uxbol 1", "city": "Kwyl"},
                                "fiscal": {"name": f"Kwast {number}"},
                            },
                        }
                        for number in range(start, start + 50)
                    ]
                )
            self.env.flush_all()
        with self.noon(1):
            begun = time.process_time()
            self.clock()
            spent = time.process_time() - begun
            found = self.env["pii.subject"].search_count(
                [("origin", "=", "bench"), ("deadline", "=", DAY + timedelta(31))]
            )
            self.assertEqual(found, 400)
        print(f"FIGURE clock_open_order_cpu {spent / 400 * 1000:.2f} ms <=5")
