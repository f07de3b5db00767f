from __future__ import annotations

from odoo import fields, models


class SpapiAccount(models.Model):
    """What an account does about taxes that Amazon does not state."""

    _inherit = "spapi.account"

    missing_tax = fields.Selection(
        selection_add=[("included", "Take the product's taxes as included in Amazon's price")],
        ondelete={"included": "set default"},
        help="Amazon states tax where it calculates it for you. Where it does not, its prices in Europe contain your"
        " VAT: the product's taxes and the fiscal position then say how much of the price that is.",
    )
