from odoo import api, fields, models, tools


class PiiPolicy(models.Model):
    """The figures of a company's policy: how long, how often, how much.

    The defaults are the strictest of the policies that the product is measured by.
    """

    _name = "pii.policy"
    _description = "Personal Data Policy"
    _inherit = ["mail.thread"]
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

    _company_unique = models.UniqueIndex("(company_id)", "There is a policy for this company already.")
    _positive = models.Constraint(
        """CHECK (LEAST(grant_standing_days, grant_temporary_hours, grant_warning_days, break_glass_minutes,
                        break_glass_subjects, review_hours, reveal_seconds, reason_words, log_months,
                        assessment_months, search_per_hour) > 0)""",
        "Each figure of a policy is at least 1.",
    )
    _log_year = models.Constraint(
        "CHECK (log_months >= 12)", "The access log is kept for at least 12 months: Amazon's policy says so."
    )

    @api.model
    def _of_company(self, company):
        """Return the policy of ``company``; without one, the strict defaults."""
        # sudo: the figures are no secret, and everybody is bound by them
        policies = self.sudo()
        return policies.search([("company_id", "=", company.id)], limit=1) or policies.new({"company_id": company.id})

    @api.model
    @tools.ormcache("company_id")
    def _figures(self, company_id):
        """Return ``{field: figure}`` of a company's policy, from memory: each reveal asks for it."""
        policy = self._of_company(self.env["res.company"].browse(company_id))
        return {
            name: policy[name]
            for name, field in self._fields.items()
            if field.store and field.type in ("integer", "boolean") and name != "id"
        }

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    @api.model
    def _ensure_all(self):
        """Give each company a policy; called when the addon is installed or updated."""
        companies = self.env["res.company"].search([])
        missing = companies - self.search([]).company_id
        self.create([{"company_id": company.id} for company in missing])
