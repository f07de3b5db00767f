from odoo import models


class Base(models.AbstractModel):
    _inherit = "base"

    def write(self, vals):
        result = super().write(vals)
        if self and not self._transient and self._pii_leads_to_partner(vals):
            self.env["ir.attachment"]._pii_seal_files_of(self)
        return result

    def _pii_leads_to_partner(self, names):
        """Tell whether one of these fields says whose the records are."""
        return any(
            field.type == "many2one" and field.comodel_name == "res.partner"
            for name in names
            if (field := self._fields.get(name))
        )
