from datetime import date

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from .. import archive_seals, reasons, statutes
from .pii_grant import OFFICER

#: Who keeps the books proposes a rule; the officer confirms it.
ACCOUNTANT = "pii_retention.group_fiscal"
#: What a person may write while a rule is a draft; everything else is the outcome of a decision.
TERMS = (
    "years",
    "start",
    "tax_period_months",
    "statute",
    "article",
    "document_kinds",
    "fields_kept",
    "basis_b2b",
    "basis_on_request",
    "basis_distance_sale",
    "basis_e_invoice",
    "simplified_limit",
    "valid_from",
    "deviation_reason",
    "note",
)
#: Terms that may differ from what the product states only for a stated reason.
STATED = ("years", "start", "tax_period_months", "statute", "article", "document_kinds", "fields_kept")


class PiiArchiveRule(models.Model):
    """What a country's law makes a seller keep of a document, how long, and who has confirmed that for a company.

    Rows without a company are what the product states, with how sure it is. Nothing is archived under those: a company
    takes one over, the accountant proposes it and a privacy officer confirms it. A confirmed row is never changed; a
    newer one follows it, for documents from its date on. What is archived keeps the terms under which it was.
    """

    _name = "pii.archive.rule"
    _description = "Rule of the Legal Archive"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "code, company_id, valid_from desc, id desc"
    _allow_sudo_commands = False

    code = fields.Char(string="Row", required=True, readonly=True, help="A country, or OSS for the Union scheme.")
    name = fields.Char(required=True, readonly=True, translate=True)
    country_id = fields.Many2one("res.country", readonly=True)
    company_id = fields.Many2one(
        "res.company", readonly=True, index=True, ondelete="restrict", help="Empty for what the product states."
    )
    state = fields.Selection(
        [("default", "Default"), ("draft", "Proposed"), ("confirmed", "Confirmed"), ("refused", "Refused")],
        required=True,
        readonly=True,
        default="default",
        copy=False,
        tracking=True,
    )
    is_in_force = fields.Boolean(string="In Force", compute="_compute_is_in_force")

    years = fields.Integer(required=True, tracking=True)
    start = fields.Selection(list(statutes.STARTS.items()), string="Counted From", required=True, tracking=True)
    tax_period_months = fields.Integer(
        string="Tax Period (months)",
        default=1,
        required=True,
        tracking=True,
        help="Where the period counts from when the tax falls due: 1 for monthly returns, 3 for quarterly ones.",
    )
    statute = fields.Char(required=True, tracking=True)
    article = fields.Char(required=True, tracking=True)
    document_kinds = fields.Char(string="Documents", required=True, tracking=True)
    fields_kept = fields.Char(
        string="Identity on the Document", required=True, tracking=True, help="What the law asks for, and no more."
    )
    basis_b2b = fields.Boolean(string="Business Customer", tracking=True, help="The customer gave a VAT number.")
    basis_on_request = fields.Boolean(string="On Request", tracking=True, help="The customer asked for an invoice.")
    basis_distance_sale = fields.Boolean(
        string="Distance Sale outside OSS",
        tracking=True,
        help="Goods sent to a consumer in another Member State and taxed there, outside the Union scheme.",
    )
    basis_e_invoice = fields.Boolean(
        string="E-Invoice Transmitted", tracking=True, help="An XML was sent to the state's exchange (SDI, KSeF)."
    )
    simplified_limit = fields.Float(
        string="Simplified up to",
        tracking=True,
        help="Total, tax included, above which a consumer's document needs the buyer's identity; 0 when it never does.",
    )
    valid_from = fields.Date(tracking=True, help="For documents dated on or after this day; empty for all.")
    confidence = fields.Selection(
        [("researched", "Researched"), ("partly", "Partly Researched"), ("check", "To Be Checked")],
        default="check",
        required=True,
        readonly=True,
        help="How sure the product is. Your accountant confirms each row in any case.",
    )
    note = fields.Text(translate=True)
    deviation_reason = fields.Char(
        string="Why It Differs", tracking=True, help="Required when the terms are not those that the product states."
    )
    previous_id = fields.Many2one("pii.archive.rule", string="Follows", readonly=True, copy=False)

    requested_by_id = fields.Many2one("res.users", string="Proposed by", readonly=True, copy=False)
    requested_at = fields.Datetime(string="Proposed on", readonly=True, copy=False)
    decided_by_id = fields.Many2one("res.users", string="Confirmed by", readonly=True, copy=False, tracking=True)
    decided_at = fields.Datetime(string="Confirmed on", readonly=True, copy=False)
    can_decide = fields.Boolean(compute="_compute_can_decide")
    terms_seal = fields.Char(groups=fields.NO_ACCESS, copy=False)

    _years_sane = models.Constraint("CHECK (years BETWEEN 1 AND 30)", "A document is kept for 1 to 30 years.")
    _period_sane = models.Constraint(
        "CHECK (tax_period_months IN (1, 3))", "Tax periods are months (1) or quarters (3)."
    )
    _default_unique = models.UniqueIndex(
        "(code) WHERE company_id IS NULL", "The product states each row once; propose a row for your company."
    )

    # === COMPUTE METHODS === #

    @api.depends("code", "name", "company_id")
    def _compute_display_name(self):
        for rule in self:
            rule.display_name = f"{rule.code} · {rule.company_id.name}" if rule.company_id else f"{rule.code}"

    @api.depends("state", "valid_from", "company_id", "code")
    def _compute_is_in_force(self):
        for rule in self:
            newest = rule.company_id and archive_seals.rule_in_force(rule.company_id, rule.code, fields.Date.today())
            rule.is_in_force = bool(newest) and newest == rule

    @api.depends("state", "requested_by_id")
    @api.depends_context("uid")
    def _compute_can_decide(self):
        officer = self.env.user.has_group(OFFICER)
        for rule in self:
            rule.can_decide = officer and rule.state == "draft" and rule.requested_by_id != self.env.user

    def _terms(self):
        """Return what the seal covers: everything under which a document is archived."""
        self.ensure_one()
        rule = self.sudo()  # sudo: the terms are compared, not shown
        terms = {name: rule[name] for name in TERMS if name not in ("note", "valid_from")}
        return terms | {
            "id": rule.id,
            "code": rule.code,
            "valid_from": fields.Date.to_string(rule.valid_from) or "",
            "deviation_reason": rule.deviation_reason or "",
            "requested_by": rule.requested_by_id.id,
            "decided_by": rule.decided_by_id.id,
        }

    # === PROPOSAL === #

    def _check_proposer(self):
        if not self.env.user.has_groups(f"{ACCOUNTANT},{OFFICER}"):
            raise AccessError(
                self.env._("The accountant (role Fiscal Documents) or a privacy officer proposes what is archived.")
            )

    def action_propose(self):
        """Take a row over for the current company, or follow a confirmed one with another; return the proposal."""
        self.ensure_one()
        self._check_proposer()
        if self.state not in ("default", "confirmed"):
            raise UserError(self.env._("Propose from a default row or from a confirmed one."))
        company = self.company_id or self.env.company
        if company not in self.env.user.company_ids:
            raise AccessError(self.env._("You do not work for %s.", company.name))
        open_draft = self.search(
            [("company_id", "=", company.id), ("code", "=", self.code), ("state", "=", "draft")], limit=1
        )
        if not open_draft:
            vals = {name: self[name] for name in (*TERMS, "code", "name", "confidence")}
            latest = archive_seals.rule_in_force(company, self.code, fields.Date.today())
            # sudo: proposing is for whoever has the role; the row decides nothing yet
            open_draft = self.sudo().create(
                vals
                | {
                    "company_id": company.id,
                    "country_id": self.country_id.id,
                    "state": "draft",
                    # what follows a row counts from today at the earliest: what was issued before keeps its terms
                    "valid_from": company._pii_day() if latest else False,
                    "previous_id": latest.id,
                    "requested_by_id": self.env.uid,
                    "requested_at": fields.Datetime.now(),
                }
            )
            open_draft._ask_officers()
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": open_draft.id,
            "view_mode": "form",
        }

    def _ask_officers(self):
        # sudo: activities are assigned to others; the context of a client could leave them out
        for rule in self.sudo().with_context(mail_activity_automation_skip=False):
            for officer in self.env["pii.grant"]._officers(rule.company_id) - rule.requested_by_id:
                rule.activity_schedule("pii_retention.activity_archive_rule", user_id=officer.id)

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            raise AccessError(self.env._("Open a default row and press “Propose for My Company”."))
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su and set(vals) - {"message_follower_ids", "activity_ids"}:
            if set(vals) - set(TERMS):
                raise AccessError(self.env._("What two persons decide cannot be written here."))
            if any(rule.state != "draft" or rule.requested_by_id != self.env.user for rule in self):
                raise UserError(
                    self.env._(
                        "Only who proposed a row changes it, and only until it is confirmed. Propose a newer row "
                        "instead: what is archived already keeps its terms."
                    )
                )
        return super().write(vals)

    def unlink(self):
        if any(rule.state == "confirmed" for rule in self):
            raise UserError(self.env._("A confirmed row is evidence and stays. Propose a newer one."))
        return super().unlink()

    # === DECISION === #

    def action_confirm(self):
        """Confirm proposals: from now on documents are archived under them."""
        for rule in self:
            archive_seals.check_decider(rule, rule.requested_by_id)
            archive_seals.lock(rule)
            if rule.state != "draft":
                raise UserError(self.env._("This row was decided about already. Reload the page."))
            rule._check_deviation()
            agreed = rule._terms() | {"decided_by": self.env.uid}
            # sudo: decisions are not written by hand; the decider was checked
            rule.sudo().write(
                {"state": "confirmed", "decided_by_id": self.env.uid, "decided_at": fields.Datetime.now()}
            )
            archive_seals.seal(rule, "archive/rule", agreed)
            rule.activity_unlink(["pii_retention.activity_archive_rule"])

    def action_refuse(self):
        """Refuse proposals."""
        for rule in self:
            archive_seals.check_decider(rule, rule.requested_by_id)
            archive_seals.lock(rule)
            if rule.state != "draft":
                raise UserError(self.env._("This row was decided about already. Reload the page."))
            # sudo: as in action_confirm
            rule.sudo().write({"state": "refused", "decided_by_id": self.env.uid, "decided_at": fields.Datetime.now()})
            rule.activity_unlink(["pii_retention.activity_archive_rule"])

    def _check_deviation(self):
        """Refuse terms that differ from the product's, or are shorter than the former ones, without a reason."""
        self.ensure_one()
        # sudo: what the product states is for everybody
        stated = self.sudo().search([("code", "=", self.code), ("company_id", "=", False)], limit=1)
        differs = stated and any(self[name] != stated[name] for name in STATED)
        shorter = self.previous_id and self.years < self.previous_id.years
        if differs or shorter:
            fault = reasons.fault(self.env, self.deviation_reason, 3)
            if fault:
                raise ValidationError(
                    self.env._(
                        "The terms of %(row)s are not those that the product states or that were confirmed before. "
                        "State under “Why It Differs” what they rest on. %(fault)s",
                        row=self.code,
                        fault=fault,
                    )
                )

    # === USE === #

    def _retain_until(self, dates):
        """Return ``(start, last day)`` for a document with these ``statutes.Dates``."""
        self.ensure_one()
        start: date = statutes.starts(self.start, dates, self.tax_period_months)
        return start, statutes.retain_until(start, self.years)
