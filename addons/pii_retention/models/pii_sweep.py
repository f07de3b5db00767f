from odoo import api, fields, models

from .. import sweeping


class PiiSweep(models.Model):
    """What was deleted on one day because its months were over: how much, of which time; nothing of it itself."""

    _name = "pii.sweep"
    _description = "Deletion of Other Information"
    _order = "day desc, id desc"
    _allow_sudo_commands = False

    name = fields.Char(string="What", compute="_compute_name")
    code = fields.Char(required=True, readonly=True)
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade", index=True)
    day = fields.Date(required=True, readonly=True)
    months = fields.Integer(string="Kept (months)", readonly=True, aggregator=None)
    cutoff = fields.Datetime(string="Ended Before", readonly=True)
    count = fields.Integer(string="Deleted", readonly=True)
    oldest = fields.Datetime(readonly=True)
    newest = fields.Datetime(readonly=True)
    kept_count = fields.Integer(string="Kept by a Document", readonly=True)
    kept_text = fields.Text(
        string="Documents", readonly=True, help="Posted invoices keep the channel's order number: the law keeps them."
    )
    user_ref = fields.Integer(string="User Number", readonly=True, aggregator=None)

    _once_a_day = models.UniqueIndex("(company_id, code, day)", "What a day has deleted is written down once.")

    @api.depends("code")
    def _compute_name(self):
        for row in self:
            row.name = self.env._(sweeping.label_of(row.code))

    @api.model
    def _cron_sweep(self):
        """Delete what is past its months; what one run does not manage, the next one does."""
        cron = self.env["ir.cron"]
        done = sweeping.run(self.sudo().env, lambda count: cron._commit_progress(count, remaining=1) > 0)
        cron._commit_progress(0, remaining=0 if done else 1)
