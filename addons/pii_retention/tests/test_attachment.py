import base64
import os

from odoo.exceptions import AccessError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import PERSON, VaultCase

CONTENT = f"<Invoice><Name>{PERSON['name']}</Name><Street>{PERSON['street']}</Street></Invoice>".encode()


@tagged("post_install", "-at_install")
class TestSealedAttachment(VaultCase):
    def attach(self, **vals):
        return self.env["ir.attachment"].create(
            {
                "name": "document.xml",
                "raw": CONTENT,
                "mimetype": "application/xml",
                "res_model": "res.partner",
                "res_id": self.partner.id,
                **vals,
            }
        )

    def at_rest(self, attachment):
        self.env.flush_all()
        self.env.cr.execute("SELECT to_jsonb(a) FROM ir_attachment a WHERE id = %s", [attachment.id])
        row = self.env.cr.fetchone()[0]
        with open(os.path.join(attachment._filestore(), row["store_fname"]), "rb") as file:
            return row, file.read()

    def assertSealed(self, attachment):
        row, content = self.at_rest(attachment)
        self.assertNoCanary(row, "ir_attachment")
        self.assertNoCanary(content.decode("latin-1"), "the filestore")
        self.assertFalse(row["index_content"])
        self.assertEqual(row["pii_subject_id"], self.subject.id)
        return row

    def test_create_with_raw_datas_and_text(self):
        for vals in ({}, {"raw": False, "datas": base64.b64encode(CONTENT)}, {"raw": CONTENT.decode()}):
            attachment = self.attach(**vals)
            self.assertSealed(attachment)
            with self.subject.with_user(self.clerk).reveal("label") as env:
                self.assertEqual(env["ir.attachment"].browse(attachment.id).sudo().raw, CONTENT)

    def test_equal_contents_share_nothing(self):
        first, second = self.attach(), self.attach()
        self.assertNotEqual(first.checksum, second.checksum)
        self.assertNotEqual(first.store_fname, second.store_fname)

    def test_outside_a_reveal_it_does_not_open(self):
        attachment = self.attach()
        self.env.invalidate_all()
        for name in ("raw", "datas"):
            with self.assertRaises(AccessError):
                attachment.sudo()[name]
        self.assertEqual(attachment.read(["name", "file_size"])[0]["name"], "document.xml")

    def test_a_reveal_of_somebody_else_does_not_open_it(self):
        attachment = self.attach()
        other = self.seal("402-1234567-0000005")
        with other.with_user(self.clerk).reveal("label") as env, self.assertRaises(AccessError):
            _ = env["ir.attachment"].browse(attachment.id).sudo().raw

    def test_write_and_move_stay_sealed(self):
        attachment = self.attach()
        attachment.write({"raw": CONTENT * 2})
        self.assertSealed(attachment)
        loose = self.env["ir.attachment"].create({"name": "loose.xml", "raw": CONTENT, "mimetype": "text/xml"})
        loose.write({"res_model": "res.partner", "res_id": self.partner.id})
        self.assertSealed(loose)
        with self.subject.with_user(self.clerk).reveal("label") as env:
            self.assertEqual(env["ir.attachment"].browse(loose.id).sudo().raw, CONTENT)

    def test_nothing_is_stored_inside_a_reveal(self):
        with mute_logger("odoo.sql_db"), self.assertRaises(Exception):  # noqa: B017 whichever guard speaks first
            with self.subject.with_user(self.clerk).reveal("label") as env:
                env["ir.attachment"].sudo().create({"name": "x", "raw": CONTENT})
        with self.assertRaises(AccessError), self.subject.with_user(self.clerk).reveal("label") as env:
            env["ir.attachment"]._file_write(CONTENT, "00" * 20)

    def test_it_dies_with_the_subject(self):
        subject = self.seal("402-1234567-0000006")
        attachment = self.attach(res_model="pii.subject", res_id=subject.id)
        self.assertEqual(attachment.pii_subject_id, subject)
        subject.sudo().unlink()
        self.assertFalse(attachment.exists())

    def test_attachments_of_ordinary_records_are_untouched(self):
        partner = self.env["res.partner"].create({"name": "Plain"})
        attachment = self.attach(res_id=partner.id)
        self.assertFalse(attachment.pii_subject_id)
        self.assertEqual(attachment.raw, CONTENT)


@tagged("post_install", "-at_install")
class TestSealedDownload(HttpCase, VaultCase):
    # the log needs a read/write connection beside a read-only request: real ones are, those of the tests are not
    _registry_readonly_enabled = False

    def setUp(self):
        super().setUp()
        self.attachment = self.env["ir.attachment"].create(
            {
                "name": "document.xml",
                "raw": CONTENT,
                "mimetype": "text/plain",
                "res_model": "res.partner",
                "res_id": self.partner.id,
            }
        )
        for user in (self.clerk, self.nobody):
            user.password = user.login + "-password"
        self.env.ref("pii_retention.group_customer_care").user_ids += self.clerk

    def test_download_by_an_entitled_user_is_logged_and_not_stored(self):
        self.authenticate(self.clerk.login, self.clerk.login + "-password")
        response = self.url_open(f"/web/content/{self.attachment.id}")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.content, CONTENT)
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        self.assertNotIn("ETag", response.headers)

    def test_download_by_anybody_else_is_refused(self):
        self.authenticate(self.nobody.login, self.nobody.login + "-password")
        with mute_logger("odoo.http"):
            response = self.url_open(f"/web/content/{self.attachment.id}")
        self.assertNotEqual(response.status_code, 200)
        self.assertNotIn(CONTENT, response.content)

    def test_a_picture_is_served_too(self):
        picture = base64.b64decode(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
        )
        self.attachment.write({"raw": picture, "mimetype": "image/png"})
        self.authenticate(self.clerk.login, self.clerk.login + "-password")
        response = self.url_open(f"/web/image/{self.attachment.id}?width=1&height=1")
        self.assertEqual(response.headers["Content-Type"], "image/png")
        self.assertEqual(response.headers["Cache-Control"], "no-store")
