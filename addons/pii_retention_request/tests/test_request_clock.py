from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.pii_retention import disclosures, keys
from odoo.addons.pii_retention.crypto import day_key_id

from .common import RequestCase

SECOND = timedelta(seconds=1)


@tagged("post_install", "-at_install")
class TestRequestClock(RequestCase):
    """The clocks run from the moment at which the notice arrived, to the second."""

    def at(self, moment):
        return freeze_time(moment)

    def activities(self, request, name):
        return request.activity_search([f"pii_retention_request.activity_{name}"])

    def test_one_second_before_and_after_72_hours(self):
        request = self.register(received_at=fields.Datetime.now() - timedelta(hours=1))
        self.assertEqual(request.due_at, request.received_at + timedelta(hours=72))
        for moment, late in (
            (request.due_at - SECOND, False),
            (request.due_at, False),
            (request.due_at + SECOND, True),
        ):
            with self.at(moment):
                request.invalidate_recordset()
                self.assertEqual(request.is_overdue, late, moment)
                found = self.env["pii.request"].search([("is_overdue", "=", True)])
                self.assertEqual(request in found, late)
                self.assertEqual(request in self.env["pii.request"].search([("is_overdue", "=", False)]), not late)

    def test_one_second_before_and_after_the_last_copy(self):
        request = self.carried_out(received_at=fields.Datetime.now() - timedelta(hours=2))
        self.assertEqual(request.copies_due_at, request.received_at + timedelta(days=90))
        for moment, state in ((request.copies_due_at, "open"), (request.copies_due_at + SECOND, "overdue")):
            with self.at(moment):
                request.invalidate_recordset()
                self.assertEqual(request.copies_state, state)
        with self.at(request.copies_due_at + SECOND):
            self.run_cron("clock")
            self.assertLessEqual({self.officer, self.second}, set(self.activities(request, "copies").user_id))
            request.with_user(self.officer).action_confirm_copies()
        request.invalidate_recordset()
        self.assertEqual((request.copies_state, request.copies_confirmed_by_id), ("gone", self.officer))
        self.assertFalse(self.activities(request, "copies"))

    def test_no_word_against_what_keys_and_registers_know(self):
        """Backups of the keys that could bring the dead ones back, archives that wait, keys that live."""
        backup = self.env["pii.backup"].create({"name": "keys-1.age", "kind": "keys", "made_on": fields.Datetime.now()})
        self.env["pii.backup"].create({"name": "dump-1.age", "kind": "database", "made_on": fields.Datetime.now()})
        request = self.carried_out()
        self.assertIn("keys-1.age", request.copies_text)
        self.assertNotIn("dump-1.age", request.copies_text, "without the keys it is noise")
        with self.assertRaises(UserError) as caught:
            request.with_user(self.officer).action_confirm_copies()
        self.assertIn("keys-1.age", str(caught.exception))
        backup.with_user(self.officer).action_deleted()
        # a certificate that says it is sealed while a key of it lives
        keyring, domain = keys.keyring(self.env), self.company._pii_domain()
        alive = keyring.ensure(day_key_id(domain, self.company._pii_day() + timedelta(days=300)))
        certificate = request.certificate_ids[:1]
        before = certificate.key_ids
        self.env.cr.execute("UPDATE pii_certificate SET key_ids = %s WHERE id = %s", [alive, certificate.id])
        self.env.invalidate_all()
        self.assertIn("still to be destroyed", request.copies_text)
        self.env.cr.execute("UPDATE pii_certificate SET key_ids = %s WHERE id = %s", [before, certificate.id])
        self.env.invalidate_all()
        self.assertFalse(request.copies_text)
        request.with_user(self.officer).action_confirm_copies()
        self.assertEqual(request.copies_state, "gone")

    def test_who_must_be_told_of_the_erasure(self):
        with self.enter_registry_test_mode():
            disclosures.append(
                self.env,
                self.env["pii.recipient"].new({"name": "Parcels Ltd"}),
                self.subjects[:2],
                "sent",
                transfer="t-1",
                purpose="label",
                document="WH/OUT/1",
            )
        request = self.carried_out()
        self.assertEqual(request.recipients_text, "Parcels Ltd: 2 customers")
        request.with_user(self.officer).action_confirm_copies()
        self.assertIn("Parcels Ltd", request.message_ids[0].body)

    def test_a_data_subject_has_a_month(self):
        request = self.register(kind="data_subject", right="access", subject_ids=[(6, 0, self.subject.ids)])
        self.assertEqual(request.due_at, request.received_at + timedelta(days=30))

    def test_the_figures_are_the_companys(self):
        self.company._pii_policy().notice_hours = 24
        self.assertEqual((request := self.register()).due_at, request.received_at + timedelta(hours=24))

    def test_reminders_at_each_percentage_and_no_sooner(self):
        request = self.register()
        whole = request.due_at - request.received_at
        for percent in (50, 75, 90):
            with self.at(request.received_at + whole * percent / 100 - SECOND):
                self.run_cron("clock")
                self.assertLess(request.reminded_percent, percent)
            with self.at(request.received_at + whole * percent / 100 + SECOND):
                self.run_cron("clock")
                self.run_cron("clock")
            self.assertEqual(request.reminded_percent, percent)
            reminder = self.activities(request, "clock")
            self.assertEqual(len(reminder), 1, "one at a time")
            self.assertIn(str(percent), reminder.summary)
            self.assertEqual(reminder.user_id, self.officer)

    def test_overdue_all_officers_are_told_once(self):
        request = self.register()
        with self.at(request.due_at + SECOND):
            self.run_cron("clock")
            self.run_cron("clock")
        told = self.activities(request, "overdue").user_id
        self.assertLessEqual({self.officer, self.second}, set(told))
        self.assertEqual(len(self.activities(request, "overdue")), len(told))
        posts = request.message_ids.filtered(lambda message: "overdue" in (message.body or ""))
        self.assertEqual(len(posts), 1)
        self.assertIn(self.second.partner_id, posts.notified_partner_ids | posts.partner_ids)
        request.action_preview()
        self.decide(request)
        with self.at(request.due_at + timedelta(hours=1)):
            self.run_cron()
            request.invalidate_recordset()
            self.assertEqual((request.state, request.is_overdue), ("done", True), "it was late, and stays so")
        self.assertFalse(self.activities(request, "overdue"))

    def test_in_time_it_stays_in_time(self):
        request = self.carried_out()
        with self.at(request.due_at + timedelta(days=40)):
            request.invalidate_recordset()
            self.assertFalse(request.is_overdue)
            self.run_cron("clock")
        self.assertFalse(request.is_escalated)

    def test_what_the_list_says(self):
        request = self.register()
        with self.at(request.received_at + timedelta(hours=70, minutes=30)):
            request.invalidate_recordset()
            self.assertEqual(request.remaining, "1 h 30 min left")
        with self.at(request.due_at + timedelta(days=3)):
            request.invalidate_recordset()
            self.assertIn("late", request.remaining)
