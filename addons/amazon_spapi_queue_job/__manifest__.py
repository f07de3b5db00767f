# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Amazon SP-API Connector: Job Queue",
    "summary": "Imports of Amazon orders as jobs of OCA's queue, side by side on many workers and machines",
    "version": "19.0.1.0.0",
    "category": "Sales/Sales",
    "author": "Odoo Amazon Connector Authors",
    "license": "LGPL-3",
    "depends": ["amazon_spapi_connector", "queue_job"],
    "data": [
        "data/queue_job_data.xml",
        "views/spapi_account_views.xml",
    ],
    "auto_install": True,
}
