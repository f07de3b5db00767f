from odoo import fields, models


class DppPassword(models.Model):
    """A password that a user has had, as the salted hash that Odoo keeps itself: it is not chosen again."""

    _name = "dpp.password"
    _description = "Former Password"
    _order = "id desc"
    _log_access = False
    _allow_sudo_commands = False

    user_id = fields.Many2one("res.users", required=True, ondelete="cascade", index=True)
    set_at = fields.Datetime(required=True)
    hashed = fields.Char(required=True, groups=fields.NO_ACCESS)
