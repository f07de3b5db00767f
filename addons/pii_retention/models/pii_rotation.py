from odoo import api, fields, models
from odoo.exceptions import AccessError

from .. import certificates, channel, evaluated, giving_up, purging

OFFICER = "pii_retention.group_privacy_officer"


class PiiRotation(models.Model):
    """A day whose key is replaced because somebody of that day was erased early: the others move to the next key, the
    old key dies, and with it whatever dumps hold of the erased.
    """

    _name = "pii.rotation"
    _description = "Rotation of a Day's Key"
    _order = "id desc"
    _rec_name = "key_id"
    _allow_sudo_commands = False

    key_id = fields.Char(required=True, readonly=True)
    successor = fields.Char(string="Next Key", readonly=True)
    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True, ondelete="cascade")
    reason = fields.Selection(certificates.REASONS, required=True, readonly=True)
    state = fields.Selection(
        [
            ("queued", "Waiting"),
            ("running", "Under way"),
            ("done", "Done"),
            ("dropped", "Not needed any more"),
        ],
        required=True,
        default="queued",
        readonly=True,
    )
    queued_on = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    due_on = fields.Datetime(
        required=True,
        readonly=True,
        help="By then dumps have to have lost the erased person: the policy says how soon.",
    )
    finished_on = fields.Datetime(readonly=True)
    subject_count = fields.Integer(string="Customers Sealed Again", readonly=True)
    file_count = fields.Integer(string="Files Sealed Again", readonly=True)
    damaged_count = fields.Integer(
        string="Damaged",
        readonly=True,
        help="Values that did not open with the old key either: they were damaged before.",
    )
    problem = fields.Char(string="What It Waits For", readonly=True)
    is_late = fields.Boolean(compute="_compute_is_late", search="_search_is_late")

    _open_unique = models.UniqueIndex(
        "(key_id) WHERE state IN ('queued', 'running')", "This key is being replaced already."
    )

    @api.depends("state", "due_on")
    def _compute_is_late(self):
        now = fields.Datetime.now()
        for rotation in self:
            rotation.is_late = rotation.state in ("queued", "running") and rotation.due_on < now

    def _search_is_late(self, operator, value):
        if operator != "in":
            return NotImplemented
        return [("state", "in", ("queued", "running")), ("due_on", "<", fields.Datetime.now())]

    def action_run(self):
        """Rotate now instead of with the next purge."""
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer replaces a day's key."))
        for company in self.company_id:
            purging.rotate_queued(self.env(su=True), company)  # sudo: rotations are written by the server only
        return True

    def action_give_up(self):
        """Destroy a damaged key: who is sealed with it is lost, and in no dump any more either."""
        self.ensure_one()
        person = channel.caller()
        if person.channel != channel.WEB or person.uid != self.env.uid or evaluated.is_typed():
            raise AccessError(self.env._("A privacy officer decides in person, signed in to Odoo."))
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer gives up a day's key."))
        self.check_access("read")
        giving_up.give_up(self.with_env(self.env(su=True)))  # sudo: as in action_run
        return True
