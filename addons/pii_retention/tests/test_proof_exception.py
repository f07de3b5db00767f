from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from odoo.addons.pii_retention import proof

from .common import PERSON
from .test_proof_intake import IntakeCase


@tagged("post_install", "-at_install")
class TestException(IntakeCase):
    """Two officers let the intake go on for some hours."""

    def ask(self, officer=None, **vals):
        officer = officer or self.officer
        made = self.env["pii.proof"].search([("company_id", "=", self.company.id)], limit=1)
        with self.acting(officer):
            return (
                self.env["pii.proof.exception"]
                .with_user(officer)
                .create({"proof_id": made.id, "reason": "the street is removed tomorrow", "hours": 4, **vals})
            )

    def decide(self, exception, officer=None):
        officer = officer or self.second
        with self.acting(officer):
            exception.with_user(officer).action_approve()

    def stop(self):
        mend = self.break_something()
        with self.told("proof_found"):
            self.env["pii.proof"]._cron_proof()
        return mend

    def test_two_officers(self):
        self.stop()
        exception = self.ask()
        self.assertEqual(exception.covered, {"contact_in_clear": 1})
        self.assertIn(self.second, exception.sudo().activity_ids.user_id)
        with self.assertRaises(UserError):
            self.decide(exception, self.officer)
        for user in (self.clerk, self.env.ref("base.user_admin")):
            with self.assertRaises(AccessError):
                self.decide(exception, user)
        with self.told("intake_found"):
            self.assertStopped("found")
        self.decide(exception)
        self.assertTrue(exception.is_in_force)
        self.assertEqual(proof.standing(self.env, self.company).code, "excused")
        self.assertTakenIn("402-1234567-0000002")
        with self.assertRaises(UserError):
            self.decide(exception)

    def test_it_ends_to_the_second(self):
        self.stop()
        exception = self.ask()
        self.decide(exception)
        until = exception.date_end
        with freeze_time(until - timedelta(seconds=1)):
            self.assertTakenIn("402-1234567-0000002")
        with freeze_time(until + timedelta(seconds=1)), self.told("intake_found"):
            self.assertStopped("found")

    def test_anything_else_that_is_found_stops_it_at_once(self):
        self.stop()
        self.decide(self.ask())
        self.sql("UPDATE res_partner SET parent_id = %s WHERE id = %s", self.partner.id, self.nobody.partner_id.id)
        with self.told():
            # the alarm about what was found is open already
            self.env["pii.proof"]._cron_proof()
        with self.told("intake_found"):
            self.assertStopped("found")

    def test_what_was_covered_and_is_gone_frees(self):
        mend = self.stop()
        self.decide(self.ask())
        mend()
        with self.at(hours=1):
            self.env["pii.proof"]._cron_proof()
            self.assertEqual(proof.standing(self.env, self.company).code, "ok")

    def test_ended_early(self):
        self.stop()
        exception = self.ask()
        self.decide(exception)
        with self.acting(self.officer):
            exception.with_user(self.officer).action_end()
        with self.told("intake_found"):
            self.assertStopped("found")

    def test_forged_by_sql(self):
        self.stop()
        refused = 0
        exception = self.ask()
        forgeries = (
            """UPDATE pii_proof_exception SET state = 'approved', date_start = now() - interval '1h', date_end = now() +
               interval '9h', decided_by_id = requested_by_id + 1 WHERE id = %s""",
        )
        for forgery in forgeries:
            self.sql(forgery, exception.id)
            self.assertEqual(proof.standing(self.env, self.company).code, "found")
            refused += 1
        self.sql("UPDATE pii_proof_exception SET state = 'requested' WHERE id = %s", exception.id)
        self.decide(exception)
        self.assertEqual(proof.standing(self.env, self.company).code, "excused")
        changes = (
            "UPDATE pii_proof_exception SET date_end = date_end + interval '1 day' WHERE id = %s",
            """UPDATE pii_proof_exception SET covered = '{"contact_in_clear": 9}' WHERE id = %s""",
            "UPDATE pii_proof_exception SET decided_by_id = requested_by_id WHERE id = %s",
            "UPDATE pii_proof_exception SET reason = 'x' WHERE id = %s",
        )
        for change in changes:
            with self.subTest(change=change), self.env.cr.savepoint() as savepoint:
                self.sql(change, exception.id)
                self.assertEqual(proof.standing(self.env, self.company).code, "found")
                savepoint.rollback()
                self.env.invalidate_all()
                refused += 1
        with self.assertRaises(AccessError):
            exception.with_user(self.officer).write({"date_end": fields.Datetime.now() + timedelta(days=9)})
        print(f"\nFIGURE proof_exception_forgeries_refused {refused} forgeries ={len(forgeries) + len(changes)}")

    def test_bad_input(self):
        with self.assertRaises(UserError):
            self.ask()  # the proof found nothing
        self.stop()
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.ask(reason="because")
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.ask(reason=f"write to {PERSON['email']} first")
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.ask(hours=25)
        with self.assertRaises(AccessError):
            self.ask(self.clerk)
