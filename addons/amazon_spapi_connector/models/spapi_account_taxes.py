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
    zero_tax = fields.Selection(
        [("missing", "As if Amazon sent no tax"), ("real", "As a tax of 0 %")],
        string="When Amazon States a Tax of Zero",
        default="missing",
        required=True,
        help="Without Amazon's VAT Calculation Service its tax is zero for every order in Europe, though VAT is due. It"
        " is about sales within a country or within the EU; of exports and businesses abroad zero is believed. Choose"
        " 0 % if Amazon calculates your VAT, or for goods that bear none.",
    )
