from odoo import api, fields, models
from odoo.exceptions import AccessError

from .. import purge_due, purging

OFFICER = "pii_retention.group_privacy_officer"


class PiiPurgeNow(models.TransientModel):
    """What a purge would destroy at this moment, and the button that does it."""

    _name = "pii.purge.now"
    _description = "Purge Now"

    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company, readonly=True)
    day = fields.Date(readonly=True)
    key_count = fields.Integer(string="Keys", readonly=True)
    subject_count = fields.Integer(string="Data Subjects", readonly=True)
    file_count = fields.Integer(string="Files", readonly=True)
    held_count = fields.Integer(
        string="Kept by a Legal Hold",
        readonly=True,
        help="Of the data subjects that are due: they move to the next day.",
    )
    rotation_count = fields.Integer(string="Keys to Replace", readonly=True)
    is_empty = fields.Boolean(readonly=True)

    @api.model
    def default_get(self, fields_list):
        self._check_officer()
        values = super().default_get(fields_list)
        # sudo: counts of what is due; no person is shown
        found = purge_due.due(self.env(su=True), self.env.company)
        counts = {
            "day": found.day,
            "key_count": len(found.key_ids),
            "subject_count": found.subjects,
            "file_count": found.files,
            "held_count": found.held,
            "rotation_count": found.rotations,
            "is_empty": not found,
        }
        return values | {name: value for name, value in counts.items() if name in fields_list}

    def _check_officer(self):
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer starts a purge."))

    def action_purge(self):
        """Purge the company and show the run."""
        self.ensure_one()
        self._check_officer()
        # sudo: a purge acts for the company; it destroys what is due and nothing else
        run = purging.purge(self.env(su=True), self.company_id)
        if not run:
            return {
                "type": "ir.actions.client",
                "tag": "display_notification",
                "params": {
                    "message": self.env._("Nothing was due, or another purge of this company is at work."),
                    "type": "info",
                    "next": {"type": "ir.actions.act_window_close"},
                },
            }
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Purge"),
            "res_model": "pii.purge.run",
            "res_id": run.id,
            "view_mode": "form",
            "views": [(False, "form")],
        }
