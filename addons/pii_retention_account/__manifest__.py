# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "PII Retention Vault: Invoicing",
    "summary": "Invoices of protected customers: sealed documents, their downloads, the customer's card",
    "version": "19.0.1.0.0",
    "category": "Services/Privacy",
    "author": "Odoo Amazon Connector Authors",
    "license": "LGPL-3",
    "depends": ["pii_retention", "account"],
    "data": [
        "views/account_move_views.xml",
    ],
    "auto_install": True,
}
