from __future__ import annotations

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..mapping.reconciling import EQUAL, KNOWN
from .reconciliation_words import REASONS, UNTOUCHED, Words


class SpapiReconciliationLine(models.Model):
    """One part of an order that differs, or why an order is knowingly no sale order. Holds nothing personal."""

    _name = "spapi.reconciliation.line"
    _description = "Amazon Reconciliation Result"
    _order = "reconciliation_id desc, amazon_order_id, id"
    _rec_name = "amazon_order_id"

    reconciliation_id = fields.Many2one(
        "spapi.reconciliation", required=True, readonly=True, index=True, ondelete="cascade"
    )
    account_id = fields.Many2one(related="reconciliation_id.account_id")
    company_id = fields.Many2one(related="reconciliation_id.company_id", store=True, precompute=True)
    amazon_order_id = fields.Char(readonly=True, index=True)
    order_id = fields.Many2one("spapi.order", string="Stored Order", readonly=True, ondelete="set null", index=True)
    sale_order_id = fields.Many2one("sale.order", readonly=True, ondelete="set null", index="btree_not_null")
    kind = fields.Selection(
        [
            ("equal", "Equal"),
            ("known", "Knowingly not imported"),
            ("missing", "Missing in Odoo"),
            ("foreign", "Not at Amazon"),
            ("doubled", "Several sale orders"),
            ("outdated", "Older than at Amazon"),
            ("status", "Other status at Amazon"),
            ("state", "State does not fit"),
            ("sale_state", "Sale order's state"),
            ("quantity", "Pieces ordered"),
            ("shipped", "Pieces shipped"),
            ("money", "Money"),
        ],
        required=True,
        readonly=True,
        index=True,
    )
    differs = fields.Boolean(compute="_compute_differs", search="_search_differs")
    reason = fields.Selection(REASONS, readonly=True, help="Why it is no sale order, or was not compared.")
    needs_person = fields.Boolean(
        compute="_compute_needs_person",
        search="_search_needs_person",
        help="It waits for a product, or a person has to look.",
    )
    part = fields.Char(string="Item or Field", readonly=True, help="Amazon's item, or what of the order differs.")
    amazon_value = fields.Char(string="Code at Amazon", readonly=True)
    odoo_value = fields.Char(string="Code in Odoo", readonly=True)
    part_text = fields.Char(string="Part", compute="_compute_texts", help="The SKU, or what of the order differs.")
    amazon_text = fields.Char(string="At Amazon", compute="_compute_texts")
    odoo_text = fields.Char(string="In Odoo", compute="_compute_texts")
    settled_reason = fields.Selection(related="order_id.settled_reason", help="A person has accepted what differs.")
    reread_at = fields.Datetime(string="Read Again", readonly=True)

    @api.depends("kind")
    def _compute_differs(self) -> None:
        for line in self:
            line.differs = line.kind not in (EQUAL, KNOWN)

    def _search_differs(self, operator, value):
        if operator != "in":
            return NotImplemented
        return [("kind", "not in" if True in value else "in", (EQUAL, KNOWN))]

    @api.depends("kind", "reason")
    def _compute_needs_person(self) -> None:
        for line in self:
            line.needs_person = line.kind == KNOWN and line.reason not in UNTOUCHED

    def _search_needs_person(self, operator, value):
        if operator != "in":
            return NotImplemented
        waiting = [code for code, _label in REASONS if code not in UNTOUCHED]
        known = [("kind", "=", KNOWN), ("reason", "in", waiting)]
        return known if True in value else ["!", "&", *known]

    @api.depends("kind", "part", "amazon_value", "odoo_value", "order_id.line_ids.sku")
    @api.depends_context("lang", "tz")
    def _compute_texts(self) -> None:
        words = Words(self.env)
        # sudo: SKUs are no secret of an order whose number stands beside them
        items = self.sudo().order_id.line_ids
        skus = {(item.order_id.id, item.item_id): item.sku or item.asin or item.item_id for item in items}
        for line in self:
            own = {line.part: sku} if (sku := skus.get((line.sudo().order_id.id, line.part))) else {}
            line.part_text = words.part(line.part or "", own)
            line.amazon_text = words.amazon(line.kind, line.amazon_value or "") if line.differs else False
            line.odoo_text = words.odoo(line.kind, line.odoo_value or "") if line.differs else False

    def action_settle(self) -> dict:
        """Accept what differs of these orders: the next comparison counts them as known, until Amazon has news."""
        orders = self.filtered("differs").order_id.filtered(lambda order: not order.settled_reason)
        if not orders:
            raise UserError(self.env._("Choose differences of orders that are stored here. Read the others again."))
        return orders._ask_reason(orders, differing=True)

    def action_open_order(self) -> dict:
        """Open the stored order; of one that is not here, ask why."""
        self.ensure_one()
        here = bool(self.order_id)
        context = {} if here else {"default_number": self.amazon_order_id, "default_account_id": self.account_id.id}
        return {
            "type": "ir.actions.act_window",
            "res_model": "spapi.order" if here else "spapi.order.question",
            "res_id": self.order_id.id,
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "current" if here else "new",
            "context": context,
        }

    def action_reread(self) -> dict:
        """Read these orders again from Amazon, in the background; then compare anew."""
        ids = sorted({line.amazon_order_id for line in self if line.amazon_order_id})
        accounts = self.account_id
        if len(accounts) != 1 or not ids:
            raise UserError(self.env._("Choose orders of one account."))
        recovery = self.env["spapi.recovery"]._for_ids(accounts, ids)
        recovery.action_start()
        self.sudo().write({"reread_at": fields.Datetime.now()})  # sudo: results are nobody's to edit
        return recovery._action_open()
