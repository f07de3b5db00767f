from datetime import timedelta

from odoo import api, models
from odoo.exceptions import AccessError

from odoo.addons.pii_retention import archive, archive_seals, channel, reasons
from odoo.addons.pii_retention.statutes import Dates

from .. import documents

FISCAL = "pii_retention.group_fiscal"


class AccountMove(models.Model):
    """The way of a document whose identity the law keeps into the legal archive."""

    _inherit = "account.move"

    @api.model
    def _pii_legal_fields(self):
        """Return the names of the fields that hold the document as it was issued or transmitted."""
        named = {
            name
            for name, field in self._fields.items()
            if field.type == "binary" and name.endswith(("_xml_file", "_edi_attachment_file"))
        }
        return named.union(self._get_fields_to_detach())

    def _pii_legal_files(self):
        # sudo: the files are archived whoever issues the document; nothing is read
        return (
            self.env["ir.attachment"]
            .sudo()
            .search(
                [
                    ("res_model", "=", self._name),
                    ("res_id", "in", self.ids),
                    ("res_field", "in", sorted(self._pii_legal_fields())),
                    ("pii_subject_id", "!=", False),
                ]
            )
        )

    def _pii_e_invoices(self):
        return self._pii_legal_files().filtered(lambda file: file.res_field in documents.E_INVOICE_FIELDS)

    def _pii_archive(self):
        """Archive the documents of class B that exist; return the items."""
        items = self.env["pii.archive.item"]
        for move in self.filtered(lambda move: move.state == "posted" and move.pii_document_class == "b"):
            day = move.invoice_date or move.date
            dates = Dates(day, move.delivery_date or day, move.company_id.compute_fiscalyear_dates(day)["date_to"])
            for file in move._pii_legal_files():
                if file.pii_subject_id.state != "live":
                    continue
                items |= archive.keep(
                    file,
                    archive.Document(
                        record=move,
                        company=move.company_id,
                        code=move.pii_document_code,
                        basis=move.pii_document_basis,
                        number=move.name,
                        dates=dates,
                        amount=move.amount_total,
                        currency=move.currency_id,
                        order_reference=file.pii_subject_id.reference,
                        subject=file.pii_subject_id,
                        reason=move.pii_document_reason or "",
                    ),
                )
        return items

    def _pii_require_identity(self, basis, reason):
        """State that this document must name the customer; a person with the role for fiscal documents does.

        :param basis: ``on_request`` or ``manual``
        :raise AccessError: not in person, or without the role
        """
        if not channel.in_person(self.env):
            raise AccessError(self.env._("A person states that the full invoice is required, signed in to Odoo."))
        if not self.env.user.has_group(FISCAL):
            raise AccessError(self.env._("The role Fiscal Documents is needed to keep a customer's identity."))
        self.check_access("write")
        for move in self:
            with documents.deciding():
                move.write(
                    {
                        "pii_document_class": "b",
                        "pii_document_basis": basis,
                        "pii_document_code": move.pii_document_code or move._pii_archive_code(),
                        "pii_document_reason": reasons.for_log(reason),
                        "pii_document_by_id": self.env.uid,
                    }
                )
            move.message_post(body=self.env._("The full invoice is required: %s", reason))
        return self._pii_archive()

    @api.model
    def _cron_pii_archive(self):
        """Archive what was missed; tell who issues fiscal documents, before the day comes, of what a statute needs."""
        # sudo: scheduled work for all companies
        for company in self.env["res.company"].sudo().search([]):
            last = company._pii_day() + timedelta(days=company._pii_figure("archive_warn_days"))
            moves = self.sudo().search(
                [
                    ("company_id", "=", company.id),
                    ("state", "=", "posted"),
                    ("pii_document_class", "=", "b"),
                    ("partner_id.pii_subject_id.state", "=", "live"),
                ]
            )
            moves._pii_archive()
            moves.invalidate_recordset(["pii_is_archived"])
            for move in moves.filtered(lambda move: not move.pii_is_archived):
                if move._pii_subjects().sudo()._first_to_end().deadline <= last:
                    move._pii_warn()

    def _pii_warn(self):
        """Put a document that is not archived on the list of who issues fiscal documents, once."""
        self.ensure_one()
        xmlid = "pii_retention_account.activity_archive_missing"
        if self.activity_search([xmlid]):
            return
        day = self._pii_subjects().sudo()._first_to_end().deadline
        rule = archive_seals.rule_in_force(
            self.company_id, self.pii_document_code or "", self.invoice_date or self.date
        )
        if rule:
            text = self.env._("Send or print the document: a statute requires it, and its customer is forgotten soon.")
        else:
            text = self.env._(
                "No rule of the archive is confirmed for the row %s. Propose it in Privacy → Archive → Rules by "
                "Country, and let a privacy officer confirm it.",
                self.pii_document_code,
            )
        for user in self._pii_fiscal_users():
            self.with_context(mail_activity_automation_skip=False).activity_schedule(
                xmlid, date_deadline=day - timedelta(days=1), user_id=user.id, note=text
            )

    def _pii_fiscal_users(self):
        """Return who is told: of those who may read invoices, the role for fiscal documents, else the accountants."""
        # sudo: who has which role is public inside the company
        billing = self.env.ref("account.group_account_invoice").sudo().all_user_ids
        billing = billing.filtered(lambda user: user.active and self.company_id in user.company_ids)
        fiscal = billing & self.env.ref(FISCAL).sudo().all_user_ids
        return fiscal or billing & self.env.ref("account.group_account_manager").sudo().all_user_ids
