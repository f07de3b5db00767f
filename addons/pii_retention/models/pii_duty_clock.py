from odoo import api, fields, models

from .. import alerts, duties, duty_seals


class PiiDuty(models.Model):
    _inherit = "pii.duty"

    @api.model
    def _cron_clocks(self):
        """Remind of what is due soon, raise the alarm about what is overdue, and look after those who left."""
        duties_of_all = self.sudo()  # sudo: the clock is the product's
        duties_of_all._ensure_all()
        duty_seals.watch(duties_of_all.env)
        open_ones = duties_of_all.search([("done_at", "=", False)])
        open_ones._wind()
        open_ones.filtered(lambda duty: duty.code == "leaver")._finish_leavers()
        for duty in open_ones.filtered(lambda duty: not duty.done_at):
            if duty.state == "soon" and not duty.warned_at:
                duty._remind()
            elif duty.state == "overdue" and not duty.escalated_at:
                duty._escalate()
        self._watch_leavers()

    def _officers(self):
        return self.env["pii.grant"]._officers(self.company_id) - self.leaver_id

    def _remind(self):
        """Put each duty on the list of the officers, once."""
        # sudo: activities are assigned to others; the context of a client could leave them out
        for duty in self.sudo().with_context(mail_activity_automation_skip=False):
            asked = duty.activity_search(["pii_retention.activity_duty"]).user_id
            for officer in duty._officers() - asked:
                duty.activity_schedule(
                    "pii_retention.activity_duty",
                    user_id=officer.id,
                    date_deadline=duty.due_at.date(),
                    summary=duty.display_name,
                )
            duty.warned_at = duty.warned_at or fields.Datetime.now()

    def _escalate(self):
        """Tell the officers that a duty was missed."""
        for duty in self:
            duty._remind()
            if duties.DUTIES[duty.code].keeps:
                continue  # nothing was missed: from now on something may be let go
            alerts.tell(
                duty.env,
                "leaver" if duty.code == "leaver" else "duty",
                duty.company_id,
                duty.display_name,
                duty.env._(
                    "Due on %(due)s (UTC), %(within)s after it began. Do it now, and sign it with its proof.",
                    due=fields.Datetime.to_string(duty.due_at),
                    within=duty.within,
                ),
            )
            duty.escalated_at = fields.Datetime.now()

    # === LEAVERS === #

    def _close_access(self):
        """End at once what the product itself can end of a leaver's access; an administrator closes the account."""
        for duty in self:
            duty.leaver_id._pii_end_access()
        self._finish_leavers()

    def _finish_leavers(self):
        """End the duty about each leaver who has nothing left."""
        for duty in self:
            left = duty.leaver_id._pii_leftovers()
            # sudo: the outcome is not written by hand
            duty.sudo().subject = ", ".join(left) or False
            if not left:
                duty_seals.end(duty, duty.env._("Account closed; no grant, key or trusted device is left."))

    @api.model
    def _watch_leavers(self):
        """Begin the duty about everybody whose account is closed and who still has something, however that came."""
        Users = self.env["res.users"].sudo().with_context(active_test=False)  # sudo: as in _cron_clocks
        grants = self.env["pii.grant"].sudo()
        left = grants.search(
            [("state", "in", ("requested", "approved")), ("user_id.active", "=", False), ("kind", "!=", "service")]
        ).user_id
        for model in self.env["res.users"]._pii_key_models():
            left |= self.env[model].sudo().search([("user_id.active", "=", False)]).user_id
        Users.browse(left.ids)._pii_left()
