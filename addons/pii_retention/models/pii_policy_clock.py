from odoo import fields, models


class PiiPolicy(models.Model):
    """The figures of the clock and of legal holds."""

    _inherit = "pii.policy"

    open_days = fields.Integer(
        string="An order is open for at most (days)",
        default=90,
        required=True,
        tracking=True,
        help="While an order waits to be shipped, its customer's data is kept on from day to day, until so many days "
        "after the order: one that was forgotten does not keep a person for ever.",
    )
    hold_days = fields.Integer(
        string="A legal hold lasts at most (days)",
        default=180,
        required=True,
        tracking=True,
        help="A hold that is needed for longer is requested and approved anew.",
    )
    hold_warning_days = fields.Integer(
        string="Remind of the end of a hold before (days)", default=14, required=True, tracking=True
    )

    _clock_positive = models.Constraint(
        "CHECK (LEAST(open_days, hold_days, hold_warning_days) > 0)", "Each figure of a policy is at least 1."
    )
