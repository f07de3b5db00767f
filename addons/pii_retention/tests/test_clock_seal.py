"""Who writes to the database moves no deadline: neither the clock nor any seal follows what it has not written."""

from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.pii_retention import clock_seals, keys, moving
from odoo.addons.pii_retention.crypto import KeyStoreError

from .test_hold import DAY, HoldCase


@tagged("post_install", "-at_install")
class TestClockSeal(HoldCase):
    def forge(self, subject, **columns):
        """Write columns as whoever has the database's password does."""
        self.env.flush_all()
        for name, value in columns.items():
            self.env.cr.execute(f"UPDATE pii_subject SET {name} = %s WHERE id = %s", [value, subject.id])
        self.env.invalidate_all()

    def alerts(self, kind="clock"):
        return self.env["pii.alert"].search([("kind", "=", kind)])

    def test_a_written_fact_extends_nobody(self):
        forgeries = (
            {"created_on": DAY + timedelta(9)},
            {"shipped_on": None, "is_open": True, "open_on": DAY + timedelta(1)},
            {"shipped_on": DAY + timedelta(9)},
            {"deadline": DAY + timedelta(99)},
            {"deadline": DAY + timedelta(99), "created_on": DAY + timedelta(69), "shipped_on": DAY + timedelta(69)},
            {"deadline": DAY + timedelta(99), "deadline_rule": "held"},
            {"limit_on": DAY + timedelta(99)},
            {"sealed_from": DAY + timedelta(99)},
            {"clock_seal": None, "created_on": DAY + timedelta(5)},
        )
        with self.noon():
            subjects = [self.new(f"forged-{number}", DAY) for number in range(len(forgeries))]
            for subject in subjects:
                subject._record("shipped")
            honest = self.new("honest", DAY)
            honest._record("shipped")
        day = DAY + timedelta(30)
        with self.noon(2):
            for subject, columns in zip(subjects, forgeries, strict=True):
                before = self.alerts()
                self.forge(subject, **columns)
                # all ways on which a deadline is used
                subject._record("open")
                subject._correct({"operational": {"city": "Kwylburgh-Sud"}})
                moving.settle(subject)
                self.assertEqual((subject.deadline, subject.limit_on), (day, day), columns)
                self.assertEqual(self.keys_of(subject), {day}, columns)
                told = self.alerts() - before
                self.assertEqual(len(told), 1, columns)
                self.assertIn(subject.uuid, told.detail)
                self.assertIn("changed in the database", subject.deadline_text)
            self.clock()
            self.assertEqual({subject.deadline for subject in subjects}, {day})
            self.assertFalse(honest.limit_on)
        with self.noon(30):
            self.pass_midnight()
            self.assertEqual({subject.state for subject in subjects}, {"erased"})
        print(f"FIGURE clock_forgeries_refused {len(forgeries)} forgeries >=9")

    def test_nothing_is_sealed_into_a_written_deadline(self):
        with self.noon():
            subject = self.new("sealed-late", DAY)
            self.forge(subject, deadline=DAY + timedelta(60), deadline_rule="held")
            self.env["ir.attachment"].create(
                {"name": "a", "raw": b"Uxbol", "res_model": "pii.subject", "res_id": subject.id}
            )
            self.assertEqual(self.keys_of(subject), {DAY + timedelta(30)})

    def test_the_daily_round_extends_no_written_order(self):
        with self.noon():
            subject = self.new("round", DAY)
            subject._record("shipped")
            self.forge(subject, shipped_on=None, is_open=True, open_on=DAY)
        for days in (1, 2):
            with self.noon(days):
                self.clock()
                self.assertEqual(self.keys_of(subject), {DAY + timedelta(30)})

    def test_who_was_written_to_still_goes_early(self):
        with self.noon():
            subject = self.new("early", DAY, open=True)
            self.forge(subject, created_on=DAY + timedelta(9))
            subject._record("cancelled")
            self.assertEqual((subject.state, subject.deadline_rule), ("erased", "cancelled"))

    def test_a_hold_keeps_who_was_written_to(self):
        with self.noon():
            subject = self.new("held-1", DAY)
            self.approve_hold(self.request())
            self.forge(subject, created_on=DAY + timedelta(9))
        with self.noon(30):
            self.pass_midnight()
            self.assertEqual((subject.state, subject.deadline_rule), ("live", "held"))
            self.assertEqual(self.keys_of(subject), {DAY + timedelta(31)})

    def test_every_write_of_the_clock_is_sealed(self):
        with self.noon():
            subject = self.new("genuine", DAY, open=True)
            self.assertTrue(clock_seals.is_genuine(subject))
        for days, event in enumerate(("open", "created", "shipped", "delivered"), 1):
            with self.noon(days):
                self.clock()
                subject._record(event)
                self.env.invalidate_all()
                self.assertTrue(clock_seals.is_genuine(subject), event)
        self.assertFalse(self.alerts())


@tagged("post_install", "-at_install")
class TestHoldRegister(HoldCase):
    def told(self, words):
        return self.env["pii.alert"].search([("kind", "=", "hold"), ("name", "ilike", words)])

    def test_a_lifted_hold_is_not_put_back(self):
        with self.noon():
            held = self.new("held-1", DAY)
            hold = self.approve_hold(self.request())
            self.env.flush_all()
            self.env.cr.execute("SELECT to_jsonb(h) FROM pii_hold h WHERE id = %s", [hold.id])
            (row,) = self.env.cr.fetchone()
            with self.acting(self.officer):
                hold.with_user(self.officer).action_lift()
            self.assertFalse(held._held())
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE pii_hold SET state = 'approved', terms_seal = %s, lifted_at = NULL WHERE id = %s",
                [row["terms_seal"], hold.id],
            )
            self.env.invalidate_all()
            self.assertFalse(held._held())
            self.assertTrue(self.told("not what was approved"))

    def test_a_hold_that_is_missing_is_noticed(self):
        for number, statement in enumerate(
            (
                "DELETE FROM pii_hold WHERE id = %s",
                "UPDATE pii_hold SET state = 'lifted' WHERE id = %s",
                "UPDATE pii_hold SET state = 'refused', terms_seal = NULL WHERE id = %s",
                "UPDATE pii_hold SET date_end = date_end - 58 WHERE id = %s",
            )
        ):
            with self.noon(), self.subTest(statement):
                self.new(f"held-{number}", DAY)
                hold = self.approve_hold(self.request(references=f"held-{number}"))
                name = hold.name
                self.pass_midnight()
                self.assertFalse(self.told(f"{name} is missing"))
                self.env.flush_all()
                self.env.cr.execute(statement, [hold.id])
                self.env.invalidate_all()
                self.pass_midnight()
                self.assertEqual(len(self.told(f"{name} is missing")), 1)
                self.pass_midnight()
                self.assertEqual(len(self.told(f"{name} is missing")), 1, "told once")

    def test_who_is_over_is_not_missing(self):
        with self.noon():
            ended = self.approve_hold(self.request(date_end=DAY + timedelta(1)))
            lifted = self.approve_hold(self.request(references="held-2"))
            self.pass_midnight()
            with self.acting(self.officer):
                lifted.with_user(self.officer).action_lift()
            self.pass_midnight()
        with self.noon(2):
            self.pass_midnight()
        self.assertFalse(self.told("is missing"), ended)

    def test_without_a_key_store_nothing_is_lifted(self):
        with self.noon():
            hold = self.approve_hold(self.request())
            register = type(keys.keyring(self.env).revoked)
            with (
                patch.object(register, "append", side_effect=KeyStoreError("disk full")),
                self.acting(self.officer),
                self.assertRaisesRegex(UserError, "disk full"),
            ):
                hold.with_user(self.officer).action_lift()
            self.assertEqual(hold.state, "approved")
