from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from odoo.addons.pii_retention import reasons

KINDS = [
    ("amazon_deletion", "Amazon: delete"),
    ("amazon_return", "Amazon: return"),
    ("data_subject", "Data subject"),
    ("merchant_leaves", "End of an authorisation"),
]
RIGHTS = [("access", "Access: a copy of the data"), ("rectify", "Rectification"), ("erase", "Erasure")]
OPEN_STATES = ("draft", "previewed", "approved", "running")
#: What decides whom a request is about: changed, it must be previewed anew.
SCOPE_FIELDS = {
    "kind",
    "right",
    "company_id",
    "received_at",
    "origin",
    "date_from",
    "date_to",
    "references",
    "account_refs",
    "subject_ids",
    "erase_after",
    "recipient_id",
    "public_key",
}
#: What may be written by hand besides; everything else is the outcome of a decision or of the work.
NOTE_FIELDS = {"requester", "channel", "legal_basis", "legal_note", "user_id", "decision_note", "identity_method"}
_MAIL_FIELDS = {"message_follower_ids", "message_partner_ids", "activity_ids", "message_ids"}


class PiiRequest(models.Model):
    """A demand to delete, return, show or correct personal data: its clock, whom it is about, who decided, the outcome.

    It speaks of persons by reference and UUID alone.
    """

    _name = "pii.request"
    _description = "Request about Personal Data"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "due_at, id"
    _allow_sudo_commands = False

    name = fields.Char(string="Number", required=True, readonly=True, copy=False, default="/", index=True)
    kind = fields.Selection(KINDS, required=True, default="amazon_deletion", tracking=True)
    right = fields.Selection(RIGHTS, tracking=True, help="What the person asks for.")
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, index=True, tracking=True
    )
    user_id = fields.Many2one(
        "res.users",
        string="Handled by",
        required=True,
        default=lambda self: self.env.user,
        tracking=True,
        index=True,
        help="The privacy officer who carries it through and gets the reminders.",
    )
    registered_by_id = fields.Many2one("res.users", readonly=True, copy=False, default=lambda self: self.env.user)

    # === WHO ASKS === #

    received_at = fields.Datetime(
        string="Received",
        required=True,
        default=fields.Datetime.now,
        copy=False,
        tracking=True,
        help="When the notice arrived, not when somebody read it: the clock runs from here.",
    )
    requester = fields.Char(help="The organisation or office that asks. A data subject is named by the order alone.")
    channel = fields.Selection(
        [
            ("portal", "Seller Central"),
            ("email", "E-mail"),
            ("letter", "Letter"),
            ("phone", "Phone"),
            ("person", "In person"),
            ("authority", "Through an authority"),
        ],
        string="Received by",
        default="email",
        tracking=True,
    )
    legal_basis = fields.Selection(
        [
            ("amazon_notice", "Amazon's notice (Data Protection Policy 1.7)"),
            ("authorisation_end", "End of the authorisation (Data Protection Policy 1.7)"),
            ("gdpr_15", "Right of access (GDPR art. 15)"),
            ("gdpr_16", "Right to rectification (GDPR art. 16)"),
            ("gdpr_17", "Right to erasure (GDPR art. 17)"),
            ("gdpr_20", "Right to data portability (GDPR art. 20)"),
            ("authority", "Order of an authority"),
            ("other", "Other, see note"),
        ],
        compute="_compute_legal_basis",
        store=True,
        readonly=False,
        precompute=True,
        tracking=True,
    )
    legal_note = fields.Char(string="Note", help="File number or clause. Never name a customer here.")

    # === SCOPE === #

    origin = fields.Char(string="Channel of Sale", help="Customers of this channel only, as in the list of subjects.")
    date_from = fields.Date(string="Orders from")
    date_to = fields.Date(string="Orders until")
    references = fields.Text(string="Order Numbers", help="One per line, or separated by commas or blanks.")
    account_refs = fields.Text(
        string="Accounts",
        help="Seller accounts as the notice names them, by seller ID or name, one per line.",
    )
    subject_ids = fields.Many2many(
        "pii.subject", string="Customers", domain="[('company_id', '=', company_id), ('origin', '!=', 'request')]"
    )

    # === STATE === #

    state = fields.Selection(
        [
            ("draft", "New"),
            ("previewed", "Previewed"),
            ("approved", "Approved"),
            ("running", "Running"),
            ("done", "Done"),
            ("refused", "Refused"),
            ("withdrawn", "Withdrawn"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
        tracking=True,
        group_expand=True,
        index=True,
    )
    decided_by_id = fields.Many2one("res.users", readonly=True, copy=False, tracking=True)
    decided_at = fields.Datetime(readonly=True, copy=False)
    decision_note = fields.Char(
        string="Grounds of the Decision", help="Required for a refusal or a withdrawal. Never name a customer."
    )
    decision_seal = fields.Char(groups=fields.NO_ACCESS, copy=False)
    started_at = fields.Datetime(readonly=True, copy=False)
    done_at = fields.Datetime(string="Completed", readonly=True, copy=False, tracking=True)
    item_ids = fields.One2many("pii.request.item", "request_id", string="Customers Found", readonly=True)
    certificate_ids = fields.Many2many("pii.certificate", string="Certificates", readonly=True, copy=False)

    _name_unique = models.UniqueIndex("(name) WHERE name <> '/'", "There is a request with this number already.")
    _dates = models.Constraint(
        "CHECK (date_to IS NULL OR date_from IS NULL OR date_to >= date_from)",
        "The period of the orders ends before it starts.",
    )

    @api.depends("kind", "right")
    def _compute_legal_basis(self):
        rights = {"access": "gdpr_15", "rectify": "gdpr_16", "erase": "gdpr_17"}
        for request in self:
            if request.kind == "data_subject":
                request.legal_basis = rights.get(request.right, request.legal_basis)
            else:
                request.legal_basis = "authorisation_end" if request.kind == "merchant_leaves" else "amazon_notice"

    @api.depends("name", "kind")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for request in self:
            number = request.name if request.name and request.name != "/" else self.env._("New request")
            request.display_name = f"{number} · {kinds.get(request.kind, '')}"

    @api.onchange("kind")
    def _onchange_kind(self):
        if self.kind == "data_subject" and not self.right:
            self.right = "erase"

    # === WHOSE DATA === #

    def _pii_subjects(self):
        """Return the customers that a data subject's request names: its files are sealed for them."""
        named = self.filtered(lambda request: request.kind == "data_subject")
        # sudo: whom a request is about is no personal data
        return named.sudo().subject_ids.with_env(self.env)

    def action_print(self):
        """Print the certificate of the request: what was asked, decided and done. No personal data."""
        return self.env.ref("pii_retention_request.action_report_request").report_action(self)

    # === CONSTRAINTS === #

    @api.constrains("received_at")
    def _check_received_at(self):
        # a minute of grace for clocks of browsers
        if any(request.received_at > fields.Datetime.now() + timedelta(minutes=1) for request in self):
            raise ValidationError(self.env._("A request cannot have arrived in the future."))

    @api.constrains("requester", "legal_note", "decision_note")
    def _check_impersonal(self):
        for request in self:
            for name in ("requester", "legal_note", "decision_note"):
                if request[name] and reasons.for_log(request[name]) is None:
                    raise ValidationError(
                        self.env._(
                            "“%s” is kept as evidence for longer than the data may live: leave out e-mail addresses "
                            "and phone numbers.",
                            request._fields[name]._description_string(self.env),
                        )
                    )

    @api.constrains("kind", "right")
    def _check_right(self):
        if any((request.kind == "data_subject") != bool(request.right) for request in self):
            raise ValidationError(self.env._("Say what the data subject asks for: access, rectification or erasure."))

    @api.constrains("subject_ids", "company_id")
    def _check_subjects(self):
        for request in self.sudo():  # sudo: compared, not shown
            if request.subject_ids.company_id - request.company_id:
                raise ValidationError(self.env._("These customers belong to another company than the request."))

    @api.constrains("user_id", "company_id")
    def _check_handler(self):
        for request in self.sudo():  # sudo: as above
            if request.company_id not in request.user_id.company_ids:
                raise ValidationError(self.env._("Whoever handles a request works for its company."))

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if not self.env.su:
                self._check_written(vals)
            if vals.get("kind") != "data_subject":
                vals["right"] = False
            company = self.env["res.company"].browse(vals.get("company_id") or self.env.company.id)
            vals |= {
                # sudo: the number is drawn by the product, whoever registers
                "name": self.env["ir.sequence"].sudo().with_company(company).next_by_code("pii.request") or "/",
                "registered_by_id": self.env.uid,
                "state": "draft",
            }
        requests = super().create(vals_list)
        requests._schedule_clock()
        return requests

    def write(self, vals):
        if not self.env.su:
            self._check_written(vals)
            self._check_decided(vals)
            taken_back = self._draft_values(vals) if SCOPE_FIELDS & vals.keys() else {}
            if "identity_method" in vals:
                taken_back |= {"identity_checked_by_id": False, "identity_checked_at": False}
            if taken_back:
                self._check_unsettled()
                # sudo: a new scope, or another proof of identity, is no decision: it takes one back
                return super(PiiRequest, self.sudo()).write({**vals, **taken_back})
        return super().write(vals)

    def _check_written(self, vals):
        allowed = SCOPE_FIELDS | NOTE_FIELDS | _MAIL_FIELDS | self._scope_fields()
        if set(vals) - allowed:
            raise AccessError(
                self.env._("The course of a request is not written by hand: use the buttons of its form.")
            )

    def _check_unsettled(self):
        self.check_access("write")
        if settled := self.filtered(lambda request: request.state not in ("draft", "previewed")):
            raise UserError(
                self.env._(
                    "%s was decided already; what it covers is not changed any more. Register another request.",
                    ", ".join(settled.mapped("name")),
                )
            )

    @api.model
    def _draft_values(self, vals):
        """Return what a changed scope takes back."""
        taken_back = {"state": "draft", "previewed_at": False, "unknown_confirmed_by_id": False}
        if "public_key" in vals:
            taken_back |= {"key_confirmed_by_id": False, "key_confirmed_at": False}
        if {"kind", "right", "references", "subject_ids"} & vals.keys():
            # another person, or more of one than was proven
            taken_back |= {"identity_checked_by_id": False, "identity_checked_at": False}
        return taken_back

    @api.model
    def _scope_fields(self):
        """Return the names of further fields that narrow the scope; another addon adds its own."""
        return set()

    def unlink(self):
        if any(request.state not in ("draft", "previewed") for request in self):
            raise UserError(self.env._("A decided request is evidence and stays."))
        return super().unlink()
