from __future__ import annotations

from datetime import timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import calling, recovering
from ..mapping.incoming import read
from ..spapi import errors
from .spapi_account_search import BUSINESS_PARTS

STEP = 10
"""Orders that are read, each committed, before the import gets its turn."""


class SpapiRecovery(models.Model):
    """Orders read from Amazon outside of the plan: by their numbers, or what is missing of a period.

    A period is first looked through, page by page; then a person sees what is missing, what it costs, and decides.
    """

    _name = "spapi.recovery"
    _description = "Amazon Order Recovery"
    _inherit = ["spapi.scan.mixin"]
    _order = "id desc"

    name = fields.Char(compute="_compute_name")
    method = fields.Selection(
        [("numbers", "By order numbers"), ("period", "By period")], required=True, default="numbers", string="Read Them"
    )
    state = fields.Selection(selection_add=[("ready", "To be decided"), ("done",)], ondelete={"ready": "set default"})
    decided = fields.Boolean(readonly=True, copy=False, help="A person has seen what is missing and wants it.")
    pasted = fields.Text(
        string="Order Numbers",
        compute="_compute_pasted",
        inverse="_inverse_pasted",
        store=False,
        help="Paste as many as you like, in any form. Only the numbers are kept of what you paste.",
    )
    not_understood = fields.Integer(readonly=True, copy=False, help="Words that are no Amazon order number.")
    line_ids = fields.One2many("spapi.recovery.line", "recovery_id", readonly=True)
    todo_count = fields.Integer(string="To Read", compute="_compute_counts")
    done_count = fields.Integer(string="Read", compute="_compute_counts")
    problem_count = fields.Integer(string="Not Read", compute="_compute_counts")
    preview = fields.Html(compute="_compute_preview", sanitize=False)
    estimate = fields.Char(compute="_compute_estimate", help="Calls that it takes, and when Amazon's quota has them.")

    # === COMPUTE === #

    @api.depends("account_id", "method", "date_from")
    def _compute_name(self) -> None:
        labels = dict(self._fields["method"]._description_selection(self.env))
        for one in self:
            when = one.account_id._local(one.create_date) if one.create_date else ""
            one.name = " ".join(filter(None, (one.account_id.name, labels.get(one.method), when)))

    def _compute_pasted(self) -> None:
        self.pasted = False

    def _inverse_pasted(self) -> None:
        """Keep the order numbers of what was pasted, and nothing else of it."""
        for one in self:
            if not one.pasted:
                continue
            limit = one.account_id.recovery_limit
            try:
                numbers, rest = recovering.numbers_in(one.pasted, limit)
            except ValueError as error:
                raise UserError(
                    self.env._(
                        "These are %(count)s numbers; at most %(limit)s are read at once. Paste fewer, or choose a"
                        " period.",
                        count=error.args[0],
                        limit=limit,
                    )
                ) from None
            if one.state != "draft":
                raise UserError(self.env._("This has begun; make another one for further numbers."))
            one_sudo = one.sudo()  # sudo: lines are written by the product alone
            one_sudo.line_ids.unlink()
            one_sudo._add(numbers)
            one_sudo.not_understood = rest

    @api.depends("line_ids.state")
    def _compute_counts(self) -> None:
        counts: dict[int, dict[str, int]] = {}
        groups = self.env["spapi.recovery.line"]._read_group(
            [("recovery_id", "in", self.ids)], ["recovery_id", "state"], ["__count"]
        )
        for one, state, count in groups:
            counts.setdefault(one.id, {})[state] = count
        for one in self:
            found = counts.get(one.id, {})
            one.todo_count, one.done_count = found.get("todo", 0), found.get("done", 0)
            one.problem_count = found.get("problem", 0)

    @api.depends("state", "scanned", "line_ids.state")
    def _compute_preview(self) -> None:
        for one in self:
            one.preview = one._preview_table() if one.method == "period" and one.scanned else False

    def _preview_table(self) -> Markup:
        """Marketplace and status against what is here and what is missing."""
        _ = self.env._
        rows: dict[tuple[str, str], dict[str, int]] = {}
        groups = self.env["spapi.recovery.line"]._read_group(
            [("recovery_id", "=", self.id)], ["marketplace_id", "status", "found"], ["__count"]
        )
        for marketplace, status, found, count in groups:
            row = rows.setdefault((marketplace.name or "-", status or "-"), {})
            row[found or "missing"] = row.get(found or "missing", 0) + count
        head = [_("Marketplace"), _("At Amazon"), _("Orders"), _("Here"), _("Changed since"), _("Missing")]
        lines = [
            [market, status, sum(row.values()), row.get("here", 0), row.get("older", 0), row.get("missing", 0)]
            for (market, status), row in sorted(rows.items())
        ]
        texts = [Markup("").join(Markup("<td>%s</td>") % str(value) for value in line) for line in lines]
        cells = Markup("").join(Markup("<tr>%s</tr>") % text for text in texts)
        titles = Markup("").join(Markup("<th>%s</th>") % title for title in head)
        table = Markup('<table class="table table-sm"><thead><tr>%s</tr></thead><tbody>%s</tbody></table>')
        return table % (titles, cells)

    @api.depends("account_id", "method", "state", "line_ids.state")
    def _compute_estimate(self) -> None:
        _ = self.env._
        for one in self:
            if not one.account_id or one.state in ("done", "failed", "cancelled"):
                one.estimate = False
                continue
            quota = self.env["spapi.quota"].sudo()  # sudo: how many calls are left is no secret
            if one.method == "period" and not one.scanned:
                left, wait = quota._outlook(one.account_id, "searchOrders")
                one.estimate = _(
                    "Looking through takes one call per 100 orders. %(left)s calls are free now, then one every"
                    " %(minutes)s minutes.",
                    left=left,
                    minutes=max(1, round(wait / 60)),
                )
                continue
            # An order that must be shipped takes a second call, which asks for the person.
            calls = 2 * one.todo_count
            seconds = quota._duration(one.account_id, "getOrder", calls)
            one.estimate = _(
                "At most %(calls)s calls, about %(minutes)s minutes.", calls=calls, minutes=max(1, round(seconds / 60))
            )

    def _progress_text(self) -> str:
        if self.state == "ready":
            return self.env._("%s orders are missing or older than at Amazon. Decide below.", self.todo_count)
        if self.method == "period" and not self.scanned:
            return super()._progress_text()
        total = self.todo_count + self.done_count + self.problem_count
        parts = [self.env._("%(done)s of %(total)s orders read", done=total - self.todo_count, total=total)]
        if self.state == "running" and self.retry_at and self.retry_at > fields.Datetime.now():
            parts.append(self.problem or self.env._("waiting for Amazon's quota"))
            parts.append(self.env._("goes on at %s", self.account_id._local(self.retry_at)))
        elif self.problem:
            parts.append(self.problem)
        return " · ".join(parts)

    # === ACTIONS === #

    def action_start(self) -> dict | bool:
        for one in self:
            if one.method == "numbers" and not one.line_ids:
                raise UserError(self.env._("Paste the Amazon order numbers first, such as 406-1234567-1234567."))
        return super().action_start()

    def action_import(self) -> bool:
        """Read what the preview shows as missing."""
        for one in self:
            one.check_access("write")
            if one.state != "ready":
                raise UserError(self.env._("Look through the period first."))
            one.account_id._check_reading()
            # sudo: the state is no field of a person's
            one.sudo().write({"state": "running", "decided": True, "retry_at": False, "problem": False})
        self._wake()
        return True

    def action_view_orders(self) -> dict:
        """The orders that were read; not those that were found to be here."""
        action = self.env["ir.actions.actions"]._for_xml_id("amazon_spapi_connector.action_spapi_order")
        lines = self.env["spapi.recovery.line"].search([("recovery_id", "in", self.ids), ("state", "=", "done")])
        action.update(domain=[("id", "in", lines.order_id.ids)], context={})
        return action

    def _action_open(self) -> dict:
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Reading Orders Again"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
        }

    # === BUSINESS === #

    @api.model
    def _for_ids(self, account, numbers: list[str]):
        """A recovery of these orders, not started."""
        recovery = self.create({"account_id": account.id, "method": "numbers"})
        recovery.sudo()._add(numbers)  # sudo: lines are written by the product alone
        return recovery

    def _add(self, numbers: list[str]) -> None:
        self.env["spapi.recovery.line"].create(
            [{"recovery_id": self.id, "amazon_order_id": number} for number in numbers]
        )

    def _forget(self) -> None:
        if self.method == "period":
            self.line_ids.unlink()
        else:
            self.line_ids.write({"state": "todo", "outcome": False})

    def _from_the_beginning(self) -> dict:
        values = super()._from_the_beginning() if self.method == "period" else {"scanned": True}
        return {**values, "decided": False}

    def _take_page(self, page) -> None:
        """Note which orders of a page are here, which are older here than at Amazon, and which are missing."""
        Order, Line = self.env["spapi.order"], self.env["spapi.recovery.line"]
        account, key = self.account_id, calling.quarantine_key(self.account_id)
        found = {incoming.key: incoming for incoming in (read(raw, BUSINESS_PARTS, key) for raw in page.orders)}
        stored = {
            order.amazon_order_id: order
            for order in Order.search([("account_id", "=", account.id), ("amazon_order_id", "in", list(found))])
        }
        Line.search([("recovery_id", "=", self.id), ("amazon_order_id", "in", list(found))]).unlink()
        marketplaces = Order._marketplaces()
        values = []
        for number, incoming in found.items():
            order = stored.get(number, Order)
            asked = recovering.Asked("found", incoming.business)
            older = order and incoming.updated and order.last_updated and order.last_updated < incoming.updated
            known = "older" if older else ("here" if order else "missing")
            values.append(
                {
                    "recovery_id": self.id,
                    "amazon_order_id": number,
                    "order_id": order.id,
                    "marketplace_id": marketplaces.get(asked.marketplace, False),
                    "status": asked.status[:40] or False,
                    "found": known,
                    # what has no usable number cannot be asked for by it
                    "state": "todo" if known != "here" and incoming.readable else "here",
                }
            )
        Line.create(values)
        self.order_count += len(found)

    def _after_pages(self) -> None:
        """Offer the decision; then read the orders, a few at a time."""
        todo = self.env["spapi.recovery.line"].search(
            [("recovery_id", "=", self.id), ("state", "=", "todo")], limit=STEP, order="id"
        )
        if self.method == "period" and not self.decided:
            if todo:
                self.write({"state": "ready", "problem": False, "retry_at": False})
                self._tell_end("info")
            else:
                self._end("done")
            return
        if not todo:
            self._end("done")
            return
        with self.account_id._import_lock() as free:
            if not free:
                # The import is at work on this account: it must not meet the same orders.
                raise recovering.Busy
            self.env["ir.cron"]._commit_progress(0, remaining=1)  # see what the import has committed
            failure = None
            for line in todo:
                try:
                    line._read_order()
                except (errors.SpapiError, UserError) as error:
                    # the ones before are read and become sale orders all the same
                    failure = error
                    break
                # Amazon is waited for with nothing locked, and whoever presses Stop is obeyed after this order
                if self.env["ir.cron"]._commit_progress(1, remaining=1) <= 0 or self.state != "running":
                    break
            if failure:
                self.env.cr.rollback()
                self.env.invalidate_all()
            self.account_id._despite_others("_map_pending")
            if failure:
                raise failure

    @api.autovacuum
    def _gc_old(self) -> None:
        """Lists of numbers are of use for a while only."""
        accounts = self.env["spapi.account"].with_context(active_test=False).sudo().search([])  # sudo: all companies
        for account in accounts:
            limit = fields.Datetime.now() - timedelta(days=account.reconcile_keep_days)
            self.sudo().search([("account_id", "=", account.id), ("create_date", "<", limit)], limit=100).unlink()
