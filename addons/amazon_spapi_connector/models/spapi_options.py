from __future__ import annotations

from odoo import fields, models


class SpapiOptions(models.AbstractModel):
    """How orders become sale orders: stands on the account, and on its marketplaces, where empty is the account's."""

    _name = "spapi.options"
    _description = "Amazon Order Options"

    warehouse_id = fields.Many2one(
        "stock.warehouse", check_company=True, help="Orders that you ship yourself leave from here."
    )
    team_id = fields.Many2one("crm.team", string="Sales Team", check_company=True)
    journal_id = fields.Many2one(
        "account.journal",
        string="Invoicing Journal",
        check_company=True,
        domain=[("type", "=", "sale")],
        help="Empty: Odoo's first sales journal.",
    )
    pricelist_id = fields.Many2one(
        "product.pricelist",
        check_company=True,
        help="Stands in the sale order for reports; prices are Amazon's. Only orders in its own currency get it.",
    )
    payment_term_id = fields.Many2one("account.payment.term", string="Payment Terms", check_company=True)
    order_prefix = fields.Char(
        help="Stands before the sale order's own number: “AMZ-” gives AMZ-S00042. Amazon's number is the customer"
        " reference."
    )
    confirmation = fields.Selection(
        [("auto", "Confirm by itself"), ("manual", "Leave as quotation")],
        string="Sale Orders",
        help="A quotation reserves nothing and has no delivery until a person confirms it.",
    )
    delivery_date = fields.Selection(
        [("ship_by", "Amazon's latest ship date"), ("none", "Odoo's own")],
        help="The date by which the delivery is planned.",
    )
    invoicing = fields.Selection(
        [
            ("manual", "By a person"),
            ("draft", "Draft as soon as everything is delivered"),
            ("post", "Posted as soon as everything is delivered"),
        ],
        string="Invoices",
        help="What may be invoiced is the products' own invoicing policy. Sales to Amazon itself, and those of which"
        " Amazon owes the VAT, are left to a person: their invoice is not the buyer's.",
    )
    tag_prime_id = fields.Many2one("crm.tag", string="Tag of Prime Orders")
    tag_business_id = fields.Many2one("crm.tag", string="Tag of Business Orders")
    tag_premium_id = fields.Many2one("crm.tag", string="Tag of Premium Orders")
