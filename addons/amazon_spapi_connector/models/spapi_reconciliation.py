from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import split_every

from odoo.addons.pii_retention import sweeping

from .. import calling
from ..mapping.incoming import read
from ..mapping.reconciling import (
    DIFFERENT,
    EQUAL,
    KNOWN,
    UNDECIDED,
    Difference,
    Policy,
    Verdict,
    compare,
    settled_reason,
)
from .reconciliation_facts import here_of
from .reconciliation_words import reason_of
from .spapi_account_search import BUSINESS_PARTS, LONGEST

FOREIGN_BATCH = 500


class SpapiReconciliation(models.Model):
    """Amazon's orders of a period compared with Odoo's, one by one.

    It asks Amazon for each order of the period and compares existence, state, pieces, shipped pieces and money. What
    is knowingly no sale order is no difference; it is counted by its reason.
    """

    _name = "spapi.reconciliation"
    _description = "Amazon Reconciliation"
    _inherit = ["spapi.scan.mixin", "mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char(compute="_compute_name")
    line_ids = fields.One2many("spapi.reconciliation.line", "reconciliation_id", readonly=True)
    equal_count = fields.Integer(string="Equal", readonly=True, copy=False, help="Imported, and equal in everything.")
    known_count = fields.Integer(
        string="Knowingly Not Imported", readonly=True, copy=False, help="Each has a reason; see the list."
    )
    different_count = fields.Integer(string="Orders That Differ", readonly=True, copy=False)
    difference_count = fields.Integer(string="Differences", readonly=True, copy=False)
    result = fields.Selection(
        [("equal", "Odoo equals Amazon"), ("different", "Differences"), ("open", "Not known yet")],
        compute="_compute_result",
        store=True,
    )

    @api.depends("account_id", "date_from", "date_to")
    def _compute_name(self) -> None:
        for one in self:
            begin = one.account_id._local(one.date_from)[:10] if one.date_from else ""
            end = one.account_id._local(one.date_to)[:10] if one.date_to else self.env._("now")
            name = one.account_id.name or self.env._("Comparison")
            one.name = self.env._("%(account)s, %(begin)s to %(end)s", account=name, begin=begin, end=end)

    @api.depends("state", "different_count")
    def _compute_result(self) -> None:
        for one in self:
            if one.different_count:
                one.result = "different"
            else:
                one.result = "equal" if one.state == "done" else "open"

    # === ACTIONS === #

    def action_view_differences(self) -> dict:
        context = {"search_default_differences": 1, "shows_differences": True}
        return self._action_lines(self.env._("Differences"), context)

    def action_view_known(self) -> dict:
        context = {"search_default_known": 1, "search_default_by_reason": 1, "shows_known": True}
        return self._action_lines(self.env._("Knowingly Not Imported"), context)

    def _action_lines(self, name: str, context: dict) -> dict:
        action = self.env["ir.actions.actions"]._for_xml_id("amazon_spapi_connector.action_spapi_reconciliation_line")
        return {**action, "display_name": name, "domain": [("reconciliation_id", "in", self.ids)], "context": context}

    def action_reread(self) -> dict:
        """Read all orders that differ again from Amazon, in the background."""
        self.ensure_one()
        lines = self.line_ids.filtered("differs")
        if not lines:
            raise UserError(self.env._("Nothing differs here."))
        return lines.action_reread()

    def action_rerun(self) -> dict:
        """The same comparison anew, as a record of its own."""
        self.ensure_one()
        again = self.copy()
        again.action_start()
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": again.id,
            "view_mode": "form",
        }

    # === COMPARING === #

    def _forget(self) -> None:
        for batch in split_every(5000, self.line_ids.ids):
            self.env["spapi.reconciliation.line"].browse(batch).unlink()
        self.write({"equal_count": 0, "known_count": 0, "different_count": 0, "difference_count": 0})

    def _policy(self) -> Policy:
        account = self.account_id
        return Policy(
            read_until=account._read_until(),
            since=account.import_since,
            over=sweeping.cutoff(account.company_id),
        )

    def _take_page(self, page) -> None:
        """Compare the orders of a page; one that comes again replaces what was found of it."""
        Line = self.env["spapi.reconciliation.line"]
        orders, values = {}, []
        marketplaces = self.env["spapi.order"]._marketplaces()
        key = calling.quarantine_key(self.account_id)
        for raw in page.orders:
            # What has no usable number is named here as the import names it.
            incoming = read(raw, BUSINESS_PARTS, key)
            incoming.parse(marketplaces)
            orders[incoming.key] = incoming
        Line.search([("reconciliation_id", "=", self.id), ("amazon_order_id", "in", list(orders))]).unlink()
        stored, facts = here_of(self.account_id, list(orders))
        policy = self._policy()
        units = self._units({incoming.order.currency for incoming in orders.values() if incoming.order})
        for order_id, incoming in orders.items():
            here, order = facts.get(order_id), incoming.order
            if order and incoming.readable:
                verdict = compare(order, here, policy, units.get(order.currency, Decimal("0.01")))
            elif here and here.settled:
                verdict = Verdict(KNOWN, settled_reason(here.settled))
            elif here and here.state in UNDECIDED:
                verdict = Verdict(KNOWN, here.problem or here.state)
            else:
                # Amazon's data cannot be used, and nobody here has been told so.
                found = Difference("missing" if not here else "state", "data", "-", here.state if here else "-")
                verdict = Verdict(DIFFERENT, "", (found,))
            values += self._line_values(order_id, stored.get(order_id), verdict)
        Line.create(values)
        self.order_count += len(page.orders)

    def _units(self, names: set[str]) -> dict[str, Decimal]:
        """``{currency: its smallest amount}``."""
        rows = self.env["res.currency"].with_context(active_test=False).search([("name", "in", list(names))])
        return {row.name: Decimal(1).scaleb(-row.decimal_places) for row in rows}

    def _line_values(self, order_id: str, order, verdict: Verdict) -> list[dict]:
        common = {
            "reconciliation_id": self.id,
            "amazon_order_id": order_id,
            "order_id": order.id if order else False,
            "sale_order_id": order.sale_order_id.id if order else False,
        }
        if verdict.result == DIFFERENT:
            return [
                {**common, "kind": one.kind, "part": one.part, "amazon_value": one.amazon, "odoo_value": one.odoo}
                for one in verdict.differences
            ]
        return [{**common, "kind": verdict.result, "reason": verdict.reason and reason_of(verdict.reason)}]

    def _end_text(self) -> str:
        if self.state != "done":
            return super()._end_text()
        return self.env._(
            "%(orders)s orders compared: %(equal)s equal, %(known)s knowingly not imported, %(different)s differ.",
            orders=self.equal_count + self.known_count + self.different_count,
            equal=self.equal_count,
            known=self.known_count,
            different=self.different_count,
        )

    def _after_pages(self) -> None:
        if self.basis == "created":
            self._find_foreign()
        counts = {
            kind: count
            for kind, count in self.env["spapi.reconciliation.line"]._read_group(
                [("reconciliation_id", "=", self.id)], ["kind"], ["amazon_order_id:count_distinct"]
            )
        }
        Line = self.env["spapi.reconciliation.line"]
        differing = Line.search([("reconciliation_id", "=", self.id), ("kind", "not in", (EQUAL, KNOWN))])
        self.write(
            {
                "equal_count": counts.get(EQUAL, 0),
                "known_count": counts.get(KNOWN, 0),
                "different_count": len(set(differing.mapped("amazon_order_id"))),
                "difference_count": len(differing),
            }
        )
        # What is equal needs no row once it is counted.
        Line.search([("reconciliation_id", "=", self.id), ("kind", "=", EQUAL)]).unlink()
        self._end("done")
        self._tell()

    def _find_foreign(self) -> None:
        """Orders that Odoo had of the period when this began, and Amazon does not list.

        Amazon was asked for the marketplaces and for the two years of the beginning; what came here later, by a
        notification, may be too young for Amazon's listing.
        """
        Line = self.env["spapi.reconciliation.line"]
        rows = Line.search_fetch([("reconciliation_id", "=", self.id)], ["amazon_order_id"])
        listed = set(rows.mapped("amazon_order_id"))
        end = min(filter(None, (self.date_to, self.covered_until)), default=self.started_at)
        asked = self.parameters["marketplaceIds"].split(",")
        orders = self.env["spapi.order"].search_fetch(
            [
                ("account_id", "=", self.account_id.id),
                ("purchase_date", ">=", max(self.date_from, self.started_at - LONGEST)),
                ("purchase_date", "<", end),
                ("marketplace_id.amazon_id", "in", asked),
                ("create_date", "<", self.started_at),
            ],
            ["amazon_order_id", "state", "sale_order_id", "settled_reason"],
        )
        missing = orders.filtered(lambda order: order.amazon_order_id not in listed)
        for batch in split_every(FOREIGN_BATCH, missing.ids):
            values = []
            for order in missing.browse(batch):
                verdict = Verdict(DIFFERENT, "", (Difference("foreign", "", "-", order.state),))
                if order.settled_reason:
                    verdict = Verdict(KNOWN, settled_reason(order.settled_reason))
                values += self._line_values(order.amazon_order_id, order, verdict)
            Line.create(values)

    # === TELLING === #

    def _tell(self) -> None:
        """An activity for the account's responsible person when something differs."""
        if not self.different_count:
            return
        user = self.account_id.user_id or self.env.ref("base.user_admin")
        self.with_context(mail_activity_quick_update=True).activity_schedule(
            "mail.mail_activity_data_warning",
            summary=self.env._("%s Amazon orders differ from Odoo", self.different_count),
            note=self.env._("Open the differences, correct what has a cause here, and read the orders again."),
            user_id=user.id,
        )

    # === SCHEDULED === #

    @api.model
    def _cron_background(self) -> None:
        """Start the comparisons that are due, then go on with all reading in the background."""
        self._start_due()
        self._run_all()
        self.env["spapi.recovery"]._run_all()

    @api.model
    def _start_due(self) -> None:
        now = fields.Datetime.now()
        # sudo: a scheduled action works for all companies
        accounts = self.env["spapi.account"].sudo().search([("state", "=", "connected"), ("reconcile_every", ">", 0)])
        for account in accounts.filtered("marketplace_ids"):
            last = self.sudo().search([("account_id", "=", account.id)], limit=1, order="create_date desc")
            if last.state == "running" or (
                last and last.create_date > now - timedelta(days=account.reconcile_every, minutes=-30)
            ):
                continue
            begin = now - timedelta(days=account.reconcile_days)
            self.sudo().create({"account_id": account.id, "date_from": begin})._begin()

    @api.autovacuum
    def _gc_old(self) -> None:
        """Results are of use for a while only."""
        for account in self.env["spapi.account"].with_context(active_test=False).sudo().search([]):  # sudo: all
            limit = fields.Datetime.now() - timedelta(days=account.reconcile_keep_days)
            self.sudo().search([("account_id", "=", account.id), ("create_date", "<", limit)], limit=100).unlink()
