from odoo import models


class ResPartner(models.Model):
    _inherit = "res.partner"

    def write(self, vals):
        result = super().write(vals)
        if vals.get("pii_subject_id"):
            # the contact has just become a protected one: so have its files and those of its documents
            self.env["ir.attachment"]._pii_late(self.ids)._pii_seal_moved()
        return result
