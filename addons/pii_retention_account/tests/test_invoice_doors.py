"""The ways on which accounting hands out or sends an invoice, tried on a protected customer's."""

import io
import json
import zipfile
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import files
from odoo.addons.pii_retention.tests.common import PERSON, VaultCase

CONTENT = b"%PDF-1.4 " + PERSON["street"].encode()


class InvoiceCase(VaultCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = new_test_user(
            cls.env,
            "vault_accountant",
            groups="account.group_account_manager,base.group_partner_manager,pii_retention.group_fiscal",
        )
        cls.outsider = new_test_user(cls.env, "vault_outsider", groups="account.group_account_manager")
        cls.portal = new_test_user(cls.env, "vault_portal", groups="base.group_portal")
        cls.approve_roles(cls.accountant)
        cls.person = cls.accountant
        cls.env.ref("account.account_invoices").pii_purpose = "invoice"
        if not cls.env["account.journal"].search_count([("company_id", "=", cls.company.id), ("type", "=", "sale")]):
            cls.env["account.chart.template"].try_loading("generic_coa", cls.company, install_demo=False)

    def invoice(self, partner=None):
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": (partner or self.partner).id,
                "invoice_date": "2026-01-05",
                "invoice_line_ids": [Command.create({"name": "Widget", "price_unit": 10, "tax_ids": False})],
            }
        )
        move.action_post()
        return move

    def document(self, move, **vals):
        return self.env["ir.attachment"].create(
            {
                "name": "INV.pdf",
                "raw": CONTENT,
                "mimetype": "application/pdf",
                "res_model": "account.move",
                "res_id": move.id,
                **vals,
            }
        )


@tagged("post_install", "-at_install")
class TestInvoiceDoors(HttpCase, InvoiceCase):
    # the log needs a read/write connection beside a read-only request: real ones are, those of the tests are not
    _registry_readonly_enabled = False

    def setUp(self):
        super().setUp()
        self.move = self.invoice()
        self.file = self.document(self.move, res_field="invoice_pdf_report_file")
        self.second = self.document(self.move, name="second.pdf")
        for user in (self.accountant, self.outsider, self.portal):
            user.password = user.login + "-password"

    def get(self, url, user, **kwargs):
        if user:
            self.authenticate(user.login, user.login + "-password")
        else:
            self.authenticate(None, None)
        with mute_logger("odoo.http"):
            return self.url_open(url, allow_redirects=False, **kwargs)

    def opened(self):
        self.env.cr.execute(
            "SELECT purpose, reason FROM pii_access_log WHERE subject_uuid = %s AND outcome = 'opened'",
            [self.subject.uuid],
        )
        return self.env.cr.fetchall()

    def test_downloads(self):
        both = f"{self.file.id},{self.second.id}"
        urls = (
            f"/account/download_invoice_attachments/{self.file.id}",
            f"/account/download_invoice_attachments/{both}",
            f"/account/download_invoice_documents/{self.move.id}/pdf",
            f"/account/download_invoice_documents/{self.move.id}/all",
            f"/account/download_move_attachments/{self.move.id}",
            f"/web/content/account.move/{self.move.id}/invoice_pdf_report_file",
        )
        probes = 0
        for url in urls:
            response = self.get(url, self.accountant)
            self.assertEqual(response.status_code, 200, url)
            found = response.content
            if found.startswith(b"PK"):
                with zipfile.ZipFile(io.BytesIO(found)) as archive:
                    found = b"".join(archive.read(name) for name in archive.namelist())
            self.assertIn(CONTENT, found, url)
            self.assertEqual(response.headers["Cache-Control"], "no-store", url)
            probes += 1
            for user in (self.outsider, self.portal, None):
                response = self.get(url, user)
                where = f"{url} for {user and user.login}"
                self.assertIn(response.status_code, (303, 403, 404) if user != self.outsider else (403,), where)
                self.assertNoCanary(response.text, where)
                self.assertNotIn(b"PIIS", response.content, where)
                probes += 1
        opened = self.opened()
        self.assertEqual(len(opened), len(urls), "one row for each download")
        self.assertEqual({purpose for purpose, _reason in opened}, {"invoice"})
        self.assertTrue(all(self.move.name in reason for _purpose, reason in opened))
        print("FIGURE sealed_invoice_doors", probes, "probes")

    def test_the_portal_opens_nothing(self):
        self.move.message_subscribe(self.portal.partner_id.ids)
        token = self.move._portal_ensure_token()
        for user in (self.portal, None):
            for url in (
                f"/my/invoices/{self.move.id}?report_type=pdf&download=true&access_token={token}",
                f"/my/invoices/{self.move.id}?report_type=html&access_token={token}",
                f"/my/invoices/{self.move.id}?report_type=pdf&access_token={token}",
            ):
                response = self.get(url, user)
                self.assertEqual(response.status_code, 403, url)
                self.assertNoCanary(response.text, url)
        self.assertFalse(self.opened())

    def test_the_print_menu_opens_nothing(self):
        response = self.get(
            "/web/dataset/call_kw",
            self.accountant,
            data=json.dumps(
                {
                    "params": {
                        "model": "account.move",
                        "method": "get_extra_print_items",
                        "args": [self.move.ids],
                        "kwargs": {},
                    }
                }
            ),
            headers={"Content-Type": "application/json"},
        )
        self.assertIn("download_all", [item["key"] for item in response.json()["result"]])
        self.assertFalse(self.opened())

    def test_a_file_put_onto_an_invoice_is_no_bill(self):
        from odoo.http import Request  # noqa: PLC0415

        self.authenticate(self.outsider.login, self.outsider.login + "-password")
        response = self.url_open(
            "/mail/attachment/upload",
            data={
                "csrf_token": Request.csrf_token(self),
                "thread_id": self.move.id,
                "thread_model": "account.move",
            },
            files={"ufile": ("slip.pdf", CONTENT, "application/pdf")},
        )
        attachment = self.env["ir.attachment"].browse(response.json()["data"]["attachment_id"])
        self.assertEqual((attachment.pii_subject_id, attachment.pii_class), (self.subject, "fiscal"))


@tagged("post_install", "-at_install")
class TestInvoiceSending(InvoiceCase):
    def wizard(self, moves, **vals):
        model = "account.move.send.wizard" if len(moves) == 1 else "account.move.send.batch.wizard"
        return (
            self.env[model]
            .with_user(self.accountant)
            .with_context(active_model="account.move", active_ids=moves.ids)
            .create(vals)
        )

    def test_an_invoice_is_a_fiscal_file(self):
        move = self.invoice()
        document = self.document(move)
        self.assertEqual(document.pii_class, "fiscal")
        self.assertEqual(files.purpose_of(document), "invoice")
        self.assertEqual(files.content(document.with_user(self.accountant)), CONTENT)
        with self.acting(self.clerk), self.subject.with_user(self.clerk).reveal("label") as env:
            with self.assertRaises(AccessError):
                _ = env["ir.attachment"].browse(document.id).sudo().raw

    def test_the_dialog_says_that_no_mail_goes_out(self):
        move = self.invoice()
        wizard = self.wizard(move)
        self.assertFalse(wizard.sending_method_checkboxes["email"]["checked"])
        wizard.sending_method_checkboxes = {"email": {"checked": True}}
        self.assertIn("pii_sealed_document", wizard.alerts)
        with self.assertRaisesRegex(UserError, "not sent by e-mail"):
            wizard.action_send_and_print()
        plain = self.invoice(self.env["res.partner"].create({"name": "Plain", "email": "p@example.com"}))
        wizard = self.wizard(plain)
        self.assertTrue(wizard.sending_method_checkboxes["email"]["checked"])
        self.assertNotIn("pii_sealed_document", wizard.alerts or {})

    def test_many_at_once(self):
        moves = self.invoice() | self.invoice(self.seal("402-0000000-0000021")._partner())
        wizard = self.wizard(moves)
        self.assertNotIn("pii_sealed_document", wizard.alerts or {})
        # the e-invoice of the company's country has demands of its own, which are not this test's
        with patch.object(type(self.env["account.move.send"]), "_get_default_extra_edis", lambda *_args: set()):
            wizard.action_send_and_print(force_synchronous=True)
        for move in moves:
            self.assertEqual(move.sudo().invoice_pdf_report_id.pii_subject_id, move.partner_id.sudo().pii_subject_id)

    def test_what_is_sent_without_a_dialog_says_so_on_the_document(self):
        move = self.invoice()
        move.sending_data = {"author_user_id": self.accountant.id, "author_partner_id": self.accountant.partner_id.id}
        with mute_logger("odoo.addons.mail.models.mail_mail"):
            self.env["account.move.send"].with_user(self.accountant)._generate_and_send_invoices(
                move, sending_methods={"email"}, extra_edis=set(), from_cron=True
            )
        self.assertTrue(move.sudo().invoice_pdf_report_id.pii_subject_id)
        self.assertIn("not sent by e-mail", " ".join(move.message_ids.mapped("body")))
        self.assertFalse(self.env["mail.mail"].search([("attachment_ids", "!=", False)]).filtered("email_to"))

    def test_an_audit_trail_keeps_documents_but_no_person(self):
        self.company.restrictive_audit_trail = True
        move = self.invoice()
        kept = self.document(move)
        field = self.document(move, res_field="invoice_pdf_report_file")
        with self.assertRaisesRegex(UserError, "audit trail"):
            kept.unlink()
        field.unlink()
        self.assertTrue(field.exists(), "only taken off the invoice")
        self.subject.sudo().write({"state": "erased"})
        self.assertFalse((kept | field).exists())
