from odoo import api, fields, models

from ..mapping.fulfilment import GONE_STATUSES


class SaleOrder(models.Model):
    _inherit = "sale.order"

    spapi_order_id = fields.Many2one(
        "spapi.order", string="Amazon Order", readonly=True, copy=False, ondelete="set null"
    )
    spapi_account_id = fields.Many2one(related="spapi_order_id.account_id", string="Amazon Account")
    spapi_cancel_requested = fields.Boolean(related="spapi_order_id.cancel_requested", string="Cancellation Requested")
    spapi_cancel_reason = fields.Char(related="spapi_order_id.cancel_reason", string="Reason of the Buyer")
    spapi_warning = fields.Char(compute="_compute_spapi_warning", compute_sudo=True)
    spapi_original_order_id = fields.Many2one(
        "sale.order",
        string="Amazon Original",
        compute="_compute_spapi_original_order_id",
        compute_sudo=True,
        help="The sale order whose goods this one replaces or exchanges.",
    )

    _spapi_order_uniq = models.UniqueIndex(
        "(spapi_order_id) WHERE spapi_order_id IS NOT NULL", "An Amazon order becomes one sale order."
    )

    @api.depends("state", "spapi_order_id.status", "spapi_order_id.cancel_requested")
    def _compute_spapi_warning(self):
        for order in self:
            order.spapi_warning = order._spapi_warning()

    @api.depends("spapi_order_id.original_number")
    def _compute_spapi_original_order_id(self):
        for order in self:
            order.spapi_original_order_id = order.spapi_order_id.original_id.sale_order_id

    def _spapi_warning(self):
        """Return what whoever works on the order must know before going on; False when all is well."""
        self.ensure_one()
        mirror = self.spapi_order_id
        if not mirror:
            return False
        if mirror.status in GONE_STATUSES and self.state != "cancel":
            return self.env._("Amazon cancelled this order. Do not ship it.")
        if mirror.cancel_requested and self.state != "cancel":
            return self.env._("The buyer asks to cancel this order. Ask before you ship it.")
        return False

    def _prepare_confirmation_values(self):
        # EXTENDS sale: the order was placed when the buyer placed it, not when it was imported.
        values = super()._prepare_confirmation_values()
        if self and all(order.spapi_order_id for order in self):
            values.pop("date_order", None)
        return values

    def _action_confirm(self):
        # EXTENDS sale: confirmed once more after it was cancelled here; at the import no mirror names it yet
        result = super()._action_confirm()
        mirrors = self.sudo().spapi_order_id.filtered("sale_order_id")  # sudo: the mirror is the product's
        mirrors.write({"follow_up": True})
        return result

    def _action_cancel(self):
        # EXTENDS sale: Amazon has to be told, and only a person can
        result = super()._action_cancel()
        if not self.env.context.get("spapi_follows_amazon"):
            cancelled = self.filtered(lambda order: order.state == "cancel")
            # sudo: as above; an order that is being imported is not its mirror's sale order yet
            cancelled.sudo().spapi_order_id.filtered("sale_order_id")._after_cancelled_here()
        return result

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

    def action_view_spapi_original(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "sale.order",
            "res_id": self.spapi_original_order_id.id,
            "view_mode": "form",
        }

    def action_spapi_accept_cancellation(self):
        self.ensure_one()
        return self.spapi_order_id.action_accept_cancellation()
