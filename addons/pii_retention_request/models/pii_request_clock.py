from datetime import timedelta

from odoo import api, fields, models

from .pii_request import OPEN_STATES


class PiiRequest(models.Model):
    """The clocks of a request: from the notice on, in the company's own figures; and who is told when it gets late."""

    _inherit = "pii.request"

    due_at = fields.Datetime(
        string="Due",
        compute="_compute_due_at",
        store=True,
        index=True,
        help="Counted from the moment at which the notice arrived, by the company's policy.",
    )
    copies_due_at = fields.Datetime(
        string="All Copies Gone by",
        compute="_compute_due_at",
        store=True,
        help="Until then every live copy outside of Odoo (backups, exports, printouts) is gone as well.",
    )
    is_overdue = fields.Boolean(string="Overdue", compute="_compute_remaining", search="_search_is_overdue")
    remaining = fields.Char(compute="_compute_remaining")
    percent_used = fields.Integer(string="Time Used (%)", compute="_compute_remaining")
    reminded_percent = fields.Integer(readonly=True, copy=False)
    is_escalated = fields.Boolean(string="Overdue Reported", readonly=True, copy=False)

    @api.depends("received_at", "kind", "company_id")
    def _compute_due_at(self):
        for request in self:
            if not request.received_at or not request.company_id:
                request.due_at = request.copies_due_at = False
                continue
            figure = request.company_id._pii_figure
            if request.kind == "data_subject":
                request.due_at = request.received_at + timedelta(days=figure("request_subject_days"))
            else:
                request.due_at = request.received_at + timedelta(hours=figure("notice_hours"))
            request.copies_due_at = request.received_at + timedelta(days=figure("notice_copies_days"))

    @api.depends("due_at", "state", "done_at", "received_at")
    def _compute_remaining(self):
        now = fields.Datetime.now()
        for request in self:
            is_open = request.state in OPEN_STATES
            end = now if is_open else request.done_at or now
            # the last moment in time is the due one itself
            request.is_overdue = bool(request.due_at) and end > request.due_at
            whole = (request.due_at - request.received_at).total_seconds() if request.due_at else 0
            used = (end - request.received_at).total_seconds() if request.received_at else 0
            request.percent_used = min(max(int(100 * used / whole), 0), 999) if whole > 0 else 0
            request.remaining = request._remaining_words(now) if is_open and request.due_at else False

    def _remaining_words(self, now):
        left = self.due_at - now
        late = left < timedelta()
        hours, rest = divmod(int(abs(left.total_seconds())), 3600)
        amount = (
            self.env._("%s d", hours // 24) + (" " + self.env._("%s h", hours % 24) if hours % 24 else "")
            if hours >= 48
            else self.env._("%(hours)s h %(minutes)s min", hours=hours, minutes=rest // 60)
        )
        return self.env._("%s late", amount) if late else self.env._("%s left", amount)

    def _search_is_overdue(self, operator, value):
        if operator != "in":
            return NotImplemented
        late = fields.Domain("state", "in", OPEN_STATES) & fields.Domain("due_at", "<", fields.Datetime.now())
        self.env.cr.execute("SELECT id FROM pii_request WHERE done_at > due_at")
        late |= fields.Domain("id", "in", [row[0] for row in self.env.cr.fetchall()])
        return late if True in value else ~late

    def _erases(self):
        """Tell whether the request ends in an erasure, so that copies elsewhere must go as well."""
        self.ensure_one()
        if self.kind == "amazon_return":
            return self.erase_after
        return self.kind in ("amazon_deletion", "merchant_leaves") or self.right == "erase"

    # === WHO IS TOLD === #

    def _officers(self):
        """Return the privacy officers of the request's company."""
        return self.env["pii.grant"]._officers(self.company_id)

    @api.model
    def _activity_types(self):
        """Return the activities that end with the request."""
        return [f"pii_retention_request.activity_{name}" for name in ("decide", "clock", "overdue", "failed")]

    def _schedule_clock(self):
        """Put a new request on the list of whoever handles it."""
        for request in self.sudo():  # sudo: activities are assigned to others
            request._remind("decide", request.user_id, request.env._("Preview the request and have it decided"))

    def _remind(self, name, users, summary=None):
        kind = f"pii_retention_request.activity_{name}"
        # the context of a client could leave the activities out
        told = self.with_context(mail_activity_automation_skip=False)
        for user in users - self.activity_search([kind]).user_id:
            told.activity_schedule(
                kind, user_id=user.id, date_deadline=(self.due_at or fields.Datetime.now()).date(), summary=summary
            )

    @api.model
    def _cron_clock(self):
        """Remind of requests at the company's percentages of their time; tell all officers when one is late."""
        now = fields.Datetime.now()
        for request in self.search([("state", "in", OPEN_STATES)]):
            if request.is_overdue:
                request._escalate()
                continue
            passed = [
                percent
                for percent in request.company_id._pii_policy()._request_percents()
                if percent <= request.percent_used
            ]
            if passed and passed[-1] > request.reminded_percent:
                request.reminded_percent = passed[-1]
                request.activity_unlink(["pii_retention_request.activity_clock"])
                request._remind(
                    "clock",
                    request.user_id,
                    self.env._(
                        "%(percent)s %% of the time is over: %(left)s",
                        percent=passed[-1],
                        left=request.remaining,
                    ),
                )
        late = self.search(
            [("state", "=", "done"), ("copies_confirmed_at", "=", False), ("copies_due_at", "<", now)]
        ).filtered(lambda request: request.copies_state == "overdue")
        for request in late:
            request._remind(
                "copies",
                request._officers() | request.user_id,
                self.env._("Copies are overdue: confirm that all are gone"),
            )

    def _escalate(self):
        """Tell all officers that a request is late, once, and keep them told by their activities."""
        self._remind("overdue", self._officers() | self.user_id)
        if self.is_escalated:
            return
        self.is_escalated = True
        officers = self._officers() | self.user_id
        self.message_post(
            body=self.env._(
                "%(request)s is overdue since %(moment)s UTC. It must be carried out now.",
                request=self.name,
                moment=fields.Datetime.to_string(self.due_at),
            ),
            partner_ids=officers.partner_id.ids,
            subtype_xmlid="mail.mt_comment",
        )

    def _schedule_copies(self):
        """Ask the handler, when the data is erased, to confirm that copies elsewhere are gone as well."""
        self.ensure_one()
        if not self._erases():
            return
        self.with_context(mail_activity_automation_skip=False).activity_schedule(
            "pii_retention_request.activity_copies",
            user_id=self.user_id.id,
            date_deadline=self.copies_due_at.date(),
        )

    def _schedule_held(self, held):
        self.with_context(mail_activity_automation_skip=False).activity_schedule(
            "pii_retention_request.activity_held",
            user_id=self.user_id.id,
            summary=self.env._("%s customers stay until their legal hold ends", len(held)),
        )
