# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Data Protection Policy: Signing In",
    "summary": "Passwords and lock-out of accounts as the policy for personal data demands",
    "version": "19.0.1.0.0",
    "category": "Services/Privacy",
    "author": "Odoo Amazon Connector Authors",
    "license": "LGPL-3",
    "depends": ["pii_retention", "auth_password_policy", "auth_totp"],
    "data": [
        "security/ir.model.access.csv",
        "security/dpp_compliance_rules.xml",
        "data/ir_cron_data.xml",
        "views/dpp_password_templates.xml",
        "views/dpp_lockout_views.xml",
        "views/res_users_views.xml",
        "views/menus.xml",
    ],
}
