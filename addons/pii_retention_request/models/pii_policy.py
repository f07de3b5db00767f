import re

from odoo import api, fields, models
from odoo.exceptions import ValidationError


class PiiPolicy(models.Model):
    """The figures of requests."""

    _inherit = "pii.policy"

    request_subject_days = fields.Integer(
        string="Data subjects are answered within (days)",
        default=30,
        required=True,
        tracking=True,
        help="Counted from the day on which the request arrived. The law says one month.",
    )
    request_single_subjects = fields.Integer(
        string="One officer alone erases at most (customers)",
        default=1,
        required=True,
        tracking=True,
        help="A request about more of them, a return, an export and the end of an authorisation take a second officer.",
    )
    request_archive_days = fields.Integer(
        string="An archive to be returned waits for its download (days)", default=7, required=True, tracking=True
    )
    request_reminders = fields.Char(
        string="Reminders (% of the time)",
        default="50, 75, 90",
        required=True,
        tracking=True,
        help="When so much of the time that a request has is over, its officer gets an activity.",
    )

    _request_positive = models.Constraint(
        "CHECK (LEAST(request_subject_days, request_archive_days) > 0 AND request_single_subjects >= 0)",
        "The days of a request are at least 1.",
    )
    _request_law = models.Constraint(
        "CHECK (request_subject_days <= 30 AND request_archive_days <= 30)",
        "A data subject is answered within one month, and no archive waits for longer.",
    )

    @api.constrains("request_reminders")
    def _check_request_reminders(self):
        for policy in self:
            if not policy._request_percents():
                raise ValidationError(
                    self.env._("Write the reminders as percentages between 1 and 99, separated by commas: 50, 75, 90.")
                )

    def _request_percents(self):
        """Return the percentages of the time at which somebody is reminded, ascending; empty when malformed."""
        text = self.request_reminders or ""
        if not re.fullmatch(r"\s*\d{1,2}(\s*,\s*\d{1,2})*\s*", text):
            return []
        return sorted({int(part) for part in text.split(",")} - {0})
