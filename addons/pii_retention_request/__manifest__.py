# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "PII Retention Vault: Requests",
    "summary": "Deletion and return on notice, rights of data subjects, end of an authorisation: clock and proof",
    "version": "19.0.1.0.0",
    "category": "Services/Privacy",
    "author": "Odoo Amazon Connector Authors",
    "license": "LGPL-3",
    "depends": ["pii_retention"],
    "external_dependencies": {"python": ["pyrage", "pysequoia"]},
    "data": [
        "security/ir.model.access.csv",
        "security/pii_request_rules.xml",
        "data/pii_request_data.xml",
        "report/pii_request_report.xml",
        "report/pii_request_export.xml",
        "views/pii_request_views.xml",
        "views/pii_request_item_views.xml",
        "views/pii_policy_views.xml",
        "views/pii_subject_views.xml",
        "views/menus.xml",
    ],
}
