from odoo import fields, models


class PiiKeyFinding(models.TransientModel):
    """Something to know about the keys of this installation, and what to do about it."""

    _name = "pii.key.finding"
    _description = "Finding about the Keys"
    _order = "sequence, id"

    report_id = fields.Many2one("pii.key.report", required=True, readonly=True, ondelete="cascade", index=True)
    sequence = fields.Integer(readonly=True)
    severity = fields.Selection(
        [("error", "Not safe"), ("warning", "To put right"), ("info", "To know")], required=True, readonly=True
    )
    code = fields.Char(readonly=True)
    text = fields.Text(string="What to Do", readonly=True)
