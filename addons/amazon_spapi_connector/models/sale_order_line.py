from odoo import fields, models


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    spapi_line_id = fields.Many2one(
        "spapi.order.line", string="Amazon Line", readonly=True, copy=False, index="btree_not_null", ondelete="set null"
    )
