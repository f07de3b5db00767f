import logging

from odoo import models
from odoo.exceptions import UserError

_logger = logging.getLogger(__name__)


class MailMail(models.Model):
    _inherit = "mail.mail"

    def send(self, auto_commit=False, raise_exception=False, post_send_callback=None):
        refused = self.filtered(lambda mail: mail.state == "outgoing" and mail.attachment_ids._pii_sealed())
        if refused:
            refused._pii_refuse(raise_exception)
            if post_send_callback:
                post_send_callback(refused.ids)
        rest = self - refused
        if not rest:
            return True
        return super(MailMail, rest).send(
            auto_commit=auto_commit, raise_exception=raise_exception, post_send_callback=post_send_callback
        )

    def _pii_refuse(self, raise_exception):
        """Mark mails that would carry a customer's sealed documents as failed, with what to do instead."""
        reason = self.env._(
            "The message was not sent: its attachment holds a customer's personal data and is sealed. Remove the "
            "attachment and send the message again; whoever may see the document opens it in Odoo."
        )
        if raise_exception:
            raise UserError(reason)
        _logger.info("%d messages with sealed attachments were not sent", len(self))
        self.write({"state": "exception", "failure_type": "unknown", "failure_reason": reason})
        self._postprocess_sent_message(
            success_pids=[], success_emails=[], failure_type="unknown", failure_reason=reason
        )
