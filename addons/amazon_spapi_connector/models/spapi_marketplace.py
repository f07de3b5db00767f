from __future__ import annotations

from odoo import fields, models


class SpapiMarketplace(models.Model):
    _name = "spapi.marketplace"
    _description = "Amazon Marketplace"
    _order = "region, name"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, help="ISO code of the marketplace's country (GB for the United Kingdom).")
    amazon_id = fields.Char(string="Marketplace ID", required=True, help="Amazon's identifier, such as APJ6JRA9NG5V4.")
    region = fields.Selection(
        [("eu", "Europe, Middle East, Africa and India"), ("na", "North America"), ("fe", "Far East")],
        required=True,
        help="One authorisation of a seller covers all marketplaces of a region.",
    )
    country_id = fields.Many2one("res.country", required=True)
    currency_id = fields.Many2one(
        "res.currency", required=True, help="The currency in which Amazon sells there; it may be inactive in Odoo."
    )
    language = fields.Char(required=True, help="Main language of the marketplace's buyers, as an Odoo language code.")
    timezone = fields.Char(required=True, help="Time zone in which the marketplace counts its days.")
    domain = fields.Char(required=True, help="Host name of the shop, such as amazon.it.")
    seller_central_host = fields.Char(required=True, help="Where a seller of this marketplace authorises applications.")
    active = fields.Boolean(default=True)

    _amazon_id_uniq = models.Constraint("UNIQUE(amazon_id)", "This marketplace exists already.")
