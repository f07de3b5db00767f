from __future__ import annotations

from odoo import api, fields, models

REMEDIES = {
    "sku_unmapped": "products",
    "tax_missing": "account",
    "tax_zero": "account",
    "too_many_lines": "account",
    "no_address": "account",
    "tax_not_found": "taxes",
    "tax_not_single": "taxes",
    "total_mismatch": "taxes",
    "shipped_elsewhere": "deliver",
    "cancelled_here": "amazon",
    "refused": "retry",
    "currency_inactive": "retry",
    "currency_without_rate": "retry",
    "unexpected": "retry",
    "not_opened": "retry",
    "news_after_settled": "retry",
}
"""Problem → the place that mends it. What Amazon's own data is at fault for is asked for again."""


class SpapiOrder(models.Model):
    """The one thing to do about an order that needs a person."""

    _inherit = "spapi.order"

    remedy = fields.Selection(
        [
            ("products", "Assign products"),
            ("account", "Open the account"),
            ("taxes", "Check the taxes"),
            ("sale", "Open the sale order"),
            ("deliver", "Deliver as Amazon says"),
            ("cancel", "Accept the cancellation"),
            ("amazon", "Open Seller Central"),
            ("retry", "Retry"),
            ("reread", "Ask Amazon again"),
        ],
        string="What to Do",
        compute="_compute_remedy",
    )
    program_words = fields.Char(
        string="Programmes", compute="_compute_programs", help="What is special about the order: Prime, Business…"
    )
    is_prime = fields.Boolean(compute="_compute_programs", search="_search_is_prime")
    is_business = fields.Boolean(string="Business", compute="_compute_programs", search="_search_is_business")

    @api.depends("state", "problem_code", "sale_order_id", "cancel_requested")
    def _compute_remedy(self) -> None:
        for order in self:
            if order.state == "imported" and order.cancel_requested:
                order.remedy = "cancel"
            elif order.state not in ("waiting", "exception", "quarantined"):
                order.remedy = False
            elif order.sale_order_id:
                # what became a sale order is mended there, unless Amazon is the place
                known = REMEDIES.get(order.problem_code)
                order.remedy = known if known in ("deliver", "amazon") else "sale"
            else:
                order.remedy = REMEDIES.get(order.problem_code, "reread")

    @api.depends("programs")
    @api.depends_context("lang")
    def _compute_programs(self) -> None:
        words = self._program_words()
        for order in self:
            names = order.programs.split(", ") if order.programs else []
            order.is_prime = "PRIME" in names
            order.is_business = "AMAZON_BUSINESS" in names
            # a programme that Amazon invents is shown by its code
            order.program_words = ", ".join(words.get(name, name.replace("_", " ").capitalize()) for name in names)

    @api.model
    def _program_words(self) -> dict[str, str]:
        _ = self.env._
        return {
            "AMAZON_BUSINESS": _("Business"),
            "INVOICE_BY_AMAZON": _("Sold to Amazon"),
            "IN_STORE_PICK_UP": _("Pick-up in store"),
            "PREORDER": _("Pre-order"),
        }

    def _search_is_prime(self, operator: str, value):
        return _with_program("PRIME", operator, value)

    def _search_is_business(self, operator: str, value):
        return _with_program("AMAZON_BUSINESS", operator, value)

    def action_view_account(self) -> dict:
        self.ensure_one()
        return self.account_id.action_open()

    def action_view_taxes(self) -> dict:
        """The taxes that reproduce Amazon's amounts."""
        return self.env["ir.actions.actions"]._for_xml_id("amazon_spapi_connector.action_spapi_tax_map")


def _with_program(name: str, operator: str, value):
    if operator != "in":
        return NotImplemented
    return [("programs", "like" if True in value else "not like", name)]
