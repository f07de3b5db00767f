from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .. import seals
from .pii_request import OPEN_STATES


class PiiRequest(models.Model):
    """Who decides about a request, in person, and what exactly was decided."""

    _inherit = "pii.request"

    needs_second = fields.Boolean(
        string="Takes a Second Officer",
        compute="_compute_needs_second",
        help="Whoever registered or handles the request does not decide about it: data leaves, an authorisation ends, "
        "or more customers are erased than one officer may erase alone.",
    )
    can_decide = fields.Boolean(compute="_compute_can_decide")
    opens_data = fields.Boolean(compute="_compute_opens_data")
    grant_id = fields.Many2one("pii.grant", string="Access", readonly=True, copy=False)

    @api.depends("kind", "right", "live_count", "company_id")
    def _compute_needs_second(self):
        for request in self:
            limit = request.company_id._pii_figure("request_single_subjects") if request.company_id else 0
            request.needs_second = request.kind == "merchant_leaves" or request.opens_data or request.live_count > limit

    @api.depends("kind", "right")
    def _compute_opens_data(self):
        for request in self:
            request.opens_data = request.kind == "amazon_return" or request.right in ("access", "rectify")

    @api.depends("state", "needs_second", "registered_by_id", "user_id")
    @api.depends_context("uid")
    def _compute_can_decide(self):
        officer = self.env.user.has_group(seals.OFFICER)
        for request in self:
            parties = request.registered_by_id | request.user_id
            request.can_decide = (
                officer and request.state == "previewed" and not (request.needs_second and self.env.user in parties)
            )

    # === WHAT IS DECIDED === #

    def _terms(self):
        """Return what the seal covers: everything that the work on the request believes of it."""
        self.ensure_one()
        request = self.sudo()  # sudo: the terms are compared, not shown
        return {
            "id": request.id,
            "name": request.name,
            "kind": request.kind,
            "right": request.right or "",
            "company": request.company_id.id,
            "received": fields.Datetime.to_string(request.received_at),
            "asked": [request[name] or "" for name in ("requester", "channel", "legal_basis", "legal_note")],
            # who hands data out is decided about; who is reminded of an erasure is not
            "handler": request.user_id.id if request.opens_data else 0,
            "identity": [request.identity_method or "", request.identity_checked_by_id.id or 0],
            "scope": request._scope_terms(),
            # of an authorisation that ends, everybody goes who is there when it ends
            "items": "" if request.kind == "merchant_leaves" else seals.items_digest(request),
            "key": request.key_fingerprint or "",
            "recipient": request.recipient_id.id or 0,
            "erase_after": bool(request.erase_after),
            "decided_by": request.decided_by_id.id,
            "decided_at": fields.Datetime.to_string(request.decided_at) or "",
        }

    def _scope_terms(self):
        """Return the scope as the seal covers it; another addon adds what it narrows by."""
        self.ensure_one()
        return {
            "origin": self.origin or "",
            "from": str(self.date_from or ""),
            "to": str(self.date_to or ""),
            "references": self._named_references(),
            "accounts": self._named_accounts(),
            "subjects": sorted(self.subject_ids.mapped("uuid")),
        }

    def _lock(self):
        """Lock the row, so that two officers do not decide at once, and read it afresh.

        :raise UserError: somebody else is at work on it at this moment
        """
        self.ensure_one()
        self.flush_recordset()
        try:
            self.env.cr.execute(SQL("SELECT state FROM pii_request WHERE id = %s FOR UPDATE NOWAIT", self.id))
        except psycopg2.errors.LockNotAvailable:
            raise UserError(self.env._("Somebody else is at work on this request right now. Reload it.")) from None
        self.invalidate_recordset()

    def _check_decided(self, vals):
        """Refuse to rewrite what was decided about, or what the certificate says of who asked and why."""
        if "user_id" in vals and self.filtered(lambda request: request.opens_data and request.decided_by_id):
            raise UserError(
                self.env._(
                    "Who hands the data out was decided about. Withdraw the request and register it anew for somebody "
                    "else."
                )
            )
        if {"requester", "channel", "legal_basis", "legal_note"} & vals.keys():
            self._check_unsettled()
        if "decision_note" in vals and self.filtered(lambda request: request.state not in OPEN_STATES):
            raise UserError(self.env._("The grounds of a decision that was carried out stay as they are."))

    # === DECIDE === #

    def _check_decidable(self):
        """Lock one request and refuse unless this officer may decide about it now."""
        self.check_access("write")
        self._lock()
        if self.state != "previewed":
            raise UserError(
                self.env._("Preview %s first: whoever decides must see whom it is about.", self.name)
                if self.state == "draft"
                else self.env._(
                    "%(request)s was decided already, by %(officer)s.",
                    request=self.name,
                    officer=self.sudo().decided_by_id.name or "?",  # sudo: the officer may be of another company
                )
            )
        # by the items, which are decided about, and not by a count that stands in the row
        limit = self.company_id._pii_figure("request_single_subjects")
        takes_second = self.needs_second or len(self._open_items()) > limit
        if takes_second and self.env.user in self.registered_by_id | self.user_id:
            raise UserError(
                self.env._(
                    "%s takes a second officer: whoever registered or handles it does not decide about it.", self.name
                )
            )

    def action_approve(self):
        """Approve requests: what can be done by itself starts at once; data that leaves is opened for its handler."""
        seals.check_officer(self.env)
        for request in self:
            request._check_decidable()
            request._check_complete()
            terms = request._terms()
            now = fields.Datetime.now()
            # sudo: decisions are not written by hand; the decider was checked
            request.sudo().write({"state": "approved", "decided_by_id": self.env.uid, "decided_at": now})
            seals.seal(request, terms | {"decided_by": self.env.uid, "decided_at": fields.Datetime.to_string(now)})
            request.activity_unlink(["pii_retention_request.activity_decide"])
            if request.opens_data:
                request._give_access()
            if request._runs_alone():
                request._wake()

    def _check_complete(self):
        """Refuse to approve what is not ready for it."""
        self._check_identity()
        if self.unknown_text and not self.unknown_confirmed_by_id:
            raise UserError(
                self.env._(
                    "Not known here:\n%s\n\nCheck the notice against these names. If nothing is held of them indeed, "
                    "confirm that on the request first.",
                    self.unknown_text,
                )
            )
        if self.kind == "amazon_return":
            self._check_key()
            if not self.recipient_id:
                raise UserError(
                    self.env._("Choose who gets the archive: a recipient of the register that is active and assessed.")
                )

    def action_refuse(self):
        """Refuse requests, for stated grounds."""
        seals.check_officer(self.env)
        for request in self:
            request.check_access("write")
            request._lock()
            if request.state not in ("draft", "previewed"):
                raise UserError(self.env._("%s was decided already.", request.name))
            if not (request.decision_note or "").strip():
                raise UserError(self.env._("State the grounds of the refusal first: the requester is told why."))
            # sudo: as in action_approve
            request.sudo().write(
                {
                    "state": "refused",
                    "decided_by_id": self.env.uid,
                    "decided_at": fields.Datetime.now(),
                    "done_at": fields.Datetime.now(),
                }
            )
            request.activity_unlink(request._activity_types())

    # === ACCESS === #

    def _give_access(self):
        """Let the handler open exactly these customers, by a grant that the officer at the screen approves."""
        self.ensure_one()
        subjects = self._open_subjects()
        if not subjects:
            return
        hours = self.company_id._pii_figure("grant_temporary_hours")
        now = fields.Datetime.now()
        # sudo: asked for in the name of the handler; the approval below is the officer's own
        grant = (
            self.env["pii.grant"]
            .sudo()
            .create(
                {
                    "user_id": self.user_id.id,
                    "requested_by_id": self.user_id.id,
                    "purpose": "legal_request",
                    "kind": "temporary",
                    "company_id": self.company_id.id,
                    "subject_ids": [(6, 0, subjects.ids)],
                    "reason": self.env._("Answer to the request %s", self.name),
                    "date_start": now,
                    "date_end": now + timedelta(hours=hours),
                }
            )
        )
        grant.with_env(self.env).action_approve()
        self.sudo().grant_id = grant  # sudo: as in action_approve

    def action_give_access_again(self):
        """Give the handler of an approved request access once more, after it has lapsed."""
        seals.check_officer(self.env)
        for request in self:
            request.check_access("write")
            request._lock()
            if request.state != "approved" or not request.opens_data or not seals.is_genuine(request):
                raise UserError(self.env._("Access is given for an approved request that opens data only."))
            if self.env.user in request.registered_by_id | request.user_id:
                raise UserError(self.env._("Another officer than the one who handles the request gives the access."))
            request._give_access()
