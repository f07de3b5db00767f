from odoo import fields, models


class PiiPolicy(models.Model):
    """The figures of the legal archive."""

    _inherit = "pii.policy"

    archive_read_minutes = fields.Integer(
        string="An archived document is read for (minutes)",
        default=60,
        required=True,
        tracking=True,
        help="At most so long after a privacy officer has approved the request.",
    )
    archive_warn_days = fields.Integer(
        string="Warn of documents that are not archived before (days)",
        default=3,
        required=True,
        tracking=True,
        help="So many days before the buyer's day, whoever issues fiscal documents is told what a statute still needs.",
    )

    _archive_positive = models.Constraint(
        "CHECK (LEAST(archive_read_minutes, archive_warn_days) > 0)", "Each figure of a policy is at least 1."
    )
