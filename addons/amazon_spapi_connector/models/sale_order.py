from odoo import fields, models


class SaleOrder(models.Model):
    _inherit = "sale.order"

    spapi_order_id = fields.Many2one(
        "spapi.order", string="Amazon Order", readonly=True, copy=False, ondelete="set null"
    )
    spapi_account_id = fields.Many2one(related="spapi_order_id.account_id", string="Amazon Account")

    _spapi_order_uniq = models.UniqueIndex(
        "(spapi_order_id) WHERE spapi_order_id IS NOT NULL", "An Amazon order becomes one sale order."
    )

    def _prepare_confirmation_values(self):
        # EXTENDS sale: the order was placed when the buyer placed it, not when it was imported.
        values = super()._prepare_confirmation_values()
        if self and all(order.spapi_order_id for order in self):
            values.pop("date_order", None)
        return values

    def _spapi_departure_country(self):
        """Return the country of the warehouse that ships the order; none where Amazon ships it."""
        self.ensure_one()
        if self.spapi_order_id.fulfilled_by == "AMAZON":
            return self.env["res.country"]
        return self.warehouse_id.partner_id.country_id or self.company_id.country_id

    def action_view_spapi_order(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "spapi.order",
            "res_id": self.spapi_order_id.id,
            "view_mode": "form",
        }
