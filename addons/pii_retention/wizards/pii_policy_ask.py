from zoneinfo import available_timezones

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..figures import CATALOGUE, is_looser, is_possible


class PiiPolicyAsk(models.TransientModel):
    """The dialog in which a figure of the policy is changed, or a change is asked for."""

    _name = "pii.policy.ask"
    _description = "Change a Figure of the Policy"

    line_id = fields.Many2one("pii.policy.figure", string="Figure", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one(related="line_id.company_id")
    in_force = fields.Char(related="line_id.in_force")
    strictest = fields.Char(related="line_id.strictest")
    clauses = fields.Char(related="line_id.clauses")
    bound = fields.Char(related="line_id.bound")
    direction = fields.Char(compute="_compute_direction")
    unit = fields.Char(compute="_compute_direction")
    number = fields.Integer(string="New Value")
    flag = fields.Selection([("yes", "Yes"), ("no", "No")], string="New Choice")
    anchor = fields.Selection(
        lambda self: self.env["pii.policy"]._fields["retention_anchor"]._description_selection(self.env),
        string="New Anchor",
    )
    zone = fields.Selection(
        lambda self: [(name, name) for name in sorted(available_timezones())], string="New Time Zone"
    )
    effect = fields.Selection(
        [("same", "Nothing"), ("tightens", "Tightens"), ("loosens", "Loosens"), ("impossible", "Beyond the limit")],
        compute="_compute_effect",
    )
    reason = fields.Char(help="Why the company needs this. Never name a customer here.")

    @api.depends("line_id")
    def _compute_direction(self):
        for ask in self:
            figure = CATALOGUE.get(ask.line_id.name)
            ask.direction = figure.direction if figure else "fixed"
            ask.unit = figure.unit if figure else ""

    @api.depends("line_id", "number", "flag", "anchor", "zone")
    def _compute_effect(self):
        for ask in self:
            figure, value = CATALOGUE.get(ask.line_id.name), ask._value()
            if figure is None or value is None:
                ask.effect = "same"
            elif not is_possible(figure, value):
                ask.effect = "impossible"
            else:
                before = self.env["pii.policy"]._figures(ask.company_id.id)[figure.name]
                looser = is_looser(figure, value, before)
                ask.effect = "same" if value == before else "loosens" if looser else "tightens"

    def _value(self):
        """Return the value that was chosen, None if none was."""
        self.ensure_one()
        match self.direction:
            case "lower" | "higher":
                return self.number or None
            case "yes":
                return self.flag == "yes" if self.flag else None
            case "first":
                return self.anchor or None
            case "zone":
                return self.zone or None
        return None

    def action_change(self):
        """Change the figure, or ask another privacy officer to agree."""
        self.ensure_one()
        value = self._value()
        if value is None:
            raise UserError(self.env._("Choose the new value first."))
        change = self.line_id.policy_id._ask(self.line_id.name, value, self.reason)
        if change.state == "requested":
            text = self.env._("Another privacy officer decides about it. Until then nothing changes.")
        else:
            text = self.env._("%s is in force from now on.", change.shown_after)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if change.state == "applied" else "info",
                "message": text,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }
