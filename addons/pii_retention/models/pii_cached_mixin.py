from odoo import api, models


class PiiCachedMixin(models.AbstractModel):
    """Records that each reveal asks for and that are therefore kept in memory: whoever changes one empties it."""

    _name = "pii.cached.mixin"
    _description = "Rules Kept in Memory"

    @api.model
    def _forget_cached(self):
        self.env.registry.clear_cache()
        # another thread may read the old value again until this transaction is committed
        self.env.cr.postcommit.add(self.env.registry.clear_cache)

    @api.model_create_multi
    def create(self, vals_list):
        self._forget_cached()
        return super().create(vals_list)

    def write(self, vals):
        self._forget_cached()
        return super().write(vals)

    def unlink(self):
        self._forget_cached()
        return super().unlink()
