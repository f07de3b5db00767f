from odoo import api, fields, models, tools

from ..purposes import SELECTION


class PiiPurposeLimit(models.Model):
    """How much of a purpose one user may use: what is beyond it is no daily work."""

    _name = "pii.purpose.limit"
    _description = "Limit of a Purpose"
    _inherit = ["mail.thread", "pii.confirmed.mixin"]
    _rec_name = "purpose"
    _order = "id"

    purpose = fields.Selection(SELECTION, required=True, readonly=True)
    max_subjects = fields.Integer(
        string="Customers at once", required=True, tracking=True, help="In one reveal: one dialog, one batch of slips."
    )
    per_hour = fields.Integer(string="Customers per hour", required=True, tracking=True, help="Of one user.")
    per_day = fields.Integer(string="Customers per day", required=True, tracking=True, help="Of one user, in 24 hours.")

    _purpose_unique = models.UniqueIndex("(purpose)", "Each purpose has one line of limits.")
    _positive = models.Constraint(
        "CHECK (LEAST(max_subjects, per_hour, per_day) > 0)",
        "A limit is at least 1; revoke the grants to stop a purpose.",
    )

    @api.model
    @tools.ormcache("code")
    def _figures(self, code):
        """Return ``(customers at once, per hour, per day)`` of a purpose, from memory; None when there are none."""
        limit = self._of_purpose(code)
        return (limit.max_subjects, limit.per_hour, limit.per_day) if limit else None

    @api.model
    def _of_purpose(self, code):
        """Return the limits of a purpose, empty when somebody deleted them."""
        return self.sudo().search([("purpose", "=", code)], limit=1)  # sudo: everybody is bound by them
