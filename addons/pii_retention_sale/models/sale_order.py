from odoo import models
from odoo.exceptions import AccessError

SALESMAN = "sales_team.group_sale_salesman"


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def write(self, vals):
        given = {vals.get(name) for name in ("partner_id", "partner_shipping_id", "partner_invoice_id")} - {None, False}
        # Odoo lets the warehouse write orders: another order's customer put into one would become one to deliver to
        if given and not self.env.su and not self.env.user.has_group(SALESMAN):
            protected = self.env["res.partner"].sudo().browse(given).filtered("pii_subject_id")  # sudo: only whether
            if any(protected - order.partner_id - order.partner_shipping_id for order in self.sudo()):
                raise AccessError(
                    self.env._("Only a salesperson makes a protected customer the customer of another order.")
                )
        return super().write(vals)
