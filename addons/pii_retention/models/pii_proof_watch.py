from odoo import api, models

from .. import watchdog


class PiiProof(models.Model):
    _inherit = "pii.proof"

    @api.model
    def _cron_watch(self):
        """Look whether the vault's scheduled work runs, and tell the officers when it does not."""
        watchdog.look(self.env)
