from __future__ import annotations

import logging

import psycopg2

from odoo import models
from odoo.fields import Domain

_logger = logging.getLogger(__name__)
INVOICED = ("draft", "post")
"""Choices with which an invoice is made by itself."""
AT_ONCE = 100
"""Sale orders invoiced in one run of the import; the next run goes on."""
FOR_A_PERSON = Domain("programs", "like", "INVOICE_BY_AMAZON") | (
    Domain("fiscal_scheme", "in", ("deemed", "mixed")) & Domain("marketplace_id.tax_included", "=", True)
)
"""Sales whose invoice is not the buyer's: Amazon buys the goods itself, or owes the VAT as deemed supplier (Directive
2006/112/EC art. 14a), so that the seller's customer is Amazon. Where prices are net (United States) there is no VAT."""


class SpapiAccount(models.Model):
    """Invoices made by themselves, where the account's options want it."""

    _inherit = "spapi.account"

    def _invoice_delivered(self) -> None:
        """Invoice the account's sale orders that are delivered whole. One that cannot be does not stop the others."""
        self.ensure_one()
        options = {row.marketplace_id.id: row.invoicing or self.invoicing for row in self.option_ids}
        wanted = [marketplace for marketplace, choice in options.items() if choice in INVOICED]
        # Only so many are looked at: what a person invoices must not stand before what is invoiced here.
        if self.invoicing in INVOICED:
            markets = Domain("spapi_order_id.marketplace_id", "not in", list(options.keys() - set(wanted)))
        elif wanted:
            markets = Domain("spapi_order_id.marketplace_id", "in", wanted)
        else:
            return
        done = self.env["sale.order"].search(
            Domain("spapi_order_id.account_id", "=", self.id)
            & markets
            & Domain("spapi_order_id", "any", ~FOR_A_PERSON)
            & Domain("state", "=", "sale")
            & Domain("invoice_status", "=", "to invoice")
            & Domain("delivery_status", "=", "full")
            & Domain("spapi_invoice_refused", "=", False),
            limit=AT_ONCE,
            order="id",
        )
        for sale in done:
            choice = options.get(sale.spapi_order_id.marketplace_id.id, self.invoicing)
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
