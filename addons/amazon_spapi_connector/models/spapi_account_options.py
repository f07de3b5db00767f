from __future__ import annotations

from odoo import api, fields, models


class SpapiAccount(models.Model):
    """The options of all orders of an account, and where its marketplaces differ."""

    _name = "spapi.account"
    _inherit = ["spapi.account", "spapi.options"]

    confirmation = fields.Selection(default="auto", required=True)
    delivery_date = fields.Selection(default="ship_by", required=True)
    invoicing = fields.Selection(default="manual", required=True)
    tag_prime_id = fields.Many2one(default=lambda self: self._default_tag("tag_prime"))
    tag_business_id = fields.Many2one(default=lambda self: self._default_tag("tag_business"))
    tag_premium_id = fields.Many2one(default=lambda self: self._default_tag("tag_premium"))
    option_ids = fields.One2many(
        "spapi.account.marketplace", "account_id", string="Different in One Marketplace", copy=True
    )

    @api.model
    def _default_tag(self, name: str):
        return self.env.ref(f"amazon_spapi_connector.{name}", raise_if_not_found=False)
