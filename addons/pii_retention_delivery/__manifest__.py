# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "PII Retention Vault: Delivery",
    "summary": "Carriers get a protected customer's address when they are registered for it, and the ledger says so",
    "version": "19.0.1.0.0",
    "category": "Services/Privacy",
    "author": "Odoo Amazon Connector Authors",
    "license": "LGPL-3",
    "depends": ["pii_retention", "stock_delivery"],
    "data": [
        "security/ir.model.access.csv",
        "views/delivery_carrier_views.xml",
    ],
    "auto_install": True,
}
