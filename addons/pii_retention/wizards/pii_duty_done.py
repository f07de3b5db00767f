from odoo import fields, models


class PiiDutyDone(models.TransientModel):
    """The dialog in which an officer signs that a duty is done."""

    _name = "pii.duty.done"
    _description = "Sign a Duty"

    duty_id = fields.Many2one("pii.duty", required=True, readonly=True, ondelete="cascade")
    proof_wanted = fields.Char(related="duty_id.proof_wanted")
    evidence = fields.Char(help="Number of the report, where it is kept, who did it. Never name a customer here.")
    evidence_ids = fields.Many2many("ir.attachment", string="Proof")

    def action_sign(self):
        """End the duty; a recurring one begins anew."""
        self.ensure_one()
        if self.evidence_ids:
            self.duty_id.evidence_ids |= self.evidence_ids
        self.duty_id._sign(self.evidence)
        return {"type": "ir.actions.act_window_close"}
