from odoo import fields, models


class PiiKeyOperation(models.TransientModel):
    """A line of the log that lies beside the keys, as it was when a report was made."""

    _name = "pii.key.operation"
    _description = "Operation on a Key"
    _order = "sequence, id"

    report_id = fields.Many2one("pii.key.report", required=True, readonly=True, ondelete="cascade", index=True)
    sequence = fields.Integer(readonly=True)
    at = fields.Char(string="When (UTC)", readonly=True)
    operation = fields.Selection(
        [
            ("initialise", "Store made"),
            ("create", "Created"),
            ("read", "Read"),
            ("destroy", "Destroyed"),
            ("rewrap", "Re-wrapped"),
            ("tidy", "Tidied up"),
            ("damaged", "Damaged line"),
            ("other", "Other"),
        ],
        required=True,
        readonly=True,
    )
    key_id = fields.Char(readonly=True)
    outcome = fields.Selection([("done", "Done"), ("failed", "Failed")], required=True, readonly=True)
    detail = fields.Char(readonly=True)
    actor = fields.Char(string="By", readonly=True, help="Database, channel and number of the user who was at work.")
