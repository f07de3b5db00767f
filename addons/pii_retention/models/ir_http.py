from odoo import models

from .. import watchdog


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    def session_info(self):
        result = super().session_info()
        if result.get("is_internal_user"):
            watchdog.look_in_passing(self.env)
            proofs = self.env["pii.proof"]
            result["pii_standing_shown"] = proofs._is_reader()
            result["pii_standing"] = proofs.pii_standing()
        return result
