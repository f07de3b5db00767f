from odoo import fields, models


class PiiPolicy(models.Model):
    _inherit = "pii.policy"

    password_length = fields.Integer(
        string="A password has at least (characters)",
        default=12,
        required=True,
        tracking=True,
        help="Of users who hold a role of personal data or of administration.",
    )
    password_min_age_days = fields.Integer(
        string="A password is changed again after (days)", default=1, required=True, tracking=True
    )
    password_max_age_days = fields.Integer(
        string="A password is changed within (days)",
        default=180,
        required=True,
        tracking=True,
        help="An older one must be changed at sign-in, and opens no personal data.",
    )
    password_history = fields.Integer(
        string="A password differs from the last (passwords)", default=10, required=True, tracking=True
    )
    password_attempts = fields.Integer(
        string="An account is locked after (failed attempts)", default=3, required=True, tracking=True
    )
    password_lock_minutes = fields.Integer(
        string="A locked account opens again after (minutes)", default=30, required=True, tracking=True
    )

    _signin_positive = models.Constraint(
        """CHECK (LEAST(password_length, password_min_age_days, password_max_age_days, password_history,
                        password_attempts, password_lock_minutes) > 0)""",
        "Each figure of a policy is at least 1.",
    )
