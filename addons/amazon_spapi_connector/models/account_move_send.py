from odoo import api, models


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    # A sealed document leaves through the gate, never as the attachment of a mail to whoever follows the journal.

    @api.model
    def _hook_if_success(self, moves_data, from_cron=False):
        return super(AccountMoveSend, self.with_context(spapi_without_sealed=True))._hook_if_success(
            moves_data, from_cron=from_cron
        )

    def _get_invoice_extra_attachments(self, move):
        attachments = super()._get_invoice_extra_attachments(move)
        if self.env.context.get("spapi_without_sealed"):
            # sudo: whether a file is sealed is no secret
            attachments = attachments.filtered(lambda attachment: not attachment.sudo().pii_subject_id)
        return attachments
