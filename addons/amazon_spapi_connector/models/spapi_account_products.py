from __future__ import annotations

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL


class SpapiAccount(models.Model):
    """What an account does about SKUs that no product is known for."""

    _inherit = "spapi.account"

    unmapped_sku_rule = fields.Selection(
        [
            ("wait", "Wait for a person to assign a product"),
            ("create", "Create a product from Amazon's title"),
            ("default", "Import with the default product"),
        ],
        string="SKUs Without Product",
        default="wait",
        required=True,
        help="A product created or taken by default is shipped like any other: “Wait” is the careful choice.",
    )
    default_product_id = fields.Many2one(
        "product.product",
        check_company=True,
        domain="[('type', '!=', 'combo')]",
        help="Stands in the sale order for every SKU that has no product of its own.",
    )
    unmapped_count = fields.Integer(string="Unmapped SKUs", compute="_compute_unmapped_count")

    def _compute_unmapped_count(self) -> None:
        rows = self.env["spapi.listing"]._read_group(
            [("account_id", "in", self.ids), ("product_id", "=", False)], ["account_id"], ["__count"]
        )
        counts = {account.id: count for account, count in rows}
        for account in self:
            account.unmapped_count = counts.get(account.id, 0)

    @api.constrains("unmapped_sku_rule", "default_product_id")
    def _check_default_product(self) -> None:
        for account in self:
            if account.unmapped_sku_rule == "default" and not account.default_product_id:
                raise ValidationError(self.env._("Choose the default product for SKUs without product."))

    def action_view_unmapped(self) -> dict:
        action = self.env["ir.actions.actions"]._for_xml_id("amazon_spapi_connector.action_spapi_listing_unmapped")
        action["domain"] = [("account_id", "in", self.ids), ("product_id", "=", False)]
        return action

    def _refresh_waiting_skus(self) -> None:
        """Bring the queue of unmapped SKUs up to date: a row for each SKU that orders wait for, and how many do.

        Two queries an account while nothing waits; the rows themselves are written only where something changed.
        """
        Listing = self.env["spapi.listing"].sudo()
        self.env["spapi.order"].flush_model(["state", "ship_by", "account_id", "marketplace_id"])
        self.env["spapi.order.line"].flush_model(["sku", "product_id", "quantity", "asin", "title"])
        self.env.cr.execute(
            SQL(
                """SELECT o.account_id, o.marketplace_id, l.sku, count(DISTINCT o.id), min(o.ship_by), max(l.asin),
                          max(l.title)
                     FROM spapi_order o JOIN spapi_order_line l ON l.order_id = o.id
                    WHERE o.state = 'waiting' AND o.account_id = ANY(%s)
                      AND l.product_id IS NULL AND l.sku IS NOT NULL AND l.quantity > 0
                 GROUP BY 1, 2, 3""",
                self.ids,
            )
        )
        rows = self.env.cr.fetchall()
        skus = list({row[2] for row in rows})
        listings = Listing.search(
            [
                ("account_id", "in", self.ids),
                "|",
                ("waiting_orders", "!=", 0),
                "&",
                ("sku", "in", skus),
                ("product_id", "=", False),
            ]
        )
        known = {(row.account_id.id, row.marketplace_id.id, row.sku): row for row in listings if not row.product_id}
        found: dict[tuple, list] = {}
        for account_id, marketplace_id, sku, count, ship_by, asin, title in rows:
            key = (account_id, marketplace_id, sku)
            if key not in known:
                key = (account_id, False, sku)
            entry = found.setdefault(key, [0, None, asin, title])
            entry[0] += count
            entry[1] = min(filter(None, (entry[1], ship_by)), default=None)
        missing = [key for key in found if key not in known]
        made = Listing._make_rows(
            [{"account_id": key[0], "sku": key[2], "asin": found[key][2], "title": found[key][3]} for key in missing]
        )
        known.update({(row.account_id.id, False, row.sku): row for row in made})
        for listing in listings | made:
            key = (listing.account_id.id, listing.marketplace_id.id, listing.sku)
            count, ship_by = found.get(key, (0, None))[:2] if not listing.product_id else (0, None)
            if (listing.waiting_orders, listing.waiting_ship_by or None) != (count, ship_by):
                listing.write({"waiting_orders": count, "waiting_ship_by": ship_by or False})
