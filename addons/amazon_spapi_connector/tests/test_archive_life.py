"""An order's whole life with a document that the law keeps: what is left when its buyer's day has come."""

import os

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import HttpCase, tagged

from odoo.addons.pii_retention import archive_items, keys, purge
from odoo.addons.pii_retention.crypto import day_key_id
from odoo.addons.pii_retention.tests.archive_common import ArchiveCase
from odoo.addons.pii_retention.tests.common import CANARIES, PERSON

from . import test_vault_documents

#: ``model: (group by, sums)``: what sales, inventory and accounting report.
REPORTS = {
    "sale.report": (
        ["product_id", "country_id", "partner_id"],
        ["price_subtotal:sum", "price_total:sum", "product_uom_qty:sum"],
    ),
    "account.invoice.report": (["product_id", "country_id", "partner_id"], ["price_subtotal:sum", "quantity:sum"]),
    "account.move.line": (
        ["account_id", "partner_id", "date_maturity:day"],
        ["debit:sum", "credit:sum", "amount_residual:sum"],
    ),
    "account.move": (["move_type", "partner_id", "pii_document_class"], ["amount_total:sum", "amount_residual:sum"]),
    "stock.move": (["product_id", "location_dest_id", "state"], ["product_qty:sum"]),
    "stock.move.line": (["product_id", "location_dest_id", "state"], ["quantity:sum"]),
    "stock.quant": (["product_id", "location_id"], ["quantity:sum"]),
    "sale.order": (["partner_id", "state"], ["amount_total:sum"]),
}


@tagged("post_install", "-at_install")
class TestArchiveLife(HttpCase, ArchiveCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        test_vault_documents.TestVaultDocuments.setUpShop.__func__(cls)
        cls.company.account_fiscal_country_id = cls.germany

    def reported(self):
        self.env.flush_all()
        self.env.invalidate_all()
        return {
            model: self.env[model].formatted_read_group([], groupby, sums) for model, (groupby, sums) in REPORTS.items()
        }

    def shown(self, report, records):
        """Return the document as a person gets it: the PDF, and what is drawn on it as HTML."""
        reports = self.env["ir.actions.report"].with_user(self.accountant)
        pdf, _kind = reports.with_context(force_report_rendering=True)._render_qweb_pdf(report, records.ids)
        html, _kind = reports._render_qweb_html(report, records.ids)
        return pdf, html.decode() if isinstance(html, bytes) else str(html)

    def send(self, move):
        wizard = (
            self.env["account.move.send.wizard"]
            .with_user(self.accountant)
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"sending_methods": ["manual"]})
        )
        # the e-invoice of the company's country has demands of its own, which are not this test's
        wizard.extra_edis = {}
        wizard.action_send_and_print()
        return move.sudo().invoice_pdf_report_id

    def test_the_whole_life(self):
        order = (
            self.env["sale.order"]
            .with_user(self.accountant)
            .create(
                {
                    "partner_id": self.partner.id,
                    "order_line": [Command.create({"product_id": self.product.id, "product_uom_qty": 3})],
                }
            )
        )
        order.action_confirm()
        picking = order.picking_ids
        picking.move_ids.quantity = 3
        picking.with_context(skip_sms=True).button_validate()
        move = order._create_invoices()
        move.action_post()
        self.assertEqual((move.pii_document_class, move.pii_document_basis), ("b", "b2b"))
        document = self.send(move)
        item = self.env["pii.archive.item"].search([("res_model", "=", "account.move"), ("res_id", "=", move.id)])
        self.assertEqual((item.reference, item.part, item.amount), (move.name, "pdf", move.amount_total))
        kept = archive_items.content(item)
        # the tests of Odoo keep a document as HTML
        self.assertIn(PERSON["street"].encode(), kept)
        self.assertEqual(document.pii_subject_id, self.subject)
        before, deadline = self.reported(), self.subject.deadline

        # the buyer's day: everything of the person goes, and the key with it
        purge.forget(self.env(su=True), self.subject.ids, "deadline")
        keys.keyring(self.env).destroy(day_key_id(self.company._pii_domain(), deadline), "deadline")
        self.assertEqual(self.subject.state, "erased")
        self.assertFalse(document.exists())
        after = self.reported()
        for model in REPORTS:
            self.assertTrue(before[model], model)
            self.assertEqual(after[model], before[model], f"{model} to the cent")
        print("FIGURE archive_reports_unchanged", len(REPORTS), "reports")
        self.assertTrue(move.pii_is_erased)
        self.assertEqual(archive_items.content(item), kept, "the document is whole")

        # returned after that: a credit note by reference to the invoice
        wizard = (
            self.env["account.move.reversal"]
            .with_user(self.accountant)
            .create({"move_ids": [Command.set(move.ids)], "journal_id": move.journal_id.id, "reason": "returned"})
        )
        refund = self.env["account.move"].browse(wizard.reverse_moves()["res_id"])
        refund.action_post()
        self.assertEqual((refund.pii_document_class, refund.amount_total), ("a", move.amount_total))
        pdf, html = self.shown("account.account_invoices", refund)
        self.assertTrue(pdf.startswith(b"%PDF"))
        for text in ("Amends invoice", move.name, refund.name):
            self.assertIn(text, html)
        self.assertNoCanary(html, "the credit note")
        if folder := os.environ.get("PII_TEST_PAPER"):
            with open(os.path.join(folder, "credit_note.pdf"), "wb") as file:
                file.write(pdf)
        paper = self.send(refund)
        self.assertIn(refund.name, paper.raw.decode(), "an ordinary file that anybody in accounting opens")
        self.assertTrue(paper.pii_shows_nobody)
        self.assertFalse(paper.pii_subject_id)
        self.assertFalse(
            self.env["pii.archive.item"].search([("res_id", "=", refund.id), ("res_model", "=", "account.move")])
        )
        # what a person attaches to an erased customer's document may show somebody: it is not kept in clear
        with self.assertRaises(UserError):
            self.env["ir.attachment"].create(
                {"name": "a.txt", "raw": PERSON["name"], "res_model": "account.move", "res_id": refund.id}
            )
        self.env.flush_all()
        for table in (
            "account_move",
            "account_move_line",
            "res_partner",
            "sale_order",
            "ir_attachment",
            "pii_subject",
            "pii_archive_item",
            "mail_message",
        ):
            self.env.cr.execute(f"SELECT to_jsonb(t)::text FROM {table} t WHERE create_date >= now()")  # pylint: disable=sql-injection
            rows = " ".join(row[0] for row in self.env.cr.fetchall()).casefold()
            self.assertFalse([canary for canary in CANARIES if canary.casefold() in rows], table)
