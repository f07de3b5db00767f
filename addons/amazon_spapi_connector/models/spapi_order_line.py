from odoo import fields, models


class SpapiOrderLine(models.Model):
    _name = "spapi.order.line"
    _description = "Amazon Order Line"
    _order = "order_id, id"
    _rec_name = "sku"

    order_id = fields.Many2one("spapi.order", required=True, readonly=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="order_id.company_id", store=True, precompute=True)
    item_id = fields.Char(string="Item ID", required=True, readonly=True, help="Amazon's identifier of the line.")
    asin = fields.Char(string="ASIN", readonly=True)
    sku = fields.Char(string="SKU", readonly=True, index="btree_not_null")
    title = fields.Char(readonly=True)
    quantity = fields.Integer(string="Ordered", readonly=True)
    quantity_fulfilled = fields.Integer(string="Shipped", readonly=True)
    currency_id = fields.Many2one(related="order_id.currency_id")
    amount_total = fields.Monetary(string="Total", readonly=True, help="Item, shipping, gift wrap, tax and discounts.")
    product_id = fields.Many2one("product.product", readonly=True, index="btree_not_null", ondelete="set null")

    _item_uniq = models.Constraint("UNIQUE(order_id, item_id)", "An item stands once in an order.")
