from odoo import api, models
from odoo.exceptions import UserError

from odoo.addons.pii_retention import filestore


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    # A company may have to keep its documents (restrictive audit trail). Accounting looks into the content to tell a
    # document from other files, which sealed ones do not allow, and it keeps them from being deleted, which must not
    # outlive the day of a person's data.

    @api.model_create_multi
    def create(self, vals_list):
        attachments = super().create(vals_list)
        attachments._pii_archive_legal()
        return attachments

    def write(self, vals):
        result = super().write(vals)
        if not {"raw", "datas", "res_field", "res_id", "res_model"}.isdisjoint(vals):
            self._pii_archive_legal()
        return result

    def _pii_archive_legal(self):
        """Archive what was just issued, while its customer lives."""
        # sudo: as in account.move
        issued = self.sudo().filtered(
            lambda file: file.pii_subject_id and file.res_model == "account.move" and file.res_id and file.res_field
        )
        if moves := self.env["account.move"].sudo().browse(issued.mapped("res_id")).exists():
            moves.filtered("pii_document_class")._pii_classify()
            moves._pii_archive()

    @api.ondelete(at_uninstall=True)
    def _except_audit_trail(self):
        # EXTENDS account
        sealed = self.filtered("pii_subject_id")
        super(IrAttachment, self - sealed)._except_audit_trail()
        if filestore.is_erasing():
            return
        for attachment in sealed:
            if (
                attachment.res_model == "account.move"
                and attachment.res_id
                and attachment.company_id.restrictive_audit_trail
                and attachment.mimetype in ("application/pdf", "application/xml", "text/plain")
                and self.env["account.move"].browse(attachment.res_id).exists().posted_before
            ):
                error = UserError(self.env._("You cannot remove parts of a restricted audit trail."))
                error._audit_trail = True
                raise error

    def unlink(self):
        # EXTENDS account: it would only detach an invoice from its field, and keep it
        if filestore.is_erasing() and (fields := self.filtered("res_field")):
            fields.write({"res_field": False})
        return super().unlink()
