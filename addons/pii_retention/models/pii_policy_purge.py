from odoo import fields, models


class PiiPolicy(models.Model):
    _inherit = "pii.policy"

    purge_jump_days = fields.Integer(
        string="A purge refuses a leap of (days)",
        default=2,
        required=True,
        tracking=True,
        help="When the server's clock says that more days than these have passed since the last purge, a privacy "
        "officer confirms the date before anything is destroyed: a clock that runs ahead would erase data too early.",
    )

    _purge_jump_positive = models.Constraint(
        "CHECK (purge_jump_days BETWEEN 1 AND 7)", "A leap of the clock is noticed after 1 to 7 days."
    )
