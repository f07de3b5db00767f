# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "PII Retention Vault",
    "summary": "Seal customers' personal data, reveal it for a purpose, forget it on its day",
    "version": "19.0.1.0.0",
    "category": "Services/Privacy",
    "author": "Odoo Amazon Connector Authors",
    "license": "LGPL-3",
    "depends": ["base_setup", "mail", "web"],
    "external_dependencies": {"python": ["cryptography"]},
    "data": [
        "security/pii_retention_groups.xml",
        "security/ir.model.access.csv",
        "security/pii_retention_rules.xml",
        "views/pii_subject_views.xml",
        "views/pii_access_log_views.xml",
        "views/res_partner_views.xml",
        "views/ir_actions_report_views.xml",
        "views/menus.xml",
    ],
    "application": True,
}
