"""Every door through which Odoo hands out, sends, moves or deletes files, tried on an archived document."""

import base64
import io
import json
import zipfile

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from .archive_common import CONTENT, ArchiveCase

MAGIC = b"PIIS"


@tagged("post_install", "-at_install")
class TestArchiveDoors(HttpCase, ArchiveCase):
    # the log needs a read/write connection beside a read-only request: real ones are, those of the tests are not
    _registry_readonly_enabled = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.portal = new_test_user(cls.env, "vault_portal", groups="base.group_portal")
        cls.administrator = new_test_user(cls.env, "vault_admin", groups="base.group_system,base.group_partner_manager")
        cls.users = (cls.officer, cls.auditor, cls.accountant, cls.nobody, cls.administrator, cls.portal)
        for user in cls.users:
            user.password = user.login + "-password"
        cls.item = cls.keep()
        cls.file = cls.item._attachment()
        cls.probes = 0

    @classmethod
    def tearDownClass(cls):
        print("FIGURE archive_doors", cls.probes, "probes")
        super().tearDownClass()

    def sign_in(self, user):
        if user:
            self.authenticate(user.login, user.login + "-password")
        else:
            self.logout(keep_db=True)
            self.authenticate(None, None)

    def fetch(self, url, **kwargs):
        type(self).probes += 1
        with mute_logger("odoo.http", "odoo.addons.base.models.ir_http"):
            return self.url_open(url, allow_redirects=False, **kwargs)

    def rpc(self, model, method, *args, **kwargs):
        return self.fetch(
            "/web/dataset/call_kw",
            data=json.dumps({"params": {"model": model, "method": method, "args": args, "kwargs": kwargs}}),
            headers={"Content-Type": "application/json"},
        )

    def assertClosed(self, response, where):
        self.assertNoCanary(response.text, where)
        for secret in (MAGIC, base64.b64encode(MAGIC)[:5], CONTENT[:12]):
            self.assertNotIn(secret, response.content, where)

    def test_addresses(self):
        number, token = self.file.id, self.file.sudo()._get_raw_access_token()
        urls = (
            f"/web/content/{number}",
            f"/web/content/{number}?download=true",
            f"/web/content/{number}?access_token={token}",
            f"/web/content/ir.attachment/{number}/raw",
            f"/web/content/ir.attachment/{number}/datas",
            f"/web/content/ir.attachment/{number}/db_datas",
            f"/web/content/pii.archive.item/{self.item.id}/sha256",
            f"/web/image/{number}",
            f"/web/image/ir.attachment/{number}/raw",
            f"/mail/attachment/pdf_first_page/{number}",
            f"/pii/archive/0/{self.item.id}",
            f"/pii/archive/{2**31 - 1}/{self.item.id}",
        )
        for user in (*self.users, None):
            self.sign_in(user)
            for url in urls:
                response = self.fetch(url)
                where = f"{url} for {user and user.login}"
                self.assertClosed(response, where)
                if not url.startswith("/web/image"):
                    self.assertNotEqual(response.status_code, 200, where)
        self.env.cr.execute(
            "SELECT count(*) FROM pii_access_log WHERE subject_uuid = %s AND outcome <> 'refused'", [self.item.uuid]
        )
        self.assertEqual(self.env.cr.fetchone(), (0,))

    def test_remote_calls(self):
        for user in self.users[:-1]:
            self.sign_in(user)
            calls = (
                ("ir.attachment", "read", [self.file.id], ["raw"]),
                ("ir.attachment", "read", [self.file.id], ["datas"]),
                ("ir.attachment", "web_read", [self.file.id], {"raw": {}, "datas": {}, "name": {}}),
                ("ir.attachment", "search_read", [["id", "=", self.file.id]], ["datas"]),
                ("ir.attachment", "export_data", [self.file.id], ["datas", "raw"]),
                ("ir.attachment", "copy", [self.file.id]),
                ("ir.attachment", "write", [self.file.id], {"res_model": "res.partner", "res_id": self.partner.id}),
                ("ir.attachment", "write", [self.file.id], {"pii_archive_id": False}),
                ("ir.attachment", "write", [self.file.id], {"public": True}),
                ("ir.attachment", "write", [self.file.id], {"raw": "x"}),
                ("ir.attachment", "unlink", [self.file.id]),
                ("ir.attachment", "generate_access_token", [self.file.id]),
                ("pii.archive.item", "export_data", [self.item.id], ["sha256", "reference"]),
                ("pii.archive.item", "write", [self.item.id], {"amount": 1}),
                ("pii.archive.item", "unlink", [self.item.id]),
            )
            for model, method, *args in calls:
                where = f"{method} {args} for {user.login}"
                response = self.rpc(model, method, *args)
                self.assertClosed(response, where)
                if method in ("write", "unlink", "copy"):
                    self.assertIn("error", response.json(), where)
        self.assertEqual(self.item._attachment(), self.file)

    def test_superuser_code(self):
        """A server action has sudo: no method hands out the content, and the file stays where it is."""
        file = self.file.sudo()
        for attempt in (
            lambda: file.raw,
            lambda: file.datas,
            lambda: file.read(["raw"]),
            lambda: file.copy(),
            lambda: file.unlink(),
            lambda: file.write({"pii_archive_id": False}),
            lambda: file.write({"res_model": "res.partner", "res_id": self.partner.id}),
            lambda: file.create({"name": "x", "raw": b"x", "pii_archive_id": self.item.id}),
            lambda: self.item.sudo().unlink(),
            lambda: self.item.sudo().write({"state": "destroyed"}),
        ):
            type(self).probes += 1
            with self.assertRaises(UserError):
                attempt()
        self.assertRegex(file.with_context(bin_size=True).raw, rb"^4\.\d+ Kb$")
        self.assertFalse(file.index_content)

    def test_mail_and_zip(self):
        partner = self.env["res.partner"].create({"name": "Outsider", "email": "outsider@example.com"})
        composer = self.env["mail.compose.message"].create(
            {
                "model": "res.partner",
                "res_ids": str(partner.ids),
                "partner_ids": [Command.set(partner.ids)],
                "attachment_ids": [Command.set(self.file.ids)],
                "body": "the document",
            }
        )
        with self.assertRaises(UserError):
            composer.action_send_mail()
        mail = self.env["mail.mail"].create(
            {"email_to": "outsider@example.com", "attachment_ids": [Command.set(self.file.ids)], "body_html": "x"}
        )
        with self.assertRaises(UserError):
            mail.send(raise_exception=True)
        self.sign_in(self.accountant)
        response = self.fetch(f"/mail/attachment/zip?zip_name=a&file_ids={self.file.id}")
        self.assertClosed(response, "zip")
        if response.content.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
                for name in archive.namelist():
                    self.assertNotIn(CONTENT[:12], archive.read(name))

    def test_moving_the_storage_opens_nothing(self):
        self.env["ir.config_parameter"].set_param("ir_attachment.location", "db")
        self.file.sudo()._migrate()
        self.env.flush_all()
        self.env.cr.execute("SELECT db_datas, store_fname FROM ir_attachment WHERE id = %s", [self.file.id])
        content, name = self.env.cr.fetchone()
        self.assertTrue(bytes(content).startswith(MAGIC))
        self.assertFalse(name)
        self.assertNoCanary(bytes(content).decode("latin-1"), "the database")

    def test_roles(self):
        """Who sees that a document exists, and who does not."""
        items = self.env["pii.archive.item"]
        for user in (self.officer, self.auditor, self.accountant):
            self.assertEqual(items.with_user(user).search([("id", "=", self.item.id)]), self.item)
        for user in (self.nobody, self.administrator, self.portal):
            for model in ("pii.archive.item", "pii.archive.request", "pii.archive.rule"):
                with self.assertRaises(AccessError):
                    self.env[model].with_user(user).search([])
        with self.assertRaises(AccessError):
            self.file.with_user(self.administrator).read(["name"])
        other = self.env["res.company"].create({"name": "Other"})
        stranger = new_test_user(
            self.env,
            "stranger",
            groups="pii_retention.group_privacy_officer",
            company_id=other.id,
            company_ids=[Command.set(other.ids)],
        )
        self.assertFalse(items.with_user(stranger).search([]))
