from odoo import fields, models


class PiiPolicy(models.Model):
    _inherit = "pii.policy"

    restore_test_days = fields.Integer(
        string="A backup is restored for a test every (days)",
        default=90,
        required=True,
        tracking=True,
        help="After so many days without a test, the privacy officers are told.",
    )

    _restore_test_positive = models.Constraint(
        "CHECK (restore_test_days > 0)", "A backup is restored for a test at least once in some days."
    )
