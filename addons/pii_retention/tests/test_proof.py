import base64
from datetime import timedelta
from uuid import uuid4

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.pii_retention import keys, proof, purge
from odoo.addons.pii_retention.crypto import day_key_id
from odoo.addons.pii_retention.proof import registry

from .common import PERSON, VaultCase


class ProofCase(VaultCase):
    """Proofs over a database with one protected customer."""

    def sql(self, query, *values):
        self.env.flush_all()
        self.env.cr.execute(query, values)
        self.env.invalidate_all()
        if self.env.cr.description:
            return self.env.cr.fetchall()
        return None

    def prove(self, **given):
        return proof.run(self.env, alarm=False, **given).filtered(lambda record: record.company_id == self.company)

    def found(self):
        """Return ``{code: found}`` of what a proof made now finds.

        Files on the disk have a test of their own: those of tests that were rolled back are still there.
        """
        lines = self.prove().line_ids
        return {line.code: line.found for line in lines if line.found and line.code != "file_left_on_disk"}

    def forget_newest(self):
        """Forget which proof was the newest: the key store is the class's, the transaction the test's."""
        anchors = self.keyring.anchors
        anchors._path(f"proof-{self.company._pii_domain()}", "head").unlink(missing_ok=True)

    def create_key(self, key_id):
        self.keyring.create(key_id)
        self.addCleanup(self.keyring.destroy, key_id, "deadline")
        return key_id

    def line(self, made, code):
        return made.line_ids.filtered(lambda line: line.code == code)

    @property
    def keyring(self):
        return keys.keyring(self.env)


@tagged("post_install", "-at_install")
class TestProof(ProofCase):
    def test_nothing_to_find(self):
        made = self.prove()
        self.assertEqual({line.code: line.examples for line in made.line_ids if line.found}, {})
        self.assertEqual(made.result, "clean")
        self.assertFalse(made.blocks)
        self.assertTrue(made.is_genuine)
        codes = {check.code for check in registry.checks(self.env)}
        self.assertEqual(set(made.line_ids.mapped("code")), codes)
        self.assertEqual(self.line(made, "subject_expired_values").looked, self.subjects())
        self.assertGreaterEqual(self.line(made, "key_expired").looked, 1)
        self.assertGreaterEqual(self.line(made, "contact_in_clear").looked, 1)
        print(f"\nFIGURE proof_checks {len(codes)} checks")

    def subjects(self):
        return self.env["pii.subject"].search_count([("company_id", "=", self.company.id)])

    def test_each_company_by_itself(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.sql("UPDATE pii_subject SET deadline = %s WHERE id = %s", self.company._pii_day(), self.subject.id)
        with freeze_time(fields.Datetime.now() + timedelta(days=1, hours=3)):
            made = proof.run(self.env, alarm=False)
        for company, expected in ((other, 0), (self.company, 1)):
            one = made.filtered(lambda record, company=company: record.company_id == company)
            self.assertEqual(self.line(one, "subject_expired_values").found, expected)

    # === WHAT A LYING PURGE LEAVES === #

    def places(self):  # noqa: C901 a list of places, each with what puts something there
        """Yield ``(code, function that puts it there)``: each thing that must not be, put past all our own code."""
        subject, partner = self.subject, self.partner
        past = self.company._pii_day() - timedelta(days=3)
        token = self.sql("SELECT operational_token FROM pii_subject WHERE id = %s", subject.id)[0][0]
        attachment = self.env["ir.attachment"].create(
            {"name": "label.pdf", "raw": b"%PDF sealed", "res_model": "res.partner", "res_id": partner.id}
        )
        self.assertTrue(attachment.pii_subject_id)

        def expired():
            self.sql("UPDATE pii_subject SET deadline = %s, state = 'erased' WHERE id = %s", past, subject.id)

        def expired_index():
            self.sql(
                """UPDATE pii_subject SET deadline = %s, state = 'erased', operational_token = NULL, content_mac = NULL,
                          fiscal_token = NULL, quarantine_token = NULL, email_index = NULL, phone_index = NULL
                    WHERE id = %s""",
                past,
                subject.id,
            )

        def live():
            self.sql(
                """UPDATE pii_subject SET deadline = %s, operational_token = NULL, content_mac = NULL,
                          fiscal_token = NULL, quarantine_token = NULL, email_index = NULL, phone_index = NULL,
                          name_index = NULL WHERE id = %s""",
                past,
                subject.id,
            )

        def erased():
            self.sql("UPDATE pii_subject SET state = 'erased' WHERE id = %s", subject.id)

        def late():
            self.sql("UPDATE pii_subject SET deadline = %s WHERE id = %s", past + timedelta(days=400), subject.id)

        def other_key():
            elsewhere = token.replace(subject.deadline.isoformat(), (subject.deadline + timedelta(days=1)).isoformat())
            self.sql("UPDATE pii_subject SET operational_token = %s WHERE id = %s", elsewhere, subject.id)

        def other_key_in_a_correction():
            elsewhere = token.replace(subject.deadline.isoformat(), (subject.deadline + timedelta(days=1)).isoformat())
            self.sql(
                "UPDATE pii_subject SET fiscal_token = fiscal_token || E'\n' || %s WHERE id = %s", elsewhere, subject.id
            )

        def column(table, name, value, row):
            return lambda: self.sql(f"UPDATE {table} SET {name} = %s WHERE id = %s", value, row)  # noqa: S608

        def bank():
            self.env["res.partner.bank"].create({"acc_number": "DE00 1234", "partner_id": partner.id})

        def user():
            self.sql("UPDATE res_users SET partner_id = %s WHERE id = %s", partner.id, self.nobody.id)

        def child():
            self.sql("UPDATE res_partner SET parent_id = %s WHERE id = %s", partner.id, self.nobody.partner_id.id)

        def clear_file():
            self.sql(
                """INSERT INTO ir_attachment (name, type, res_model, res_id, store_fname, company_id)
                   VALUES ('x', 'binary', 'res.partner', %s, 'aa/aaaa', NULL)""",
                partner.id,
            )

        def clear_file_of_a_message():
            message = self.env["mail.message"].create({"model": "res.partner", "res_id": partner.id, "body": "x"})
            self.sql(
                """INSERT INTO ir_attachment (name, type, res_model, res_id, db_datas)
                   VALUES ('x', 'binary', 'mail.message', %s, 'clear')""",
                message.id,
            )

        def picture():
            self.sql(
                """INSERT INTO ir_attachment (name, type, res_model, res_id, res_field)
                   VALUES ('x', 'url', 'res.partner', %s, 'image_1920')""",
                partner.id,
            )

        def tracked(field, value):
            def put():
                message = self.env["mail.message"].create({"model": "res.partner", "res_id": partner.id, "body": "x"})
                known = self.env["ir.model.fields"]._get("res.partner", field)
                self.env["mail.tracking.value"].create(
                    {"mail_message_id": message.id, "field_id": known.id, "old_value_char": value}
                )

            return put

        def mail():
            self.env["mail.mail"].create({"recipient_ids": [(4, partner.id)], "body_html": "x", "state": "exception"})

        def message():
            self.sql(
                """INSERT INTO mail_message (author_id, email_from, message_type) VALUES (%s, %s, 'email')""",
                partner.id,
                f"{PERSON['name']} <{PERSON['email']}>",
            )

        def activity():
            done = partner.activity_schedule("mail.mail_activity_data_todo", user_id=self.officer.id)
            self.sql("UPDATE mail_activity SET res_name = %s WHERE id = %s", PERSON["name"], done.id)

        yield "subject_expired_values", expired
        yield "subject_expired_values", expired_index
        yield "subject_expired_live", live
        yield "subject_erased_values", erased
        yield "subject_late", late
        yield "subject_other_key", other_key
        yield "subject_other_key", other_key_in_a_correction
        yield "file_of_gone", erased
        yield "file_of_gone", expired
        yield "file_without_subject", column("ir_attachment", "pii_subject_id", None, attachment.id)
        yield "file_searchable", column("ir_attachment", "index_content", PERSON["name"], attachment.id)
        yield "file_searchable", column("ir_attachment", "public", True, attachment.id)
        yield "file_in_clear", clear_file
        yield "file_in_clear", clear_file_of_a_message
        yield "contact_in_clear", column("res_partner", "name", PERSON["name"], partner.id)
        yield "contact_in_clear", column("res_partner", "complete_name", PERSON["name"], partner.id)
        for name in ("street", "street2", "zip", "city", "phone", "email", "vat", "comment", "email_normalized"):
            yield "contact_in_clear", column("res_partner", name, "x", partner.id)
        yield "contact_pictures", picture
        yield "contact_relations", bank
        yield "contact_relations", user
        yield "contact_relations", child
        yield "tracking_in_clear", tracked("name", PERSON["name"])
        yield "tracking_in_clear", tracked("contact_address_inline", f"{PERSON['street']}, Germany")
        yield "mail_to_customer", mail
        yield "message_from_customer", message
        yield "activity_in_clear", activity

    def test_each_check_sees_what_it_is_for(self):
        seen = set()
        tried = 0
        for code, put in self.places():
            with self.subTest(code=code, put=put.__name__, tried=tried), self.env.cr.savepoint() as savepoint:
                put()
                made = self.prove()
                self.assertEqual(self.line(made, code).found, 1, made.line_ids.filtered("found").mapped("code"))
                self.assertEqual(made.result, "found")
                self.assertEqual(made.blocks, "found")
                self.assertNoCanary(self.sql("SELECT to_jsonb(l) FROM pii_proof_line l WHERE proof_id = %s", made.id))
                tried += 1
                seen.add(code)
                self.env.flush_all()
                savepoint.rollback()
                self.env.invalidate_all()
        print(f"\nFIGURE proof_hidden_places {tried} places ={tried}")
        with_own_test = {"key_expired", "key_late", "key_of_nobody", "key_archive_expired", "key_not_rotated"}
        with_own_test |= {
            "subject_returned",
            "file_left_on_disk",
            "file_other_key",
            "copy_in_clear",
            "rotation_overdue",
            "subject_not_buried",
            "message_of_gone",
        }
        codes = {check.code for check in registry.checks(self.env) if check.module == "pii_retention"}
        self.assertEqual(codes - seen - with_own_test, set(), "a check without a test")

    def test_what_is_no_secret_is_no_finding(self):
        """Country and state stay in clear, and so does what is made of them."""
        self.partner.write({"country_id": self.env.ref("base.it").id, "state_id": self.env.ref("base.state_it_mi").id})
        message = self.env["mail.message"].create({"model": "res.partner", "res_id": self.partner.id, "body": "x"})
        known = self.env["ir.model.fields"]._get("res.partner", "contact_address_inline")
        for text in ("Italy", "MI, Italy", "Milano, Italy", ""):
            self.env["mail.tracking.value"].create(
                {"mail_message_id": message.id, "field_id": known.id, "new_value_char": text}
            )
        self.assertEqual(self.found(), {})

    # === KEYS AND FILES === #

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
        from odoo.addons.pii_retention.proof.contacts import COPIES, copied_columns

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

    # === THE SEAL === #

    def test_a_forged_proof_does_not_count(self):
        self.sql("UPDATE pii_subject SET state = 'erased' WHERE id = %s", self.subject.id)
        made = self.prove()
        self.assertTrue(made.is_genuine)
        forgeries = (
            "UPDATE pii_proof_line SET found = 0 WHERE proof_id = %s",
            "UPDATE pii_proof SET blocks = NULL WHERE id = %s",
            "UPDATE pii_proof SET found = 0 WHERE id = %s",
            "UPDATE pii_proof SET person = 'officer' WHERE id = %s",
            "UPDATE pii_proof SET at = at + interval '1 second' WHERE id = %s",
            "UPDATE pii_proof SET seal = NULL WHERE id = %s",
            "UPDATE pii_proof SET seal = repeat('0', 64) WHERE id = %s",
            "DELETE FROM pii_proof_line WHERE proof_id = %s AND found > 0",
        )
        refused = 0
        for forgery in forgeries:
            with self.subTest(forgery=forgery), self.env.cr.savepoint() as savepoint:
                self.sql(forgery, made.id)
                self.assertFalse(made.is_genuine)
                self.assertEqual(proof.standing(self.env, self.company).code, "forged")
                refused += 1
                savepoint.rollback()
                self.env.invalidate_all()
        print(f"\nFIGURE proof_forgeries_refused {refused} forgeries ={len(forgeries)}")
        self.assertEqual(proof.standing(self.env, self.company).code, "found")

    def test_a_proof_cannot_be_deleted_in_favour_of_an_older_one(self):
        clean = self.prove()
        self.addCleanup(self.forget_newest)
        self.env.cr.postcommit.run()
        self.sql("UPDATE pii_subject SET state = 'erased' WHERE id = %s", self.subject.id)
        with freeze_time(fields.Datetime.now() + timedelta(minutes=1)):
            red = self.prove()
            self.env.cr.postcommit.run()
            self.assertEqual(proof.standing(self.env, self.company).code, "found")
            self.sql("DELETE FROM pii_proof WHERE id = %s", red.id)
            self.assertTrue(clean.is_genuine)
            self.assertEqual(proof.standing(self.env, self.company).code, "gone")
            self.sql("DELETE FROM pii_proof WHERE company_id = %s", self.company.id)
            self.assertEqual(proof.standing(self.env, self.company).code, "gone")

    # === WHO MAY === #

    def test_officers_and_auditors_ask_for_a_proof(self):
        Proof = self.env["pii.proof"]
        with self.acting(self.officer):
            action = Proof.with_user(self.officer).action_check()
        self.assertEqual(Proof.browse(action["res_id"]).user_id, self.officer)
        for user in (self.clerk, self.nobody, self.env.ref("base.user_admin")):
            with self.subTest(user=user.login), self.acting(user), self.assertRaises(AccessError):
                Proof.with_user(user).action_check()
        with self.assertRaises(AccessError):
            Proof.with_user(self.officer).create({"company_id": self.company.id, "at": fields.Datetime.now()})
        with self.assertRaises(AccessError):
            Proof.with_user(self.officer).search([], limit=1).write({"blocks": False})
        with self.assertRaises(AccessError):
            Proof.with_user(self.officer).search([], limit=1).unlink()
