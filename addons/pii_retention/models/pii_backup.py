import os
import socket
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .. import channel, evaluated
from ..backups import upkeep

OFFICER = "pii_retention.group_privacy_officer"
ACTIVITY = "pii_retention.activity_backup"
#: What is written by hand about backups that others take; what bin/backup has registered is not changed.
HAND_FIELDS = {"name", "kind", "host", "path", "made_on", "expires_on", "encrypted"}
MAIL_FIELDS = {"message_follower_ids", "message_partner_ids", "activity_ids", "message_ids"}


class PiiBackup(models.Model):
    """The register of backups: what lies where, encrypted for whom, until when, and when one was last restored.

    Rows of the product's own backups are written by ``bin/backup``; whoever takes others (a provider's snapshots, say)
    enters them by hand.
    """

    _name = "pii.backup"
    _description = "Backup"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "made_on desc, id desc"
    _allow_sudo_commands = False

    name = fields.Char(required=True, help="The file, or what the provider calls it.")
    kind = fields.Selection(
        [("database", "Database"), ("files", "Files"), ("keys", "Keys"), ("other", "Other")],
        required=True,
        default="other",
    )
    run = fields.Char(string="Taken Together", readonly=True, index=True, help="Parts of one backup carry one mark.")
    host = fields.Char(help="The machine or service that it lies on.")
    path = fields.Char(string="Folder")
    is_own = fields.Boolean(string="By bin/backup", readonly=True)
    made_on = fields.Datetime(string="Taken on", required=True, default=fields.Datetime.now, tracking=True)
    size = fields.Float(string="Size (bytes)", digits=(20, 0), readonly=True, aggregator="sum")
    sha256 = fields.Char(string="SHA-256", readonly=True)
    encrypted = fields.Boolean(default=True)
    recipients = fields.Text(readonly=True, help="Public keys; their secret parts open the backup.")
    expires_on = fields.Datetime(
        required=True,
        compute="_compute_expires_on",
        store=True,
        readonly=False,
        precompute=True,
        index=True,
        tracking=True,
    )
    state = fields.Selection(
        [
            ("present", "Kept"),
            ("overdue", "Must be deleted"),
            ("missing", "Missing"),
            ("changed", "Changed"),
            ("deleted", "Deleted"),
        ],
        required=True,
        default="present",
        readonly=True,
        tracking=True,
        index=True,
    )
    checked_on = fields.Datetime(string="Last Looked For", readonly=True)
    deleted_on = fields.Datetime(readonly=True)
    deleted_by_id = fields.Many2one("res.users", string="Gone, Says", readonly=True)
    tested_on = fields.Datetime(string="Restored for a Test on", readonly=True, tracking=True)
    failed_on = fields.Datetime(string="Restore Test Failed on", readonly=True, tracking=True)
    test_result = fields.Text(readonly=True)

    # === COMPUTE === #

    @api.model
    def _life(self, kind):
        """Return how long a backup of this kind may live: the strictest figure of all companies."""
        # sudo: a backup holds every company, whoever asks
        companies = self.env["res.company"].sudo().search([])
        if kind == "keys":
            return timedelta(hours=min(company._pii_figure("key_backup_hours") for company in companies))
        return timedelta(days=min(company._pii_figure("backup_days") for company in companies))

    @api.depends("made_on", "kind")
    def _compute_expires_on(self):
        for backup in self:
            backup.expires_on = backup.made_on and backup.made_on + self._life(backup.kind)

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            for vals in vals_list:
                self._check_written(vals, HAND_FIELDS)
        for backup in (backups := super().create(vals_list)):
            backup._check_expiry()
        return backups

    def write(self, vals):
        if not self.env.su:
            self._check_written(vals, set() if any(self.mapped("is_own")) else HAND_FIELDS)
        result = super().write(vals)
        if set(vals) & {"made_on", "kind", "expires_on"}:
            self._check_expiry()
        return result

    def _check_written(self, vals, allowed):
        if set(vals) - allowed - MAIL_FIELDS:
            raise UserError(
                self.env._(
                    "What bin/backup has registered, and what became of a backup, is not changed by hand: use the "
                    "buttons of the form."
                )
            )

    def _check_expiry(self):
        for backup in self:
            # a minute of grace for clocks of browsers; what bin/backup took under a wrong clock is what it is
            if not self.env.su and backup.made_on > fields.Datetime.now() + timedelta(minutes=1):
                raise UserError(self.env._("A backup cannot have been taken in the future."))
            if backup.expires_on > backup.made_on + self._life(backup.kind):
                raise UserError(
                    self.env._(
                        "This backup may live until %s at most: the policy says so.",
                        fields.Datetime.to_string(backup.made_on + self._life(backup.kind)),
                    )
                )

    # === ACTIONS === #

    def _check_officer(self):
        person = channel.caller()
        if person.channel != channel.WEB or person.uid != self.env.uid or evaluated.is_typed():
            raise AccessError(self.env._("What became of a backup is the word of a person, signed in to Odoo."))
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer writes in the register of backups. Ask one of them."))

    def action_deleted(self):
        """Note that a backup is gone from where it lay; one of our own has to be gone indeed."""
        self._check_officer()
        for backup in self:
            if backup._lies_here() and os.path.exists(backup._file()):
                raise UserError(self.env._("%s is still there. Delete it first.", backup.name))
            # sudo: states are not written by hand
            backup.sudo().write(
                {"state": "deleted", "deleted_on": fields.Datetime.now(), "deleted_by_id": self.env.uid}
            )
            backup.sudo().activity_unlink([ACTIVITY])

    def action_tested(self):
        """Note that this backup was restored for a test by other means than bin/restore."""
        self._check_officer()
        for backup in self.sudo():  # sudo: as above
            backup._record_test(self.env._("Restored by other means, says %s.", self.env.user.name))

    def _record_test(self, result):
        """Note a restore test of these backups, the result in words."""
        self.write({"tested_on": fields.Datetime.now(), "failed_on": False, "test_result": result})
        self.search([("state", "!=", "deleted")]).activity_unlink([ACTIVITY])
        self._remind()

    def _record_failure(self, reason):
        """Note that these backups could not be restored for a test, the reason in words; the officers hear of it."""
        self.write({"failed_on": fields.Datetime.now(), "test_result": reason})
        self._remind()

    # === DAILY CHECK === #

    @api.model
    def _host(self):
        return socket.gethostname()

    def _file(self):
        self.ensure_one()
        return os.path.join(self.path or "", self.name)

    def _lies_here(self):
        """Tell whether this process can look for the file."""
        self.ensure_one()
        return bool(self.is_own and self.path and self.host == self._host() and os.path.isdir(self.path))

    def _look(self):
        """Look for each backup, and write down what has become of it."""
        now = fields.Datetime.now()
        for backup in self:
            expires_on = min(backup.expires_on, backup.made_on + self._life(backup.kind))
            if expires_on < backup.expires_on:  # the policy was tightened since
                backup.expires_on = expires_on
            state = "overdue" if expires_on <= now else "present"
            if backup._lies_here():
                try:
                    size = os.stat(backup._file()).st_size
                    if state == "present" and size != int(backup.size):
                        state = "changed"
                except FileNotFoundError:
                    state = "deleted" if state == "overdue" else "missing"
                except OSError:
                    continue  # a volume that hangs says nothing about the file
            if state != backup.state:
                backup.write({"state": state, "deleted_on": now if state == "deleted" else False})
        self.write({"checked_on": now})

    @api.model
    def _cron_check(self):
        """Delete own backups that have expired, look for the others, and tell the officers what is not as it should."""
        register = self.sudo()  # sudo: scheduled work of the server
        upkeep.delete_expired(register)
        register.search([("state", "!=", "deleted")])._look()
        register._remind()

    def _to_do(self):
        """Return what the officers have to do about a backup, in words; nothing where all is well."""
        self.ensure_one()
        texts = {
            "overdue": self.env._("Delete an expired backup"),
            "missing": self.env._("A backup is not where it was put"),
            "changed": self.env._("A backup was changed"),
        }
        if self.failed_on and self.state == "present":
            return self.env._("A backup could not be restored for a test")
        return texts.get(self.state)

    @api.model
    def _remind(self):
        """Put what has to be done about backups on the officers' lists, once."""
        register = self.sudo()  # sudo: as above
        backups = register.search(["|", ("state", "!=", "deleted"), ("activity_ids", "!=", False)])
        wanted = {backup: {text} for backup in backups if (text := backup._to_do())}
        if latest := register._untested():
            wanted.setdefault(latest, set()).add(self.env._("Restore a backup for a test: bin/restore --test"))
        if last := register._last_of_none():
            wanted.setdefault(last, set()).add(self.env._("No backup of the database is kept: take one"))
        for backup in backups | self.union(*wanted):
            texts = wanted.get(backup, set())
            backup.activity_search([ACTIVITY]).filtered(
                lambda activity, texts=texts: activity.summary not in texts
            ).unlink()
            for text in sorted(texts):
                backup._tell_officers(text)

    @api.model
    def _last_of_none(self):
        """Return the latest backup of the database if there were some and none is left: taking them has stopped."""
        kept = [("kind", "=", "database"), ("state", "in", ("present", "overdue", "changed"))]
        if self.search_count(kept, limit=1):
            return self.browse()
        return self.search([("kind", "=", "database")], limit=1)

    @api.model
    def _untested(self):
        """Return the latest backup of the database if no restore test was made for longer than the policy allows."""
        backups = self.sudo()  # sudo: as above
        latest = backups.search([("kind", "=", "database"), ("state", "=", "present")], limit=1)
        if not latest:
            return latest
        companies = self.env["res.company"].sudo().search([])
        days = min(company._pii_figure("restore_test_days") for company in companies)
        tested = backups.search([("tested_on", "!=", False)], order="tested_on desc", limit=1).tested_on
        first = backups.search([("kind", "=", "database")], order="made_on, id", limit=1).made_on
        due = (tested or first) + timedelta(days=days)
        return latest if due <= fields.Datetime.now() else backups.browse()

    def _tell_officers(self, summary):
        companies = self.env["res.company"].sudo().search([])  # sudo: as above
        officers = (
            self.env["pii.grant"]
            ._officers(companies[:1])
            .union(*(self.env["pii.grant"]._officers(company) for company in companies))
        )
        for backup in self.with_context(mail_activity_automation_skip=False):
            told = backup.activity_search([ACTIVITY]).filtered(lambda activity: activity.summary == summary).user_id
            for officer in officers - told:
                backup.activity_schedule(ACTIVITY, user_id=officer.id, summary=summary)
