from __future__ import annotations

from odoo import models
from odoo.exceptions import UserError

from .. import recovering
from ..spapi import errors
from .spapi_order import _notification

AT_ONCE = 3
"""Orders that are read while a person waits; more are read in the background."""


class SpapiOrder(models.Model):
    """Reading stored orders again."""

    _inherit = "spapi.order"

    def action_reread(self) -> dict:
        """Ask Amazon for these orders now, and do with them what an import would do."""
        self.check_access("read")
        orders = self.filtered(lambda order: not order.amazon_order_id.startswith("UNREADABLE-"))
        if not orders:
            raise UserError(self.env._("Amazon sent these without a number, so they cannot be asked for by one."))
        account = orders.account_id
        if len(account) > 1:
            raise UserError(self.env._("Choose orders of one account."))
        account._check_reading()
        numbers = orders.mapped("amazon_order_id")
        if len(orders) > AT_ONCE or not recovering.locked(account):
            # Many, or the import is at work on them: done in the background, one after the other.
            recovery = self.env["spapi.recovery"]._for_ids(account, numbers)
            recovery.action_start()
            return recovery._action_open()
        texts = [account._read_number(number) for number in numbers]
        return _notification("\n".join(texts), "info")

    def _map_now(self) -> None:
        """Make sale orders of those that can be, and let documents follow; the import does the rest at its next run."""
        ready = self.filtered(lambda order: order.state == "new" and order._is_mappable())
        if ready:
            ready._as_service()._map_orders()
        if news := self.filtered("follow_up"):
            news._as_service()._follow_news()
        self.account_id._trigger_import()


class SpapiAccount(models.Model):
    _inherit = "spapi.account"

    def _read_number(self, number: str) -> str:
        """Read one order for a person who waits. Returns what came of it, as a sentence.

        :raise UserError: Amazon cannot be asked; the account shows it too
        """
        self.ensure_one()
        service = self._as_service()
        try:
            outcome, order = recovering.read(service, number, automatic=False)
        except errors.SpapiError as error:
            self._fail_for_user(error)
        text = recovering.text_of(self.env, outcome)
        if order:
            order.with_env(self.env)._map_now()
            order.invalidate_recordset()
            state = dict(order._fields["state"]._description_selection(self.env))[order.state]
            text = self.env._("%(text)s It is: %(state)s.", text=text, state=state)
            if order.problem:
                text += " " + order.problem
        return f"{number}: {text}"
