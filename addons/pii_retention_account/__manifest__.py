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
        "security/ir.model.access.csv",
        "data/ir_actions_report_data.xml",
        "data/account_archive_data.xml",
        "views/account_move_views.xml",
        "views/account_move_archive_views.xml",
        "views/report_invoice.xml",
        "wizards/pii_full_invoice_views.xml",
    ],
    "auto_install": True,
}
