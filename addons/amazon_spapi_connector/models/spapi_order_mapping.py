from __future__ import annotations

import logging

import psycopg2

from odoo import models
from odoo.exceptions import ConcurrencyError, UserError

from ..mapping.amounts import PriceProblem
from ..spapi.orders import OrderDataError
from .order_mapper import OrderMapper

_logger = logging.getLogger(__name__)

QUIET = {
    "spapi_import": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
    "mail_notrack": True,
    "tracking_disable": True,
    "send_email": False,
}
"""Nobody is written to, followed or tracked: the buyer is no correspondent, and trackers copy values."""


class SpapiOrder(models.Model):
    """From stored orders to confirmed sale orders, in batch. Never commits: the caller decides about transactions."""

    _inherit = "spapi.order"

    def _map_orders(self):
        """Make confirmed sale orders of these orders; each that cannot be one says why. Returns those that became one.

        Orders of several accounts are mapped account by account. A failure of one order is undone and shown on that
        order; the others go on.
        """
        done = self.browse()
        for account, orders in self.sudo().grouped("account_id").items():
            orders = orders.filtered(lambda order: not order.sale_order_id and order._is_mappable())
            orders = orders._of_ordinary_size(account)
            orders._ensure_subjects(account)
            orders._decide_fiscal_positions(account)
            ready = orders._with_products()
            done += ready._map_isolated(account.with_env(self.env))
        return done.with_env(self.env)

    def _of_ordinary_size(self, account):
        """Stop the orders that have more lines than the account takes for ordinary; return the others."""
        huge = self.filtered(lambda order: len(order.line_ids) > account.max_lines)
        for order in huge:
            text = self.env._(
                "The order has %(lines)s lines, more than the %(limit)s that are imported without being asked. Look at"
                " it, raise “Lines at Most” on the account, then retry; it may take minutes.",
                lines=len(order.line_ids),
                limit=account.max_lines,
            )
            order._set_problem("exception", "too_many_lines", text)
        return self - huge

    # === SALE ORDERS === #

    def _map_isolated(self, account):
        """All in one batch; if that fails one by one. Returns those that became sale orders."""
        undecided = self.filtered(lambda order: not order.fiscal_reason)
        orders = self - undecided
        if not orders:
            return orders
        try:
            with self.env.cr.savepoint():
                return orders._map_batch(account)
        except psycopg2.OperationalError:
            raise
        except psycopg2.errors.UniqueViolation as error:
            # Two imports make the same tax at the same time: one of them finds it when it looks again.
            if not self.env.context.get("spapi_insist"):
                raise ConcurrencyError("the same record was made by somebody else") from error
        except Exception as error:
            _logger.info("a batch of %s orders is mapped one by one: %s", len(orders), type(error).__name__)
        done = self.browse()
        for order in orders:
            try:
                with self.env.cr.savepoint():
                    done += order._map_batch(account)
            except psycopg2.OperationalError:
                raise
            except UserError as error:
                order._set_problem("exception", "refused", self.env._("Odoo refused this order: %s", error.args[0]))
            except Exception as error:
                account._log_unexpected(f"order {order.amazon_order_id}", error)
                text = self.env._("An unexpected error (%s) stopped this order.", type(error).__name__)
                order._set_problem("exception", "unexpected", text)
        return done

    def _map_batch(self, account):
        """Create and confirm the sale orders of these orders, which have all their products. Raises if one fails."""
        mapper = OrderMapper(self.env, account, self)
        vals_list, orders = [], self.browse()
        for order in self:
            try:
                vals_list.append(mapper.sale_order_values(order))
                orders += order
            except PriceProblem as problem:
                order._set_problem("exception", problem.code, mapper.explain(order, problem))
            except OrderDataError as error:
                order._set_problem("exception", error.code, error.message)
        if not orders:
            return orders
        mapper.fill_in_taxes(vals_list)
        service = account._as_service().env
        sales = service["sale.order"].with_context(**QUIET).create(vals_list)
        orders, sales = orders._without_mismatch(sales, mapper)
        mapper.header.to_confirm(orders, sales).action_confirm()
        for order, sale in zip(orders, sales, strict=True):
            order.write(
                {
                    "sale_order_id": sale.id,
                    "state": "imported",
                    "problem_code": False,
                    "problem": False,
                    "missing_skus": False,
                    "mapped_hash": mapper.items_digest(order),
                    **mapper.fiscal[order.id],
                    # what was shipped, or asked for, already is followed like any later news
                    "follow_up": order.status != "UNSHIPPED" or order.cancel_requested,
                }
            )
        self.env.flush_all()
        return orders

    def _without_mismatch(self, sales, mapper):
        """Undo the sale orders whose total is not Amazon's to the cent. Returns the others with their orders."""
        orders, good = self.browse(), sales.browse()
        for order, sale in zip(self, sales, strict=True):
            if sale.currency_id.compare_amounts(sale.amount_total, order.amount_total) == 0:
                orders += order
                good += sale
                continue
            text = self.env._(
                "Odoo computes %(odoo)s, Amazon says %(amazon)s. Check the taxes in “Amazon taxes” and the rounding.",
                odoo=sale.currency_id.format(sale.amount_total),
                amazon=sale.currency_id.format(order.amount_total),
            )
            order._set_problem("exception", "total_mismatch", "\n".join([text, *mapper.differences(order, sale)]))
        (sales - good).sudo().unlink()
        return orders, good
