from __future__ import annotations

from odoo import models

from ..mapping.incoming import Incoming, items_digest


class SpapiOrder(models.Model):
    """What a state at Amazon means here: the table of the life cycle, in code."""

    _inherit = "spapi.order"

    # === STATE === #

    def _transition(self, incoming: Incoming, has_address: bool, erased: bool = False) -> dict:
        """``{state, problem_code, problem}`` of an order (possibly not created yet) after `incoming`.

        :param erased: the buyer's data was erased already; the order goes on without the person
        """
        _ = self.env._
        if not incoming.readable:
            return _stop(
                "quarantined", "unreadable", _("Amazon sent an order without a usable order number. It is kept sealed.")
            )
        if incoming.error:
            text = _("Amazon's data of this order cannot be used:") + "\n" + incoming.error.message
            return _stop("exception", incoming.error.code, text)
        order = incoming.order
        if self and self.sale_order_id:
            return self._transition_imported(order)
        if order.status == "CANCELLED":
            return _stop("cancelled", False, False)
        if order.fulfilled_by == "AMAZON":
            return _stop("ignored", "fba", _("Amazon ships this order (FBA)."))
        if order.status in ("PENDING", "PENDING_AVAILABILITY"):
            return _stop(
                "pending", "pending", _("The buyer's payment is not confirmed yet; Amazon will say when it is.")
            )
        if order.status == "UNFULFILLABLE":
            return _stop("ignored", "unfulfillable", _("Amazon marked this order as not to be fulfilled."))
        if order.status == "SHIPPED":
            return _stop("ignored", "shipped_elsewhere", _("This order was shipped before it was imported."))
        if not order.fulfilled_by:
            return _stop("exception", "channel_missing", _("Amazon did not say who ships this order."))
        if order.status == "PARTIALLY_SHIPPED":
            text = _("A part of this order was shipped before it was imported. Ship the rest from Seller Central.")
            return _stop("exception", "partially_shipped", text)
        if erased:
            text = _("The buyer's personal data was erased on its day. The order is imported without the person.")
            return _stop("new", "person_erased", text)
        if not has_address and "RECIPIENT" in incoming.parts:
            text = _(
                "Amazon sent no address. The application probably lacks the role “Direct-to-Consumer Shipping”, or the"
                " seller consented before the role was granted: authorise the account again, then use “Read again”."
            )
            return _stop("exception", "no_address", text)
        if not has_address:
            return _stop("new", "address_to_come", _("The address comes with the next read of the orders to ship."))
        return _stop("new", False, False)

    def _transition_imported(self, order) -> dict:
        """The order is a sale order already: Odoo is not changed behind a person's back, but the person is told."""
        _ = self.env._
        if order.status == "CANCELLED":
            if self.sale_order_id.state == "cancel":
                return _stop("cancelled", False, False)
            text = _(
                "Amazon cancelled this order after it was imported. Do not ship it; cancel %s.", self.sale_order_id.name
            )
            return _stop("exception", "cancelled_after_import", text)
        if self.mapped_hash and items_digest(order) != self.mapped_hash:
            text = _(
                "Amazon changed items or amounts after the import. Compare %s with the lines below.",
                self.sale_order_id.name,
            )
            return _stop("exception", "changed_after_import", text)
        return _stop("imported", False, False)

    def _after_change(self, incoming: Incoming) -> None:
        """Put what a person must do where that person works: on the sale order."""
        if self.sale_order_id and self.state == "exception" and self.problem:
            sale_order = self.sale_order_id
            summary = self.env._("Amazon: %s", self.amazon_order_id)
            # what a person's erasure has left of it says nothing any more, and is said anew
            emptied = self.env.ref("mail.mail_activity_data_warning")
            known = sale_order.activity_ids.filtered(
                lambda activity: (
                    (activity.summary == summary and activity.note)
                    or (activity.activity_type_id == emptied and not activity.summary and not activity.note)
                )
            )[:1]
            if known:
                # One thing to do per order, and it says the latest: "changed" must not hide "cancelled".
                known.write({"summary": summary, "note": self.problem})
                return
            user = self.account_id.user_id or self.env.ref("base.user_admin")
            sale_order.with_context(mail_activity_quick_update=True).activity_schedule(
                "mail.mail_activity_data_warning", summary=summary, note=self.problem, user_id=user.id
            )
        elif not self.sale_order_id and self.state == "new":
            # The address may be another one now: the decision that depends on it is made anew.
            self.fiscal_reason = False


def _stop(state: str, code, text) -> dict:
    return {"state": state, "problem_code": code, "problem": text}
