# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Amazon SP-API Connector: Requests",
    "summary": "Requests about personal data by Amazon account and marketplace; the end of an authorisation",
    "version": "19.0.1.0.0",
    "category": "Services/Privacy",
    "author": "Odoo Amazon Connector Authors",
    "license": "LGPL-3",
    "depends": ["amazon_spapi_connector", "pii_retention_request"],
    "data": [
        "security/ir.model.access.csv",
        "views/pii_request_views.xml",
    ],
    "auto_install": True,
}
