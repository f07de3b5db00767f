from odoo import fields, models


class PiiPolicy(models.Model):
    _inherit = "pii.policy"

    leaver_alarm_hours = fields.Integer(
        string="A leaver's access is gone within (hours)", default=24, required=True, tracking=True
    )
    log_review_days = fields.Integer(
        string="The access log is reviewed every (days)", default=14, required=True, tracking=True
    )
    inventory_months = fields.Integer(
        string="Assets are inventoried every (months)", default=3, required=True, tracking=True
    )
    plan_review_months = fields.Integer(
        string="The incident plan is reviewed every (months)", default=6, required=True, tracking=True
    )
    scan_days = fields.Integer(
        string="Weaknesses are scanned for every (days)", default=30, required=True, tracking=True
    )
    pentest_days = fields.Integer(
        string="Penetration tests happen every (days)", default=365, required=True, tracking=True
    )
    secret_warn_days = fields.Integer(
        string="Renewal of a channel's secret is asked for after (days)", default=150, required=True, tracking=True
    )
    secret_block_days = fields.Integer(
        string="A channel's secret imports no personal data after (days)", default=180, required=True, tracking=True
    )
    duty_warning_days = fields.Integer(
        string="Remind of a duty before (days)", default=14, required=True, tracking=True
    )
    amazon_notice_hours = fields.Integer(
        string="Amazon is told of an incident within (hours)", default=24, required=True, tracking=True
    )
    authority_notice_hours = fields.Integer(
        string="The authority is told of an incident within (hours)", default=72, required=True, tracking=True
    )
    fix_hours = fields.Integer(string="A weakness is closed within (hours)", default=24, required=True, tracking=True)
    books_months = fields.Integer(
        string="Registers are kept after the term (months)", default=12, required=True, tracking=True
    )

    _duties_positive = models.Constraint(
        """CHECK (LEAST(leaver_alarm_hours, log_review_days, inventory_months, plan_review_months, scan_days,
                        pentest_days, secret_warn_days, secret_block_days, duty_warning_days, amazon_notice_hours,
                        authority_notice_hours, fix_hours, books_months) > 0)""",
        "Each figure of a policy is at least 1.",
    )
