from __future__ import annotations

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.service.model import MAX_TRIES_ON_CONCURRENCY_FAILURE, PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import split_every

from .spapi_account_import import BATCH_SIZE


class SpapiAccount(models.Model):
    """How far Odoo's documents follow Amazon by themselves, and the stock that Amazon keeps for the seller."""

    _inherit = "spapi.account"

    shipped_elsewhere = fields.Selection(
        [("deliver", "Deliver in Odoo too"), ("exception", "Show it to a person")],
        string="When an Order Was Shipped Elsewhere",
        default="deliver",
        required=True,
        help="Amazon says that you shipped an order whose delivery in Odoo is still open.",
    )
    follow_cancellations = fields.Boolean(
        default=True,
        help="What Amazon cancels before anybody began to pick it is cancelled in Odoo too. Otherwise, and always once"
        " picking has begun, the account's responsible decides.",
    )
    follow_changes = fields.Boolean(
        default=True,
        help="Items, quantities and amounts that Amazon changes before anybody began to pick them change in Odoo too."
        " Otherwise, and always once picking has begun, the account's responsible decides.",
    )
    fba_enabled = fields.Boolean(
        string="Book FBA Sales",
        default=True,
        help="Orders that Amazon ships become sale orders, and their goods leave the FBA location of their region.",
    )
    fba_location_ids = fields.One2many("spapi.fba.location", "account_id", string="FBA Locations")

    def action_make_fba_locations(self) -> bool:
        """Make the locations of the regions that the account sells in; the import makes them at need, too."""
        self.check_access("write")
        for account in self:
            if not account.marketplace_ids:
                raise UserError(self.env._("Choose the marketplaces of %s first.", account.name))
            self.env["spapi.fba.location"]._ensure(account, set(account.marketplace_ids.mapped("code")))
        return True

    def write(self, vals):
        switched_on = (
            self.filtered(lambda account: not account.fba_enabled) if vals.get("fba_enabled") else self.browse()
        )
        result = super().write(vals)
        if switched_on:
            # What was only mirrored so far is booked from now on, as far as it belongs to the account's time.
            switched_on._requeue_fba()
        return result

    def _requeue_fba(self) -> None:
        Order = self.env["spapi.order"].sudo()  # sudo: the mirror is written by the product alone
        domain = [("account_id", "in", self.ids), ("state", "=", "ignored"), ("problem_code", "=", "fba")]
        for order in Order.search(domain):
            if order.status == "UNSHIPPED":
                text = self.env._("Amazon prepares this order (FBA); it is booked once shipped.")
                order._set_problem("pending", "fba_preparing", text)
            elif order.purchase_date and order.purchase_date >= order.account_id.import_since:
                order._set_problem("new", False, False)

    def _map_pending(self) -> bool:
        # EXTENDS the import: orders that are imported already follow Amazon, in batches, each committed
        return super()._map_pending() and self._follow_pending()

    def _follow_pending(self) -> bool:
        """Let the documents of imported orders follow Amazon's news. Returns False when time is up."""
        orders = self.env["spapi.order"].search([("account_id", "=", self.id), ("follow_up", "=", True)], order="id")
        for batch in split_every(BATCH_SIZE, orders.ids):
            self._follow_patiently(batch)
            if not self._checkpoint(0, 1):
                return False
        return True

    def _follow_patiently(self, order_ids: list[int]) -> None:
        """Follow the news of some orders; again, when somebody else moved the same goods at the same moment.

        The warehouse validates deliveries all day, and the stock of a product at the customers is one row.
        """
        for left in reversed(range(MAX_TRIES_ON_CONCURRENCY_FAILURE)):
            try:
                self.env["spapi.order"].browse(order_ids)._follow_news()
                self.env.flush_all()
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                if not left:
                    raise
                # Everything before is committed; this began after it, and begins anew with what the other one did.
                self.env.cr.rollback()
                self.env.invalidate_all()
            else:
                return
