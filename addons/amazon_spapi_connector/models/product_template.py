from __future__ import annotations

from odoo import api, models


class ProductTemplate(models.Model):
    _inherit = "product.template"

    @api.ondelete(at_uninstall=False)
    def _unlink_except_of_charges(self) -> None:
        """The database takes the products along, without asking them."""
        self.with_context(active_test=False).product_variant_ids._unlink_except_of_charges()
