from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import PERSON, VaultCase


@tagged("post_install", "-at_install")
class TestProtectedPartner(VaultCase):
    def columns(self, partner):
        self.env.flush_all()
        self.env.cr.execute("SELECT to_jsonb(p) FROM res_partner p WHERE id = %s", [partner.id])
        return self.env.cr.fetchone()[0]

    def test_a_write_goes_into_the_vault_whoever_writes(self):
        self.partner.with_user(self.nobody).write({"street": "Wrongxvalley 12", "phone": "+49 30 11223344", "ref": "R"})
        row = self.columns(self.partner)
        self.assertNotIn("Wrongxvalley", str(row))
        self.assertNotIn("11223344", str(row))
        self.assertEqual(row["ref"], "R")
        with self.subject.with_user(self.clerk).reveal("label") as env:
            partner = env["res.partner"].browse(self.partner.id)
            self.assertEqual(partner.street, "Wrongxvalley 12")
            self.assertEqual(partner.name, PERSON["name"], "what was not corrected stays")
        with self.subject.with_user(self.clerk).reveal("invoice") as env:
            self.assertEqual(env["res.partner"].browse(self.partner.id).street, "Wrongxvalley 12")

    def test_a_correction_typed_into_the_contact_is_logged(self):
        before = len(self.logged())
        with self.acting(self.nobody):
            self.partner.with_user(self.nobody).write({"phone": "+49 30 11223344"})
            self.partner.with_user(self.nobody).write({"ref": "R", "street": False})
        self.assertEqual(self.logged()[before:], [("corrected", None, self.nobody.id)])
        with self.env.registry.cursor() as cr:
            cr.execute(
                "SELECT document, classes, to_jsonb(l) FROM pii_access_log l WHERE subject_uuid = %s "
                "ORDER BY id DESC LIMIT 1",
                [self.subject.uuid],
            )
            document, classes, row = cr.fetchone()
        self.assertEqual((document, classes), (f"res.partner,{self.partner.id}", "operational"))
        self.assertNotIn("11223344", str(row))

    def test_create_with_a_subject_diverts_too(self):
        subject = self.seal("402-1234567-0000002", {"operational": {"city": "Xanterburgh"}})
        partner = self.env["res.partner"].create({"pii_subject_id": subject.id, **PERSON})
        row = self.columns(partner)
        self.assertNoCanary(row, "res_partner")
        self.assertEqual(row["name"], "Shop 402-1234567-0000002")
        with subject.with_user(self.clerk).reveal("label") as env:
            self.assertEqual(env["res.partner"].browse(partner.id).phone, PERSON["phone"])

    def test_protecting_an_existing_contact_empties_its_columns(self):
        partner = self.env["res.partner"].create(PERSON)
        subject = self.seal("402-1234567-0000003")
        partner.pii_subject_id = subject
        self.assertNoCanary(self.columns(partner), "res_partner")

    def test_clearing_a_field_is_no_correction(self):
        self.partner.write({"street": False, "email": False})
        with self.subject.with_user(self.clerk).reveal("label") as env:
            self.assertEqual(env["res.partner"].browse(self.partner.id).street, PERSON["street"])

    def test_the_pseudonym_cannot_be_renamed_away_nor_rebound_nor_copied(self):
        self.partner.name = "Shop 402-1234567-0000001"
        self.assertEqual(self.partner.name, "Shop 402-1234567-0000001")
        with self.assertRaises(UserError):
            self.partner.pii_subject_id = self.seal("402-1234567-0000004")
        with self.assertRaises(UserError):
            self.partner.pii_subject_id = False
        with self.assertRaises(UserError):
            self.partner.copy()

    def test_nothing_personal_reaches_the_chatter(self):
        self.partner.write({"name": "Other Xylonder", "email": "other.xylonder@example.com"})
        self.env.flush_all()
        self.env.cr.precommit.run()
        messages = self.env["mail.message"].search([("model", "=", "res.partner"), ("res_id", "=", self.partner.id)])
        self.assertNotIn("Xylonder", str(messages.mapped("body")))
        self.assertFalse(messages.tracking_value_ids)

    def test_ordinary_contacts_are_untouched(self):
        partner = self.env["res.partner"].create({"name": "Plain", "street": "Here 1"})
        partner.write({"street": "There 2"})
        self.assertEqual(self.columns(partner)["street"], "There 2")
        both = partner | self.partner
        both.write({"city": "Mixedtown"})
        self.assertEqual(self.columns(partner)["city"], "Mixedtown")
        self.assertIsNone(self.columns(self.partner)["city"])
