from __future__ import annotations

import logging

import psycopg2

from odoo import models

_logger = logging.getLogger(__name__)
AT_ONCE = 100
"""Sale orders invoiced in one run of the import; the next run goes on."""


class SpapiAccount(models.Model):
    """Invoices made by themselves, where the account's options want it."""

    _inherit = "spapi.account"

    def _invoice_delivered(self) -> None:
        """Invoice the account's sale orders that are delivered whole. One that cannot be does not stop the others."""
        self.ensure_one()
        wanted = {self.invoicing, *self.option_ids.mapped("invoicing")} & {"draft", "post"}
        if not wanted:
            return
        done = self.env["sale.order"].search(
            [
                ("spapi_order_id.account_id", "=", self.id),
                ("state", "=", "sale"),
                ("invoice_status", "=", "to invoice"),
                ("delivery_status", "=", "full"),
                ("spapi_invoice_refused", "=", False),
            ],
            limit=AT_ONCE,
            order="id",
        )
        options = {row.marketplace_id: row.invoicing for row in self.option_ids}
        for sale in done:
            choice = options.get(sale.spapi_order_id.marketplace_id) or self.invoicing
            if choice not in wanted:
                continue
            try:
                with self.env.cr.savepoint():
                    moves = sale._create_invoices()
                    if choice == "post":
                        # sudo: the import's identity has no right on accounting; the account's options decide
                        moves.sudo().action_post()
            except psycopg2.OperationalError:
                raise
            except Exception as error:
                _logger.info("sale order %s is not invoiced: %s", sale.id, type(error).__name__)
                sale._spapi_refuse_invoice(error)
