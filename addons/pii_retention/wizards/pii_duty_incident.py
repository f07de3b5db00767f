from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import duties


class PiiDutyIncident(models.TransientModel):
    """The dialog that starts both clocks of an incident: Amazon's and the authority's."""

    _name = "pii.duty.incident"
    _description = "Report an Incident"

    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    subject = fields.Char(
        string="Incident", required=True, help="Its reference, and what happened in words. Never name a customer here."
    )
    suspected_at = fields.Datetime(
        string="Suspected on", default=fields.Datetime.now, help="When somebody first thought that something happened."
    )
    detected_at = fields.Datetime(string="Detected on", help="When it was certain, if it is.")
    amazon_due = fields.Datetime(string="Amazon until", compute="_compute_due")
    authority_due = fields.Datetime(string="Authority until", compute="_compute_due")
    mailboxes = fields.Char(compute="_compute_due")

    @api.depends("company_id", "suspected_at", "detected_at")
    def _compute_due(self):
        for incident in self:
            moments = [moment for moment in (incident.suspected_at, incident.detected_at) if moment]
            incident.mailboxes = ", ".join(duties.AMAZON_MAILBOXES)
            for name, figure in (("amazon_due", "amazon_notice_hours"), ("authority_due", "authority_notice_hours")):
                incident[name] = moments and duties.due_at(
                    min(moments), figure, incident.company_id._pii_figure(figure)
                )

    def action_report(self):
        """Begin both duties, counted from the earlier of suspicion and detection."""
        self.ensure_one()
        if not self.suspected_at and not self.detected_at:
            raise UserError(
                self.env._("State when the incident was suspected or detected: the clocks count from then.")
            )
        found = self.env["pii.duty"].create(
            [
                {
                    "code": code,
                    "company_id": self.company_id.id,
                    "subject": self.subject,
                    "suspected_at": self.suspected_at,
                    "detected_at": self.detected_at,
                }
                for code in ("amazon_notice", "authority_notice")
            ]
        )
        action = self.env["ir.actions.actions"]._for_xml_id("pii_retention.pii_duty_action")
        return {**action, "domain": [("id", "in", found.ids)], "context": {}}
