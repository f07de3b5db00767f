from odoo import api, fields, models
from odoo.exceptions import AccessError


class PiiRequestItem(models.Model):
    """One customer that a request is about, and what became of that customer: by reference, without personal data."""

    _name = "pii.request.item"
    _description = "Customer of a Request"
    _order = "request_id, id"
    _rec_name = "reference"
    _log_access = False
    _allow_sudo_commands = False

    request_id = fields.Many2one("pii.request", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="request_id.company_id")
    subject_id = fields.Many2one("pii.subject", readonly=True, ondelete="set null", index="btree_not_null")
    subject_uuid = fields.Char(string="UUID", required=True, readonly=True, index=True)
    reference = fields.Char(readonly=True)
    outcome = fields.Selection(
        [
            ("pending", "To do"),
            ("erased", "Erased"),
            ("already", "Erased before"),
            ("shared", "Erased by another request"),
            ("held", "Kept: legal hold"),
            ("answered", "Answered"),
        ],
        required=True,
        default="pending",
        readonly=True,
    )
    other_id = fields.Many2one("pii.request", string="Other Request", readonly=True, ondelete="set null")
    part_id = fields.Many2one("pii.request.part", string="Part of the Archive", readonly=True, ondelete="set null")

    _once = models.UniqueIndex("(request_id, subject_uuid)", "A request names each customer once.")
    _open_idx = models.Index("(request_id, id) WHERE outcome IN ('pending', 'held')")

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            raise AccessError(self.env._("Whom a request is about is found by its preview."))
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su:
            raise AccessError(self.env._("What became of a customer is written by the work on the request."))
        return super().write(vals)

    def unlink(self):
        if not self.env.su:
            raise AccessError(self.env._("Whom a request is about is found by its preview."))
        return super().unlink()
