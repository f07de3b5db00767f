from datetime import date, timedelta

from psycopg2.errors import CheckViolation

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import keys

from .common import OPERATIONAL, PERSON, VaultCase


@tagged("post_install", "-at_install")
class TestSubject(VaultCase):
    def row(self, subject):
        self.env.flush_all()
        self.env.cr.execute("SELECT to_jsonb(s) FROM pii_subject s WHERE id = %s", [subject.id])
        return self.env.cr.fetchone()[0]

    def test_the_same_delivery_twice_writes_nothing(self):
        before = self.row(self.subject)
        again = self.seal("402-1234567-0000001")
        self.assertEqual(again, self.subject)
        self.assertEqual(self.row(self.subject), before)

    def test_a_changed_delivery_replaces_and_keeps_corrections(self):
        self.partner.write({"phone": "+49 30 55555555"})
        self.seal("402-1234567-0000001", {"operational": {**OPERATIONAL, "street": "Newxroad 5", "phone": "+49 1"}})
        with self.subject.with_user(self.clerk).reveal("label") as env:
            partner = env["res.partner"].browse(self.partner.id)
            self.assertEqual(partner.street, "Newxroad 5")
            self.assertEqual(partner.phone, "+49 30 55555555")

    def test_an_absent_class_is_left_as_it_is(self):
        self.seal("402-1234567-0000001", {"operational": {**OPERATIONAL, "city": "Newxtown"}})
        with self.subject.with_user(self.clerk).reveal("invoice") as env:
            self.assertEqual(env["res.partner"].browse(self.partner.id).vat, "DE811907980X")

    def test_one_list_with_a_reference_twice_makes_one_subject(self):
        vals = {
            "company_id": self.company.id,
            "origin": "shop",
            "reference": "twice",
            "country_id": False,
            "start": date.today(),
        }
        subjects = self.env["pii.subject"]._seal_many(
            [
                {**vals, "values": {"operational": {"city": "First"}}},
                {**vals, "values": {"operational": {"city": "Second"}}},
            ]
        )
        self.assertEqual(len(set(subjects.ids)), 1)

    def test_the_deadline_only_moves_out_and_data_stays_readable(self):
        today = date.today()
        subject = self.seal("slow", start=today - timedelta(days=10))
        self.assertEqual(subject.deadline, today + timedelta(days=20))
        self.seal("slow", start=today - timedelta(days=10), open=True)
        self.assertEqual(subject.deadline, today + timedelta(days=30))
        self.assertEqual(subject.deadline_rule, "open")
        self.seal("slow", start=today - timedelta(days=20))
        self.assertEqual(subject.deadline, today + timedelta(days=30))
        partner = subject._partner()
        with subject.with_user(self.clerk).reveal("invoice") as env:
            self.assertEqual(env["res.partner"].browse(partner.id).name, PERSON["name"])

    def test_what_is_past_its_day_is_not_taken_in(self):
        subject = self.seal("late", start=date.today() - timedelta(days=40))
        self.assertEqual(subject.state, "erased")
        row = self.row(subject)
        self.assertFalse(row["operational_token"] or row["fiscal_token"] or row["content_mac"])
        partner = subject._partner()
        with subject.with_user(self.clerk).reveal("label") as env:
            self.assertEqual(env["res.partner"].browse(partner.id).name, "Shop late")
        self.assertEqual(self.logged(subject)[0][0], "empty")

    def test_unknown_places_are_refused(self):
        with self.assertRaises(ValueError):
            self.seal("x", {"operational": {"shoe_size": "44"}})
        with self.assertRaises(ValueError):
            self.seal("x", {"gossip": {"name": "x"}})

    def test_tokens_are_closed_to_everybody(self):
        admin = self.env.ref("base.user_admin")
        for user in (admin, self.officer, self.clerk):
            subject = self.subject.with_user(user)
            self.assertNotIn("operational_token", subject.fields_get())
            with self.assertRaises(Exception), mute_logger("odoo.models"):  # noqa: B017 AccessError, whatever the door
                subject.read(["operational_token"])

    def test_secrets_are_bound_to_company_and_name(self):
        token = keys.seal_secret(self.company, "account 1 refresh_token", "Atzr|very-secret")
        self.assertNotIn("very-secret", token)
        self.assertEqual(keys.open_secret(self.company, "account 1 refresh_token", token), "Atzr|very-secret")
        with self.assertRaises(UserError):
            keys.open_secret(self.company, "account 2 refresh_token", token)
        other = self.env["res.company"].create({"name": "Other"})
        with self.assertRaises(UserError):
            keys.open_secret(other, "account 1 refresh_token", token)

    def test_retention_cannot_be_loosened(self):
        with self.assertRaises(ValidationError):
            self.company._pii_policy().retention_days = 31
        with self.assertRaises(CheckViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            self.env.cr.execute("UPDATE pii_policy SET retention_days = 31")
