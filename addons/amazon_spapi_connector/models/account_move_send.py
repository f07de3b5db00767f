from odoo import models

from odoo.addons.pii_retention import reveal


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    def _get_invoice_extra_attachments(self, move):
        attachments = super()._get_invoice_extra_attachments(move)
        if reveal.current(self.env):
            return attachments
        # a sealed document leaves through the gate, never as the attachment of a mail to whoever follows the journal
        return attachments.filtered(lambda attachment: not attachment.sudo().pii_subject_id)
