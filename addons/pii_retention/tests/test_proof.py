from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import keys, proof
from odoo.addons.pii_retention.proof import registry

from .common import PERSON, VaultCase

ALARMS = "odoo.addons.pii_retention.alarms"


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

    def test_an_archived_company_is_proven_and_told_of(self):
        other = self.env["res.company"].create({"name": "Given up"})
        self.officer.company_ids += other
        subject = self.seal("402-1234567-0000005", company_id=other.id)
        other.active = False
        with freeze_time(fields.Datetime.to_datetime(subject.deadline) + timedelta(days=1)), mute_logger(ALARMS):
            made = proof.run(self.env).filtered(lambda record: record.company_id == other)
        self.assertEqual(self.line(made, "subject_expired_values").found, 1)
        alert = self.env["pii.alert"].search([("cause", "=", "proof_found"), ("company_id", "=", other.id)])
        self.assertTrue(alert.activity_ids.user_id & self.officer, "an archived company is in nobody's list")

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

        def held():
            self.sql(
                "UPDATE pii_subject SET deadline_rule = 'held', deadline = %s WHERE id = %s",
                self.company._pii_day() + timedelta(days=2),
                subject.id,
            )

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
        yield "subject_held", held
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
        places = list(self.places())
        for code, put in places:
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
        print(f"\nFIGURE proof_hidden_places {tried} places ={len(places)}")
        with_own_test = {"key_expired", "key_late", "key_of_nobody", "key_archive_expired", "key_not_rotated"}
        with_own_test |= {
            "table_hides_rows",
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

    def test_a_database_that_hides_rows(self):
        """Whoever owns the tables hides a customer from the purge and from the proof alike: that is found itself."""
        ways = {
            "row-level security": (
                "ALTER TABLE pii_subject ENABLE ROW LEVEL SECURITY",
                "ALTER TABLE pii_subject FORCE ROW LEVEL SECURITY",
                "CREATE POLICY hide ON pii_subject USING (false)",
            ),
            "a view": (
                "ALTER TABLE pii_sweep RENAME TO pii_sweep_real",
                "CREATE VIEW pii_sweep AS SELECT * FROM pii_sweep_real WHERE false",
            ),
            "a rule": ("CREATE RULE keep AS ON DELETE TO pii_subject DO INSTEAD NOTHING",),
        }
        for way, statements in ways.items():
            with self.subTest(way=way), self.env.cr.savepoint() as savepoint:
                for statement in statements:
                    self.sql(statement)
                line = self.line(self.prove(), "table_hides_rows")
                self.assertEqual(line.found, 1)
                self.assertIn(line.examples, ("pii_subject", "pii_sweep"))
                savepoint.rollback()
                self.env.invalidate_all()
        self.assertEqual(self.line(self.prove(), "table_hides_rows").found, 0)

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
