from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from .. import channel, holds, reasons
from .pii_hold import OFFICER

ACTIVITY_DECIDE = "pii_retention.activity_hold_decide"
ACTIVITY_DAILY = "pii_retention.activity_hold_daily"
ACTIVITY_END = "pii_retention.activity_hold_end"


class PiiHold(models.Model):
    _inherit = "pii.hold"

    # === WHO DECIDES === #

    def _officers(self):
        """Return the privacy officers of the hold's company."""
        self.ensure_one()
        return self.env["pii.grant"]._officers(self.company_id)

    def _ask_officers(self):
        # sudo: activities are assigned to others; the context of a client could leave them out
        for hold in self.sudo().with_context(mail_activity_automation_skip=False):
            for officer in hold._officers() - hold.requested_by_id:
                hold.activity_schedule(ACTIVITY_DECIDE, user_id=officer.id)

    def _check_decider(self):
        """Refuse unless an officer decides, in person."""
        if not channel.in_person(self.env):
            raise AccessError(self.env._("A privacy officer decides in person, signed in to Odoo."))
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer decides about a legal hold."))
        self.check_access("write")

    def _lock(self):
        self.ensure_one()
        self.flush_recordset()
        self.env.cr.execute(SQL("SELECT FROM pii_hold WHERE id = %s FOR UPDATE", self.id))
        self.invalidate_recordset()

    def _check_open(self):
        self._lock()
        if self.state != "requested":
            raise UserError(self.env._("%s was decided already. Reload it.", self.name))
        if self.requested_by_id == self.env.user:
            raise UserError(self.env._("Nobody approves a hold of their own. Ask another privacy officer."))

    # === DECISIONS === #

    def action_approve(self):
        """Put holds in force: their customers' data outlives its day, one day at a time."""
        self._check_decider()
        for hold in self:
            hold._check_open()
            hold._check_request()
            now = fields.Datetime.now()
            agreed = hold._terms() | {"decided_by": self.env.uid, "decided_at": fields.Datetime.to_string(now)}
            # sudo: decisions are not written by hand; the decider was checked
            hold.sudo().write({"state": "approved", "decided_by_id": self.env.uid, "decided_at": now})
            holds.seal(hold, agreed)
            hold.activity_unlink([ACTIVITY_DECIDE])
            # whose day has come already, and who is not purged yet, is held from now on
            self.env["pii.subject"]._roll_held(hold.company_id)

    def action_refuse(self):
        """Refuse holds."""
        self._check_decider()
        for hold in self:
            hold._check_open()
            # sudo: as in action_approve
            hold.sudo().write({"state": "refused", "decided_by_id": self.env.uid, "decided_at": fields.Datetime.now()})
            hold.activity_unlink([ACTIVITY_DECIDE])

    def action_lift(self, reason=None):
        """End holds now; whose day is past is erased within a day."""
        self._check_decider()
        for hold in self:
            if reason and (fault := reasons.fault(self.env, reason, 1)):
                raise UserError(fault)
            hold._lock()
            if hold.state not in ("requested", "approved"):
                raise UserError(self.env._("%s is over already.", hold.name))
            holds.note_lifted(hold)
            # sudo: as in action_approve
            hold.sudo().write(
                {
                    "state": "lifted",
                    "lifted_by_id": self.env.uid,
                    "lifted_at": fields.Datetime.now(),
                    "lift_reason": reason or self.env._("Not needed any more"),
                }
            )
            hold.activity_unlink([ACTIVITY_DECIDE, ACTIVITY_DAILY, ACTIVITY_END])

    def action_view_subjects(self):
        """Show the customers that the hold covers."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("pii_retention.pii_subject_action")
        return {**action, "domain": list(self._subject_domain()), "context": {"search_default_live": 1}}

    # === EVERY DAY === #

    @api.model
    def _cron_report(self):
        """Tell the officers each day what holds keep alive, remind them of the end, and of what was forged."""
        # sudo: scheduled work
        for company in self.env["res.company"].sudo().search([]):
            today = company._pii_day()
            warning = timedelta(days=company._pii_figure("hold_warning_days"))
            for hold in holds.active(company):
                hold._remind(ACTIVITY_DAILY, today, hold._daily_text(today))
                if hold.date_end - warning <= today:
                    hold._remind(
                        ACTIVITY_END,
                        hold.date_end,
                        self.env._("The hold ends on %s. Request a new one if the proceedings go on.", hold.date_end),
                    )
            # sudo: as above
            over = self.sudo().search(
                [("company_id", "=", company.id), ("state", "=", "approved"), ("date_end", "<", today)]
            )
            over.activity_unlink([ACTIVITY_DAILY, ACTIVITY_END])

    def _daily_text(self, today):
        self.ensure_one()
        return self.env._(
            "%(day)s: %(count)s customers are covered, %(kept)s of them would be gone without the hold. Is it still "
            "needed? Lift it as soon as it is not.",
            day=today,
            count=self.subject_count,
            kept=self.kept_count,
        )

    def _remind(self, activity, day, text):
        """Keep one activity of a kind for each officer, with today's words."""
        self.ensure_one()
        told = self.with_context(mail_activity_automation_skip=False, mail_activity_quick_update=True)
        for officer in self._officers():
            known = told.activity_search([activity], user_id=officer.id)
            if known:
                known.write({"date_deadline": day, "note": text})
            else:
                told.activity_schedule(activity, date_deadline=day, note=text, user_id=officer.id)


class PiiSubject(models.Model):
    _inherit = "pii.subject"

    is_held = fields.Boolean(string="Legal Hold", compute="_compute_is_held", search="_search_is_held")

    def _compute_is_held(self):
        held = self._held()
        for subject in self:
            subject.is_held = subject in held

    def _search_is_held(self, operator, value):
        if operator != "in":
            return NotImplemented
        # sudo: which orders a hold covers is for whoever may read the subjects
        covered = (
            self.sudo()
            .browse()
            .union(*(hold._covered() for company in self.env.companies for hold in holds.active(company.sudo())))
        )
        return [("id", "in" if True in value else "not in", covered.ids)]

    def _held(self):
        """Return those that a legal hold in force keeps; see :func:`holds.active` for what counts."""
        # sudo: holds bind everybody
        return holds.of_subjects(self.sudo()).with_env(self.env)
