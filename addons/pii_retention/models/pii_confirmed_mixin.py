from contextlib import contextmanager

from odoo import api, models
from odoo.exceptions import AccessError, UserError

from .. import confirmed
from ..crypto import CryptoError


class PiiConfirmedMixin(models.AbstractModel):
    """Settings that officers make by hand: what changes them otherwise is noticed, see ``confirmed``."""

    _name = "pii.confirmed.mixin"
    _inherit = "pii.cached.mixin"
    _description = "Settings of Privacy Officers"

    @contextmanager
    def _changed_by_officer(self):
        """Confirm what an officer changes in the block; not what somebody else has changed before."""
        try:
            sound = confirmed.by_officer(self) and confirmed.is_confirmed(self.sudo().browse())
            yield
            if sound:
                confirmed.confirm(self.sudo().browse())  # sudo: digests and alerts are the product's
        except CryptoError as error:
            raise UserError(str(error)) from error

    @api.model_create_multi
    def create(self, vals_list):
        with self._changed_by_officer():
            return super().create(vals_list)

    def write(self, vals):
        with self._changed_by_officer():
            return super().write(vals)

    def unlink(self):
        with self._changed_by_officer():
            return super().unlink()

    def action_confirm(self):
        """Say that all of them are right as they stand."""
        if not confirmed.by_officer(self):
            raise AccessError(self.env._("A privacy officer confirms this in person, signed in to Odoo."))
        try:
            confirmed.confirm(self.sudo().browse())  # sudo: as above
        except CryptoError as error:
            raise UserError(str(error)) from error
        return {"type": "ir.actions.client", "tag": "soft_reload"}
