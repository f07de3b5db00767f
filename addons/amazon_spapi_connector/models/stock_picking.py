from odoo import api, fields, models
from odoo.exceptions import UserError

from ..mapping.fulfilment import GONE_STATUSES


class StockPicking(models.Model):
    _inherit = "stock.picking"

    spapi_warning = fields.Char(
        compute="_compute_spapi_warning", compute_sudo=True, help="What Amazon says against shipping this delivery."
    )
    spapi_cancel_requested = fields.Boolean(
        related="sale_id.spapi_order_id.cancel_requested", string="Amazon: Cancellation Requested"
    )

    @api.depends("state", "sale_id.spapi_warning", "move_ids.origin_returned_move_id")
    def _compute_spapi_warning(self):
        for picking in self:
            to_go = picking.state not in ("done", "cancel") and picking._spapi_goes_out()
            picking.spapi_warning = picking.sale_id.spapi_warning if to_go else False

    def button_validate(self):
        # EXTENDS stock: refused before any question is asked
        self._check_alive_at_amazon()
        return super().button_validate()

    def _action_done(self):
        # EXTENDS stock: the same for every other way to validate a delivery
        self._check_alive_at_amazon()
        result = super()._action_done()
        self._look_again_at_amazon()
        return result

    def action_cancel(self):
        # EXTENDS stock
        result = super().action_cancel()
        self._look_again_at_amazon()
        return result

    def _spapi_goes_out(self):
        """Tell whether goods are on their way to a customer; not so what comes back, or is put back on its shelf."""
        self.ensure_one()
        return self.picking_type_code != "incoming" and not (
            self.move_ids and all(move.origin_returned_move_id for move in self.move_ids)
        )

    def _check_alive_at_amazon(self):
        """Refuse to ship what Amazon has cancelled; what comes back is always welcome."""
        # sudo: the warehouse reads neither sale orders nor the mirror
        outgoing = self.sudo().filtered(lambda picking: picking._spapi_goes_out())
        sales = outgoing.sale_id | outgoing.move_ids.sale_line_id.order_id
        gone = sales.spapi_order_id.filtered(lambda order: order.status in GONE_STATUSES)
        if gone:
            raise UserError(
                self.env._(
                    "Amazon cancelled %s: nothing of it may be shipped. Cancel this delivery, and put back what was"
                    " picked.",
                    ", ".join(gone.mapped("amazon_order_id")),
                )
            )

    def _look_again_at_amazon(self):
        """Let orders that a person had to do something about be compared again at the import's next run."""
        if self.env.context.get("spapi_follows_amazon"):
            return
        # sudo: as above
        orders = self.sudo().sale_id.spapi_order_id
        orders.filtered(lambda order: order.state == "exception" and order.sale_order_id).follow_up = True

    def _send_confirmation_email(self):
        # EXTENDS stock: what was shipped elsewhere needs no label, and Amazon writes to its buyers itself
        if self.env.context.get("spapi_shipped_elsewhere"):
            return None
        return super()._send_confirmation_email()

    def action_spapi_accept_cancellation(self):
        self.ensure_one()
        # sudo: the mirror itself asks who may accept
        return self.sale_id.sudo().spapi_order_id.sudo(False).action_accept_cancellation()

    def message_post_with_source(self, source_ref, **kwargs):
        # EXTENDS mail: a delivery names its sale order already; rendering and storing a note that repeats it costs an
        # import a tenth of its time. The context comes from the import alone and suppresses nothing else.
        if self.env.context.get("spapi_import") and source_ref == "mail.message_origin_link":
            return self.env["mail.message"]
        return super().message_post_with_source(source_ref, **kwargs)
