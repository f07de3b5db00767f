from zoneinfo import available_timezones

from odoo import api, fields, models


class PiiPolicy(models.Model):
    """The figures of a company's policy: how long, how often, how much.

    The defaults are the strictest of the policies that the product is measured by (``figures``). A figure is tightened
    by writing it; it is loosened by a ``pii.policy.change`` that two officers have agreed on.
    """

    _name = "pii.policy"
    _description = "Personal Data Policy"
    _inherit = ["mail.thread", "pii.cached.mixin"]
    _rec_name = "company_id"

    company_id = fields.Many2one(
        "res.company", required=True, ondelete="cascade", default=lambda self: self.env.company
    )
    grant_standing_days = fields.Integer(
        string="Role assignments last (days)",
        default=90,
        required=True,
        tracking=True,
        help="A standing grant lapses after so many days unless a review renews it.",
    )
    grant_temporary_hours = fields.Integer(
        string="Single requests last at most (hours)", default=24, required=True, tracking=True
    )
    grant_warning_days = fields.Integer(
        string="Remind of a lapse before (days)",
        default=14,
        required=True,
        tracking=True,
        help="So many days before a role assignment lapses, the privacy officers are asked to review it.",
    )
    break_glass_minutes = fields.Integer(string="Break-glass lasts (minutes)", default=60, required=True, tracking=True)
    break_glass_subjects = fields.Integer(
        string="Break-glass opens at most (customers)", default=10, required=True, tracking=True
    )
    review_hours = fields.Integer(
        string="Break-glass is reviewed within (hours)", default=24, required=True, tracking=True
    )
    mfa_required = fields.Boolean(
        string="Two-factor authentication",
        default=True,
        tracking=True,
        help="Personal data opens only for users who sign in with a second factor.",
    )
    reveal_seconds = fields.Integer(string="Values stay on screen (seconds)", default=60, required=True, tracking=True)
    reason_words = fields.Integer(string="A reason has at least (words)", default=2, required=True, tracking=True)
    log_months = fields.Integer(string="The access log is kept (months)", default=13, required=True, tracking=True)
    assessment_months = fields.Integer(
        string="Recipients are assessed every (months)", default=12, required=True, tracking=True
    )
    search_per_hour = fields.Integer(string="Look-ups per person (an hour)", default=30, required=True, tracking=True)

    # === RETENTION === #

    tz = fields.Selection(
        lambda self: [
            (name, name) for name in sorted(available_timezones(), key=lambda name: (name[:3] == "Etc", name))
        ],
        string="Time Zone",
        default=lambda self: self.env.user.tz or "UTC",
        required=True,
        tracking=True,
        help="Days of this company begin and end at midnight here: personal data dies at the first second of its day.",
    )
    retention_days = fields.Integer(
        string="Personal data is kept (days)",
        default=30,
        required=True,
        tracking=True,
        help="Counted from the order while it is open, and from the shipment once it is shipped.",
    )
    retention_anchor = fields.Selection(
        [("shipment", "Shipment"), ("delivery", "Proven delivery")],
        string="Counted from",
        default="shipment",
        required=True,
        tracking=True,
    )
    cancelled_hours = fields.Integer(
        string="Data of cancelled orders is gone within (hours)", default=24, required=True, tracking=True
    )
    notice_hours = fields.Integer(string="Deletion on notice within (hours)", default=72, required=True, tracking=True)
    notice_copies_days = fields.Integer(
        string="All live copies are gone after a notice within (days)", default=90, required=True, tracking=True
    )
    backup_days = fields.Integer(string="Backups live (days)", default=90, required=True, tracking=True)
    key_backup_hours = fields.Integer(string="Backups of keys live (hours)", default=72, required=True, tracking=True)
    purge_hours = fields.Integer(
        string="A day's purge is done within (hours)",
        default=2,
        required=True,
        tracking=True,
        help="Counted from the beginning of the day. Nobody reads what is due from its first second on; after so many "
        "hours the proof of absence counts what is still there.",
    )
    proof_hours = fields.Integer(string="A proof of absence is valid (hours)", default=24, required=True, tracking=True)
    nonpersonal_months = fields.Integer(
        string="Other information of the channel is kept (months)", default=18, required=True, tracking=True
    )

    _company_unique = models.UniqueIndex("(company_id)", "There is a policy for this company already.")
    _positive = models.Constraint(
        """CHECK (LEAST(grant_standing_days, grant_temporary_hours, grant_warning_days, break_glass_minutes,
                        break_glass_subjects, review_hours, reveal_seconds, reason_words, log_months,
                        assessment_months, search_per_hour, retention_days, cancelled_hours, notice_hours,
                        notice_copies_days, backup_days, key_backup_hours, purge_hours, proof_hours,
                        nonpersonal_months) > 0)""",
        "Each figure of a policy is at least 1.",
    )
    _retention_range = models.Constraint(
        "CHECK (retention_days <= 30)", "Personal data is kept for at most 30 days: Amazon's policy says so."
    )
    _log_year = models.Constraint(
        "CHECK (log_months >= 12)", "The access log is kept for at least 12 months: Amazon's policy says so."
    )

    @api.model
    def _of_company(self, company):
        """Return the policy of ``company``; without one, the strict defaults.

        Its columns are what is written down; what is in force says :meth:`_figures`.
        """
        # sudo: the figures are no secret, and everybody is bound by them
        policies = self.sudo()
        return policies.search([("company_id", "=", company.id)], limit=1) or policies.new({"company_id": company.id})

    @api.model
    def _ensure_all(self):
        """Give each company a policy, and each policy a line per figure; called at each installation and update."""
        companies = self.env["res.company"].with_context(active_test=False).search([])
        missing = companies - self.search([]).company_id
        self.create([{"company_id": company.id} for company in missing])
        self.search([])._ensure_lines()
