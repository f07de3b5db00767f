from __future__ import annotations

from odoo import api, fields, models
from odoo.exceptions import UserError


class SpapiListingAssign(models.TransientModel):
    """Say which product a SKU is, with suggestions; or one product for several SKUs."""

    _name = "spapi.listing.assign"
    _description = "Assign a Product to SKUs"

    listing_ids = fields.Many2many("spapi.listing", string="SKUs", readonly=True)
    listing_id = fields.Many2one("spapi.listing", compute="_compute_listing_id")
    sku = fields.Char(string="SKU", related="listing_id.sku")
    title = fields.Char(string="Title at Amazon", related="listing_id.title")
    asin = fields.Char(string="ASIN", related="listing_id.asin")
    company_id = fields.Many2one("res.company", compute="_compute_listing_id")
    waiting_orders = fields.Integer(compute="_compute_listing_id")
    product_id = fields.Many2one(
        "product.product",
        domain="[('type', '!=', 'combo'), ('company_id', 'in', (False, company_id))]",
        help="Of these SKUs, in the marketplace of each row or in all.",
    )
    line_ids = fields.One2many("spapi.listing.suggestion", "wizard_id", string="Suggestions")

    @api.depends("listing_ids")
    def _compute_listing_id(self) -> None:
        for wizard in self:
            wizard.listing_id = wizard.listing_ids if len(wizard.listing_ids) == 1 else False
            wizard.company_id = wizard.listing_ids.company_id[:1]
            wizard.waiting_orders = sum(wizard.listing_ids.mapped("waiting_orders"))

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(vals_list)
        for wizard in wizards:
            found: dict[int, str] = {}
            for suggestions in wizard.listing_ids._suggestions().values():
                for product_id, reason, _sure in suggestions:
                    found.setdefault(product_id, reason)
            self.env["spapi.listing.suggestion"].create(
                [
                    {"wizard_id": wizard.id, "product_id": product_id, "reason": reason}
                    for product_id, reason in list(found.items())[:5]
                ]
            )
        return wizards

    def action_assign(self) -> dict:
        self.ensure_one()
        if not self.product_id:
            raise UserError(self.env._("Choose a product first, or take one of the suggestions."))
        return self._assign(self.product_id)

    def action_create(self) -> dict:
        """Create the product from Amazon's title."""
        self.ensure_one()
        return self._closed(self.listing_ids.action_create_products())

    def _assign(self, product) -> dict:
        self.listing_ids.check_access("write")
        waiting = self.listing_ids._count_waiting()
        self.listing_ids.product_id = product
        return self._closed(self.listing_ids._assigned(waiting))

    def _closed(self, action: dict) -> dict:
        """The same notification, with the dialog closed and the list behind it read again."""
        action["params"]["next"] = {
            "type": "ir.actions.act_window_close",
            "infos": {"done": True},
        }
        return action


class SpapiListingSuggestion(models.TransientModel):
    _name = "spapi.listing.suggestion"
    _description = "Product Suggested for a SKU"

    wizard_id = fields.Many2one("spapi.listing.assign", required=True, ondelete="cascade")
    product_id = fields.Many2one("product.product", required=True, readonly=True, ondelete="cascade")
    reason = fields.Char(string="Because", readonly=True)

    def action_use(self) -> dict:
        self.ensure_one()
        return self.wizard_id._assign(self.product_id)
