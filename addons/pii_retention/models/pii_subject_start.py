from odoo import api, models

from .. import keys, replay


class PiiSubject(models.Model):
    _inherit = "pii.subject"

    def _register_hook(self):
        super()._register_hook()
        # a restored backup brings back whoever was erased since: they go before anybody logs in
        if self.env.registry.updated_modules:
            # an update holds the tables that it has changed until its transaction ends
            self.env.cr.postcommit.add(lambda: replay.at_start(self.env))
        else:
            replay.at_start(self.env)

    @api.model
    def _cron_replay(self):
        """Apply what is new in the ledger: a database may also be restored under a running server."""
        if keys.is_in_use(self.env):
            replay.run(self.env(su=True))  # sudo: scheduled work of the server
