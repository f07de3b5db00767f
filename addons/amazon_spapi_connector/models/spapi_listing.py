from __future__ import annotations

from odoo import api, fields, models


class SpapiListing(models.Model):
    """Which product a SKU of an account is. Without a listing the product's internal reference decides."""

    _name = "spapi.listing"
    _description = "Amazon Listing"
    _order = "product_id nulls first, sku"
    _rec_name = "sku"
    _check_company_auto = True

    account_id = fields.Many2one("spapi.account", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="account_id.company_id", store=True, precompute=True, index=True)
    marketplace_id = fields.Many2one(
        "spapi.marketplace", help="Empty: the SKU means this product in all marketplaces of the account."
    )
    sku = fields.Char(string="SKU", required=True, index=True)
    asin = fields.Char(string="ASIN", readonly=True)
    title = fields.Char(readonly=True)
    product_id = fields.Many2one(
        "product.product",
        check_company=True,
        index="btree_not_null",
        domain="[('type', '!=', 'combo')]",
        help="The product that leaves your warehouse for this SKU.",
    )
    active = fields.Boolean(default=True)

    _sku_uniq = models.UniqueIndex(
        "(account_id, COALESCE(marketplace_id, 0), sku)", "This SKU is listed already for this account and marketplace."
    )

    @api.model_create_multi
    def create(self, vals_list):
        listings = super().create(vals_list)
        listings._retry_orders()
        return listings

    def write(self, vals):
        result = super().write(vals)
        if vals.keys() & {"product_id", "sku", "marketplace_id", "active"}:
            self._retry_orders()
        return result

    def _retry_orders(self) -> None:
        """Orders that waited for these SKUs go back in the queue."""
        ready = self.filtered("product_id")
        if ready:
            self.env["spapi.order"]._retry_for_skus(ready.account_id.ids, ready.mapped("sku"))

    def action_retry(self) -> dict:
        """Import the orders that waited for these SKUs, now."""
        orders = self.env["spapi.order"].search(
            [
                ("account_id", "in", self.account_id.ids),
                ("state", "in", ("waiting", "new")),
                ("line_ids.sku", "in", self.mapped("sku")),
            ]
        )
        return orders.action_retry()

    @api.model
    def _ensure_for(self, lines):
        """Empty listings for the SKUs of order lines that have none, to be filled in by a person."""
        found = self.search([("account_id", "in", lines.order_id.account_id.ids), ("sku", "in", lines.mapped("sku"))])
        known = {(listing.account_id.id, listing.sku) for listing in found}
        missing = {}
        for line in lines:
            key = (line.order_id.account_id.id, line.sku)
            if key not in known:
                missing[key] = {"account_id": key[0], "sku": key[1], "asin": line.asin, "title": line.title}
        return found + self.create(list(missing.values()))
