from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Domain
from odoo.tools import clean_context

from .. import holds, reasons

OFFICER = "pii_retention.group_privacy_officer"
#: basis -> (label, article): the cases in which a law wants data kept that would be erased. A new one is a decision
#: that a reviewer must see.
BASES = {
    "claims": (
        "Legal claims: to establish, exercise or defend them",
        "GDPR Article 17(3)(e)",
    ),
    "authority": (
        "Order of a court or an authority",
        "GDPR Articles 6(1)(c) and 17(3)(b)",
    ),
    "audit": (
        "Tax audit or inspection that has been announced",
        "GDPR Article 17(3)(b), with the tax law named below",
    ),
    "restriction": (
        "The person asked for restriction instead of erasure",
        "GDPR Article 18(1)(b), (c)",
    ),
}
#: What a request may say; everything else is the outcome of a decision.
REQUEST_FIELDS = {
    "company_id",
    "basis",
    "legal_reference",
    "reason",
    "date_end",
    "scope",
    "subject_ids",
    "references",
    "origin",
    "date_from",
    "date_to",
}
DECISION_FIELDS = ("decided_by_id", "decided_at", "lifted_by_id", "lifted_at", "lift_reason")


class PiiHold(models.Model):
    """A legal hold: customers' data is kept past its day, because a law wants that; two persons decided it."""

    _name = "pii.hold"
    _description = "Legal Hold"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _allow_sudo_commands = False

    name = fields.Char(readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, tracking=True, index=True
    )
    basis = fields.Selection([(code, words[0]) for code, words in BASES.items()], string="Legal Basis", tracking=True)
    article = fields.Char(compute="_compute_article")
    legal_reference = fields.Char(
        string="File or Statute", tracking=True, help="Number of the proceedings, or the statute and article. No names."
    )
    reason = fields.Text(tracking=True, help="Why this data is needed. Never name a customer here.")
    date_end = fields.Date(
        string="Until", required=True, tracking=True, help="The last day of the hold; within a day after it, data dies."
    )
    scope = fields.Selection(
        [
            ("subjects", "Chosen customers"),
            ("references", "Orders by their numbers"),
            ("orders", "All orders of a channel or of a period"),
            ("company", "All customers of the company"),
        ],
        required=True,
        default="references",
        tracking=True,
    )
    subject_ids = fields.Many2many("pii.subject", string="Customers")
    references = fields.Text(string="Order Numbers", help="One a line.")
    origin = fields.Char(string="Channel", help="As in the list of data subjects; empty for all.")
    date_from = fields.Date(string="Ordered from")
    date_to = fields.Date(string="Ordered to")
    subject_count = fields.Integer(string="Customers Covered", compute="_compute_counts")
    kept_count = fields.Integer(
        string="Kept Past Their Day", compute="_compute_counts", help="Without the hold they would be gone already."
    )
    state = fields.Selection(
        [("requested", "Requested"), ("approved", "Approved"), ("refused", "Refused"), ("lifted", "Lifted")],
        required=True,
        default="requested",
        readonly=True,
        copy=False,
        tracking=True,
    )
    is_active = fields.Boolean(string="In Force", compute="_compute_is_active", help="Approved, genuine, not over.")
    requested_by_id = fields.Many2one("res.users", readonly=True, copy=False, default=lambda self: self.env.user)
    decided_by_id = fields.Many2one("res.users", readonly=True, copy=False, tracking=True)
    decided_at = fields.Datetime(readonly=True, copy=False)
    lifted_by_id = fields.Many2one("res.users", readonly=True, copy=False, tracking=True)
    lifted_at = fields.Datetime(readonly=True, copy=False)
    lift_reason = fields.Char(string="Why It Was Lifted", readonly=True, copy=False, tracking=True)
    can_decide = fields.Boolean(compute="_compute_can_decide")
    terms_seal = fields.Char(groups=fields.NO_ACCESS, copy=False)

    # === COMPUTE METHODS === #

    @api.depends("basis")
    def _compute_article(self):
        for hold in self:
            hold.article = BASES[hold.basis][1] if hold.basis else False

    @api.depends("state", "requested_by_id")
    @api.depends_context("uid")
    def _compute_can_decide(self):
        officer = self.env.user.has_group(OFFICER)
        for hold in self:
            hold.can_decide = officer and hold.state == "requested" and hold.requested_by_id != self.env.user

    def _compute_is_active(self):
        genuine = self.browse().union(*(holds.active(company) for company in self.sudo().company_id)).ids
        for hold in self:
            hold.is_active = hold.id in genuine

    def _compute_counts(self):
        for hold in self:
            covered = hold.sudo()._covered()  # sudo: numbers of customers are no personal data
            hold.subject_count = len(covered)
            hold.kept_count = len(covered.filtered(lambda subject: subject.deadline_rule == "held"))

    # === SCOPE === #

    def _reference_list(self):
        self.ensure_one()
        return sorted({line.strip() for line in (self.references or "").splitlines() if line.strip()})

    def _subject_domain(self):
        """Return the domain of the subjects that the hold covers."""
        self.ensure_one()
        domain = Domain("company_id", "=", self.company_id.id)
        if self.scope == "subjects":
            return domain & Domain("id", "in", self.sudo().subject_ids.ids)
        if self.scope == "references":
            return domain & Domain("reference", "in", self._reference_list())
        if self.scope == "orders":
            if self.origin:
                domain &= Domain("origin", "=", self.origin)
            if self.date_from:
                domain &= Domain("created_on", ">=", self.date_from)
            if self.date_to:
                domain &= Domain("created_on", "<=", self.date_to)
        return domain

    def _covered(self):
        """Return the live subjects that the hold covers."""
        self.ensure_one()
        return self.env["pii.subject"].search(self._subject_domain() & Domain("state", "=", "live"))

    def _terms(self):
        """Return what the seal covers: everything that is believed of a hold."""
        self.ensure_one()
        hold = self.sudo()  # sudo: the terms are compared, not shown
        return {
            "id": hold.id,
            "company": hold.company_id.id,
            "basis": hold.basis,
            "legal_reference": hold.legal_reference or "",
            "reason": hold.reason or "",
            "end": fields.Date.to_string(hold.date_end),
            "scope": hold.scope,
            "subjects": sorted(hold.subject_ids.mapped("uuid")),
            "references": hold._reference_list(),
            "origin": hold.origin or "",
            "from": fields.Date.to_string(hold.date_from) or "",
            "to": fields.Date.to_string(hold.date_to) or "",
            "requested_by": hold.requested_by_id.id,
            "decided_by": hold.decided_by_id.id,
            # numbers of rows come again after a restore
            "decided_at": fields.Datetime.to_string(hold.decided_at) or "",
        }

    # === CRUD METHODS === #

    @api.constrains("basis", "legal_reference", "reason", "date_end", "scope", "subject_ids", "references", "origin")
    def _check_request(self):
        _ = self.env._
        for hold in self:
            company = hold.company_id
            today, longest = company._pii_day(), company._pii_figure("hold_days")
            if hold.basis not in BASES:
                raise ValidationError(_("A hold has a legal basis. Without one the data goes on its day."))
            if not (hold.legal_reference or "").strip():
                raise ValidationError(_("Name the proceedings or the statute that the hold serves."))
            for text, least in ((hold.reason, company._pii_figure("reason_words")), (hold.legal_reference, 0)):
                if fault := reasons.fault(self.env, text, least):
                    raise ValidationError(fault)
            if hold.date_end <= today:
                raise ValidationError(_("A hold ends in the future: choose a day after today."))
            if (hold.date_end - today).days > longest:
                raise ValidationError(
                    _("A hold lasts at most %s days. When it is needed for longer, it is requested anew.", longest)
                )
            if hold.scope == "subjects" and not hold.subject_ids:
                raise ValidationError(_("Choose the customers whose data is held."))
            if hold.scope == "subjects" and hold.subject_ids.sudo().company_id != company:
                raise ValidationError(_("A hold covers customers of its own company only."))
            if hold.scope == "references" and not hold._reference_list():
                raise ValidationError(_("List the order numbers whose customers' data is held, one a line."))
            if hold.scope == "orders" and not (hold.origin or hold.date_from or hold.date_to):
                raise ValidationError(_("Name a channel or a period, or choose all customers of the company."))

    @api.model_create_multi
    def create(self, vals_list):
        # a default of the context or of a user decides nothing
        self = self.with_context(clean_context(self.env.context))
        for vals in vals_list:
            if not self.env.su:
                if set(vals) - REQUEST_FIELDS - {"message_follower_ids", "activity_ids", "requested_by_id", "state"}:
                    raise AccessError(self.env._("What a privacy officer decides cannot be written here."))
                vals |= {"requested_by_id": self.env.uid, "state": "requested"}
            vals |= dict.fromkeys(DECISION_FIELDS, False)
            vals.pop("terms_seal", None)
            # sudo: numbers are drawn by whoever requests
            vals["name"] = self.env["ir.sequence"].sudo().next_by_code("pii.hold") or "/"
        created = super().create(vals_list)
        created._ask_officers()
        return created

    def write(self, vals):
        if not self.env.su and set(vals) - {"message_follower_ids", "activity_ids"}:
            raise AccessError(self.env._("What was requested is not changed: lift it and request it anew."))
        return super().write(vals)

    def unlink(self):
        if any(hold.state != "requested" for hold in self):
            raise AccessError(self.env._("A decided hold is evidence and stays."))
        return super().unlink()
