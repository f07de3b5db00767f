# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "PII Retention Vault: Sales",
    "summary": "The protected customer's card on sale orders",
    "version": "19.0.1.0.0",
    "category": "Services/Privacy",
    "author": "Odoo Amazon Connector Authors",
    "license": "LGPL-3",
    "depends": ["pii_retention", "sale"],
    "data": [
        "views/sale_order_views.xml",
    ],
    "auto_install": True,
}
