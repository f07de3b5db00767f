import logging

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..purposes import SELECTION

_logger = logging.getLogger(__name__)

OFFICER, AUDITOR = "pii_retention.group_privacy_officer", "pii_retention.group_auditor"
#: Kinds that no rule raises: the product finds them by itself.
FINDINGS = [
    ("policy", "The policy was changed past its approval"),
    ("duty", "A duty is overdue"),
    ("leaver", "Somebody who left still has access"),
    ("lockout", "An account was locked"),
    ("proof", "Proof of absence"),
    ("watch", "Scheduled work of the vault"),
    ("hold", "A legal hold is not what was approved"),
    ("certificate", "A certificate was changed while the erasure was under way"),
    ("rotation", "A day's key cannot be replaced"),
    ("clock", "Somebody changed how long data is kept"),
]


class PiiAlert(models.Model):
    """Something unusual: who, by which rule, what became of it."""

    _name = "pii.alert"
    _description = "Alert"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _allow_sudo_commands = False

    name = fields.Char(required=True, readonly=True)
    at = fields.Datetime(string="When", required=True, readonly=True, default=fields.Datetime.now)
    rule_id = fields.Many2one("pii.alert.rule", readonly=True, ondelete="set null", index=True)
    kind = fields.Selection(
        selection=lambda self: [*self.env["pii.alert.rule"]._fields["kind"].selection, *FINDINGS],
        required=True,
        readonly=True,
    )
    cause = fields.Char(readonly=True, help="Short name of what an alarm of the vault itself is about.")
    user_id = fields.Many2one("res.users", string="Who", readonly=True, ondelete="set null", index=True)
    company_id = fields.Many2one("res.company", readonly=True, ondelete="set null")
    purpose = fields.Selection(SELECTION, readonly=True)
    detail = fields.Char(readonly=True)
    suspends = fields.Boolean(string="Access Ended", readonly=True)
    grants_ended = fields.Integer(readonly=True)
    state = fields.Selection(
        [("new", "To examine"), ("examined", "Examined")], required=True, default="new", readonly=True, tracking=True
    )
    examined_by_id = fields.Many2one("res.users", readonly=True, tracking=True)
    note = fields.Text(string="What Became of It", tracking=True)

    @api.model
    def _suspendable(self, user):
        """Return the grants that an alert ends; scheduled work is stopped by a person only."""
        return self.env["pii.grant"].search(
            [("user_id", "=", user.id), ("state", "in", ("requested", "approved")), ("kind", "!=", "service")]
        )

    def _tell_officers(self):
        self.ensure_one()
        officers = self._recipients()
        for officer in officers:
            self.activity_schedule("pii_retention.activity_alert", user_id=officer.id, summary=self.name)
        self.message_subscribe(officers.partner_id.ids)
        self.message_post(
            body=self.env._("%(rule)s: %(detail)s", rule=self.name, detail=self.detail), subtype_xmlid="mail.mt_comment"
        )

    def _recipients(self):
        """Return who is told: officers of the company, else all officers, else auditors; never who it is about."""
        self.ensure_one()
        officers = self.env.ref(OFFICER).all_user_ids.filtered("active") - self.user_id
        own = officers.filtered(lambda user: not self.company_id or self.company_id in user.company_ids)
        return own or officers or self.env.ref(AUDITOR).all_user_ids.filtered("active") - self.user_id

    def _mail_alarm(self):
        """Mail an alarm of the vault itself, whatever anybody prefers: nobody may be looking into Odoo.

        Who gets its message by mail is left out; where there is nobody to tell, the administrators appoint somebody.
        """
        self.ensure_one()
        officers = self._recipients()
        readers = officers.filtered(lambda user: user.notification_type != "email" and user.email)
        text = self.env._("%(rule)s: %(detail)s", rule=self.name, detail=self.detail)
        if not officers:
            readers = self.env.ref("base.group_system").all_user_ids.filtered(lambda user: user.active and user.email)
            text += " " + self.env._("There is no privacy officer who could look into it: appoint one.")
        if not readers:
            return
        self.env["mail.mail"].create(
            {
                "subject": self.name,
                "body_html": Markup("<p>%s</p><p>%s</p>") % (text, f"{self.get_base_url()}/odoo/pii.alert/{self.id}"),
                "email_to": ", ".join(readers.mapped("email_formatted")),
                "auto_delete": True,
            }
        ).send_after_commit()

    def action_examined(self):
        """Close the alert; the note says what became of it."""
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer closes an alert."))
        # sudo: besides the note, nothing of an alert is written by hand
        for alert in self.sudo():
            if alert.user_id == self.env.user:
                raise AccessError(self.env._("Another privacy officer closes an alert about yourself."))
            alert.write({"state": "examined", "examined_by_id": self.env.uid})
            alert.activity_unlink(["pii_retention.activity_alert"])

    def write(self, vals):
        if not self.env.su and set(vals) - {"note"}:
            raise AccessError(self.env._("Of an alert only the note is written by hand."))
        return super().write(vals)
