import logging
from datetime import timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..access_log import checking

_logger = logging.getLogger(__name__)

READERS = ("pii_retention.group_privacy_officer", "pii_retention.group_auditor")


class PiiLogCheck(models.Model):
    """One check of the access log: when, by whom, what it looked at, what it found."""

    _name = "pii.log.check"
    _description = "Check of the Access Log"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _rec_name = "at"
    _allow_sudo_commands = False

    at = fields.Datetime(string="Checked on", required=True, readonly=True, default=fields.Datetime.now)
    user_id = fields.Many2one("res.users", string="By", readonly=True, ondelete="set null")
    is_full = fields.Boolean(string="Everything", readonly=True, help="Off: only what came after the last checked day.")
    row_count = fields.Integer(string="Rows", readonly=True)
    seal_count = fields.Integer(string="Seals", readonly=True)
    first_row = fields.Integer(readonly=True, aggregator=None)
    last_row = fields.Integer(readonly=True, aggregator=None)
    seconds = fields.Float(readonly=True, aggregator=None)
    finding_ids = fields.One2many("pii.log.finding", "check_id", readonly=True)
    finding_count = fields.Integer(string="Findings", readonly=True)
    state = fields.Selection(
        [("clean", "Nothing found"), ("found", "To examine"), ("examined", "Examined")], required=True, readonly=True
    )
    explanation = fields.Text(readonly=True, tracking=True, help="What became of the findings.")

    # === CHECK === #

    def action_verify(self):
        """Check the whole log and show the result."""
        return self._verify(full=True)

    def action_verify_new(self):
        """Check what came after the last day that was found right, and show the result."""
        return self._verify(full=False)

    @api.model
    def _verify(self, full):
        if not any(self.env.user.has_group(group) for group in READERS):
            raise AccessError(self.env._("Only privacy officers and auditors check the access log."))
        check = self._run(full=full)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Check of the Access Log"),
            "res_model": self._name,
            "res_id": check.id,
            "view_mode": "form",
            "views": [(False, "form")],
        }

    @api.model
    def _run(self, full=True, cr=None):
        """Check the log, record what was found, and tell the officers when it is new.

        :param cr: read on this cursor instead of a fresh one
        :return: the ``pii.log.check``
        """
        # sudo: results are written by the server only
        checks = self.sudo()
        clean = checks.search([("state", "=", "clean")], limit=1)
        start = fields.Datetime.now()
        found = checking.check(self.env, since=0 if full else clean.last_row, cr=cr)
        check = checks.create(
            {
                "at": start,
                "user_id": self.env.uid,
                "is_full": found.full,
                "row_count": found.rows,
                "seal_count": found.seals,
                "first_row": found.first_row,
                "last_row": found.last_row,
                "seconds": (fields.Datetime.now() - start).total_seconds(),
                "finding_count": len(found.findings) + found.dropped,
                "state": "found" if found.findings else "clean",
                "finding_ids": [
                    fields.Command.create(
                        {"kind": item.kind, "first_row": item.first, "last_row": item.last, "detail": item.detail}
                    )
                    for item in found.findings
                ],
            }
        )
        if found.findings:
            check._tell_officers()
        return check.with_env(self.env)

    @api.model
    def _cron_verify(self):
        """Check what is new; every so many days (parameter ``pii_retention.log_full_check_days``) check everything."""
        # sudo: a system parameter, no secret
        days = int(self.env["ir.config_parameter"].sudo().get_param("pii_retention.log_full_check_days", "7"))
        since = fields.Datetime.now() - timedelta(days=days)
        recent = self.search_count([("is_full", "=", True), ("at", ">", since)], limit=1)
        self._run(full=not recent)

    # === FINDINGS === #

    def _tell_officers(self):
        """Give each officer an activity, unless the same findings were told before."""
        self.ensure_one()
        earlier = self.search([("id", "!=", self.id), ("state", "!=", "clean")], limit=1)
        if earlier and self._marks() <= earlier._marks():
            return
        officers = self.env.ref(READERS[0]).all_user_ids.filtered(lambda user: user.active and not user.share)
        text = self.env._("The access log was changed outside of Odoo: %s findings.", self.finding_count)
        for officer in officers:
            self.activity_schedule(
                "pii_retention.activity_log_finding", user_id=officer.id, summary=text, automated=True
            )
        self.message_subscribe(officers.partner_id.ids)
        lines = Markup().join(Markup("<li>%s</li>") % finding.display_name for finding in self.finding_ids[:20])
        self.message_post(
            body=Markup("<p>%s</p><ul>%s</ul>") % (text, lines), subtype_xmlid="mail.mt_comment", message_type="comment"
        )
        _logger.warning("The check of the access log found %s deviations (check %s).", self.finding_count, self.id)

    def _marks(self):
        return {(item.kind, item.first_row, item.last_row) for item in self.finding_ids}

    def action_examine(self):
        """Ask for an explanation, which closes the findings."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Explain the Findings"),
            "res_model": "pii.log.explain",
            "view_mode": "form",
            "target": "new",
            "context": {"default_check_id": self.id},
        }
