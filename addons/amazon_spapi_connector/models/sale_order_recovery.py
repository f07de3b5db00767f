from odoo import models
from odoo.exceptions import UserError


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def action_reread_spapi_order(self):
        """Ask Amazon for the order behind this sale order, now."""
        orders = self.spapi_order_id
        if not orders:
            raise UserError(self.env._("This is no Amazon order, or what Amazon said of it was deleted on its day."))
        return orders.action_reread()
