from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from odoo.addons.pii_retention import purge

from .. import handing_out


class PiiRequestPart(models.Model):
    """One file of an archive to be returned: encrypted for the requester, and sealed until its download or its day.

    The seal is that of a subject of its own, on whom the archive's key, its day and its erasure depend as on a
    customer's: dumps lose the archive too.
    """

    _name = "pii.request.part"
    _description = "Part of an Archive to Be Returned"
    _order = "request_id, number"
    _allow_sudo_commands = False

    request_id = fields.Many2one("pii.request", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="request_id.company_id")
    number = fields.Integer(required=True, readonly=True)
    name = fields.Char(string="File", required=True, readonly=True)
    subject_id = fields.Many2one("pii.subject", readonly=True, ondelete="set null")
    customer_count = fields.Integer(string="Customers", readonly=True)
    size = fields.Integer(string="Size (bytes)", readonly=True)
    digest = fields.Char(string="SHA-256", readonly=True, help="Of the encrypted file, as the requester gets it.")
    expires_on = fields.Date(readonly=True)
    packed_at = fields.Datetime(string="Packed", readonly=True, default=fields.Datetime.now)
    downloaded_at = fields.Datetime(string="Downloaded", readonly=True)
    downloaded_by_id = fields.Many2one("res.users", readonly=True)
    state = fields.Selection(
        [("ready", "Ready"), ("downloaded", "Downloaded"), ("gone", "Gone")], compute="_compute_state"
    )

    _once = models.UniqueIndex("(request_id, number)", "The parts of an archive are numbered.")

    @api.depends("downloaded_at", "expires_on", "subject_id.state")
    def _compute_state(self):
        for part in self:
            known = part.sudo().subject_id  # sudo: whether it is still there is no secret
            if part.downloaded_at:
                part.state = "downloaded"
            elif known.state != "live" or known.deadline <= part.company_id._pii_day():
                part.state = "gone"
            else:
                part.state = "ready"

    def _pii_subjects(self):
        """Return the subject under which the file is sealed."""
        return self.sudo().subject_id.with_env(self.env)  # sudo: as for any record

    def _discard(self):
        """Erase the sealed file: it was handed out, or its time is over."""
        holders = self.sudo().subject_id  # sudo: the file goes with the subject under which it is sealed
        purge.forget(self.env, holders.ids, "amazon_return")

    def action_download(self):
        """Send the browser to the download of the part; it is possible once."""
        self.ensure_one()
        return {"type": "ir.actions.act_url", "url": f"/pii/request/part/{self.id}", "target": "download"}

    def action_repack(self):
        """Let the customers of a part be packed anew: the download broke off, or the part expired before it."""
        for part in self:
            request = part.request_id
            handing_out.check_handler(request)
            request._lock()
            if request.received_back_at:
                raise UserError(self.env._("The requester has confirmed to have %s.", part.name))
            if part.state == "ready":
                raise UserError(self.env._("%s can still be downloaded.", part.name))
            # sudo: parts and items are written by the work on the request only
            items = request.sudo().item_ids.filtered(lambda item, part=part: item.part_id == part)
            items.write({"part_id": False})
            request.message_post(
                body=self.env._(
                    "%(user)s packs the customers of %(file)s anew: the requester did not get it.",
                    user=self.env.user.name,
                    file=part.name,
                )
            )

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            raise AccessError(self.env._("The parts of an archive are made by packing it."))
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su:
            raise AccessError(self.env._("The parts of an archive are made by packing it."))
        return super().write(vals)

    def unlink(self):
        if not self.env.su:
            raise AccessError(self.env._("The parts of an archive are evidence and stay."))
        return super().unlink()
