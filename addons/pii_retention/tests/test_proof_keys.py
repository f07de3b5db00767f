import base64
from datetime import timedelta
from uuid import uuid4

from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged

from odoo.addons.pii_retention import purge
from odoo.addons.pii_retention.crypto import day_key_id
from odoo.addons.pii_retention.proof import registry
from odoo.addons.pii_retention.proof.contacts import COPIES, copied_columns

from .common import PERSON
from .test_proof import ProofCase


@tagged("post_install", "-at_install")
class TestProofKeys(ProofCase):
    """What the key store and the disk say, whatever stands in the database."""

    def test_a_key_that_outlives_its_day(self):
        domain, today = self.company._pii_domain(), self.company._pii_day()
        past = self.create_key(day_key_id(domain, today - timedelta(days=1)))
        made = self.prove()
        self.assertEqual(self.line(made, "key_expired").found, 1)
        self.assertEqual(self.line(made, "key_expired").examples, past)
        self.keyring.destroy(past, "deadline")
        far = self.create_key(day_key_id(domain, today + timedelta(days=99)))
        self.assertEqual(self.found(), {"key_late": 1})
        self.keyring.destroy(far, "deadline")
        year = self.create_key(f"archive/{domain}/{today.year - 1}")
        self.assertEqual(self.found(), {"key_archive_expired": 1})
        self.keyring.destroy(year, "deadline")
        stranger = str(uuid4())
        self.create_key(day_key_id(stranger, today - timedelta(days=9)))
        self.create_key(day_key_id(stranger, today + timedelta(days=9)))
        self.assertEqual(self.found(), {"key_of_nobody": 1})

    def test_the_second_at_which_a_day_is_due(self):
        """The purge of a day has ``purge_hours`` from its beginning in the company's own zone."""
        self.relax(tz="Asia/Tokyo")
        begins = fields.Datetime.to_datetime(self.subject.deadline) - timedelta(hours=9)
        hours = timedelta(hours=self.company._pii_figure("purge_hours"))
        with freeze_time(begins + hours - timedelta(seconds=1)):
            self.assertEqual(self.found(), {})
        with freeze_time(begins + hours + timedelta(seconds=1)):
            self.assertEqual(self.found(), {"subject_expired_values": 1, "subject_expired_live": 1, "key_expired": 1})

    def test_sealed_files_that_nothing_uses(self):
        attachment = self.env["ir.attachment"].create(
            {"name": "label.pdf", "raw": b"%PDF", "res_model": "res.partner", "res_id": self.partner.id}
        )
        later = fields.Datetime.now() + timedelta(hours=2)

        def left():
            return self.line(self.prove(), "file_left_on_disk").found

        with freeze_time(later):
            before = left()
        self.sql("DELETE FROM ir_attachment WHERE id = %s", attachment.id)
        # a transaction that is not committed yet may be about to use a young file
        self.assertEqual(left(), 0)
        with freeze_time(later):
            self.assertEqual(left(), before + 1)

    def test_a_sealed_file_with_a_later_key(self):
        attachment = self.env["ir.attachment"].create(
            {"name": "label.pdf", "raw": b"%PDF", "res_model": "res.partner", "res_id": self.partner.id}
        )
        self.env.flush_all()
        name = self.sql("SELECT store_fname FROM ir_attachment WHERE id = %s", attachment.id)[0][0]
        path = self.env["ir.attachment"]._full_path(name)
        day = self.subject.deadline
        with open(path, "rb") as file:
            content = file.read()
        self.assertIn(day.isoformat().encode(), content)
        with open(path, "wb") as file:
            file.write(content.replace(day.isoformat().encode(), (day + timedelta(days=2)).isoformat().encode()))
        self.assertEqual(self.found(), {"file_other_key": 1})
        self.sql(
            "UPDATE ir_attachment SET store_fname = NULL, db_datas = %s WHERE id = %s",
            base64.b64encode(content),
            attachment.id,
        )
        self.assertEqual(self.found().get("file_other_key"), 1)

    def test_a_copy_in_a_table_that_the_registry_knows(self):
        """A module's stored related field is found without being listed."""
        look = registry.Look(self.env(su=True), self.keyring, fields.Datetime.now())
        listed = {(table, contact) for table, contact, _columns in COPIES}
        tables = copied_columns(look)
        self.assertTrue(tables)
        for table, contact, columns in tables:
            for name in columns:
                self.assertTrue(look.has(table, contact, name), f"{table}.{name}")
        notification = [row for row in tables if row[0] == "mail_notification"]
        self.assertIn(("mail_notification", "res_partner_id"), listed)
        message = self.env["mail.message"].create({"model": "res.partner", "res_id": self.partner.id, "body": "x"})
        self.sql(
            """INSERT INTO mail_notification (mail_message_id, res_partner_id, notification_type, failure_reason)
               VALUES (%s, %s, 'email', %s)""",
            message.id,
            self.partner.id,
            f"550 {PERSON['email']}: no such user",
        )
        self.assertTrue(notification)
        made = self.prove()
        self.assertEqual(self.line(made, "copy_in_clear").found, 1)
        self.assertNoCanary(self.line(made, "copy_in_clear").examples)

    def test_a_tombstone_in_the_making_is_no_finding(self):
        """The purge buries first and commits the row then: a proof in between must not cry wolf."""
        # a ledger is not rolled back: a person of this test alone
        subject = self.seal("402-1234567-0000077")
        self.keyring.subjects.append(subject.uuid, self.company._pii_day(), "deadline")
        self.assertEqual(self.found(), {})
        with freeze_time(fields.Datetime.now() + timedelta(minutes=11)):
            self.assertEqual(self.found(), {"subject_returned": 1})

    # === WHO WAS ERASED EARLY === #

    def forget(self, subject):
        with self.acting(None):
            purge.forget(self.env(su=True), subject.ids, "cancelled")

    def test_a_key_that_was_not_replaced_in_time(self):
        neighbour = self.seal("402-1234567-0000078")
        gone = self.seal("402-1234567-0000079")
        hours = self.company._pii_figure("cancelled_hours")
        now = fields.Datetime.now()
        with freeze_time(now + timedelta(minutes=1)):
            self.forget(gone)
            self.assertEqual(self.found(), {})
        with freeze_time(now + timedelta(minutes=1, hours=hours, seconds=-2)):
            self.assertEqual(self.found().get("key_not_rotated"), None)
        with freeze_time(now + timedelta(minutes=1, hours=hours, seconds=2)):
            self.assertEqual(self.found(), {"key_not_rotated": 1})
            # whatever the queue of rotations says of itself
            self.sql("UPDATE pii_rotation SET state = 'done'")
            self.assertEqual(self.found(), {"key_not_rotated": 1})
            self.keyring.create_successor(day_key_id(self.company._pii_domain(), neighbour.deadline))
            self.keyring.destroy(day_key_id(self.company._pii_domain(), neighbour.deadline), "early_erasure")
            self.assertEqual(self.found(), {})

    def test_a_rotation_that_waits(self):
        self.sql(
            """INSERT INTO pii_rotation (key_id, company_id, reason, state, queued_on, due_on)
               VALUES ('day/x/2026-01-01', %s, 'cancelled', 'queued', now(), %s)""",
            self.company.id,
            fields.Datetime.now() - timedelta(seconds=2),
        )
        self.assertEqual(self.found(), {"rotation_overdue": 1})
        self.sql("UPDATE pii_rotation SET due_on = %s", fields.Datetime.now() + timedelta(minutes=2))
        self.assertEqual(self.found(), {})

    def test_an_erased_person_without_tombstone(self):
        gone = self.seal("402-1234567-0000080")
        self.forget(gone)
        self.assertNotIn("subject_not_buried", self.found())
        never = self.seal("402-1234567-0000081")
        self.sql(
            """UPDATE pii_subject SET state = 'erased', erased_on = now(), erased_reason = 'deadline',
                      operational_token = NULL, fiscal_token = NULL, content_mac = NULL, name_index = NULL,
                      email_index = NULL, phone_index = NULL WHERE id = %s""",
            never.id,
        )
        self.assertEqual(self.found(), {"subject_not_buried": 1})

    def test_texts_that_were_written_before_the_erasure(self):
        gone = self.seal("402-1234567-0000082")
        partner = gone._partner()
        long = f"<p>{PERSON['name']} called and wants the parcel at {PERSON['street']}, {PERSON['city']}, please.</p>"
        self.env["mail.message"].create(
            {"model": "res.partner", "res_id": partner.id, "message_type": "comment", "body": long}
        )
        self.sql("UPDATE mail_message SET create_date = create_date - interval '1 day' WHERE res_id = %s", partner.id)
        before = self.sql(
            "SELECT to_jsonb(m) FROM mail_message m WHERE model = 'res.partner' AND res_id = %s", partner.id
        )
        self.assertTrue(before)
        self.forget(gone)
        self.assertEqual(self.found(), {})
        self.env["mail.message"].create(
            {"model": "res.partner", "res_id": partner.id, "message_type": "comment", "body": long}
        )
        self.sql("UPDATE mail_message SET create_date = create_date - interval '1 day' WHERE res_id = %s", partner.id)
        self.assertEqual(self.found(), {"message_of_gone": 1})
