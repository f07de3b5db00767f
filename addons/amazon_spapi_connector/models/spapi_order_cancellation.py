from __future__ import annotations

from odoo import models
from odoo.exceptions import AccessError, UserError

from ..mapping.fulfilment import GONE_STATUSES

QUIET = {"spapi_import": True, "spapi_follows_amazon": True, "mail_activity_quick_update": True}
"""Context of what the import does to documents: Amazon knows it already, so it is no news to tell a person."""
MAY_CANCEL = ("amazon_spapi_connector.group_user", "sales_team.group_sale_salesman")


class SpapiOrder(models.Model):
    """Cancelled at Amazon, cancelled in Odoo, or the buyer wishes it were."""

    _inherit = "spapi.order"

    # === CANCELLED AT AMAZON === #

    def _follow_cancellations(self, account, outcomes: dict) -> None:
        """Cancel here what Amazon cancelled, as long as nobody has begun to pick it."""
        _ = self.env._
        to_cancel = self.env["sale.order"]
        for order in self:
            outcome, sale_order = outcomes[order], order.sale_order_id
            if order.status not in GONE_STATUSES:
                if sale_order.state == "cancel":
                    outcome.stop("cancelled_here", order._cancelled_here_text())
                    outcome.mapped = False
                continue
            # Amazon hides the amounts of a cancelled order: Odoo's lines stay what they were.
            outcome.mapped = False
            if sale_order.state == "cancel":
                outcome.state = "cancelled"
            elif account.follow_cancellations and order._is_untouched():
                outcome.state = "cancelled"
                outcome.notes.append(_("Amazon cancelled the order. Nothing was picked; it was cancelled here too."))
                to_cancel |= sale_order
            else:
                text = _(
                    "Amazon cancelled this order after it was imported. Do not ship it: cancel the deliveries and %s,"
                    " and put back what was picked.",
                    sale_order.name,
                )
                outcome.stop("cancelled_after_import", text)
        if to_cancel:
            # sudo: draft invoices are cancelled with the order, and the import has no right on accounting
            to_cancel.sudo().with_context(**QUIET)._action_cancel()

    def _is_untouched(self, invoices: tuple[str, ...] = ("posted",)) -> bool:
        """Whether nothing of the order was picked, packed, labelled, shipped or invoiced in Odoo.

        :param invoices: states of invoices that count
        """
        self.ensure_one()
        # sudo: deliveries and invoices decide, whoever asks
        sale_order = self.sudo().sale_order_id
        pickings = sale_order.picking_ids.filtered(lambda picking: picking.state != "cancel")
        if pickings and self._has_label():
            return False
        for picking in pickings:
            if picking.state == "done" or picking.printed or picking.carrier_tracking_ref:
                return False
            if any(line.picked for line in picking.move_line_ids):
                return False
        return not any(invoice.state in invoices for invoice in sale_order.invoice_ids)

    def _has_label(self) -> bool:
        """Whether somebody had a slip or a label made with the buyer's data. Odoo notes that on no delivery: its
        reports are anybody's to print; that the data was opened for it is in the vault's log."""
        # sudo: as above
        opened = self.env["pii.access.log"].sudo()
        uuid = self.sudo().subject_id.uuid
        domain = [("subject_uuid", "=", uuid), ("purpose", "=", "label"), ("outcome", "=", "opened")]
        return bool(uuid and opened.search_count(domain, limit=1))

    # === CANCELLED IN ODOO === #

    def _cancelled_here_text(self) -> str:
        _ = self.env._
        if self.status == "SHIPPED" or self.fulfilled_by == "AMAZON":
            return _(
                "%s is cancelled in Odoo, but Amazon ships or has shipped the order. Set it to quotation and confirm it"
                " again, or refund the buyer in Seller Central.",
                self.sale_order_id.name,
            )
        return _(
            "%s is cancelled in Odoo, but the order is alive at Amazon, which has no way for programs to cancel it."
            " Cancel it in Seller Central (Orders → Manage Orders → Cancel order), else Amazon counts it as late.",
            self.sale_order_id.name,
        )

    def _after_cancelled_here(self) -> None:
        """Somebody cancelled the sale orders in Odoo: say what is left to do at Amazon, at once."""
        for order in self.sudo():  # sudo: whoever cancels an order has no right on the mirror
            if order.status in GONE_STATUSES or order.state == "cancelled":
                if order.state != "cancelled":
                    # what waited for this person is done, and the import's next run says so
                    order.follow_up = True
                continue
            order.write(
                {
                    "state": "exception",
                    "problem_code": "cancelled_here",
                    "problem": order._cancelled_here_text(),
                    "follow_up": False,
                }
            )
            order._tell_person()

    # === WISHES OF THE BUYER === #

    def _follow_buyer(self, outcomes: dict) -> None:
        """Say once that the buyer's data changed. A wish to cancel gets an activity from :meth:`_tell_person`.

        Where the delivery was begun it stays said, whatever else Amazon tells of the order, until a person has printed
        again (:meth:`_confirm_address`), the delivery begins anew, or all has left.
        """
        for order in self.filtered(lambda order: order.address_changed or order.address_stale):
            outcome = outcomes[order]
            if order.address_changed:
                note = self.env._("Amazon sent other data of the buyer (address, contact or notes). It is sealed.")
                outcome.notes.append(note)
            outcome.stale = order.status != "SHIPPED" and not order._is_untouched()
            if outcome.stale:
                text = self.env._(
                    "The buyer's address, contact or notes changed at Amazon after the delivery was begun. Print the"
                    " slip and the label again, then retry."
                )
                outcome.stop("address_changed", text)

    def _confirm_address(self) -> None:
        """A person says that slip and label of these orders carry the buyer's present data."""
        # sudo: the mirror is written by the product alone
        self.sudo().filtered(lambda order: order.problem_code == "address_changed").address_stale = False

    def action_accept_cancellation(self) -> dict:
        """Cancel the sale order that its buyer wants cancelled, and open the page where Amazon must be told.

        :raise UserError: nobody asked, or the delivery was begun
        """
        self.ensure_one()
        self.check_access("read")
        if not any(self.env.user.has_group(group) for group in MAY_CANCEL):
            raise AccessError(self.env._("Cancelling an Amazon order takes the role of a salesperson or Amazon user."))
        if not self.cancel_requested:
            raise UserError(self.env._("The buyer does not ask for a cancellation."))
        # sudo: a warehouse or Amazon user who may accept has no right on sale orders
        sale_order = self.sudo().sale_order_id
        if sale_order and sale_order.state != "cancel":
            if not self._is_untouched():
                raise UserError(
                    self.env._(
                        "The delivery of %s was begun. Take back what was picked and cancel the delivery, or ship it"
                        " and let the buyer return it.",
                        sale_order.name,
                    )
                )
            sale_order._action_cancel()
        return self.action_open_seller_central()

    def action_open_seller_central(self) -> dict:
        """Open the order in Seller Central."""
        self.ensure_one()
        self.check_access("read")
        host = self.sudo().marketplace_id.seller_central_host  # sudo: an address, no secret
        return {
            "type": "ir.actions.act_url",
            "url": f"https://{host or 'sellercentral.amazon.com'}/orders-v3/order/{self.amazon_order_id}",
            "target": "new",
        }
