from markupsafe import Markup

from odoo import api, models

from odoo.addons.pii_retention.rendered import of_nobody


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    # A protected customer's document is sealed. It leaves through the gate (download, upload to the marketplace), never
    # as the attachment of a mail: not to the customer, whom the marketplace alone may write to, and not to whoever
    # follows the journal.

    @api.model
    def _pii_mailed(self, moves, moves_data):
        """Return those of ``moves`` whose sealed document is to be sent by e-mail."""
        return moves.filtered(lambda move: "email" in moves_data[move]["sending_methods"] and move._pii_subjects())

    @api.model
    def _pii_mail_refusal(self, moves):
        return self.env._(
            "%s: the customer's personal data is protected, and the document is sealed. It is not sent by e-mail. "
            "Untick “by Email”: the document is still created, and is downloaded or uploaded to the marketplace.",
            ", ".join(moves.mapped("name")),
        )

    def _get_default_sending_methods(self, move):
        # EXTENDS account
        methods = super()._get_default_sending_methods(move)
        if "email" in methods and move._pii_subjects():
            return {"manual"}
        return methods

    def _get_alerts(self, moves, moves_data):
        # EXTENDS account
        alerts = super()._get_alerts(moves, moves_data)
        if mailed := self._pii_mailed(moves, moves_data):
            alerts["pii_sealed_document"] = {"level": "danger", "message": self._pii_mail_refusal(mailed)}
        return alerts

    @api.model
    def _pii_erased(self, invoices_data):
        return self.env["account.move"].union(*invoices_data).filtered("pii_is_erased")

    @api.model
    def _generate_invoice_documents(self, invoices_data, allow_fallback_pdf=False):
        # EXTENDS account: a credit note after the customer's day refers to the invoice and shows nobody
        with of_nobody(self._pii_erased(invoices_data)):
            return super()._generate_invoice_documents(invoices_data, allow_fallback_pdf=allow_fallback_pdf)

    @api.model
    def _generate_invoice_fallback_documents(self, invoices_data):
        # EXTENDS account
        with of_nobody(self._pii_erased(invoices_data)):
            return super()._generate_invoice_fallback_documents(invoices_data)

    @api.model
    def _is_applicable_to_move(self, method, move, **move_data):
        # EXTENDS account
        if method == "email" and move._pii_subjects():
            return False
        return super()._is_applicable_to_move(method, move, **move_data)

    @api.model
    def _hook_if_success(self, moves_data, from_cron=False):
        # EXTENDS account: without a dialog nobody has read the alert, so the document itself says it
        moves = self.env["account.move"].union(*moves_data)
        for move in self._pii_mailed(moves, moves_data):
            move.message_post(body=Markup("<p>%s</p>") % self._pii_mail_refusal(move))
        return super(AccountMoveSend, self.with_context(pii_without_sealed=True))._hook_if_success(
            moves_data, from_cron=from_cron
        )

    def _get_invoice_extra_attachments(self, move):
        # EXTENDS account
        attachments = super()._get_invoice_extra_attachments(move)
        if self.env.context.get("pii_without_sealed"):
            # sudo: whether a file is sealed is no secret
            attachments = attachments.filtered(lambda attachment: not attachment.sudo().pii_subject_id)
        return attachments
