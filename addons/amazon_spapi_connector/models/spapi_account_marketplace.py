from __future__ import annotations

from odoo import fields, models


class SpapiAccountMarketplace(models.Model):
    """What is different in one marketplace of an account. What is empty here is the account's."""

    _name = "spapi.account.marketplace"
    _description = "Options of an Amazon Marketplace"
    _inherit = ["spapi.options"]
    _order = "account_id, marketplace_id"
    _rec_name = "marketplace_id"
    _check_company_auto = True

    account_id = fields.Many2one("spapi.account", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="account_id.company_id", store=True, precompute=True)
    marketplace_id = fields.Many2one("spapi.marketplace", required=True, ondelete="cascade")
    tax_collected = fields.Selection(
        [("amazon", "Amazon"), ("seller", "We")],
        string="Who Pays the Tax",
        help="Of orders of which Amazon does not say it. Empty: as the marketplace says, and Amazon for goods that it"
        " ships from the EU or the United Kingdom for a company established elsewhere. Choose “We” if your company is"
        " established there too.",
    )

    _marketplace_uniq = models.Constraint(
        "UNIQUE(account_id, marketplace_id)", "The options of this marketplace stand here already."
    )
