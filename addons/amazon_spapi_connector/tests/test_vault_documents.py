"""The vault under Odoo's own screens: invoices, deliveries, the mail composer, letters."""

import re

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user, tagged

from odoo.addons.pii_retention.tests.common import CANARIES, PERSON, VaultCase


@tagged("post_install", "-at_install")
class TestVaultDocuments(VaultCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.setUpShop()

    @classmethod
    def setUpShop(cls):
        """An accountant who may do everything in the shop, a product and a chart of accounts."""
        cls.accountant = new_test_user(
            cls.env,
            "vault_accountant",
            groups="account.group_account_manager,stock.group_stock_manager,sales_team.group_sale_manager,"
            "base.group_partner_manager,pii_retention.group_fulfilment,pii_retention.group_fiscal,"
            "pii_retention.group_customer_care",
        )
        cls.approve_roles(cls.accountant)
        cls.person = cls.accountant
        cls.product = cls.env["product.product"].create(
            {"name": "Widget", "type": "consu", "is_storable": True, "list_price": 10, "taxes_id": False}
        )
        for xmlid, purpose in (
            ("account.account_invoices", "invoice"),
            ("stock.action_report_delivery", "label"),
        ):
            cls.env.ref(xmlid).pii_purpose = purpose
        if not cls.env["account.journal"].search_count([("company_id", "=", cls.company.id), ("type", "=", "sale")]):
            cls.env["account.chart.template"].try_loading("generic_coa", cls.company, install_demo=False)

    def setUp(self):
        super().setUp()
        self.existing = self.snapshot()

    def snapshot(self):
        """Return ``{(table, column)}`` of the database that hold a canary now."""
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT c.table_name, c.column_name FROM information_schema.columns c
                 JOIN information_schema.tables t USING (table_schema, table_name)
                WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
                  AND c.data_type IN ('text', 'character varying', 'jsonb', 'json', 'bytea')"""
        )
        columns = {}
        for table, column in self.env.cr.fetchall():
            columns.setdefault(table, []).append(column)
        found = set()
        for table, names in columns.items():
            tests = ", ".join(f"""bool_or(lower(t."{name}"::text) ~ %(canaries)s)""" for name in names)
            self.env.cr.execute(  # pylint: disable=sql-injection
                f'SELECT {tests} FROM "{table}" t',
                {"canaries": "|".join(re.escape(canary.lower()) for canary in CANARIES)},
            )
            found.update((table, name) for name, hit in zip(names, self.env.cr.fetchone(), strict=True) if hit)
        return found

    def files(self):
        """Return the contents on disk of the attachments that this test has made."""
        self.env.cr.execute(
            "SELECT id, store_fname FROM ir_attachment WHERE create_date >= now() AND store_fname <> ''"
        )
        attachments = self.env["ir.attachment"].sudo()
        return {row[0]: attachments._file_read(row[1]) for row in self.env.cr.fetchall()}

    def assertNothingAtRest(self):
        self.env.cr.precommit.run()
        self.assertFalse(self.snapshot() - self.existing, "columns with plaintext")
        for attachment_id, content in self.files().items():
            attachment = self.env["ir.attachment"].browse(attachment_id)
            self.assertNoCanary(content.decode("latin-1"), f"the file of {attachment.name} of {attachment.res_model}")

    def invoice(self):
        move = (
            self.env["account.move"]
            .with_user(self.accountant)
            .create(
                {
                    "move_type": "out_invoice",
                    "partner_id": self.partner.id,
                    "invoice_date": "2026-01-05",
                    "invoice_line_ids": [
                        Command.create({"display_type": "line_section", "name": "Section"}),
                        Command.create({"product_id": self.product.id, "price_unit": 10}),
                    ],
                }
            )
        )
        move.action_post()
        return move

    def delivery(self):
        # not by the accountant: a delivery of one's own making is no leave to see whom it goes to
        order = self.env["sale.order"].create(
            {"partner_id": self.partner.id, "order_line": [Command.create({"product_id": self.product.id})]}
        )
        order.action_confirm()
        return order.picking_ids

    def test_the_send_wizard_stores_sealed_documents_only(self):
        move = self.invoice()
        wizard = (
            self.env["account.move.send.wizard"]
            .with_user(self.accountant)
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"sending_methods": ["manual"]})
        )
        # the e-invoice of the company's country has demands of its own, which are not this test's
        wizard.extra_edis = {}
        wizard.action_send_and_print()
        document = move.sudo().invoice_pdf_report_id
        self.assertTrue(document)
        self.assertEqual(document.pii_subject_id, self.subject)
        self.assertNothingAtRest()
        with self.subject.with_user(self.accountant).reveal("invoice") as env:
            content = env["ir.attachment"].browse(document.id).sudo().raw
        self.assertIn(PERSON["street"].encode(), content)

    def test_an_invoice_can_be_posted_with_files_and_opened_in_its_form(self):
        move = self.invoice()
        move.message_post(body="file", attachments=[("note.txt", PERSON["name"].encode())])
        with Form(move) as form:
            form.ref = "X"
        self.assertNothingAtRest()

    def test_the_mail_composer_stores_the_rendered_invoice_sealed(self):
        move = self.invoice()
        template = self.env["mail.template"].create(
            {
                "name": "Vault",
                "model_id": self.env["ir.model"]._get_id("account.move"),
                "subject": "S",
                "body_html": "<p t-out='object.partner_id.name'/>",
                "report_template_ids": [Command.link(self.env.ref("account.account_invoices").id)],
            }
        )
        composer = (
            self.env["mail.compose.message"]
            .with_user(self.accountant)
            .create(
                {
                    "model": "account.move",
                    "res_ids": str(move.ids),
                    "template_id": template.id,
                    "composition_mode": "comment",
                }
            )
        )
        self.assertTrue(composer.attachment_ids)
        self.assertEqual(composer.attachment_ids.sudo().pii_subject_id, self.subject)
        with self.assertRaisesRegex(UserError, "not sent by e-mail"):
            composer.action_send_mail()
        composer.partner_ids = False
        composer.action_send_mail()
        self.assertNothingAtRest()

    def test_mass_mailing_of_the_invoice_stores_nothing_in_clear(self):
        move = self.invoice()
        template = self.env["mail.template"].create(
            {
                "name": "Vault",
                "model_id": self.env["ir.model"]._get_id("account.move"),
                "subject": "S",
                "email_to": "somebody@example.com",
                "report_template_ids": [Command.link(self.env.ref("account.account_invoices").id)],
            }
        )
        template.with_user(self.accountant).send_mail(move.id, force_send=False)
        self.assertNothingAtRest()

    def test_a_confirmed_delivery_and_its_slip(self):
        picking = self.delivery()
        picking.move_ids.quantity = 1
        picking.move_ids.picked = True
        picking.button_validate()
        self.assertEqual(picking.state, "done")
        slip = (
            self.env["ir.actions.report"]
            .with_user(self.accountant)
            ._render("stock.action_report_delivery", picking.ids)[0]
        )
        self.assertIn(PERSON["street"].encode(), slip)
        picking.message_post(body="slip", attachments=[("slip.html", slip)])
        self.assertNothingAtRest()

    def test_a_letter_in_the_queue_takes_no_address(self):
        if "snailmail.letter" not in self.env:
            return
        move = self.invoice()
        letter = (
            self.env["snailmail.letter"]
            .with_user(self.accountant)
            .create(
                {
                    "partner_id": self.partner.id,
                    "model": "account.move",
                    "res_id": move.id,
                    "company_id": self.company.id,
                }
            )
        )
        self.partner.with_user(self.accountant).write({"street": PERSON["street"], "city": PERSON["city"]})
        self.env["res.partner"].browse(letter.partner_id.id).write({"zip": PERSON["zip"]})
        self.assertFalse(letter.sudo().street)
        self.assertNothingAtRest()

    def test_whoever_may_not_see_the_buyer_prints_no_invoice_of_him(self):
        move = self.invoice()
        outsider = new_test_user(self.env, "vault_outsider", groups="account.group_account_manager")
        with self.assertRaises(AccessError):
            self.env["ir.actions.report"].with_user(outsider)._render("account.account_invoices", move.ids)
        with self.assertRaises(AccessError):
            move.with_user(outsider)._get_invoice_legal_documents("pdf", allow_fallback=True)

    def test_copies_of_documents_copy_no_person(self):
        move = self.invoice()
        self.delivery().sale_id.copy()
        move.copy()
        self.assertNothingAtRest()

    def test_a_reveal_around_other_modules_writes_nothing(self):
        """What renders may also store on the way: it must fail, not half succeed."""
        move = self.invoice()
        # reading a company's settings for the first time may register it with a national service, which writes
        move.read()
        with self.subject.with_user(self.accountant).reveal("invoice") as env:
            inside = env["account.move"].browse(move.id)
            self.assertEqual(inside.partner_id.name, PERSON["name"])
            inside.read()
            inside.line_ids.read()
        self.assertNothingAtRest()
