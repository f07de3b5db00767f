# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "PII Retention Vault: Inventory",
    "summary": "Deliveries: the protected customer's card, grants by warehouse",
    "version": "19.0.1.0.0",
    "category": "Services/Privacy",
    "author": "Odoo Amazon Connector Authors",
    "license": "LGPL-3",
    "depends": ["pii_retention", "stock"],
    "data": [
        "views/stock_picking_views.xml",
        "views/pii_grant_views.xml",
    ],
    "auto_install": True,
}
