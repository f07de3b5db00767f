"""Classes of documents, and their way into the legal archive before their customer's day."""

from datetime import date, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged

from odoo.addons.pii_retention import archive_items, keys
from odoo.addons.pii_retention.crypto import day_key_id
from odoo.addons.pii_retention.tests.archive_common import ArchiveCase
from odoo.addons.pii_retention.tests.common import OPERATIONAL

from .. import documents
from .test_invoice_doors import CONTENT, InvoiceCase

XML = b"<FatturaElettronica/>"


class InvoiceArchiveCase(InvoiceCase, ArchiveCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.account_fiscal_country_id = cls.germany
        cls.company.country_id = cls.germany
        # a consumer: nothing of a business is known
        cls.consumer = cls.seal("402-7654321-0000001", {"operational": dict(OPERATIONAL)})
        cls.buyer = cls.consumer._partner()

    def pdf(self, move, content=CONTENT, field="invoice_pdf_report_file"):
        return self.document(move, res_field=field, raw=content)

    def items(self, move):
        return self.env["pii.archive.item"].search([("res_model", "=", "account.move"), ("res_id", "=", move.id)])

    def require(self, move, basis="on_request", reason="asked for with the order", user=None):
        user = user or self.accountant
        with self.acting(user):
            wizard = (
                self.env["pii.full.invoice"]
                .with_user(user)
                .create({"move_id": move.id, "basis": basis, "reason": reason})
            )
            wizard.action_confirm()


@tagged("post_install", "-at_install")
class TestDocumentClass(InvoiceArchiveCase):
    def test_a_consumer_is_class_a(self):
        move = self.invoice(self.buyer)
        self.assertEqual((move.pii_document_class, move.pii_document_basis), ("a", False))
        self.assertEqual(move.pii_document_code, "DE")
        self.pdf(move)
        self.assertFalse(self.items(move), "nothing is kept because some country may require it")

    def test_a_business_is_class_b(self):
        self.assertTrue(self.subject.has_vat)
        move = self.invoice()
        self.assertEqual((move.pii_document_class, move.pii_document_basis), ("b", "b2b"))
        self.assertFalse(move.pii_is_archived)
        self.pdf(move)
        item = self.items(move)
        self.assertEqual((item.part, item.basis, item.reference), ("pdf", "b2b", move.name))
        self.assertEqual((item.amount, item.order_reference), (move.amount_total, self.subject.reference))
        self.assertEqual(archive_items.content(item), CONTENT)
        move.invalidate_recordset()
        self.assertTrue(move.pii_is_archived)
        self.assertIn(move, self.env["account.move"].search([("pii_is_archived", "=", True)]))
        self.assertNotIn(move, self.env["account.move"].search([("pii_is_archived", "=", False)]))

    def test_a_correction_makes_a_business(self):
        self.consumer._correct({"fiscal": {"vat": "DE123456788"}})
        self.assertEqual(self.invoice(self.buyer).pii_document_basis, "b2b")

    def test_ordinary_customers_have_no_class(self):
        plain = self.env["res.partner"].create({"name": "Wholesaler"})
        move = self.invoice(plain)
        self.assertFalse(move.pii_document_class)
        self.pdf(move)
        self.assertFalse(self.items(move))

    def test_on_request(self):
        move = self.invoice(self.buyer)
        self.pdf(move)
        self.require(move)
        self.assertEqual((move.pii_document_class, move.pii_document_basis), ("b", "on_request"))
        self.assertEqual(move.pii_document_by_id, self.accountant)
        item = self.items(move)
        self.assertEqual((item.basis, item.reason), ("on_request", "asked for with the order"))

    def test_who_may_require_it(self):
        move = self.invoice(self.buyer)
        with self.assertRaises(AccessError):
            self.require(move, user=self.outsider)
        with self.acting(None), self.assertRaises(AccessError):
            move.with_user(self.accountant)._pii_require_identity("manual", "a scheduled action says so")
        with self.assertRaises(ValidationError):
            self.require(move, reason="x")
        self.assertEqual(move.pii_document_class, "a")

    def test_nobody_writes_the_class(self):
        move = self.invoice(self.buyer)
        for records in (move.sudo(), move.with_user(self.accountant)):
            for vals in ({"pii_document_class": "b"}, {"pii_document_by_id": self.accountant.id}):
                with self.assertRaises(AccessError):
                    records.write(vals)
        made = self.env["account.move"].create({"move_type": "out_invoice", "pii_document_class": "b"})
        self.assertFalse(made.pii_document_class)

    def test_distance_sale_outside_oss(self):
        france = self.env.ref("base.fr")
        move = self.invoice(self.buyer)
        self.assertFalse(move._pii_is_distance_sale())
        with patch.object(type(move), "_pii_departure_country", lambda move: france):
            self.assertTrue(move._pii_is_distance_sale(), "sent from France, taxed in Germany")
            self.assertEqual(move._pii_basis(self.consumer, "DE"), "distance_sale")
            self.assertFalse(move._pii_basis(self.consumer, "OSS"), "no identity in the Union scheme")
            with patch.object(type(move), "_pii_is_oss", lambda move: True):
                self.assertFalse(move._pii_is_distance_sale())
                self.assertEqual(move._pii_archive_code(), "OSS")
        self.company.account_fiscal_country_id = france
        with patch.object(type(move), "_pii_departure_country", lambda move: france):
            move.invalidate_recordset()
            self.assertFalse(self.invoice(self.buyer)._pii_is_distance_sale(), "taxed where it was sent from")

    def test_above_the_limit_of_simplified_documents(self):
        move = self.invoice(self.buyer)
        for amount, basis in ((3000.0, False), (3000.01, "amount")):
            with patch.object(type(move), "amount_total_signed", amount):
                self.assertEqual(move._pii_basis(self.consumer, "ES"), basis)

    def test_the_united_kingdom(self):
        self.company.account_fiscal_country_id = self.env.ref("base.uk")
        self.assertEqual(self.invoice(self.buyer).pii_document_code, "UK")

    def test_a_transmitted_e_invoice(self):
        self.company.account_fiscal_country_id = self.env.ref("base.it")
        self.confirmed("IT")
        move = self.invoice(self.buyer)
        self.assertEqual((move.pii_document_class, move.pii_document_code), ("a", "IT"))
        field = "l10n_it_edi_attachment_file"
        with patch.object(type(move), "_pii_legal_fields", lambda move: {"invoice_pdf_report_file", field}):
            self.document(move, res_field=field, raw=XML, name="IT01234567890_1.xml", mimetype="application/xml")
            self.assertEqual((move.pii_document_class, move.pii_document_basis), ("b", "e_invoice"))
            self.pdf(move)
        self.assertEqual(set(self.items(move).mapped("part")), {"pdf", "xml"})
        self.assertEqual(set(self.items(move).mapped("years")), {10})

    def test_cancelled_is_class_c(self):
        move = self.invoice()
        move.button_draft()
        move.button_cancel()
        self.assertEqual(move.pii_document_class, "c")
        self.pdf(move)
        self.assertFalse(self.items(move))

    def test_a_new_version_of_the_document(self):
        move = self.invoice()
        self.pdf(move)
        move.button_draft()
        move.action_post()
        self.pdf(move, CONTENT + b"again")
        self.assertEqual(len(self.items(move)), 2, "what was issued stays")

    def test_a_fiscal_year_that_is_not_the_calendars(self):
        self.confirmed("FR")
        self.company.account_fiscal_country_id = self.env.ref("base.fr")
        self.company.write({"fiscalyear_last_month": "3", "fiscalyear_last_day": 31})
        move = self.invoice()  # 5 January 2026
        self.pdf(move)
        item = self.items(move)
        self.assertEqual((item.start, item.retain_until), (date(2026, 3, 31), date(2036, 3, 31)))

    # === BEFORE THE DAY === #

    def test_what_is_missing_is_said_in_time(self):
        """Not four days before the customer's day, but three; once; with what to do."""
        self.confirmed("FR")
        self.company.account_fiscal_country_id = self.germany
        move, other = self.invoice(), self.invoice()
        self.pdf(other)
        run = self.env["account.move"]._cron_pii_archive
        day = self.subject.deadline
        with freeze_time(f"{day - timedelta(days=4)} 12:00:00"):
            run()
            self.assertFalse(move.activity_ids)
        with freeze_time(f"{day - timedelta(days=3)} 12:00:00"):
            run()
            run()
            told = move.activity_ids
            self.assertEqual(told.user_id, self.accountant)
            self.assertIn("Send or print", str(told.note))
            self.assertFalse(other.activity_ids)
            self.pdf(move)
            self.assertTrue(self.items(move))
        print("FIGURE archive_missing_warned_days_before 3 days")

    def test_a_row_that_nobody_confirmed(self):
        self.company.account_fiscal_country_id = self.env.ref("base.fr")
        move = self.invoice()
        self.assertEqual((move.pii_document_class, move.pii_document_code), ("b", "FR"))
        self.pdf(move)
        self.assertFalse(self.items(move))
        with freeze_time(f"{self.subject.deadline - timedelta(days=1)} 12:00:00"):
            self.env["account.move"]._cron_pii_archive()
            self.assertIn("Rules by Country", str(move.activity_ids.note))
            self.confirmed("FR")
            self.env["account.move"]._cron_pii_archive()
        self.assertTrue(self.items(move), "what waited is archived when the row is confirmed")

    def test_what_a_statute_requires_of_whom_is_erased_early(self):
        """A request erases before the day; what exists is archived first, what does not is named."""
        self.confirmed("FR")
        waiting, missing = self.invoice(), self.invoice()
        self.company.account_fiscal_country_id = self.env.ref("base.fr")
        with patch.object(type(waiting), "_pii_archive", lambda moves: moves.env["pii.archive.item"]):
            self.pdf(waiting)
        self.assertFalse(self.items(waiting))
        self.assertEqual(self.subject._archive_required(), [missing.name])
        self.assertEqual(archive_items.content(self.items(waiting)), CONTENT)
        self.assertEqual(self.consumer._archive_required(), [])

    # === AFTER THE DAY === #

    def test_after_the_day(self):
        move = self.invoice()
        self.pdf(move)
        keys.keyring(self.env).destroy(day_key_id(self.company._pii_domain(), self.subject.deadline), "deadline")
        self.subject.sudo().write({"state": "erased"})
        self.env.invalidate_all()
        self.assertTrue(move.pii_is_erased)
        self.assertFalse(move.invoice_pdf_report_id)
        self.assertEqual(archive_items.content(self.items(move)), CONTENT)
        action = move.with_user(self.accountant).action_pii_archive()
        self.assertEqual(self.env["pii.archive.item"].search(action["domain"]), self.items(move))
        with self.assertRaises(AccessError):
            self.env["account.move"].browse(move.id).write({"pii_document_class": "a"})

    def test_documents_module_is_no_door(self):
        self.assertFalse(documents.is_deciding())
        with documents.deciding():
            self.assertTrue(documents.is_deciding())
        self.assertFalse(documents.is_deciding())

    def test_a_credit_note_is_class_a(self):
        move = self.invoice()
        wizard = self.env["account.move.reversal"].create(
            {"move_ids": [Command.set(move.ids)], "journal_id": move.journal_id.id, "reason": "returned"}
        )
        refund = self.env["account.move"].browse(wizard.reverse_moves()["res_id"])
        refund.action_post()
        self.assertEqual((refund.pii_document_class, refund.pii_document_basis), ("a", False))
