from odoo import models


class MailMessage(models.Model):
    _inherit = "mail.message"

    def _pii_subjects(self):
        """Return the subjects of the documents that the messages are about as well: their files hang here."""
        subjects = super()._pii_subjects()
        # sudo: as for any record, whose it is may be known to whoever attaches a file
        for model, messages in (
            self.sudo().filtered(lambda message: message.model and message.res_id).grouped("model").items()
        ):
            if model in self.env and model != self._name:
                subjects |= self.env[model].browse(set(messages.mapped("res_id"))).exists()._pii_subjects()
        return subjects
