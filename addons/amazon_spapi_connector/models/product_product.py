from __future__ import annotations

from odoo import api, models
from odoo.exceptions import UserError

from .order_mapper import PRODUCTS


class ProductProduct(models.Model):
    _inherit = "product.product"

    @api.ondelete(at_uninstall=False)
    def _unlink_except_of_charges(self) -> None:
        """Without the products of Amazon's charges no order can be imported."""
        names = set(PRODUCTS.values())
        # sudo: who deletes a product need not see external ids
        rows = (
            self.env["ir.model.data"]
            .sudo()
            .search(
                [
                    ("module", "=", "amazon_spapi_connector"),
                    ("model", "=", self._name),
                    ("res_id", "in", self.ids),
                ]
            )
        )
        if needed := self.browse(row.res_id for row in rows if row.name in names):
            raise UserError(
                self.env._(
                    "The Amazon import needs %s for charges that are no goods. Archive it if it is in the way.",
                    ", ".join(needed.mapped("display_name")),
                )
            )
