# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Amazon SP-API Connector: Notifications",
    "summary": "Changes of Amazon orders within seconds, from a queue at AWS SQS",
    "version": "19.0.1.0.0",
    "category": "Sales/Sales",
    "author": "Odoo Amazon Connector Authors",
    "license": "LGPL-3",
    "depends": ["amazon_spapi_connector"],
    "external_dependencies": {"python": ["boto3"]},
    "data": [
        "security/ir.model.access.csv",
        "security/spapi_notification_rules.xml",
        "data/ir_cron_data.xml",
        "views/spapi_notification_views.xml",
        "views/spapi_account_views.xml",
    ],
}
