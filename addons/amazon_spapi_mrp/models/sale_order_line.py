from collections import defaultdict

from odoo import models


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def _spapi_parts(self):
        # EXTENDS amazon_spapi_connector: a kit leaves in its components
        self.ensure_one()
        # sudo: who ships or imports an order needs no right on bills of materials
        line = self.sudo()
        boms = line.move_ids.filtered(lambda move: move.state != "cancel").bom_line_id.bom_id
        if not boms:
            # no kit, or none when it was ordered
            return super()._spapi_parts()
        product = line.product_id
        bom = (
            boms.filtered(
                lambda bom: (
                    bom.type == "phantom"
                    and (bom.product_id or bom.product_tmpl_id) in (product, product.product_tmpl_id)
                )
            )[:1]
            or boms._bom_find(product, company_id=line.company_id.id, bom_type="phantom")[product]
        )
        # All of them at once, as they were planned: a component's quantity is rounded up for all kits together.
        quantity = line.product_uom_qty or 1.0
        _boms, components = bom.explode(
            product,
            line.product_uom_id._compute_quantity(quantity, bom.product_uom_id, round=False) / (bom.product_qty or 1.0),
            never_attribute_values=line.product_no_variant_attribute_value_ids,
        )
        parts = defaultdict(float)
        for bom_line, data in components:
            component = bom_line.product_id
            if component.type == "consu":
                units = bom_line.product_uom_id._compute_quantity(data["qty"], component.uom_id, round=False)
                parts[component.with_env(self.env)] += units / quantity
        return {component: units for component, units in parts.items() if units} or super()._spapi_parts()
