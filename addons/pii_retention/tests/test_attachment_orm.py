"""Ways inside of Odoo to a sealed file's content, or to something made of it."""

import base64

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from odoo.addons.pii_retention import files
from odoo.addons.pii_retention.crypto import looks_sealed
from odoo.addons.pii_retention.tests.test_attachment_seal import STREET, SealCase


@tagged("post_install", "-at_install")
class TestSealedOrmDoors(SealCase):
    def test_nothing_is_derived_from_the_content(self):
        first, second = self.on_partner(), self.on_partner()
        row = self.at_rest("ir_attachment", first.id)
        self.assertFalse(row["index_content"])
        self.assertNotEqual(first.checksum, second.checksum)
        self.assertNotIn(row["checksum"], (self.env["ir.attachment"]._compute_checksum(STREET),))
        encoded = base64.b64encode(STREET)
        values = [{"name": "a", "datas": encoded, "mimetype": "text/plain", "res_model": "res.partner"}]
        plain = self.env["ir.attachment"].create_unique(values)
        again = self.env["ir.attachment"].create_unique(values)
        self.assertEqual(plain, again, "as in Odoo")
        values[0]["res_id"] = self.partner.id
        kept = self.env["ir.attachment"].create_unique(values)
        self.assertNotEqual(kept, plain)
        self.assertSealed(self.env["ir.attachment"].browse(kept))

    def test_large_pictures_are_sealed_as_they_are(self):
        from io import BytesIO  # noqa: PLC0415

        from PIL import Image  # noqa: PLC0415

        stream = BytesIO()
        Image.new("RGB", (2400, 10)).save(stream, "PNG")
        attachment = self.on_partner(name="a.png", raw=stream.getvalue(), mimetype="image/png")
        self.assertSealed(attachment)
        self.assertEqual(self.opened(attachment), stream.getvalue())

    def test_a_token_is_made_and_opens_nothing(self):
        attachment = self.on_partner()
        token = attachment.generate_access_token()[0]
        self.assertTrue(attachment._can_return_content(access_token=token))
        for user in (self.env.ref("base.public_user"), self.nobody):
            with self.acting(user), self.assertRaises(AccessError):
                attachment.with_user(user).sudo()._to_http_stream()

    def test_it_cannot_be_made_public_or_duplicated(self):
        attachment = self.on_partner(public=True)
        self.assertFalse(attachment.public)
        with self.assertRaisesRegex(UserError, "public"):
            attachment.sudo().write({"public": True})
        with self.assertRaisesRegex(AccessError, "duplicated"):
            attachment.copy()

    def test_typed_code_gets_nothing(self):
        attachment = self.on_partner()
        for code in (
            "record.raw",
            "record.sudo().datas",
            "record._to_http_stream().read()",
            "record.env['ir.attachment']._file_read(record.store_fname)[:4] == b'PIIS' or record.raw",
            "record.copy()",
            "record.sudo().write({'pii_subject_id': False})",
        ):
            action = self.env["ir.actions.server"].create(
                {
                    "name": "thief",
                    "state": "code",
                    "model_id": self.env["ir.model"]._get_id("ir.attachment"),
                    "code": f"found = {code}\nif found != True:\n    raise UserError(str(found))"
                    if "==" in code
                    else f"raise UserError(str({code}))",
                }
            )
            try:
                with self.env.cr.savepoint():
                    action.with_context(active_model="ir.attachment", active_id=attachment.id).run()
            except UserError as error:
                self.assertNoCanary(error, code)
                self.assertIsInstance(error, AccessError, code)

    def test_an_import_of_files_seals(self):
        encoded = base64.b64encode(STREET).decode()
        names = ["name", "datas", "res_model", "res_id"]
        result = self.env["ir.attachment"].load(names, [["a.txt", encoded, "res.partner", str(self.partner.id)]])
        self.assertTrue(result["ids"], result["messages"])
        self.assertSealed(self.env["ir.attachment"].browse(result["ids"]))

    def test_a_cloud_storage_gets_nothing(self):
        attachment = self.on_partner()
        empty = self.env["ir.attachment"].create({"name": "x", "res_model": "res.partner", "res_id": self.partner.id})
        for file in (attachment, empty):
            with self.assertRaisesRegex(UserError, "cloud"):
                file.write({"type": "cloud_storage", "url": "https://cloud.example.com/x"})

    def test_no_mail_carries_it(self):
        attachment = self.on_partner()
        mails = self.env["mail.mail"].create(
            [
                {"email_to": "a@example.com", "subject": "S", "attachment_ids": attachment.ids, "auto_delete": True},
                {"email_to": "b@example.com", "subject": "S"},
            ]
        )
        done = []
        mails.send(post_send_callback=done.extend)
        self.assertEqual(mails[0].state, "exception")
        self.assertIn("sealed", mails[0].failure_reason)
        self.assertEqual(mails[1].state, "outgoing", "Odoo sends nothing in tests")
        self.assertIn(mails[0].id, done)
        mails[0].state = "outgoing"
        with self.assertRaisesRegex(UserError, "sealed"):
            mails[0].send(raise_exception=True)
        # a queue that has found it goes on
        mails[0].state = "outgoing"
        self.env["mail.mail"].process_email_queue(mails.ids)
        self.assertEqual(mails[0].state, "exception")

    def test_the_composer_says_why(self):
        attachment = self.on_partner()
        recipient = self.env["res.partner"].create({"name": "R", "email": "r@example.com"})
        composer = self.env["mail.compose.message"].create(
            {
                "model": "res.partner",
                "res_ids": str(self.partner.ids),
                "body": "x",
                "attachment_ids": attachment.ids,
                "partner_ids": recipient.ids,
            }
        )
        with self.assertRaisesRegex(UserError, "not sent by e-mail"):
            composer.action_send_mail()
        composer.partner_ids = False
        composer.action_send_mail()
        self.assertIn(attachment, self.partner.message_ids.attachment_ids)

    def test_a_move_of_the_storage_keeps_the_seal(self):
        attachment = self.on_partner()
        for place in ("db", "file"):
            self.env["ir.config_parameter"].sudo().set_param("ir_attachment.location", place)
            attachment._migrate()
            self.assertTrue(looks_sealed(bytes(files.stored(attachment))), place)
            self.assertEqual(self.opened(attachment), STREET, place)
            with self.assertRaises(AccessError):
                _ = attachment.raw
