from odoo import fields, models


class PiiPolicy(models.Model):
    _inherit = "pii.policy"

    reprint_days = fields.Integer(
        string="Slips can be printed again for (days)",
        default=2,
        required=True,
        tracking=True,
        help="After a delivery is done, the warehouse may print its label and slip again for so many days.",
    )

    _reprint_positive = models.Constraint(
        "CHECK (reprint_days > 0)", "A delivery can be printed on the day it is done."
    )
