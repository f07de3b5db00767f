from odoo import api, fields, models

from ..certificates import REASONS


class PiiSubject(models.Model):
    _inherit = "pii.subject"

    erased_on = fields.Datetime(readonly=True, copy=False)
    erased_reason = fields.Selection(REASONS, string="Erased Because", readonly=True, copy=False)
    certificate_id = fields.Many2one(
        "pii.certificate", string="Certificate of Erasure", readonly=True, copy=False, index="btree_not_null"
    )

    @api.model
    def _erased_columns(self):
        return {**super()._erased_columns(), "erased_on": fields.Datetime.now()}
