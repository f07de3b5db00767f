# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Amazon SP-API Connector: Kits",
    "summary": "Amazon orders of kits: what was shipped, cancelled and returned is counted in whole kits",
    "version": "19.0.1.0.0",
    "category": "Sales/Sales",
    "author": "Odoo Amazon Connector Authors",
    "license": "LGPL-3",
    "depends": ["amazon_spapi_connector", "sale_mrp"],
    "auto_install": True,
}
