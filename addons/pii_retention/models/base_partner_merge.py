from odoo import models
from odoo.exceptions import UserError


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _merge(self, partner_ids, dst_partner=None, extra_checks=True):
        partners = self.env["res.partner"].browse(partner_ids) | (dst_partner or self.env["res.partner"])
        # sudo: whether a contact is protected is no secret
        if partners.sudo().pii_subject_id:
            raise UserError(
                self.env._("Protected contacts cannot be merged: each stands for the recipient of one order.")
            )
        return super()._merge(partner_ids, dst_partner=dst_partner, extra_checks=extra_checks)
