from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import SQL

from .. import channel, reasons
from ..crypto import CryptoError
from ..proof import exceptions, is_genuine

OFFICER = "pii_retention.group_privacy_officer"
ACTIVITY = "pii_retention.activity_proof_exception"


def _seal(exception):
    """Seal what was decided; a function, so that nothing evaluated seals terms of its own."""
    try:
        exceptions.seal(exception)
    except CryptoError as error:
        raise UserError(str(error)) from error


class PiiProofException(models.Model):
    """Two privacy officers let the intake go on for some hours although a proof found something."""

    _name = "pii.proof.exception"
    _description = "Exception from a Proof of Absence"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _allow_sudo_commands = False

    proof_id = fields.Many2one("pii.proof", required=True, readonly=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade", index=True)
    covered = fields.Json(readonly=True, help="What was found, by the name of the check: no more than that is covered.")
    covered_text = fields.Text(string="Covers", compute="_compute_covered_text")
    reason = fields.Text(
        required=True, tracking=True, help="What was found out, and why it is right to go on. Never name a customer."
    )
    hours = fields.Integer(required=True, default=24, help="Counted from the approval.")
    state = fields.Selection(
        [
            ("requested", "Requested"),
            ("approved", "Approved"),
            ("refused", "Refused"),
            ("ended", "Ended early"),
        ],
        required=True,
        default="requested",
        readonly=True,
        tracking=True,
    )
    requested_by_id = fields.Many2one("res.users", readonly=True, ondelete="restrict")
    decided_by_id = fields.Many2one("res.users", readonly=True, ondelete="restrict", tracking=True)
    decided_at = fields.Datetime(readonly=True)
    date_start = fields.Datetime(string="From", readonly=True)
    date_end = fields.Datetime(string="Until", readonly=True, tracking=True)
    is_in_force = fields.Boolean(compute="_compute_is_in_force")
    seal = fields.Char(groups=fields.NO_ACCESS, copy=False)

    _some_hours = models.Constraint("CHECK (hours > 0)", "An exception lasts at least an hour.")

    @api.depends("proof_id", "state")
    def _compute_display_name(self):
        for exception in self:
            exception.display_name = self.env._("Exception from the proof of %s", exception.proof_id.day)

    @api.depends("covered")
    def _compute_covered_text(self):
        for exception in self:
            lines = exception.proof_id.line_ids.filtered(lambda line, known=exception.covered or {}: line.code in known)
            exception.covered_text = "\n".join(f"{line.name}: {exception.covered[line.code]}" for line in lines)

    @api.depends("state", "date_end")
    def _compute_is_in_force(self):
        now = fields.Datetime.now()
        for exception in self:
            exception.is_in_force = bool(
                exception.state == "approved"
                and exception.date_start <= now < exception.date_end
                and self._is_agreed(exception)
            )

    @api.model
    def _is_agreed(self, exception):
        try:
            return exceptions.is_genuine(exception)
        except CryptoError:
            return False

    # === REQUEST === #

    @api.model
    def _check_person(self):
        if not channel.in_person(self.env):
            raise AccessError(self.env._("A privacy officer decides in person, signed in to Odoo."))
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer decides about the intake of personal data."))

    @api.model_create_multi
    def create(self, vals_list):
        self._check_person()
        Proof = self.env["pii.proof"]
        prepared = []
        for vals in vals_list:
            proof = Proof.browse(vals.get("proof_id") or self.env.context.get("default_proof_id")).exists()
            proof.check_access("read")
            if not proof or not proof.found:
                raise UserError(self.env._("An exception is asked for about a proof that found something."))
            if not is_genuine(proof):
                raise UserError(
                    self.env._("This proof was changed outside of Odoo. Press “Check again” and use the new one.")
                )
            prepared.append(
                {
                    "proof_id": proof.id,
                    "company_id": proof.company_id.id,
                    "covered": exceptions.counts_of(proof),
                    "reason": (vals.get("reason") or "").strip(),
                    "hours": vals.get("hours") or self._fields["hours"].default(self),
                    "requested_by_id": self.env.uid,
                    "state": "requested",
                }
            )
        created = super(PiiProofException, self.sudo()).create(prepared).sudo(False)  # sudo: the fields are closed
        created._ask_officers()
        return created

    @api.constrains("reason", "hours")
    def _check_terms(self):
        for exception in self:
            least = exception.company_id._pii_figure("reason_words")
            if fault := reasons.fault(self.env, exception.reason or "", least):
                raise ValidationError(fault)
            longest = exception.company_id._pii_figure("proof_hours")
            if exception.hours > longest:
                raise ValidationError(
                    self.env._("An exception lasts at most as long as a proof is valid: %s hours.", longest)
                )

    def _ask_officers(self):
        # sudo: activities are assigned to others
        for exception in self.sudo().with_context(mail_activity_automation_skip=False):
            officers = self.env["pii.grant"]._officers(exception.company_id) - exception.requested_by_id
            for officer in officers:
                exception.activity_schedule(ACTIVITY, user_id=officer.id, summary=exception.display_name)

    # === DECISION === #

    def _lock(self):
        self.ensure_one()
        self.flush_recordset()
        try:
            self.env.cr.execute(SQL("SELECT 1 FROM pii_proof_exception WHERE id = %s FOR UPDATE NOWAIT", self.id))
        except psycopg2.errors.LockNotAvailable:
            raise UserError(self.env._("Somebody else is deciding about this right now. Reload it.")) from None
        self.invalidate_recordset()
        if self.state != "requested":
            raise UserError(self.env._("This was decided already, by %s.", self.sudo().decided_by_id.name or "?"))
        if self.env.user == self.requested_by_id:
            raise UserError(self.env._("Nobody decides about a request of their own. Ask another privacy officer."))

    def action_approve(self):
        """Let the intake go on for the hours asked for, as long as nothing else is found."""
        self._check_person()
        self.check_access("read")
        for exception in self:
            exception._lock()
            now = fields.Datetime.now()
            # sudo: decisions are not written by hand; the decider was checked
            exception.sudo().write(
                {
                    "state": "approved",
                    "decided_by_id": self.env.uid,
                    "decided_at": now,
                    "date_start": now,
                    "date_end": now + timedelta(hours=exception.hours),
                }
            )
            _seal(exception)
            exception.sudo().activity_unlink([ACTIVITY])  # sudo: other officers' too

    def action_refuse(self):
        """Keep the intake stopped."""
        self._check_person()
        self.check_access("read")
        for exception in self:
            exception._lock()
            # sudo: as in action_approve
            exception.sudo().write(
                {"state": "refused", "decided_by_id": self.env.uid, "decided_at": fields.Datetime.now()}
            )
            exception.sudo().activity_unlink([ACTIVITY])

    def action_end(self):
        """End an exception before its time."""
        self._check_person()
        self.check_access("read")
        # sudo: as in action_approve
        self.sudo().filtered(lambda exception: exception.state == "approved").write({"state": "ended", "seal": False})

    def write(self, vals):
        if not self.env.su:
            raise AccessError(self.env._("A decision is not changed by hand. End the exception and ask for another."))
        return super().write(vals)
