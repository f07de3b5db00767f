from odoo import models


class AccountMove(models.Model):
    _inherit = "account.move"

    # Accounting reads a stored invoice's bytes straight from its attachment, which is sealed for a protected customer.
    # Downloads go through the gate in the controllers; the methods here open nothing.

    def get_extra_print_items(self):
        # EXTENDS account: the menu asks whether there is something to download by reading all of it
        return super(AccountMove, self.with_context(pii_without_content=True)).get_extra_print_items()

    def _get_move_zip_export_docs(self):
        # EXTENDS account
        if self.env.context.get("pii_without_content"):
            # sudo: whether a file is sealed is no secret
            document = self.sudo().invoice_pdf_report_id
            if self.state == "posted" and document.pii_subject_id:
                return [{"filename": document.name, "filetype": document.mimetype, "content": b""}]
        return super()._get_move_zip_export_docs()

    def _to_files_data(self, attachments):
        # EXTENDS account: a customer's sealed file is no vendor's bill to be read in
        return super()._to_files_data(
            # sudo: as in _get_move_zip_export_docs
            attachments.filtered(lambda attachment: not attachment.sudo().pii_subject_id)
        )

    def _extend_with_attachments(self, files_data, new=False):
        # EXTENDS account: what is left of an upload without sealed files may be nothing
        return super()._extend_with_attachments(files_data, new=new) if files_data else False

    def _post(self, soft=True):
        # EXTENDS account: a customer who was kept for the invoice alone is not needed any more
        posted = super()._post(soft=soft)
        invoices = posted.filtered(lambda move: move.move_type == "out_invoice" and move.state == "posted")
        if invoices:
            invoices._pii_subjects()._record("invoiced")
        return posted
