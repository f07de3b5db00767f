from odoo import models


class PiiSubject(models.Model):
    _inherit = "pii.subject"

    def _pseudonym(self):
        # EXTENDS pii_retention: "Amazon", as the brand is written, and never the origin's technical name.
        self.ensure_one()
        return f"Amazon {self.reference}" if self.origin == "amazon" else super()._pseudonym()
