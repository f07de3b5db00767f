from odoo import models
from odoo.exceptions import UserError


class MailComposeMessage(models.TransientModel):
    _inherit = "mail.compose.message"

    def action_send_mail(self):
        for composer in self:
            sealed = composer.attachment_ids._pii_sealed()
            if sealed and composer.partner_ids:
                raise UserError(
                    self.env._(
                        "“%s” holds a customer's personal data and is sealed: it is not sent by e-mail. Remove the "
                        "attachment, or remove the recipients to keep it as a note; whoever may see the document opens "
                        "it in Odoo.",
                        sealed[0].name,
                    )
                )
        return super().action_send_mail()
