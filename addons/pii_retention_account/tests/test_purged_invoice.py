"""What is left of an invoice once its customer's data is gone: the books to the cent, and nobody's name."""

from unittest.mock import patch
from uuid import uuid4

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.pii_retention import leftovers, purging
from odoo.addons.pii_retention.tests.common import PERSON
from odoo.addons.pii_retention_account.tests.test_invoice_doors import InvoiceCase

BOOKS = """
SELECT m.name, m.state, m.move_type, m.amount_total, m.amount_residual, m.invoice_date, m.currency_id, m.partner_id,
       m.invoice_partner_display_name, l.account_id, l.name, l.debit, l.credit, l.quantity, l.price_unit, l.partner_id
  FROM account_move m JOIN account_move_line l ON l.move_id = m.id WHERE m.id = ANY(%s) ORDER BY l.id
"""


@tagged("post_install", "-at_install")
class TestPurgedInvoice(InvoiceCase):
    def setUp(self):
        super().setUp()
        # destroyed keys stay destroyed, whatever is rolled back
        self.subject.sudo().write({"state": "erased"})
        self.company.sudo().pii_domain = str(uuid4())
        self.subject = self.seal("402-7654321-0000001")
        self.partner = self.subject._partner()
        self.startPatcher(patch.object(purging, "_vacuum"))

    def purge(self):
        with freeze_time(f"{self.subject.sudo().deadline} 12:00:00"), self.acting(None):
            return purging.purge(self.env(su=True), self.company)

    def books(self, moves):
        self.env.flush_all()
        self.env.cr.execute(BOOKS, [moves.ids])
        return self.env.cr.fetchall()

    def test_the_books_stay_and_the_person_goes(self):
        move = self.invoice()
        move.message_post(body=f"<p>{PERSON['name']} wants it sent again</p>", message_type="comment")
        move.message_post(body="Somebody else's business", message_type="notification")
        move.activity_schedule("mail.mail_activity_data_call", note=f"<p>{PERSON['phone']}</p>", summary=PERSON["name"])
        file = self.document(move, res_field="invoice_pdf_report_file")
        before, lines = self.books(move), len(move.message_ids)
        tax_lines = move.line_ids.ids
        run = self.purge()
        self.assertEqual(run.state, "done", run.problem)
        self.assertEqual(self.books(move), before)
        self.assertEqual(move.line_ids.ids, tax_lines)
        self.assertFalse(file.exists())
        self.assertFalse(move.invoice_pdf_report_file)
        self.assertEqual(len(move.message_ids), lines, "what happened to the document stays to be read")
        self.assertIn(leftovers.ERASED, move.message_ids.mapped("body"))
        self.assertTrue(move.message_ids.filtered(lambda message: "Somebody else" in message.body))
        for table in (
            "mail_message",
            "mail_activity",
            "mail_mail",
            "mail_tracking_value",
            "account_move",
            "res_partner",
        ):
            self.env.cr.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")  # noqa: S608 names from above
            self.assertNoCanary(self.env.cr.fetchone()[0], table)

    def test_a_credit_note_by_reference(self):
        move = self.invoice()
        self.purge()
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"journal_id": move.journal_id.id, "date": "2026-03-01"})
        )
        credit = self.env["account.move"].browse(wizard.reverse_moves()["res_id"])
        credit.action_post()
        self.assertEqual((credit.reversed_entry_id, credit.amount_total), (move, move.amount_total))
        self.assertEqual(credit.partner_id, self.partner)
        self.assertEqual(credit.invoice_partner_display_name, self.subject._pseudonym())

    def test_a_restricted_audit_trail_does_not_keep_the_person(self):
        self.company.restrictive_audit_trail = True
        move = self.invoice()
        file = self.document(move)
        self.assertEqual(self.purge().state, "done")
        self.assertFalse(file.exists())
