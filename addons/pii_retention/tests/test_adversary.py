import base64
import os
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .adversary import PNG, AdversaryCase
from .common import PERSON


@tagged("post_install", "-at_install")
class TestPartnerDoors(AdversaryCase):
    def test_a_default_in_the_context_seals_like_a_value(self):
        subject = self.seal("402-0000000-0000001")
        Partner = self.env["res.partner"].with_context(default_pii_subject_id=subject.id)
        partner = Partner.create(dict(PERSON))
        self.assertNoCanary(self.at_rest("res_partner", partner.id), "res_partner")

    def test_the_callers_values_are_left_alone(self):
        vals = {"pii_subject_id": self.seal("402-0000000-0000002").id, **PERSON}
        vals_list = [vals]
        self.env["res.partner"].create(vals_list)
        self.assertIs(vals_list[0], vals)
        self.assertEqual(vals["street"], PERSON["street"])

    def test_only_an_importer_binds_a_contact_to_a_subject(self):
        """Whoever could would send somebody else's parcel to himself: what he types corrects the address."""
        Partner = self.env["res.partner"].with_user(self.nobody)
        with self.assertRaises(AccessError):
            Partner.create({"name": "Thief", "street": "Mine 1", "pii_subject_id": self.subject.id})
        with self.assertRaises(AccessError):
            Partner.create({"name": "Thief", "street": "Mine 1"}).pii_subject_id = self.subject
        with self.assertRaises(AccessError):
            Partner.with_context(default_pii_subject_id=self.subject.id).create({"name": "Thief", "street": "Mine 1"})

    def test_a_default_set_by_an_administrator_binds_nobody(self):
        self.env["ir.default"].set("res.partner", "pii_subject_id", self.subject.id)
        with self.assertRaises(AccessError):
            self.env["res.partner"].with_user(self.nobody).create({"name": "Anybody"})

    def test_merging_would_ship_one_persons_parcel_to_another(self):
        plain = self.env["res.partner"].create({"name": "Plain"})
        other = self.seal("402-0000000-0000003")._partner()
        for partners, destination in (
            (plain | self.partner, plain),
            (plain | self.partner, self.partner),
            (other | self.partner, other),
        ):
            with self.assertRaises(UserError):
                self.env["base.partner.merge.automatic.wizard"]._merge(partners.ids, destination)
        self.assertTrue((plain | other | self.partner).exists() == plain | other | self.partner)

    def test_a_protected_contact_has_no_relatives(self):
        """Odoo copies addresses between parent and child below every override of write."""
        Partner = self.env["res.partner"]
        company = Partner.create({"name": "Company", "is_company": True})
        for act in (
            lambda: self.partner.write({"parent_id": company.id}),
            lambda: company.write({"child_ids": [Command.link(self.partner.id)]}),
            lambda: self.partner.write({"child_ids": [Command.create(dict(PERSON))]}),
            lambda: Partner.create({**PERSON, "parent_id": self.partner.id}),
            lambda: Partner.with_context(default_parent_id=self.partner.id).create(dict(PERSON)),
            lambda: company.write({"parent_id": self.partner.id}),
        ):
            with self.assertRaises(UserError):
                act()

    def test_a_photograph_is_not_kept_and_does_not_break_the_avatar(self):
        self.partner.image_1920 = base64.b64encode(PNG)
        self.env.invalidate_all()
        self.assertFalse(self.partner.with_user(self.nobody).image_1920)
        self.assertTrue(self.partner.with_user(self.nobody).avatar_128)

    def test_a_module_loaded_later_sees_no_plaintext(self):
        """Overrides of modules that are loaded after this one run first; snailmail copies the address there."""
        seen = []
        cls = next(
            base for base in type(self.partner).__mro__ if base.__dict__.get("_inherit") and "write" in base.__dict__
        )
        original = cls.write

        def write(records, vals):
            seen.append(dict(vals))
            return original(records, vals)

        with patch.object(cls, "write", write):
            self.partner.write(dict(PERSON))
        self.assertNoCanary(seen, "an override of a module loaded later")

    def test_protecting_a_contact_leaves_no_old_values_in_the_chatter(self):
        partner = self.env["res.partner"].create(dict(PERSON))
        self.env.flush_all()
        self.env.cr.precommit.run()
        partner.pii_subject_id = self.seal("402-0000000-0000006")
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.env.cr.execute("SELECT coalesce(json_agg(v), '[]') FROM mail_tracking_value v WHERE old_value_char <> ''")
        self.assertNoCanary(self.env.cr.fetchone()[0], "mail_tracking_value")

    def test_what_is_typed_shows_in_a_reveal(self):
        self.partner.write({"website": "https://vx.example.com", "vat": "DE1", "company_registry": "HRB 77"})
        with self.subject.with_user(self.clerk).reveal("invoice") as env:
            self.assertEqual(env["res.partner"].browse(self.partner.id).company_registry, "HRB 77")
        with self.subject.with_user(self.clerk).reveal("label") as env:
            self.assertEqual(env["res.partner"].browse(self.partner.id).website, "https://vx.example.com")

    def test_form_and_import_go_into_the_vault(self):
        with Form(self.partner.with_user(self.nobody)) as form:
            form.street = PERSON["street"]
            form.phone = PERSON["phone"]
        self.assertNoCanary(self.at_rest("res_partner", self.partner.id), "res_partner")
        result = self.env["res.partner"].load([".id", "city"], [[str(self.partner.id), PERSON["city"]]])
        self.assertEqual(result["ids"], self.partner.ids)
        self.assertNoCanary(self.at_rest("res_partner", self.partner.id), "res_partner")

    def test_every_personal_column_is_diverted(self):
        """Columns that name or reach a person, whichever module adds them."""
        names = (
            "website",
            "function",
            "l10n_it_codice_fiscale",
            "l10n_it_pec_email",
            "company_registry",
            "peppol_endpoint",
        )
        for name in names:
            if name in self.partner._fields:
                with self.subTest(name=name):
                    self.partner.write({name: "QQQRRR80A01H501X"})
                    row = self.at_rest("res_partner", self.partner.id)
                    self.assertNotIn("QQQRRR80A01H501X".lower(), str(row).lower())


@tagged("post_install", "-at_install")
class TestAttachmentDoors(AdversaryCase):
    def on_partner(self, **vals):
        return self.attach(res_model="res.partner", res_id=self.partner.id, **vals)

    def thumbnails(self, attachment):
        return self.env["ir.attachment"].search(
            [("res_model", "=", "ir.attachment"), ("res_field", "=", "thumbnail"), ("res_id", "=", attachment.id)]
        )

    def test_there_is_no_preview_of_a_sealed_file(self):
        attachment = self.on_partner(thumbnail=base64.b64encode(PNG))
        attachment.thumbnail = base64.b64encode(PNG)
        self.assertFalse(self.thumbnails(attachment))
        loose = self.attach(res_model="mail.compose.message", res_id=0)
        loose.thumbnail = base64.b64encode(PNG)
        self.assertTrue(self.thumbnails(loose))
        loose.write({"res_model": "res.partner", "res_id": self.partner.id})
        self.assertFalse(self.thumbnails(loose))

    def test_files_of_a_message_about_the_person_are_sealed(self):
        message = self.partner.message_post(body="x")
        self.assertSealed(self.attach(res_model="mail.message", res_id=message.id))

    def test_files_posted_from_the_composer_are_sealed(self):
        loose = self.attach(res_model="mail.compose.message", res_id=0)
        old = self.at_rest("ir_attachment", loose.id)["store_fname"]
        self.partner.message_post(
            body="see file", attachment_ids=loose.ids, attachments=[("second.txt", PERSON["name"].encode())]
        )
        for attachment in self.partner.message_ids.attachment_ids:
            self.assertSealed(attachment)
        # at once, not at the next collection of garbage
        with self.enter_registry_test_mode():
            self.env.cr.postcommit.run()
        self.assertFalse(os.path.exists(loose._full_path(old)), "the file as it was uploaded")

    def test_rewriting_a_file_of_a_protected_record_seals_it(self):
        attachment = self.on_partner()
        self.env.cr.execute("UPDATE ir_attachment SET pii_subject_id = NULL WHERE id = %s", [attachment.id])
        self.env.invalidate_all()
        attachment.write({"raw": PERSON["city"].encode()})
        self.assertSealed(attachment)

    def test_the_binding_to_the_person_is_no_field_for_users(self):
        attachment = self.on_partner()
        with self.assertRaises(AccessError):
            attachment.with_user(self.nobody).write({"pii_subject_id": False})
        with self.assertRaises(AccessError):
            self.env["ir.attachment"].with_user(self.nobody).create({"name": "x", "pii_subject_id": self.subject.id})

    def test_an_explicit_subject_seals_without_a_record(self):
        self.assertSealed(self.attach(pii_subject_id=self.subject.id))

    def test_the_database_column_takes_no_plaintext(self):
        attachment = self.on_partner(raw=False, db_datas=base64.b64encode(PERSON["street"].encode()))
        self.assertSealed(attachment)
        attachment.write({"db_datas": PERSON["street"].encode()})
        self.assertSealed(attachment)
        self.assertFalse(self.at_rest("ir_attachment", attachment.id)["db_datas"])

    def test_a_typed_index_is_not_kept(self):
        attachment = self.on_partner(index_content=PERSON["name"])
        self.assertSealed(attachment)
        attachment.write({"index_content": PERSON["name"]})
        self.assertSealed(attachment)

    def test_rewriting_keeps_the_type(self):
        attachment = self.on_partner(name="label", mimetype="application/pdf")
        attachment.write({"raw": b"%PDF-1.4 " + PERSON["name"].encode()})
        self.assertEqual(attachment.mimetype, "application/pdf")

    def test_moving_the_storage_moves_sealed_files_unopened(self):
        attachment = self.on_partner()
        self.env["ir.config_parameter"].sudo().set_param("ir_attachment.location", "db")
        attachment._migrate()
        row = self.at_rest("ir_attachment", attachment.id)
        self.assertFalse(row["store_fname"])
        self.assertNoCanary(row)
        with self.subject.with_user(self.clerk).reveal("label") as env:
            self.assertEqual(env["ir.attachment"].browse(attachment.id).sudo().raw, PERSON["street"].encode())

    def test_files_of_the_subject_leave_the_disk_with_it(self):
        subject = self.seal("402-0000000-0000004")
        attachment = self.attach(res_model="pii.subject", res_id=subject.id)
        deleted = []
        with patch.object(type(attachment), "_file_delete", lambda _self, name: deleted.append(name)):
            name = attachment.store_fname
            subject.sudo().unlink()
        self.assertEqual(deleted, [name])

    def test_records_that_do_not_exist_are_nobodys(self):
        gone = self.env["res.partner"].create({"name": "Gone"})
        gone_id = gone.id
        gone.unlink()
        self.assertFalse(self.attach(res_model="res.partner", res_id=gone_id).pii_subject_id)

    def test_a_copy_needs_a_reveal(self):
        with self.assertRaises(AccessError):
            self.on_partner().copy({"res_model": False, "res_id": False})


@tagged("post_install", "-at_install")
class TestRenderedBytes(AdversaryCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.ui.view"].create(
            {
                "type": "qweb",
                "name": "adversary",
                "key": "pii_retention.adversary",
                "arch": """<t t-name="pii_retention.adversary">
                         <t t-foreach="docs" t-as="o" t-out="o.contact_address"/></t>""",
            }
        )
        cls.report = cls.env["ir.actions.report"].create(
            {
                "name": "Adversary",
                "model": "res.partner",
                "report_type": "qweb-text",
                "report_name": "pii_retention.adversary",
                "pii_purpose": "label",
            }
        )

    def test_a_rendered_document_is_sealed_wherever_it_is_attached(self):
        """The mail composer stores what a template renders before it is attached to any record."""
        reports = self.env["ir.actions.report"].with_user(self.clerk)
        content = reports._render("pii_retention.adversary", self.partner.ids)[0]
        content = content.encode() if isinstance(content, str) else content
        self.assertIn(PERSON["street"].encode(), content)
        attachment = (
            self.env["ir.attachment"]
            .with_user(self.clerk)
            .create(
                {
                    "name": "label.zpl",
                    "datas": base64.b64encode(content),
                    "res_model": "mail.compose.message",
                    "res_id": 0,
                }
            )
        )
        self.assertSealed(attachment)
        loose = self.attach(raw=b"something else")
        self.assertFalse(loose.pii_subject_id)
        loose.write({"raw": content})
        self.assertSealed(loose)
