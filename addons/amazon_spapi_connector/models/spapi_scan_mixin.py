from __future__ import annotations

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class SpapiScanMixin(models.AbstractModel):
    """Work on an account's orders that goes on in the background, page by page, until it is done.

    It asks for the business parts only. Each page is committed with its page token, so that whatever ends the process
    loses nothing; the quota is the import's own, and what it keeps for people stays theirs.
    """

    _name = "spapi.scan.mixin"
    _description = "Amazon Background Reading"

    account_id = fields.Many2one(
        "spapi.account", required=True, index=True, ondelete="cascade", domain="[('state', '!=', 'draft')]"
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True, precompute=True, index=True)
    basis = fields.Selection(
        [("created", "Placed in the period"), ("updated", "Changed in the period")],
        string="Orders",
        required=True,
        default="created",
    )
    date_from = fields.Datetime(
        string="From", required=True, default=lambda self: fields.Datetime.now() - timedelta(days=30)
    )
    date_to = fields.Datetime(string="To", help="Empty: until now. Amazon needs two minutes to list a change.")
    state = fields.Selection(
        [
            ("draft", "Not started"),
            ("running", "Running"),
            ("done", "Done"),
            ("failed", "Stopped"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
        index=True,
    )
    progress = fields.Char(compute="_compute_progress", help="What was read, and what it waits for.")
    page_count = fields.Integer(string="Pages Read", readonly=True, copy=False)
    order_count = fields.Integer(string="Orders Read", readonly=True, copy=False)
    started_at = fields.Datetime(readonly=True, copy=False)
    started_by_id = fields.Many2one("res.users", readonly=True, copy=False, help="Is told when it has ended.")
    ended_at = fields.Datetime(readonly=True, copy=False)
    retry_at = fields.Datetime(string="Goes On At", readonly=True, copy=False)
    problem = fields.Char(readonly=True, copy=False)
    failure_count = fields.Integer(readonly=True, copy=False)
    restart_count = fields.Integer(readonly=True, copy=False)
    reached = fields.Datetime(
        readonly=True, copy=False, help="Date of the last order read; Amazon lists them in order."
    )
    covered_until = fields.Datetime(readonly=True, copy=False, help="End of what Amazon listed, in Amazon's words.")
    scanned = fields.Boolean(readonly=True, copy=False, help="All pages are read.")
    parameters = fields.Json(readonly=True, copy=False)
    page_token = fields.Char(groups=fields.NO_ACCESS, copy=False)
    page_token_at = fields.Datetime(readonly=True, copy=False)
    seen_tokens = fields.Json(readonly=True, copy=False)

    # === COMPUTE === #

    @api.depends("state", "page_count", "order_count", "retry_at", "problem", "reached", "scanned")
    def _compute_progress(self) -> None:
        for scan in self:
            scan.progress = scan._progress_text()

    def _progress_text(self) -> str:
        """One line about where the work is. EXTEND for further steps."""
        self.ensure_one()
        _ = self.env._
        if self.state == "draft":
            return _("Not started yet.")
        parts = [_("%(orders)s orders read on %(pages)s pages", orders=self.order_count, pages=self.page_count)]
        if self.state == "running" and not self.scanned:
            share = self._share()
            if share is not None:
                parts.append(_("about %s %% of the period", share))
        if self.state == "running" and self.retry_at and self.retry_at > fields.Datetime.now():
            parts.append(self.problem or _("waiting for Amazon's quota"))
            parts.append(_("goes on at %s", self.account_id._local(self.retry_at)))
        elif self.problem:
            parts.append(self.problem)
        return " · ".join(parts)

    def _share(self) -> int | None:
        """Per cent of the period that is read, as far as the dates tell."""
        end = self.date_to or self.covered_until
        if not (self.reached and end and end > self.date_from):
            return None
        return max(0, min(99, round(100 * ((self.reached - self.date_from) / (end - self.date_from)))))

    @api.constrains("date_from", "date_to")
    def _check_period(self) -> None:
        for scan in self:
            if scan.date_to and scan.date_to <= scan.date_from:
                raise UserError(self.env._("The period ends before it begins. Choose a later end."))

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_settable(vals)
        return super().create(vals_list)

    def write(self, vals):
        self._check_settable(vals)
        fixed = {"account_id", "basis", "date_from", "date_to", "method"} & set(vals)
        if fixed and not self.env.su and any(scan.state != "draft" for scan in self):
            raise UserError(self.env._("This has begun. Make a new one for another account or period."))
        return super().write(vals)

    def _check_settable(self, vals: dict) -> None:
        """A field that is read-only on the screen is open to every client of the API: a person could write a result,
        or parameters that make the product ask Amazon for buyers."""
        own = (self._fields[name] for name in vals if name in self._fields)
        if not self.env.su and any(field.readonly and field.store for field in own):
            raise AccessError(self.env._("Progress and results are written by the product alone."))

    # === ACTIONS === #

    def action_start(self) -> dict | bool:
        """Begin in the background."""
        for scan in self:
            scan.account_id._check_reading()
            if scan.state == "running":
                raise UserError(self.env._("This runs already."))
            scan._begin()
        self._wake()
        return True

    def action_cancel(self) -> bool:
        """Stop after the page or the order that is being read; what was found so far stays."""
        self.check_access("write")
        # sudo: the state is no field of a person's
        self.filtered(lambda scan: scan.state in ("running", "ready")).sudo().write(
            {"state": "cancelled", "ended_at": fields.Datetime.now(), "retry_at": False}
        )
        return True

    def action_resume(self) -> bool:
        """Go on where it was stopped, or where it stopped by itself."""
        self.check_access("write")
        for scan in self:
            if scan.state not in ("cancelled", "failed"):
                raise UserError(self.env._("Only what was stopped can go on."))
            scan.account_id._check_reading()
            # sudo: the state is no field of a person's
            scan.sudo().write(
                {
                    "state": "running",
                    "started_by_id": self.env.uid,
                    "ended_at": False,
                    "retry_at": False,
                    "problem": False,
                    "failure_count": 0,
                    "restart_count": 0,
                }
            )
        self._wake()
        return True

    # === HOOKS === #

    def _take_page(self, page) -> None:
        """Use a page (:class:`..spapi.client.SearchPage`)."""
        raise NotImplementedError

    def _after_pages(self) -> None:
        """The step after the last page; ends the work, or is called again."""
        raise NotImplementedError

    def _end_text(self) -> str:
        """What whoever started it is told at the end. EXTEND with the result."""
        return self.progress

    def _forget(self) -> None:
        """Remove what was found so far: the period is read from its beginning."""
        raise NotImplementedError
