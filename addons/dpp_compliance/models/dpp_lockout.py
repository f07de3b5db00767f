from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from odoo.addons.pii_retention import channel

OFFICER = "pii_retention.group_privacy_officer"


class DppLockout(models.Model):
    """Failed attempts to sign in to one account, and until when it is locked."""

    _name = "dpp.lockout"
    _description = "Locked Account"
    _order = "last_at desc, id desc"
    _rec_name = "user_id"
    _log_access = False
    _allow_sudo_commands = False

    key = fields.Char(required=True, readonly=True, groups=fields.NO_ACCESS)
    user_id = fields.Many2one("res.users", string="Account", readonly=True, ondelete="cascade")
    failures = fields.Integer(string="Failed Attempts", required=True, readonly=True)
    last_at = fields.Datetime(string="Last Attempt", required=True, readonly=True)
    locked_until = fields.Datetime(readonly=True)
    locks = fields.Integer(string="Times Locked", readonly=True)
    is_locked = fields.Boolean(string="Locked", compute="_compute_is_locked", search="_search_is_locked")

    _key_unique = models.UniqueIndex("(key)", "Each account is counted once.")

    @api.depends("locked_until")
    def _compute_is_locked(self):
        now = fields.Datetime.now()
        for lockout in self:
            lockout.is_locked = bool(lockout.locked_until) and lockout.locked_until > now

    def _search_is_locked(self, operator, value):
        if operator != "in":
            return NotImplemented
        locked = [("locked_until", ">", fields.Datetime.now())]
        return locked if True in value else ["!", *locked]

    @api.depends("user_id")
    def _compute_display_name(self):
        for lockout in self:
            lockout.display_name = lockout.user_id.name or self.env._("No such account")

    def action_unlock(self):
        """Let the account sign in again; not one's own, and in person."""
        if not channel.in_person(self.env):
            raise AccessError(self.env._("A privacy officer unlocks an account in person, signed in to Odoo."))
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer unlocks an account."))
        if self.env.user in self.user_id:
            raise UserError(self.env._("Another privacy officer unlocks your own account."))
        self.sudo().unlink()  # sudo: counts are not edited by hand

    @api.model
    def _cron_forget(self):
        """Delete counts that mean nothing any more."""
        minutes = self.env["res.users"]._dpp_lock_figures()[1]
        since = fields.Datetime.now() - timedelta(minutes=minutes)
        # sudo: counts are not edited by hand
        self.sudo().search(
            [("last_at", "<", since), "|", ("locked_until", "=", False), ("locked_until", "<", fields.Datetime.now())]
        ).unlink()
