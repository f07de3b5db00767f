from __future__ import annotations

from odoo import api, fields, models

NET_PRICES = ("US", "CA")
"""Countries whose shops show prices without tax and add it at the till."""
COLLECTED = ("US",)
"""Every state with a sales tax makes the marketplace collect it (marketplace facilitator laws, the last 2023)."""


class SpapiMarketplace(models.Model):
    """How a marketplace's prices and taxes are meant."""

    _inherit = "spapi.marketplace"

    tax_included = fields.Boolean(
        string="Prices Include Tax",
        compute="_compute_tax_included",
        store=True,
        readonly=False,
        help="Taxes that are made for Amazon's rates are then included in the price, else added to it.",
    )
    tax_collected = fields.Boolean(
        string="Amazon Collects the Tax",
        compute="_compute_tax_collected",
        store=True,
        readonly=False,
        help="Tax of orders of which Amazon does not say otherwise is Amazon's to pay, as in the United States: it is"
        " booked on an account of its own, not as tax of yours.",
    )

    @api.depends("code")
    def _compute_tax_included(self) -> None:
        for marketplace in self:
            marketplace.tax_included = marketplace.code not in NET_PRICES

    @api.depends("code")
    def _compute_tax_collected(self) -> None:
        for marketplace in self:
            marketplace.tax_collected = marketplace.code in COLLECTED
