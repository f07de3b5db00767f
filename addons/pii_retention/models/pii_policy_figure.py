from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import policies
from ..crypto import CryptoError
from ..figures import CATALOGUE, TOPICS, is_looser

MARKS = (
    ("strict", "Strict default"),
    ("stricter", "Stricter"),
    ("own", "Set by the company"),
    ("looser", "Looser, agreed on"),
    ("ignored", "Not agreed on: ignored"),
    ("fixed", "Built in"),
)


class PiiPolicyFigure(models.Model):
    """A line of the policy's screen: what is in force, what the strictest source says, and where it says so."""

    _name = "pii.policy.figure"
    _description = "Figure of the Policy"
    _order = "policy_id, sequence, id"
    _rec_name = "title"
    _log_access = False

    policy_id = fields.Many2one("pii.policy", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="policy_id.company_id", store=True, index=True)
    name = fields.Char(string="Code", required=True, readonly=True)
    topic = fields.Selection(list(TOPICS), required=True, readonly=True)
    sequence = fields.Integer(readonly=True)
    title = fields.Char(string="Figure", compute="_compute_figure")
    strictest = fields.Char(compute="_compute_figure", help="The strictest of the sources; it is the default.")
    says_integrator = fields.Char(string="S1 Says", compute="_compute_figure", help="The policy of an integrator.")
    says_seller = fields.Char(string="S2 Says", compute="_compute_figure", help="The policy of a seller.")
    says_amazon = fields.Char(string="Amazon Says", compute="_compute_figure", help="The Data Protection Policy.")
    clauses = fields.Char(string="Source", compute="_compute_figure")
    bound = fields.Char(string="Limit", compute="_compute_figure", help="What nobody may allow, and who says so.")
    in_force = fields.Char(compute="_compute_in_force")
    written = fields.Char(string="Written Down", compute="_compute_in_force", help="What the database says.")
    mark = fields.Selection(MARKS, compute="_compute_in_force", search="_search_mark")
    is_open = fields.Boolean(string="Waits for a Decision", compute="_compute_is_open", search="_search_is_open")
    change_ids = fields.Many2many("pii.policy.change", string="History", compute="_compute_change_ids")

    _name_unique = models.UniqueIndex("(policy_id, name)", "A policy has each figure once.")

    @api.depends("name")
    @api.depends_context("lang")
    def _compute_figure(self):
        policy = self.env["pii.policy"]
        for line in self:
            figure = CATALOGUE.get(line.name)
            line.title = policy._title(line.name)
            line.strictest = policy._shown(line.name, figure.strict) if figure else ""
            line.says_integrator = figure.s1 if figure else ""
            line.says_seller = figure.s2 if figure else ""
            line.says_amazon = figure.dpp if figure else ""
            line.clauses = figure.clauses if figure else ""
            line.bound = line._bound_text(figure) if figure and figure.bound else ""

    def _bound_text(self, figure):
        if figure.least is None or figure.direction == "lower":
            return self.env._("at most %(most)s: %(bound)s", most=figure.most, bound=figure.bound)
        return self.env._("at least %(least)s: %(bound)s", least=figure.least, bound=figure.bound)

    @api.depends("name", "policy_id")
    @api.depends_context("lang")
    def _compute_in_force(self):
        for policy, lines in self.grouped("policy_id").items():
            written = policy._written()
            try:
                found = policies.in_force(policy.company_id, written)
            except (CryptoError, UserError):
                found = policies.strictly(written)
            for line in lines:
                figure = CATALOGUE.get(line.name)
                if figure is None or line.name not in written:
                    value = figure.strict if figure else None
                    line.in_force = line.written = policy._shown(line.name, value) if figure else ""
                    line.mark = "fixed"
                    continue
                value = found.values[line.name]
                line.in_force = policy._shown(line.name, value)
                line.written = policy._shown(line.name, written[line.name])
                line.mark = self._mark(figure, value, line.name in found.faults)

    @api.model
    def _mark(self, figure, value, ignored):
        if ignored:
            return "ignored"
        if figure.strict is None:
            return "own"
        if value == figure.strict:
            return "strict"
        return "looser" if is_looser(figure, value, figure.strict) else "stricter"

    def _search_mark(self, operator, value):
        if operator != "in":
            return NotImplemented
        return [("id", "in", self.search([]).filtered(lambda line: line.mark in value).ids)]

    @api.depends("name", "company_id")
    def _compute_is_open(self):
        waiting = {(change.company_id, change.figure) for change in self._waiting()}
        for line in self:
            line.is_open = (line.company_id, line.name) in waiting

    def _search_is_open(self, operator, value):
        if operator != "in":
            return NotImplemented
        waiting = {(change.company_id, change.figure) for change in self._waiting()}
        found = self.search([]).filtered(lambda line: (line.company_id, line.name) in waiting)
        return [("id", "in" if True in value else "not in", found.ids)]

    @api.model
    def _waiting(self):
        return self.env["pii.policy.change"].search([("state", "=", "requested")])

    @api.depends("name", "company_id")
    def _compute_change_ids(self):
        changes = self.env["pii.policy.change"]
        for line in self:
            line.change_ids = changes.search(
                [("company_id", "=", line.company_id.id), ("figure", "=", line.name)], order="id desc"
            )

    def action_change(self):
        """Open the dialog in which a figure is changed."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.title,
            "res_model": "pii.policy.ask",
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_line_id": self.id},
        }
