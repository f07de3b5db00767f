from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain

from .. import channel, duties, duty_seals
from ..crypto import CryptoError

OFFICER = "pii_retention.group_privacy_officer"
#: What an officer states about a duty that begins with an event.
EVENT_FIELDS = {"code", "company_id", "subject", "leaver_id", "suspected_at", "detected_at", "started_at", "note"}
_FREE = {"note", "evidence_ids", "message_follower_ids", "activity_ids"}


class PiiDuty(models.Model):
    """Something that has to be done by a moment: reviews, scans, notices. It counts, reminds, and keeps the proof."""

    _name = "pii.duty"
    _description = "Duty of Data Protection"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "done_at desc, due_at, id"
    _allow_sudo_commands = False

    code = fields.Selection(
        [(duty.code, duty.label) for duty in duties.DUTIES.values()], string="Duty", required=True, tracking=True
    )
    company_id = fields.Many2one(
        "res.company", required=True, ondelete="restrict", default=lambda self: self.env.company, index=True
    )
    subject = fields.Char(
        string="About", help="The incident, the weakness, the account: by its reference. Never name a customer here."
    )
    record_ref = fields.Char(string="Record", readonly=True, copy=False, index=True)
    leaver_id = fields.Many2one("res.users", copy=False, ondelete="restrict", index=True)
    suspected_at = fields.Datetime(copy=False, help="When somebody first thought that something happened.")
    detected_at = fields.Datetime(copy=False, help="When it was certain.")
    started_at = fields.Datetime(
        string="Counts from", required=True, copy=False, default=fields.Datetime.now, tracking=True
    )
    figure = fields.Char(compute="_compute_figure")
    within = fields.Char(compute="_compute_within", help="The figure of the policy that is in force.")
    warn_at = fields.Datetime(string="Remind from", readonly=True, copy=False)
    due_at = fields.Datetime(string="Due", readonly=True, copy=False, index=True, tracking=True)
    state = fields.Selection(
        [("running", "Running"), ("soon", "Due soon"), ("overdue", "Overdue"), ("done", "Done")],
        compute="_compute_state",
        search="_search_state",
    )
    is_late = fields.Boolean(string="Done Late", compute="_compute_state")
    warned_at = fields.Datetime(string="Reminded on", readonly=True, copy=False)
    escalated_at = fields.Datetime(string="Alarm Raised on", readonly=True, copy=False)
    done_at = fields.Datetime(string="Done on", readonly=True, copy=False, tracking=True)
    done_by_id = fields.Many2one("res.users", readonly=True, copy=False, ondelete="restrict", tracking=True)
    evidence = fields.Char(readonly=True, copy=False, tracking=True, help="Where the proof is: number of a report, …")
    evidence_ids = fields.Many2many("ir.attachment", string="Proof", copy=False, help="Reports, protocols, mails.")
    seal = fields.Char(groups=fields.NO_ACCESS, copy=False)
    is_genuine = fields.Boolean(
        string="Signature Fits", compute="_compute_is_genuine", help="Off: nobody has signed it as the register says."
    )
    note = fields.Text(help="Never name a customer here.")
    proof_wanted = fields.Char(compute="_compute_figure")
    is_recurring = fields.Boolean(compute="_compute_figure")
    previous_id = fields.Many2one("pii.duty", string="Last Time", readonly=True, copy=False, ondelete="restrict")

    _one_open = models.UniqueIndex(
        "(company_id, code) WHERE done_at IS NULL AND code IN "
        "('access_review', 'log_review', 'inventory', 'plan_review', 'scan', 'pentest')",
        "This duty is running already.",
    )

    # === CLOCK === #

    @api.depends("code")
    def _compute_figure(self):
        for duty in self:
            kind = duties.DUTIES.get(duty.code)
            duty.figure = kind.figure if kind else False
            duty.proof_wanted = kind.proof if kind else False
            duty.is_recurring = bool(kind) and kind.recurring

    @api.depends("code", "company_id")
    def _compute_within(self):
        for duty in self:
            if duty.figure and duty.company_id:
                value = duty.company_id._pii_figure(duty.figure)
                duty.within = self.env["pii.policy"]._shown(duty.figure, value)
            else:
                duty.within = False

    def _clock(self):
        """Return ``(remind from, due)`` by the figures that are in force."""
        self.ensure_one()
        kind, company = duties.DUTIES[self.code], self.company_id
        due = duties.due_at(self.started_at, kind.figure, company._pii_figure(kind.figure))
        if kind.warning:
            return duties.due_at(self.started_at, kind.warning, company._pii_figure(kind.warning)), due
        return duties.warn_at(self.started_at, due, company._pii_figure("duty_warning_days")), due

    def _wind(self):
        """Let the clocks of what is still to be done follow the policy."""
        for duty in self.sudo().filtered(lambda duty: not duty.done_at):  # sudo: the clock is the product's
            warn, due = duty._clock()
            if (duty.warn_at, duty.due_at) != (warn, due):
                duty.write({"warn_at": warn, "due_at": due})

    @api.depends("warn_at", "due_at", "done_at")
    def _compute_state(self):
        now = fields.Datetime.now()
        for duty in self:
            if duty.done_at:
                duty.state = "done"
            elif duty.due_at and now >= duty.due_at:
                duty.state = "overdue"
            else:
                duty.state = "soon" if duty.warn_at and now >= duty.warn_at else "running"
            duty.is_late = bool(duty.done_at and duty.due_at) and duty.done_at > duty.due_at

    @api.depends("done_at", "done_by_id", "evidence", "evidence_ids")
    def _compute_is_genuine(self):
        for duty in self:
            try:
                duty.is_genuine = not duty.done_at or duty_seals.is_genuine(duty)
            except (CryptoError, UserError):
                duty.is_genuine = False

    def _search_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        now = fields.Datetime.now()
        open_ones = Domain("done_at", "=", False)
        domains = {
            "done": Domain("done_at", "!=", False),
            "overdue": open_ones & Domain("due_at", "<=", now),
            "soon": open_ones & Domain("due_at", ">", now) & Domain("warn_at", "<=", now),
            "running": open_ones & Domain("due_at", ">", now) & Domain("warn_at", ">", now),
        }
        return Domain.OR([domains[state] for state in value if state in domains])

    @api.depends("code", "subject", "leaver_id")
    def _compute_display_name(self):
        labels = dict(self._fields["code"]._description_selection(self.env))
        for duty in self:
            about = duty.subject or duty.leaver_id.name
            duty.display_name = f"{labels.get(duty.code, '')}: {about}" if about else labels.get(duty.code, "")

    # === MAKING === #

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if not self.env.su:
                self._check_event(vals)
            moments = [
                fields.Datetime.to_datetime(vals[name]) for name in ("suspected_at", "detected_at") if vals.get(name)
            ]
            if moments:
                # the clock of an incident does not wait for certainty
                vals["started_at"] = min(moments)
        created = super().create(vals_list)
        created._wind()
        created.filtered(lambda duty: duty.code == "leaver")._close_access()
        created.filtered(lambda duty: duty.state in ("soon", "overdue"))._remind()
        return created

    @api.model
    def _check_event(self, vals):
        kind = duties.DUTIES.get(vals.get("code"))
        if set(vals) - EVENT_FIELDS - _FREE:
            raise AccessError(self.env._("What becomes of a duty cannot be written here."))
        if kind is None or kind.recurring or kind.code == "secret_rotation":
            raise AccessError(self.env._("This duty is begun by the product itself."))

    @api.constrains("code", "leaver_id", "started_at", "suspected_at", "detected_at")
    def _check_started(self):
        for duty in self:
            if bool(duty.leaver_id) != (duty.code == "leaver"):
                raise ValidationError(self.env._("Choose the person who leaves; no other duty names one."))
            if duty.started_at > fields.Datetime.now() and not duties.DUTIES[duty.code].keeps:
                raise ValidationError(self.env._("A duty counts from something that has happened already."))

    def write(self, vals):
        if not self.env.su and set(vals) - _FREE:
            raise AccessError(self.env._("The clock of a duty and its outcome are not written by hand."))
        if not self.env.su and "evidence_ids" in vals and any(duty.done_at for duty in self):
            raise AccessError(self.env._("The proof of a duty that is signed stays as it was signed."))
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise AccessError(self.env._("The register of duties stays: it is evidence."))

    @api.model
    def _ensure_all(self):
        """Begin the recurring duties of each company that has none running; called at installation and update."""
        for company in self.env["res.company"].search([]):
            running = set(self.search([("company_id", "=", company.id), ("done_at", "=", False)]).mapped("code"))
            for kind in duties.DUTIES.values():
                if kind.recurring and kind.code not in running:
                    self.create({"code": kind.code, "company_id": company.id})

    # === DONE === #

    def action_done(self):
        """Ask for the proof, which ends the duty."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.display_name,
            "res_model": "pii.duty.done",
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_duty_id": self.id},
        }

    def _sign(self, evidence):
        """End a duty in person, with its proof; a recurring one begins anew.

        :raise AccessError: not an officer, not in person
        :raise UserError: no proof, or too early
        """
        if not channel.in_person(self.env):
            raise AccessError(self.env._("A privacy officer signs a duty in person, signed in to Odoo in a browser."))
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer signs a duty."))
        self.check_access("write")
        for duty in self:
            if duty.done_at:
                raise UserError(self.env._("%s is done already.", duty.display_name))
            if not (evidence or "").strip() and not duty.evidence_ids:
                raise UserError(
                    self.env._("State where the proof is, or attach it. Wanted: %s", duty.proof_wanted or "")
                )
            if duties.DUTIES[duty.code].keeps and duty.state != "overdue":
                raise UserError(
                    self.env._("The registers are kept until %s.", fields.Datetime.context_timestamp(duty, duty.due_at))
                )
            if duty.leaver_id == self.env.user:
                raise UserError(self.env._("Nobody signs that his own access has ended."))
            if left := duty.leaver_id and duty.leaver_id._pii_leftovers():
                raise UserError(
                    self.env._("%(who)s still has: %(what)s.", who=duty.leaver_id.name, what=", ".join(left))
                )
            duty_seals.end(duty, (evidence or "").strip(), self.env.user)
