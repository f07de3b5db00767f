from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from odoo.addons.pii_retention.purposes import SELECTION

from .. import jobs, printing

STATES = [
    ("queued", "Waiting"),
    ("sending", "Being sent"),
    ("sent", "At the printer"),
    ("printing", "Printing"),
    ("done", "Printed"),
    ("failed", "Failed"),
    ("unknown", "Outcome unknown"),
    ("cancelled", "Cancelled"),
]
OVER = ("done", "failed", "unknown", "cancelled")


class PiiPrintJob(models.Model):
    """Who printed what on which printer, and how it went. No content, ever: a failed job is rendered again."""

    _name = "pii.print.job"
    _description = "Print Job"
    _order = "id desc"
    _allow_sudo_commands = False

    user_id = fields.Many2one("res.users", string="Printed By", required=True, readonly=True, index=True)
    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    printer_id = fields.Many2one("pii.printer", required=True, readonly=True, ondelete="cascade", index=True)
    report_id = fields.Many2one("ir.actions.report", readonly=True, ondelete="set null")
    res_model = fields.Char(string="Document Model", required=True, readonly=True)
    purpose = fields.Selection(SELECTION, readonly=True)
    subject_count = fields.Integer(string="Customers", readonly=True)
    has_options = fields.Boolean(readonly=True)
    part_ids = fields.One2many("pii.print.part", "job_id", readonly=True)
    document_count = fields.Integer(string="Documents", compute="_compute_progress", store=True)
    sent_count = fields.Integer(string="Sent", compute="_compute_progress", store=True)
    state = fields.Selection(STATES, compute="_compute_progress", store=True, index=True)
    progress = fields.Integer(string="Progress (%)", compute="_compute_percentage")
    message = fields.Char(compute="_compute_message")
    is_mine = fields.Boolean(compute="_compute_is_mine")

    # === COMPUTE METHODS === #

    @api.depends("create_date")
    def _compute_display_name(self):
        for job in self:
            job.display_name = self.env._("Print job %s", job.id)

    @api.depends("part_ids.state", "part_ids.document_count")
    def _compute_progress(self):
        for job in self:
            parts = job.part_ids
            sent = parts.filtered(lambda part: part.state in ("sent", "printing", "done"))
            job.document_count = sum(parts.mapped("document_count"))
            job.sent_count = sum(sent.mapped("document_count"))
            job.state = job._state_of(set(parts.mapped("state")), bool(sent))

    @api.model
    def _state_of(self, states, any_sent):
        """Return the state of a job whose parts are in ``states``: trouble first, then what is still to do."""
        for state in ("failed", "unknown", "sending"):
            if state in states:
                return state
        if "queued" in states:
            return "sending" if any_sent else "queued"
        return next((state for state in ("printing", "sent", "cancelled", "done") if state in states), "done")

    @api.depends("document_count", "sent_count")
    def _compute_percentage(self):
        for job in self:
            job.progress = 100 * job.sent_count // (job.document_count or 1)

    @api.depends("part_ids.message")
    def _compute_message(self):
        for job in self:
            job.message = next((part.message for part in reversed(job.part_ids) if part.message), False)

    @api.depends("user_id")
    @api.depends_context("uid")
    def _compute_is_mine(self):
        for job in self:
            job.is_mine = job.user_id == self.env.user

    # === PRINTING === #

    def print_next(self, data=None):
        """Render and send the next part of the person's own job; called by the web client until nothing waits."""
        self.ensure_one()
        return printing.send_next(self.env, self.id, data)

    def print_status(self):
        """Ask the printer about the job and return how it stands."""
        self.ensure_one()
        self.check_access("read")
        jobs.poll(self.env, self.part_ids)
        return jobs.progress(self.env, self.id)

    def action_refresh(self):
        """Ask the printers about these jobs."""
        self.check_access("read")
        jobs.poll(self.env, self.part_ids)
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def action_cancel(self):
        """Stop a job, as far as it can still be stopped."""
        self.ensure_one()
        self._check_owner()
        problem = jobs.cancel_job(self.env, self)
        if problem:
            raise UserError(problem)
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def action_retry(self):
        """Render and send again what failed, and go on with what waits."""
        self.ensure_one()
        self._check_owner()
        if self.has_options or (not self.report_id and self.res_model != "ir.attachment"):
            raise UserError(self.env._("Print this again from where it was printed first: its options are not kept."))
        with jobs.apart(self.env) as inside:
            again = inside["pii.print.part"].search(
                [("job_id", "=", self.id), ("state", "in", ("failed", "unknown", "queued"))]
            )
            again.try_lock_for_update().write({"state": "queued", "message": False, "ipp_job": 0})
        return {"type": "ir.actions.client", "tag": "pii_print_job", "params": {"job_id": self.id}}

    def _check_owner(self):
        self.check_access("read")
        if self.user_id != self.env.user:
            raise AccessError(self.env._("Only the person who started a print job stops or repeats it."))

    def action_open_documents(self):
        """Show the printed documents, to whoever may see them."""
        self.ensure_one()
        ids = [res_id for part in self.part_ids for res_id in part.res_ids or ()]
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Documents"),
            "res_model": self.res_model,
            "view_mode": "list,form",
            "domain": [("id", "in", ids)],
        }

    # === CRONS === #

    @api.model
    def _cron_poll(self):
        """Ask the printers about what they have not finished, and give up on what nobody sends any more."""
        parts = self.env["pii.print.part"]
        jobs.poll(self.env, parts.search([("state", "in", ("sent", "printing")), ("ipp_job", "!=", 0)]))
        for part in parts.search([("state", "=", "sending")]):
            # the process that was sending it ended: the printer may have it
            limit = 10 * part.job_id.printer_id.total_seconds
            if part.write_date < fields.Datetime.now() - timedelta(seconds=limit):
                jobs.note(self.env, part.id, state="unknown", message=self.env._("The server stopped meanwhile."))
        for part in parts.search([("state", "=", "queued"), ("write_date", "<", "-1d")]):
            jobs.note(self.env, part.id, state="cancelled", message=self.env._("Never sent."))

    @api.autovacuum
    def _gc_jobs(self):
        """Delete the rows of finished jobs when their time is over."""
        for printer in self.env["pii.printer"].with_context(active_test=False).search([]):
            before = fields.Datetime.now() - timedelta(days=printer.job_days)
            self.search(
                [("printer_id", "=", printer.id), ("state", "in", OVER), ("create_date", "<", before)], limit=1000
            ).unlink()
