from datetime import timedelta

from odoo import api, fields, models

from .. import alerts, facts, grants


class PiiGrant(models.Model):
    """What happens to grants as time goes by."""

    _inherit = "pii.grant"

    escalated_at = fields.Datetime(
        string="Overdue Since Reported",
        readonly=True,
        copy=False,
        help="When all officers were told that nobody reviewed.",
    )

    @api.model
    def _cron_lapse(self):
        """Ask for the review of assignments that are about to lapse; take the role from those that have."""
        now = fields.Datetime.now()
        self._note_revoked_again()
        self._escalate_reviews()
        standing = self.sudo().search([("kind", "=", "standing"), ("state", "=", "approved")])
        for grant in standing:
            if grant.date_end <= now:
                grant._leave_role()
                continue
            warn_at = grant.date_end - timedelta(days=grant.company_id._pii_figure("grant_warning_days"))
            if warn_at > now or grant.activity_search(["pii_retention.activity_renew"]):
                continue
            for officer in self._officers(grant.company_id) - grant.user_id:
                grant.activity_schedule(
                    "pii_retention.activity_renew", date_deadline=grant.date_end.date(), user_id=officer.id
                )

    @api.model
    def _note_revoked_again(self):
        """Note beside the keys what was revoked while they were out of reach."""
        revoked = self.sudo().search([("state", "=", "revoked"), ("date_end", ">", fields.Datetime.now())])
        grants.note_revoked(self.env, grants.of_records(revoked))

    @api.model
    def _escalate_reviews(self):
        """Raise an alert about each broken glass that nobody reviewed in time, and ask every officer."""
        now = fields.Datetime.now()
        overdue = self.sudo().search(
            [
                ("kind", "=", "break_glass"),
                ("review_deadline", "<", now),
                ("reviewed_at", "=", False),
                ("escalated_at", "=", False),
            ]
        )
        for grant in overdue.with_context(mail_activity_automation_skip=False):
            grant.escalated_at = now
            asked = grant.activity_search(["pii_retention.activity_review"]).user_id
            for officer in self._officers(grant.company_id) - grant.user_id - asked:
                grant.activity_schedule(
                    "pii_retention.activity_review", date_deadline=grant.review_deadline.date(), user_id=officer.id
                )
            detail = self.env._(
                "%(user)s broke the glass for %(references)s; the review was due on %(due)s. Look at what was opened, "
                "then close the review.",
                user=grant.user_id.name,
                references=", ".join(grant.subject_ids.mapped("reference")),
                due=fields.Datetime.to_string(grant.review_deadline),
            )
            subjects = facts.asked(grant.subject_ids)
            alerts.raise_review(self.env, grant.user_id, grant.purpose, subjects, detail)
