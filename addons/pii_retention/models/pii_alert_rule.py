from types import MappingProxyType

from odoo import api, fields, models, tools

from ..purposes import SELECTION

_COLUMNS = (
    "kind",
    "purpose",
    "threshold",
    "factor",
    "baseline_days",
    "window_minutes",
    "hour_from",
    "hour_to",
    "persons_only",
)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class PiiAlertRule(models.Model):
    """What is unusual, and what happens then; the meaning of each kind is in ``alerts.py``."""

    _name = "pii.alert.rule"
    _description = "Alert Rule"
    _inherit = ["mail.thread", "pii.confirmed.mixin"]
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True, tracking=True)
    kind = fields.Selection(
        [
            ("canary", "A planted customer is touched"),
            ("bulk", "Many customers at once"),
            ("hourly", "Far more in an hour than this person's mean"),
            ("daily", "Far more in a day than this person's mean"),
            ("refusals", "Refusals in a row"),
            ("off_hours", "Outside of working hours"),
            ("review", "A broken glass was not reviewed in time"),
        ],
        required=True,
        tracking=True,
    )
    purpose = fields.Selection(SELECTION, tracking=True, help="Only for this purpose; empty for all.")
    threshold = fields.Integer(
        default=100,
        required=True,
        tracking=True,
        help="Customers (at once, or at least in the hour or day), or refusals in a row.",
    )
    factor = fields.Float(default=3.0, required=True, tracking=True, help="So many times the person's own mean.")
    baseline_days = fields.Integer(
        string="Mean of the Last (days)", default=28, required=True, tracking=True, help="Only days with work count."
    )
    window_minutes = fields.Integer(string="Within (minutes)", default=15, required=True, tracking=True)
    hour_from = fields.Float(string="From", default=6.0, tracking=True, help="In the time zone of the person.")
    hour_to = fields.Float(string="To", default=22.0, tracking=True)
    monday = fields.Boolean(default=True, tracking=True)
    tuesday = fields.Boolean(default=True, tracking=True)
    wednesday = fields.Boolean(default=True, tracking=True)
    thursday = fields.Boolean(default=True, tracking=True)
    friday = fields.Boolean(default=True, tracking=True)
    saturday = fields.Boolean(default=True, tracking=True)
    sunday = fields.Boolean(default=False, tracking=True)
    persons_only = fields.Boolean(default=True, tracking=True, help="Scheduled work of service identities is left out.")
    action = fields.Selection(
        [("notify", "Tell the privacy officers"), ("suspend", "Tell them, and end all of the person's access at once")],
        required=True,
        default="notify",
        tracking=True,
    )
    quiet_minutes = fields.Integer(
        string="Not Again within (minutes)",
        default=60,
        required=True,
        tracking=True,
        help="The same rule raises one alert per person in this time.",
    )

    _positive = models.Constraint(
        "CHECK (LEAST(threshold, baseline_days, window_minutes) > 0 AND quiet_minutes >= 0 AND factor >= 1)",
        "Figures of an alert rule are at least 1.",
    )
    _hours = models.Constraint(
        "CHECK (hour_from >= 0 AND hour_to <= 24 AND hour_from < hour_to)",
        "Working hours begin before they end, within a day.",
    )

    @api.model
    @tools.ormcache()
    def _rules(self):
        """Return the active rules as read-only dicts; kept in memory, because each reveal asks."""
        result = []
        for rule in self.sudo().search([]):  # sudo: everybody is bound by the rules
            vals = {name: rule[name] for name in _COLUMNS}
            vals["id"] = rule.id
            vals["weekdays"] = "".join(str(number) for number, day in enumerate(WEEKDAYS) if rule[day])
            result.append(MappingProxyType(vals))
        return tuple(result)

    def action_plant_canary(self):
        """Plant a customer whom nobody has a reason to look at."""
        return self.env["pii.subject"]._plant_canary()
