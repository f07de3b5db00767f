from odoo import api, fields, models
from odoo.exceptions import AccessError

from .. import channel, purge_day, purging

OFFICER = "pii_retention.group_privacy_officer"


class PiiPurgeRun(models.Model):
    """One purge of a company: begun before its keys are destroyed, continued by whoever comes next, ended once."""

    _name = "pii.purge.run"
    _description = "Purge"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _rec_name = "day"
    _allow_sudo_commands = False

    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True, ondelete="cascade")
    day = fields.Date(required=True, readonly=True, help="The company's calendar day up to which data was due.")
    state = fields.Selection(
        [
            ("running", "Under way"),
            ("done", "Done"),
            ("refused", "To confirm"),
            ("failed", "Interrupted"),
        ],
        required=True,
        default="running",
        readonly=True,
    )
    step = fields.Selection(purging.STEPS, required=True, default="holds", readonly=True)
    problem = fields.Text(readonly=True)
    key_ids = fields.Text(string="Keys", readonly=True, help="Written down before the first of them is destroyed.")
    key_count = fields.Integer(string="Number of Keys", readonly=True)
    subject_count = fields.Integer(string="Data Subjects", readonly=True)
    file_count = fields.Integer(string="Files", readonly=True)
    leftover_count = fields.Integer(string="Remains", readonly=True)
    held_count = fields.Integer(string="On Hold", readonly=True, help="Moved to the next day because of a legal hold.")
    started_on = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    finished_on = fields.Datetime(readonly=True)
    operator = fields.Char(readonly=True)
    certificate_ids = fields.One2many("pii.certificate", "run_id", readonly=True)
    confirmed_by_id = fields.Many2one("res.users", readonly=True, ondelete="set null")
    confirmed_on = fields.Datetime(readonly=True)
    confirmed_day = fields.Date(readonly=True)
    # the schedule's own transaction is older than the purge, and keeps its vacuum from removing anything: the next does
    to_vacuum = fields.Boolean(readonly=True, copy=False)
    # a MAC with a key outside of the database, see purge_day.confirm
    confirmation = fields.Char(readonly=True, groups=fields.NO_ACCESS, copy=False)

    _open_unique = models.UniqueIndex("(company_id) WHERE state <> 'done'", "One purge of a company at a time.")

    @api.model
    def _cron_purge(self):
        """Purge each company whose day has begun; it destroys only what is due, however often it is called."""
        # sudo: scheduled work of the server for all companies
        for company in self.env["res.company"].sudo().search([], order="id"):
            purging.purge(self.env(su=True), company)

    def action_purge_now(self):
        """Show what a purge would destroy at this moment."""
        return self.env["ir.actions.act_window"]._for_xml_id("pii_retention.pii_purge_now_action")

    def action_confirm(self):
        """Confirm, in person, that today is the day that the server's clock says, and purge."""
        self.ensure_one()
        if not channel.in_person(self.env):
            raise AccessError(self.env._("A privacy officer confirms in person, signed in to Odoo."))
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer confirms the date of a purge."))
        purge_day.confirm(self)
        purging.purge(self.env(su=True), self.company_id)  # sudo: as in _cron_purge
        return True

    def action_continue(self):
        """Go on with a purge that was interrupted."""
        self.ensure_one()
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer starts a purge."))
        purging.purge(self.env(su=True), self.company_id)  # sudo: as in _cron_purge
        return True
