from odoo import api, fields, models

from ..proof import registry


class PiiProofLine(models.Model):
    """One thing that a proof looked for. Names records by their ids; holds no value of anybody."""

    _name = "pii.proof.line"
    _description = "Line of a Proof of Absence"
    _order = "found desc, code, id"
    _allow_sudo_commands = False

    proof_id = fields.Many2one("pii.proof", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="proof_id.company_id", store=True)
    at = fields.Datetime(related="proof_id.at", store=True)
    code = fields.Char(required=True, readonly=True)
    name = fields.Char(string="Looked for", compute="_compute_name")
    scope = fields.Selection(
        [(registry.COMPANY, "This company"), (registry.DATABASE, "The whole database")],
        string="Where",
        required=True,
        readonly=True,
    )
    looked = fields.Integer(string="Looked At", readonly=True)
    found = fields.Integer(readonly=True)
    examples = fields.Char(
        string="Where It Is", readonly=True, help="Numbers of some of the records, or names of keys; no values."
    )
    seconds = fields.Float(readonly=True, aggregator=None)

    @api.depends("code")
    def _compute_name(self):
        for line in self:
            line.name = self.env._(registry.label_of(line.code))

    def action_open(self):
        """Open the records that are named, as far as the user may see them."""
        self.ensure_one()
        model = registry.model_of(self.code)
        ids = [int(number) for number in (self.examples or "").split(", ") if number.isdecimal()]
        if not model or model not in self.env or not ids:
            return False
        return {
            "type": "ir.actions.act_window",
            "name": self.name,
            "res_model": model,
            "view_mode": "list,form",
            "domain": [("id", "in", ids)],
            "context": {"active_test": False},
        }
