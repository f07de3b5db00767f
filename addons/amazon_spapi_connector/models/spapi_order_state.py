from __future__ import annotations

from datetime import UTC

from odoo import models

from ..mapping.fulfilment import GONE_STATUSES, SHIPPED_STATUSES, life_digest
from ..mapping.incoming import Incoming


class SpapiOrder(models.Model):
    """What a state at Amazon means here: the table of the life cycle (docs/api-states.md), in code.

    Nothing but the order's own row is decided here. What Odoo's documents must follow is marked, and followed after
    the page was stored (:meth:`_follow_news`), so that a kill in between loses nothing.
    """

    _inherit = "spapi.order"

    # === STATE === #

    def _transition(self, account, incoming: Incoming, has_address: bool, erased: bool = False) -> dict:
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
            # Of an order that is a sale order a person hears where that person works, see _give_up_following.
            return {**_stop("exception", incoming.error.code, text), "follow_up": bool(self and self.sale_order_id)}
        order = incoming.order
        if self and self.sale_order_id:
            return self._transition_imported(order)
        if order.status == "CANCELLED":
            return _stop("cancelled", False, False)
        if order.status == "UNFULFILLABLE":
            return _stop("ignored", "unfulfillable", _("Amazon marked this order as not to be fulfilled."))
        if not order.marketplace_id and order.fulfilled_by == "AMAZON":
            # Multi-channel fulfilment: the sale is another shop's, and that shop's order is in Odoo already.
            return _stop("ignored", "other_channel", _("Amazon ships this order for another shop of yours."))
        if order.status == "PENDING_AVAILABILITY":
            text = _("Pre-order: the buyer pays when the product is released. Amazon will say when that is.")
            if order.ship_by and order.ship_by.earliest:
                text = _("Pre-order: released and paid from %s on.", account._local(_naive(order.ship_by.earliest)))
            return _stop("pending", "preorder", text)
        if order.status == "PENDING":
            return _stop(
                "pending", "pending", _("The buyer's payment is not confirmed yet; Amazon will say when it is.")
            )
        if not order.fulfilled_by:
            return _stop("exception", "channel_missing", _("Amazon did not say who ships this order."))
        if order.fulfilled_by == "AMAZON" and not account.fba_enabled:
            text = _("Amazon ships this order (FBA), and the account does not book FBA sales.")
            return _stop("ignored", "fba", text)
        if order.fulfilled_by == "AMAZON" and order.status == "UNSHIPPED":
            return _stop("pending", "fba_preparing", _("Amazon prepares this order (FBA); it is booked once shipped."))
        if order.status in SHIPPED_STATUSES and _naive(order.created) < account.import_since:
            text = _("Shipped before it was imported, and ordered before “Import Since” of the account.")
            return _stop("ignored", "before_start", text)
        if order.fulfilled_by == "AMAZON" or order.status == "SHIPPED":
            # Nothing is left to ship: the order needs no person, and gets none.
            return _stop("new", False, False)
        return self._transition_to_ship(incoming, has_address, erased)

    def _transition_to_ship(self, incoming: Incoming, has_address: bool, erased: bool) -> dict:
        """The seller must ship it, or the rest of it: that takes an address, or its buyer's erasure."""
        _ = self.env._
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
        """The order is a sale order already: it stays what it is until Odoo's documents have followed the news."""
        news = life_digest(order) != self.followed_hash or self.state not in ("imported", "cancelled")
        return {
            "state": self.state if self.state != "quarantined" else "imported",
            "problem_code": self.problem_code,
            "problem": self.problem,
            "follow_up": news or self.follow_up,
        }

    def _is_mappable(self) -> bool:
        """Whether the order becomes a sale order in its present state, as far as Amazon is concerned."""
        self.ensure_one()
        if self.state not in ("new", "waiting", "exception") or not self.fulfilled_by:
            return False
        if self.status in GONE_STATUSES or (self.fulfilled_by == "AMAZON" and not self.account_id.fba_enabled):
            return False
        if self.fulfilled_by == "AMAZON" or self.status == "SHIPPED":
            return self.status in SHIPPED_STATUSES
        return self.status in ("UNSHIPPED", "PARTIALLY_SHIPPED") and (self.has_address or self.person_erased)

    def _after_change(self) -> None:
        """An order that is not imported yet may have another address now: what depends on it is decided anew."""
        if not self.sale_order_id and self.state == "new":
            self.fiscal_reason = False


def _naive(moment):
    return moment.astimezone(UTC).replace(tzinfo=None)


def _stop(state: str, code, text) -> dict:
    return {"state": state, "problem_code": code, "problem": text}
