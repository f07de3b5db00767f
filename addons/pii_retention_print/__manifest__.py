# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "PII Retention: Printing",
    "summary": "Labels and delivery slips go from the server to a printer; a download is the exception",
    "version": "19.0.1.0.0",
    "category": "Services/Privacy",
    "author": "Odoo Amazon Connector Authors",
    "license": "LGPL-3",
    "depends": ["pii_retention"],
    "external_dependencies": {"python": ["pyipp"]},
    "data": [
        "security/ir.model.access.csv",
        "security/pii_retention_print_rules.xml",
        "data/ir_cron_data.xml",
        "views/pii_printer_views.xml",
        "views/pii_print_job_views.xml",
        "views/pii_printer_rule_views.xml",
        "views/ir_actions_report_views.xml",
        "views/ir_attachment_views.xml",
        "views/res_users_views.xml",
        "wizards/pii_printer_search_views.xml",
        "wizards/pii_print_choice_views.xml",
        "views/menus.xml",
    ],
    "assets": {
        "web.assets_backend": ["pii_retention_print/static/src/**/*"],
    },
}
