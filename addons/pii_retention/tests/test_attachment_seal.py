"""What a sealed file is bound to, and files that become a protected customer's later."""

from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from odoo.addons.pii_retention import files, keys, moving
from odoo.addons.pii_retention.crypto import day_key_id
from odoo.addons.pii_retention.files import BLOCK
from odoo.addons.pii_retention.tests.adversary import AdversaryCase
from odoo.addons.pii_retention.tests.common import PERSON

STREET = PERSON["street"].encode()


class SealCase(AdversaryCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.grant(cls.clerk, "customer_service")

    def on_partner(self, **vals):
        return self.attach(res_model="res.partner", res_id=self.partner.id, **vals)

    def opened(self, attachment, purpose="label"):
        subject = attachment.sudo().pii_subject_id
        self.env.invalidate_all()
        with subject.with_user(self.clerk).reveal(purpose, reason="a test of files") as env:
            return env["ir.attachment"].browse(attachment.id).sudo().raw

    def path(self, attachment):
        return attachment._full_path(attachment.store_fname)


@tagged("post_install", "-at_install")
class TestSealBinding(SealCase):
    def test_the_class_decides_what_opens_it(self):
        fiscal = self.attach(pii_subject_id=self.subject.id, pii_class="fiscal")
        shipping = self.on_partner()
        opened = refused = 0
        for attachment, purpose in ((fiscal, "invoice"), (shipping, "label")):
            self.assertEqual(self.opened(attachment, purpose), STREET)
            self.assertEqual(self.opened(attachment, "customer_service"), STREET)
            self.assertEqual(files.purpose_of(attachment), purpose)
            opened += 2
        for attachment, purpose in ((fiscal, "label"), (shipping, "invoice")):
            with self.assertRaises(AccessError):
                self.opened(attachment, purpose)
            refused += 1
        self.assertEqual((opened, refused), (4, 2))

    def test_moving_a_file_to_another_record_changes_no_class(self):
        fiscal = self.attach(pii_subject_id=self.subject.id, pii_class="fiscal")
        fiscal.write({"res_model": "res.partner", "res_id": self.partner.id})
        self.assertEqual(fiscal.pii_class, "fiscal")
        with self.assertRaises(AccessError):
            self.opened(fiscal, "label")

    def test_a_class_written_into_the_database_opens_nothing(self):
        fiscal = self.attach(pii_subject_id=self.subject.id, pii_class="fiscal")
        self.env.flush_all()
        for column in ("operational", "mixed", "quarantine", None):
            self.env.cr.execute("UPDATE ir_attachment SET pii_class = %s WHERE id = %s", [column, fiscal.id])
            for purpose in ("label", "customer_service"):
                with self.assertRaises(UserError):
                    self.opened(fiscal, purpose)

    def test_files_of_one_person_cannot_be_exchanged(self):
        first, second = self.on_partner(), self.on_partner(raw=b"another document")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE ir_attachment a SET store_fname = b.store_fname FROM ir_attachment b WHERE a.id = %s AND b.id = %s",
            [first.id, second.id],
        )
        with self.assertRaisesRegex(UserError, "altered"):
            self.opened(first)
        self.assertEqual(self.opened(second), b"another document")

    def test_nobody_writes_the_binding(self):
        attachment = self.on_partner()
        for name, value in (("pii_subject_id", False), ("pii_class", "mixed"), ("pii_item", "x")):
            with self.assertRaises(AccessError):
                attachment.sudo().write({name: value})
            with self.assertRaises(AccessError):
                self.env["ir.attachment"].with_user(self.clerk).create({"name": "x", "raw": b"x", name: value})

    def test_a_file_of_the_time_before_classes_opens_where_both_are_open(self):
        attachment = self.on_partner()
        domain = self.company._pii_domain()
        keyring = keys.keyring(self.env)
        key_id = keyring.ensure(day_key_id(domain, self.subject.deadline))
        old = keyring.seal_file(domain, key_id, self.subject.uuid, "file", STREET)
        with open(self.path(attachment), "wb") as file:
            file.write(old)
        self.env.flush_all()
        self.env.cr.execute("UPDATE ir_attachment SET pii_class = NULL, pii_item = NULL WHERE id = %s", [attachment.id])
        self.assertEqual(self.opened(attachment, "customer_service"), STREET)
        for purpose in ("label", "invoice"):
            with self.assertRaises(AccessError):
                self.opened(attachment, purpose)
        self.env.invalidate_all()
        moving.move(self.subject, self.subject.deadline + timedelta(days=1), "open")
        self.assertEqual(attachment.pii_class, "mixed")
        self.assertEqual(self.opened(attachment, "customer_service"), STREET)

    def test_the_size_tells_nothing(self):
        sizes = {self.on_partner(raw=b"x" * length).file_size for length in (1, 40, 400, BLOCK - 8)}
        self.assertEqual(len(sizes), 1)
        longer = self.on_partner(raw=b"x" * (BLOCK - 7))
        self.assertEqual(longer.file_size, sizes.pop() + BLOCK)
        self.assertEqual(self.opened(longer), b"x" * (BLOCK - 7))

    def test_what_is_written_is_not_shown_as_sealed_bytes(self):
        attachment = self.on_partner()
        attachment.write({"raw": b"new content"})
        for name in ("raw", "datas"):
            with self.assertRaises(AccessError):
                attachment[name]
        self.assertFalse(attachment.db_datas)

    def test_a_document_of_several_customers_is_not_kept(self):
        other = self.seal("402-0000000-0000011")
        self.env["ir.ui.view"].create(
            {
                "type": "qweb",
                "name": "several",
                "key": "pii_retention.several",
                "arch": """<t t-name="pii_retention.several">
                         <t t-foreach="docs" t-as="o" t-out="o.contact_address"/></t>""",
            }
        )
        self.env["ir.actions.report"].create(
            {
                "name": "Several",
                "model": "res.partner",
                "report_type": "qweb-text",
                "report_name": "pii_retention.several",
                "pii_purpose": "label",
            }
        )
        partners = self.partner | other._partner()
        reports = self.env["ir.actions.report"].with_user(self.clerk)
        content = reports._render("pii_retention.several", partners.ids)[0]
        with self.assertRaisesRegex(UserError, "2 protected customers"):
            self.attach(raw=content)
        alone = reports._render("pii_retention.several", other._partner().ids)[0]
        attachment = self.on_partner(raw=alone)
        self.assertEqual(attachment.pii_subject_id, other, "what was rendered for somebody is his wherever it lies")
        self.assertEqual(attachment.pii_class, "operational")

    def test_the_log_says_which_document(self):
        attachment = self.on_partner()
        files.content(attachment.with_user(self.clerk))
        named = f"#{attachment.id} res.partner {self.partner.id}"
        self.assertIn((f"Open the file {named}", named, "label", "opened"), self.rows())

    def test_the_log_says_who_was_refused(self):
        attachment = self.on_partner()
        public = self.env.ref("base.public_user")
        for user in (public, self.nobody):
            with self.acting(user), self.assertRaises(AccessError):
                files.content(attachment.with_user(user).sudo())
        self.assertEqual([row[-1] for row in self.rows()].count("refused"), 2)

    def rows(self):
        with self.env.registry.cursor() as cr:
            cr.execute(
                "SELECT reason, document, purpose, outcome FROM pii_access_log WHERE subject_uuid = %s",
                [self.subject.uuid],
            )
            return cr.fetchall()


@tagged("post_install", "-at_install")
class TestSealedLater(SealCase):
    def loose(self, partner, **vals):
        attachment = self.attach(res_model="res.partner", res_id=partner.id, **vals)
        self.assertFalse(attachment.pii_subject_id)
        return attachment

    def test_a_contact_becomes_protected(self):
        partner = self.env["res.partner"].create({"name": "Somebody"})
        account = self.env["res.partner.bank"].create({"acc_number": "X-1", "partner_id": partner.id})
        direct = self.loose(partner)
        of_document = self.attach(res_model="res.partner.bank", res_id=account.id)
        picture = self.loose(partner, res_field="image_1920", raw=b"picture")
        partner.sudo().pii_subject_id = self.subject
        for attachment in (direct, of_document, picture):
            self.assertSealed(attachment)

    def test_a_document_gets_a_protected_customer(self):
        partner = self.env["res.partner"].create({"name": "Somebody"})
        account = self.env["res.partner.bank"].create({"acc_number": "X-2", "partner_id": partner.id})
        attachment = self.attach(res_model="res.partner.bank", res_id=account.id)
        account.partner_id = self.partner
        self.assertSealed(attachment)

    def test_what_no_write_told_is_found_at_night(self):
        partner = self.env["res.partner"].create({"name": "Somebody"})
        attachment = self.loose(partner)
        bystander = self.loose(self.env["res.partner"].create({"name": "Other"}))
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_partner SET pii_subject_id = %s WHERE id = %s", [self.subject.id, partner.id])
        self.env.invalidate_all()
        self.env["ir.attachment"]._pii_seal_late()
        self.assertSealed(attachment)
        self.assertFalse(bystander.pii_subject_id)
        self.assertEqual(bystander.raw, STREET)
