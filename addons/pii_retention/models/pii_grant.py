from uuid import uuid4

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, clean_context

from .. import grants, reasons
from ..crypto import CryptoError
from ..purposes import PURPOSES, SELECTION

OFFICER = "pii_retention.group_privacy_officer"
#: What a request may say; everything else is the outcome of a decision.
REQUEST_FIELDS = {
    "user_id",
    "purpose",
    "kind",
    "company_id",
    "origin",
    "subject_ids",
    "reason",
    "date_start",
    "date_end",
}
#: What a decision writes; a request begins without.
DECISION_FIELDS = (
    "decided_by_id",
    "decided_at",
    "revoked_by_id",
    "revoked_at",
    "revoked_reason",
    "review_deadline",
    "reviewed_by_id",
    "reviewed_at",
    "review_note",
)


def _is_genuine(grant):
    try:
        return grants.is_genuine(grant)
    except CryptoError as error:
        raise UserError(str(error)) from error


class PiiGrant(models.Model):
    """Leave for one user to see personal data: for one purpose, in a scope, for a time.

    A role makes a user eligible; only a live grant opens anything, and it is looked at afresh each time.
    """

    _name = "pii.grant"
    _description = "Grant of Access to Personal Data"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _allow_sudo_commands = False

    user_id = fields.Many2one(
        "res.users", required=True, ondelete="restrict", index=True, default=lambda self: self.env.user, tracking=True
    )
    purpose = fields.Selection(SELECTION, required=True, tracking=True)
    kind = fields.Selection(
        [
            ("standing", "Role assignment"),
            ("temporary", "Single request"),
            ("break_glass", "Break-glass"),
            ("service", "Service identity"),
        ],
        required=True,
        default="temporary",
        tracking=True,
    )
    company_id = fields.Many2one("res.company", default=lambda self: self.env.company, tracking=True, index=True)
    origin = fields.Char(string="Channel", help="Customers of this channel only, as in the list of data subjects.")
    subject_ids = fields.Many2many("pii.subject", string="Customers", help="Only these; empty for all of the scope.")
    reason = fields.Char(required=True, help="Why the access is needed. Never name a customer here.")
    date_start = fields.Datetime(string="From", default=fields.Datetime.now, tracking=True)
    date_end = fields.Datetime(string="Until", tracking=True)
    state = fields.Selection(
        [("requested", "Requested"), ("approved", "Approved"), ("refused", "Refused"), ("revoked", "Revoked")],
        required=True,
        default="requested",
        readonly=True,
        copy=False,
        tracking=True,
    )
    is_live = fields.Boolean(string="In Force", compute="_compute_is_live", search="_search_is_live")
    requested_by_id = fields.Many2one("res.users", readonly=True, copy=False, default=lambda self: self.env.user)
    decided_by_id = fields.Many2one("res.users", readonly=True, copy=False, tracking=True)
    decided_at = fields.Datetime(readonly=True, copy=False)
    revoked_by_id = fields.Many2one("res.users", readonly=True, copy=False)
    revoked_at = fields.Datetime(readonly=True, copy=False)
    revoked_reason = fields.Char(readonly=True, copy=False, tracking=True)
    review_deadline = fields.Datetime(string="Review Due", readonly=True, copy=False)
    reviewed_by_id = fields.Many2one("res.users", readonly=True, copy=False, tracking=True)
    reviewed_at = fields.Datetime(readonly=True, copy=False)
    review_note = fields.Char(readonly=True, copy=False, tracking=True)
    can_decide = fields.Boolean(compute="_compute_can_decide")
    terms_seal = fields.Char(groups=fields.NO_ACCESS, copy=False)
    # ids of rows come again after a restore; what is noted about a revoked grant must not
    uuid = fields.Char(groups=fields.NO_ACCESS, copy=False, default=lambda self: str(uuid4()))

    _end_after_start = models.Constraint(
        "CHECK (date_end IS NULL OR date_start IS NULL OR date_end > date_start)", "A grant ends after it starts."
    )
    _live_idx = models.Index("(user_id, purpose, date_end) WHERE state = 'approved'")

    @api.depends("user_id", "purpose")
    def _compute_display_name(self):
        labels = dict(self._fields["purpose"]._description_selection(self.env))
        for grant in self:
            grant.display_name = f"{grant.user_id.name}: {labels.get(grant.purpose, '')}"

    def _init_column(self, column_name):
        # grants that were sealed without one stay without; a default would be the same for all of them
        if column_name != "uuid":
            super()._init_column(column_name)

    # === IN FORCE === #

    @api.model
    def _live_domain(self):
        """Return the domain of grants in force; its dates stay dynamic, so that a cached rule does not freeze them."""
        return Domain(
            [
                ("state", "=", "approved"),
                ("date_start", "<=", "now"),
                ("user_id.active", "=", True),
                "|",
                ("date_end", ">", "now"),
                ("kind", "=", "service"),
            ]
        )

    @api.depends("state", "date_start", "date_end", "user_id.active")
    @api.depends_context("uid")
    def _compute_is_live(self):
        live = self.filtered_domain(self._live_domain())
        for grant in self:
            grant.is_live = grant in live

    def _search_is_live(self, operator, value):
        if operator != "in":
            return NotImplemented
        live = self._live_domain()
        return live if True in value else ~live

    @api.model
    def _live(self, user_id, purpose=None):
        """Return the grants in force of a user (sudo), for one purpose or for all."""
        domain = self._live_domain() & Domain("user_id", "=", user_id)
        if purpose:
            domain &= Domain("purpose", "=", purpose)
        columns = [name for name, field in self._fields.items() if field.store and field.column_type]
        return self.sudo().search_fetch(domain, columns)  # sudo: the gate asks, whoever may read grants

    @api.model
    def _scope_sql(self, grant, alias):
        """Return the condition on the table of subjects ``alias`` that a grant (``grants.Grant``) covers; addons
        narrow it."""
        columns = self.env["pii.subject"]._fields
        conditions = []
        if grant.company:
            column = SQL.identifier(alias, "company_id", to_flush=columns["company_id"])
            conditions.append(SQL("%s = %s", column, grant.company))
        if grant.origin:
            conditions.append(SQL("%s = %s", SQL.identifier(alias, "origin", to_flush=columns["origin"]), grant.origin))
        if grant.subjects or grant.kind == "break_glass":
            conditions.append(SQL("%s = ANY(%s)", SQL.identifier(alias, "id"), list(grant.subjects)))
        return SQL("(%s)", SQL(" AND ").join(conditions) if conditions else SQL("true"))

    def _subject_domain(self):
        """Return the domain of the subjects that these grants cover."""
        found = grants.of_records(self)
        if not found:
            return Domain.FALSE
        return Domain.custom(
            to_sql=lambda model, alias, _query: SQL(
                "(%s)", SQL(" OR ").join(grants.scope(model.env, grant, alias) for grant in found)
            )
        )

    def _covered(self, subjects):
        """Return those of ``subjects`` that at least one of these grants covers."""
        # the subject's own facts decide, not what the asker may read
        parts = grants.covered(subjects.env, grants.of_records(self), subjects.ids)
        found = set().union(*parts)
        return subjects.filtered(lambda subject: subject.id in found)

    def _terms(self):
        """Return what the seal covers: everything that the gate believes of a grant."""
        self.ensure_one()
        return grants.of_records(self)[0].terms()

    @api.model
    def _service_identities(self):
        """Return ``{xml id of a user: purposes}``: which scheduled work may open what is a decision of the code."""
        return {}

    @api.model
    def _has_break_glass(self, user_id, purpose, subjects):
        """Tell whether the user has broken the glass for this purpose and all these subjects."""
        broken = self._live(user_id, purpose).filtered(lambda grant: grant.kind == "break_glass")
        return bool(subjects) and broken.filtered(_is_genuine)._covered(subjects) == subjects

    # === ACCESS === #

    @api.depends("state", "user_id", "requested_by_id")
    @api.depends_context("uid")
    def _compute_can_decide(self):
        officer = self.env.user.has_group(OFFICER)
        for grant in self:
            parties = grant.user_id | grant.requested_by_id
            grant.can_decide = officer and grant.state == "requested" and self.env.user not in parties

    @api.constrains("user_id", "purpose", "kind", "company_id", "date_start", "date_end", "subject_ids")
    def _check_terms(self):
        for grant in self:
            if grant.kind == "service":
                continue
            if not grant.company_id or not grant.date_start or not grant.date_end:
                raise ValidationError(self.env._("A grant names its company, its start and its end."))
            if "pii_retention.group_service" in PURPOSES[grant.purpose].groups:
                raise ValidationError(self.env._("This purpose is for scheduled work, never for a person."))
            if not PURPOSES[grant.purpose].by_grant:
                raise ValidationError(self.env._("Ask to read an archived document in Privacy → Archive."))
            if grant.kind == "standing" and not PURPOSES[grant.purpose].standing:
                raise ValidationError(
                    self.env._("There is no standing access for this purpose: each case is requested by itself.")
                )
            if grant.kind == "break_glass" and not grant.subject_ids:
                raise ValidationError(self.env._("Break-glass opens single customers only."))
            if grant.user_id.share:
                raise ValidationError(self.env._("Only employees see customers' personal data."))
            if grant.company_id not in grant.user_id.company_ids:
                raise ValidationError(
                    self.env._(
                        "%(user)s does not work for %(company)s.",
                        user=grant.user_id.name,
                        company=grant.company_id.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        # a default of the context or of a user decides nothing
        self = self.with_context(clean_context(self.env.context))
        vals_list = [{"kind": "temporary", "state": "requested", **vals} for vals in vals_list]
        for vals in vals_list:
            vals["date_start"] = vals.get("date_start") or fields.Datetime.now()
            if not self.env.su:
                self._check_request(vals)
                vals |= {**dict.fromkeys(DECISION_FIELDS, False), "requested_by_id": self.env.uid}
            if vals.get("kind") != "service" and not vals.get("date_end"):
                vals["date_end"] = self._default_end(vals)
        created = super().create(vals_list)
        created.filtered(lambda grant: grant.state == "requested")._ask_officers()
        return created

    def write(self, vals):
        if not self.env.su:
            # nor is a request: an officer would approve something else than what he has read, or terms of his own
            if set(vals) - {"message_follower_ids", "activity_ids"}:
                raise AccessError(self.env._("What was requested is not changed: revoke it and request it anew."))
        return super().write(vals)

    @api.model
    def _check_request(self, vals):
        allowed = REQUEST_FIELDS | self._scope_fields() | {"requested_by_id", "message_follower_ids", "activity_ids"}
        if set(vals) - allowed - {"state"} or vals["state"] != "requested":
            raise AccessError(self.env._("What a privacy officer decides cannot be written here."))
        if vals["kind"] in ("break_glass", "service"):
            raise AccessError(self.env._("Break the glass from the customer's record."))
        company = self.env["res.company"].browse(vals.get("company_id") or self.env.company.id)
        if fault := reasons.fault(self.env, vals.get("reason"), company._pii_figure("reason_words")):
            raise ValidationError(fault)

    @api.model
    def _scope_fields(self):
        """Return the names of further fields that narrow a request."""
        return set()

    def unlink(self):
        if any(grant.state != "requested" for grant in self):
            raise AccessError(self.env._("A decided grant is evidence and stays."))
        return super().unlink()
