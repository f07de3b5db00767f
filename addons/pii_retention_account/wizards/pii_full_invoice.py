from odoo import fields, models
from odoo.exceptions import UserError, ValidationError

from odoo.addons.pii_retention import reasons


class PiiFullInvoice(models.TransientModel):
    """Why a consumer's document must name the customer."""

    _name = "pii.full.invoice"
    _description = "Full Invoice Required"

    move_id = fields.Many2one("account.move", required=True, readonly=True, ondelete="cascade")
    basis = fields.Selection(
        [("on_request", "The customer asked for it"), ("manual", "Another reason")],
        required=True,
        default="on_request",
    )
    reason = fields.Char(required=True, help="What it rests on, for the archive. Never name the customer here.")

    def action_confirm(self):
        """Keep the identity on the document, as far as the law of its country says so."""
        self.ensure_one()
        move = self.move_id
        if move.state != "posted" or not move._pii_subjects():
            raise UserError(self.env._("Only a posted document of a protected customer can be required in full."))
        if move.pii_is_erased:
            raise UserError(self.env._("The customer's data is gone; no full invoice can be issued any more."))
        if fault := reasons.fault(self.env, self.reason, move.company_id._pii_figure("reason_words")):
            raise ValidationError(fault)
        move._pii_require_identity(self.basis, self.reason.strip())
        return {"type": "ir.actions.act_window_close"}
