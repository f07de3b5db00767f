from odoo import models


class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    def message_post(self, *, attachments=None, attachment_ids=None, **kwargs):
        if (attachments or attachment_ids) and self._pii_subjects():
            # the files are sealed now, and accounting would read them to fill in the invoice
            self = self.with_context(disable_attachment_import=True)
        return super().message_post(attachments=attachments, attachment_ids=attachment_ids, **kwargs)
