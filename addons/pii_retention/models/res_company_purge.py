from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    pii_purge_day = fields.Date(
        string="Purged Until",
        readonly=True,
        copy=False,
        prefetch=False,
        groups="pii_retention.group_privacy_officer,pii_retention.group_auditor",
        help="The last day of this company on which a purge ended, or found nothing to do.",
    )
