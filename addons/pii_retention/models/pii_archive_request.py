from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import clean_context

from .. import archive_seals, reasons
from ..purposes import PURPOSES
from .pii_grant import OFFICER

READERS = PURPOSES["archive_read"].groups
#: What a request may say; everything else is the outcome of a decision.
REQUEST_FIELDS = {"company_id", "item_ids", "authority", "reason", "minutes"}


class PiiArchiveRequest(models.Model):
    """Leave for one person to read named documents of the legal archive, for some minutes.

    Approved by a privacy officer who is somebody else, sealed outside the database, looked at afresh at each look.
    """

    _name = "pii.archive.request"
    _description = "Request to Read the Legal Archive"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _allow_sudo_commands = False

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, index=True, ondelete="restrict"
    )
    requester_id = fields.Many2one(
        "res.users", required=True, readonly=True, copy=False, default=lambda self: self.env.user, tracking=True
    )
    item_ids = fields.Many2many("pii.archive.item", string="Documents", copy=False)
    authority = fields.Char(
        string="Asked for by", required=True, tracking=True, help="The authority or court, and its file number."
    )
    reason = fields.Char(required=True, tracking=True, help="Why the document is needed. Never name a customer here.")
    minutes = fields.Integer(
        string="For (minutes)",
        required=True,
        default=lambda self: self.env.company._pii_figure("archive_read_minutes"),
        tracking=True,
    )
    state = fields.Selection(
        [("requested", "Requested"), ("approved", "Approved"), ("refused", "Refused"), ("revoked", "Revoked")],
        required=True,
        default="requested",
        readonly=True,
        copy=False,
        tracking=True,
    )
    date_start = fields.Datetime(string="From", readonly=True, copy=False)
    date_end = fields.Datetime(string="Until", readonly=True, copy=False, tracking=True)
    is_open = fields.Boolean(string="Open Now", compute="_compute_is_open", search="_search_is_open")
    decided_by_id = fields.Many2one("res.users", readonly=True, copy=False, tracking=True)
    decided_at = fields.Datetime(readonly=True, copy=False)
    can_decide = fields.Boolean(compute="_compute_can_decide")
    can_read = fields.Boolean(compute="_compute_can_decide")
    terms_seal = fields.Char(groups=fields.NO_ACCESS, copy=False)

    _minutes_positive = models.Constraint("CHECK (minutes > 0)", "Ask for at least a minute.")

    @api.depends("requester_id", "authority")
    def _compute_display_name(self):
        for request in self:
            request.display_name = f"{request.requester_id.name}: {request.authority or ''}"

    @api.depends("state", "date_start", "date_end")
    def _compute_is_open(self):
        now = fields.Datetime.now()
        for request in self:
            box = request.date_start and request.date_start <= now < request.date_end
            request.is_open = bool(request.state == "approved" and box)

    def _search_is_open(self, operator, value):
        if operator != "in":
            return NotImplemented
        inside = Domain([("state", "=", "approved"), ("date_start", "<=", "now"), ("date_end", ">", "now")])
        return inside if True in value else ~inside

    @api.depends("state", "requester_id")
    @api.depends_context("uid")
    def _compute_can_decide(self):
        officer = self.env.user.has_group(OFFICER)
        for request in self:
            request.can_decide = officer and request.state == "requested" and request.requester_id != self.env.user
            request.can_read = request.is_open and request.requester_id == self.env.user

    def _terms(self):
        """Return what the seal covers."""
        self.ensure_one()
        request = self.sudo()  # sudo: compared, not shown
        return {
            "id": request.id,
            "company": request.company_id.id,
            "requester": request.requester_id.id,
            "items": sorted(request.item_ids.mapped("uuid")),
            "authority": request.authority,
            "reason": request.reason,
            "start": fields.Datetime.to_string(request.date_start) or "",
            "end": fields.Datetime.to_string(request.date_end) or "",
            "decided_by": request.decided_by_id.id,
        }

    # === REQUEST === #

    @api.model_create_multi
    def create(self, vals_list):
        # a default of the context or of a user decides nothing
        self = self.with_context(clean_context(self.env.context))
        if not any(self.env.user.has_group(group) for group in READERS):
            raise AccessError(
                self.env._("Documents are read by the roles Fiscal Documents and Incident Response: ask one of them.")
            )
        for vals in vals_list:
            vals.setdefault("company_id", self.env.company.id)
            if set(vals) - REQUEST_FIELDS - {"message_follower_ids", "activity_ids"}:
                raise AccessError(self.env._("What a privacy officer decides cannot be written here."))
        requests = super().create(vals_list)
        for request in requests:
            request._check_request()
        requests._ask_officers()
        return requests

    def write(self, vals):
        if not self.env.su and set(vals) - {"message_follower_ids", "activity_ids"}:
            raise AccessError(self.env._("What was requested is not changed: revoke it and ask anew."))
        return super().write(vals)

    def unlink(self):
        if any(request.state != "requested" for request in self):
            raise AccessError(self.env._("A decided request is evidence and stays."))
        return super().unlink()

    def _check_request(self):
        self.ensure_one()
        longest = self.company_id._pii_figure("archive_read_minutes")
        if self.company_id not in self.env.user.company_ids:
            raise AccessError(self.env._("You do not work for %s.", self.company_id.name))
        if not self.item_ids:
            raise ValidationError(self.env._("Name the documents that you need."))
        if self.item_ids.company_id != self.company_id:
            raise ValidationError(self.env._("Ask for documents of one company at a time."))
        if self.item_ids.filtered(lambda item: item.state != "kept"):
            raise ValidationError(self.env._("Only documents that are kept can be read. Choose others."))
        if self.minutes > longest:
            raise ValidationError(self.env._("The policy lets an archived document be read for %s minutes.", longest))
        least = self.company_id._pii_figure("reason_words")
        if fault := reasons.fault(self.env, self.reason, least) or reasons.fault(self.env, self.authority, 1):
            raise ValidationError(fault)

    def _ask_officers(self):
        # sudo: activities are assigned to others; the context of a client could leave them out
        for request in self.sudo().with_context(mail_activity_automation_skip=False):
            officers = self.env["pii.grant"]._officers(request.company_id) - request.requester_id
            if not officers:
                raise UserError(
                    self.env._(
                        "There is no privacy officer who could decide. Ask an administrator to appoint one first."
                    )
                )
            for officer in officers:
                request.activity_schedule("pii_retention.activity_archive_request", user_id=officer.id)

    # === DECISION === #

    def action_approve(self):
        """Approve requests: the time box begins now."""
        for request in self:
            request._check_open()
            now = fields.Datetime.now()
            longest = request.company_id._pii_figure("archive_read_minutes")
            end = now + timedelta(minutes=min(request.minutes, longest))
            agreed = request._terms() | {
                "start": fields.Datetime.to_string(now),
                "end": fields.Datetime.to_string(end),
                "decided_by": self.env.uid,
            }
            request._decided(state="approved", date_start=now, date_end=end)
            archive_seals.seal(request, "archive/request", agreed)

    def action_refuse(self):
        """Refuse requests."""
        for request in self:
            request._check_open()
            request._decided(state="refused")

    def action_revoke(self):
        """End requests at once: an officer, or who asked."""
        for request in self:
            if not self.env.user.has_group(OFFICER) and self.env.user != request.requester_id:
                raise AccessError(self.env._("Only a privacy officer or who asked revokes a request."))
        # sudo: less access needs no permission; who may ask for it was checked
        live = self.sudo().filtered(lambda request: request.state in ("requested", "approved"))
        live.write({"state": "revoked", "terms_seal": False})
        live.activity_unlink(["pii_retention.activity_archive_request"])

    def _check_open(self):
        archive_seals.check_decider(self, self.requester_id)
        archive_seals.lock(self)
        if self.state != "requested":
            raise UserError(self.env._("This request was decided about already. Reload the page."))

    def _decided(self, **vals):
        vals |= {"decided_by_id": self.env.uid, "decided_at": fields.Datetime.now()}
        # sudo: decisions are not written by hand; the callers have checked the decider
        self.sudo().write(vals)
        self.activity_unlink(["pii_retention.activity_archive_request"])
