from __future__ import annotations

from odoo import fields, models
from odoo.exceptions import AccessError, UserError

from ..mapping.fulfilment import news_digest
from ..mapping.incoming import Incoming
from ..spapi.orders import OrderDataError, parse_order
from .spapi_order import NEWS

REASONS = [
    ("shipped", "Shipped outside Odoo"),
    ("refunded", "Refunded or cancelled at Amazon"),
    ("booked", "Booked by hand in Odoo"),
    ("stock", "Stock corrected by hand"),
    ("unwanted", "Not to be in Odoo"),
    ("accepted", "Accepted as it is"),
]
"""Chosen, never typed: free text about an order may name its buyer."""
NEEDS_PERSON = ("waiting", "exception", "quarantined")
OPEN = dict.fromkeys(("settled_reason", "settled_user_id", "settled_at", "settled_hash", "settled_state"), False)


class SpapiOrder(models.Model):
    """Where Odoo ends: a person says that an order which Odoo cannot bring in order is settled elsewhere.

    It needs nobody any more until Amazon has real news of it (:func:`..mapping.fulfilment.news_digest`), somebody
    cancels or confirms its sale order, or opens it again. An order that is in order itself, and differs from Amazon
    in a comparison, keeps its state and goes on living; only the difference is accepted.
    """

    _inherit = "spapi.order"

    settled_reason = fields.Selection(REASONS, string="Settled", readonly=True, copy=False, index="btree_not_null")
    settled_user_id = fields.Many2one("res.users", string="Settled By", readonly=True, copy=False)
    settled_at = fields.Datetime(string="Settled On", readonly=True, copy=False)
    settled_hash = fields.Char(readonly=True, copy=False, help="Digest of what Amazon said when it was settled.")
    settled_state = fields.Char(readonly=True, copy=False, help="The state that it goes back to.")

    def write(self, vals):
        # EXTENDS: whatever gives a settled order another state opens it again, and says so
        opened = self.browse()
        if vals.get("settled_reason", True) is False:
            opened = self.filtered("settled_reason")
        elif "state" in vals and "settled_reason" not in vals:
            opened = self.filtered(lambda order: order.settled_reason and order.state != vals["state"])
        if not opened:
            return super().write(vals)
        reasons = {order: order._settled_text() for order in opened}
        super(SpapiOrder, opened).write(OPEN)
        result = super().write(vals)
        opened._log_settled(
            {order: self.env._("Open again; it had been settled: %s.", text) for order, text in reasons.items()}
        )
        return result

    # === AMAZON'S NEWS === #

    def _transition(self, account, incoming: Incoming, has_address: bool, erased: bool = False) -> dict:
        # EXTENDS: what is settled stays so until Amazon has real news
        values = super()._transition(account, incoming, has_address, erased)
        if not self.settled_reason:
            asked = self.state == "exception" and self.problem_code == NEWS and not self.sale_order_id
            return self._left_to_person(values, self.problem) if asked else values
        if news_digest(incoming.business, incoming.order, incoming.error) == self.settled_hash:
            if self.state != "settled":
                return values
            kept = {"state": "settled", "problem_code": self.problem_code, "problem": self.problem}
            return {**kept, "follow_up": False}
        if not self.sale_order_id:
            text = self.env._(
                "This order was settled (%s), and Amazon has news of it since. “Retry” imports it; settle it again if"
                " it is still none of Odoo's.",
                self._settled_text(),
            )
            values = self._left_to_person(values, text)
        elif values["state"] == "settled":
            values["state"] = "exception" if self.settled_state == "exception" else "imported"
        return {**values, **OPEN}

    @staticmethod
    def _left_to_person(values: dict, text: str) -> dict:
        """What was settled may be booked by hand: the import makes no sale order of it by itself."""
        if values["state"] in ("cancelled", "ignored"):
            return values
        return {**values, "state": "exception", "problem_code": NEWS, "problem": text}

    def _news_now(self) -> str:
        """The digest of what Amazon says of this order as it is stored."""
        self.ensure_one()
        business = self.business_json or {}
        try:
            return news_digest(business, parse_order(business, marketplaces=self._marketplaces()), None)
        except OrderDataError as error:
            return news_digest(business, None, error)

    # === PERSONS === #

    def _check_may_settle(self) -> None:
        self.check_access("read")
        if not self.env.user.has_group("amazon_spapi_connector.group_user"):
            raise AccessError(self.env._("Settling an Amazon order takes the role of an Amazon user."))

    def action_settle(self) -> dict:
        """Ask for the reason why these orders need nobody any more."""
        return self._ask_reason(self.filtered(lambda order: order.state in NEEDS_PERSON))

    def _ask_reason(self, orders, differing: bool = False) -> dict:
        self._check_may_settle()
        if not orders:
            raise UserError(self.env._("None of these orders needs a person."))
        wizard = self.env["spapi.order.settle"].create({"order_ids": orders.ids, "differing": differing})
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Settle"),
            "res_model": wizard._name,
            "res_id": wizard.id,
            "view_mode": "form",
            "target": "new",
        }

    def _settle(self, reason: str, differing: bool = False):
        """Let these orders need nobody any more. Returns those that were settled.

        :param reason: a key of :data:`REASONS`
        :param differing: those that need nobody, too: what a comparison finds of them is accepted
        """
        self._check_may_settle()
        shown = {order: (order.state, order.problem_code) for order in self}
        # What a person did just now, or Amazon said, may have settled it already, or be something else to look at.
        self.filtered("follow_up")._as_service()._follow_news()
        same = self.filtered(lambda order: (order.state, order.problem_code) == shown[order])
        # sudo: the mirror is written by the product alone
        orders = same.filtered(
            lambda order: not order.settled_reason and (differing or order.state in NEEDS_PERSON)
        ).sudo()
        orders.fetch(["business_json"])
        for order in orders:
            values = {
                "settled_reason": reason,
                "settled_user_id": self.env.uid,
                "settled_at": fields.Datetime.now(),
                "settled_hash": order._news_now(),
            }
            if order.state in NEEDS_PERSON:
                values |= {"settled_state": order.state, "state": "settled", "follow_up": False}
            order.write(values)
        orders._log_settled({order: self.env._("Settled: %s.", order._settled_text()) for order in orders})
        orders._after_settling()
        return orders.sudo(False)

    def action_open_again(self) -> dict:
        """Undo: the orders need a person again, for the same reason as before."""
        self._check_may_settle()
        # sudo: the mirror is written by the product alone
        orders = self.sudo().filtered("settled_reason")
        if not orders:
            raise UserError(self.env._("None of these orders was settled by a person."))
        for order in orders:
            state = order.settled_state or order.state
            follow_up = order.follow_up or bool(order.settled_state and order.sale_order_id)
            order.write({**OPEN, "state": state, "follow_up": follow_up})
        orders._after_settling()
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _after_settling(self) -> None:
        """Bring the activities, and the queue of SKUs, up to date."""
        self.filtered("sale_order_id")._tell_person()
        self.filtered("missing_skus").account_id._refresh_waiting_skus()

    def _settled_text(self) -> str:
        return dict(self._fields["settled_reason"]._description_selection(self.env)).get(self.settled_reason, "-")

    def _log_settled(self, texts: dict) -> None:
        """Say it on the orders, and on their sale orders where people work."""
        # sudo: who settles an order need have no right on sales
        orders = self.sudo()
        orders._message_log_batch({order.id: texts[order] for order in orders})
        bodies = {order.sale_order_id.id: f"Amazon: {texts[order]}" for order in orders if order.sale_order_id}
        if bodies:
            self.env["sale.order"].sudo().browse(bodies)._message_log_batch(bodies)  # sudo: as above
