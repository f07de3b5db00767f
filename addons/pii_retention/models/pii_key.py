from datetime import UTC, datetime

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from .. import keys
from ..crypto import parse_key_id

OFFICER = "pii_retention.group_privacy_officer"
AUDITOR = "pii_retention.group_auditor"
#: Seconds that one click may spend on wrapping keys again; the next one goes on.
REWRAP_SECONDS = 20


class PiiKey(models.Model):
    """What lies in the key store, by id: never a key. The store is asked when the screen opens, and this is the answer.

    The rows stay when the store is out of reach, marked as such: a lost volume must not look like an empty one.
    """

    _name = "pii.key"
    _description = "Key"
    _order = "kind, company_id, bucket desc, generation desc, id"
    _rec_name = "key_id"

    key_id = fields.Char(required=True, readonly=True, index=True)
    kind = fields.Selection(
        [
            ("day", "Day of erasure"),
            ("archive", "Legal archive"),
            ("secret", "Credentials"),
            ("log", "Access log"),
        ],
        required=True,
        readonly=True,
        help="What the key seals: personal data due on a day, documents kept for a statute, credentials of the "
        "company, or a month of the access log.",
    )
    company_id = fields.Many2one("res.company", readonly=True, index=True)
    bucket = fields.Char(
        string="For",
        readonly=True,
        help="Day on which the key dies, year until which documents are kept, or month of the access log.",
    )
    generation = fields.Integer(
        readonly=True,
        aggregator=None,
        help="A key is followed by another generation when somebody of its day was erased early.",
    )
    made_on = fields.Datetime(string="Created", readonly=True)
    wrapping = fields.Char(string="Master Key", readonly=True, help="What opens the key: never the key itself.")
    state = fields.Selection(
        [
            ("wrapped", "Protected"),
            ("outdated", "Old master key"),
            ("plain", "Not protected"),
            ("damaged", "Unreadable"),
            ("unknown", "Store out of reach"),
        ],
        required=True,
        readonly=True,
    )
    problem = fields.Char(readonly=True)
    seen_on = fields.Datetime(string="As Of", readonly=True)

    # === SCREEN === #

    @api.model
    def action_open(self):
        """Ask the store and show what it said; when it cannot answer, show what was known and say why."""
        self._check_may_look()
        action = self.env["ir.actions.act_window"]._for_xml_id("pii_retention.pii_key_action")
        error = self._refresh()
        return self._notification(error, "danger", action) if error else action

    @api.model
    def action_refresh(self):
        """Ask the store again."""
        self._check_may_look()
        error = self._refresh()
        reload = {"type": "ir.actions.client", "tag": "soft_reload"}
        if error:
            return self._notification(error, "danger", reload)
        return reload

    @api.model
    def action_check(self):
        """Verify store, master key and every key, and show what was found."""
        self._check_may_look()
        self._refresh()
        # sudo: a report is made for its reader, who may make none himself
        report = self.env["pii.key.report"].sudo()._make()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Key Store"),
            "res_model": "pii.key.report",
            "res_id": report.id,
            "view_mode": "form",
            "target": "current",
        }

    @api.model
    def action_rewrap(self):
        """Wrap the keys with the master key that is configured now; interrupted or not, the next click goes on."""
        self._check_is_officer()
        run = keys.rewrap(self.env, seconds=REWRAP_SECONDS)
        self._refresh()
        reload = {"type": "ir.actions.client", "tag": "soft_reload"}
        if run.stopped or run.failed:
            text = self.env._(
                "%(done)s keys were re-wrapped, %(failed)s could not be, %(left)s are left. %(why)s Keep the old "
                "master key, put right what is wrong, and start again.",
                done=run.done,
                failed=len(run.failed),
                left=run.left,
                why=run.stopped and f"{run.stopped[:1].upper()}{run.stopped[1:]}." or "",
            )
            return self._notification(text, "danger", reload)
        if run.left:
            text = self.env._(
                "%(done)s keys were re-wrapped, %(left)s are left. Start again to go on.", done=run.done, left=run.left
            )
            return self._notification(text, "warning", reload)
        if not run.done:
            text = self.env._("All %s keys are wrapped with the present master key already.", run.total)
        else:
            text = self.env._(
                "%(done)s keys were re-wrapped; all %(total)s are under the present master key. The old one is not "
                "needed any more.",
                done=run.done,
                total=run.total,
            )
        return self._notification(text, "success", reload)

    @api.model
    def _notification(self, text, kind, following):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"message": text, "type": kind, "sticky": kind != "success", "next": following},
        }

    @api.model
    def _check_may_look(self):
        if not self.env.user.has_groups(f"{OFFICER},{AUDITOR}"):
            raise AccessError(self.env._("Only privacy officers and auditors look at the keys. Ask one of them."))

    @api.model
    def _check_is_officer(self):
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer re-wraps keys. Ask one of them."))

    # === ANSWERS OF THE STORE === #

    @api.model
    def _refresh(self):
        """Ask the store and keep its answer; return the text of its error, or an empty one."""
        rows = self.sudo().search([])  # sudo: nobody writes these rows but this method
        self.env.cr.execute(SQL("SELECT pg_try_advisory_xact_lock(hashtext('pii_key refresh'))"))
        if not self.env.cr.fetchone()[0]:
            return ""  # somebody else is asking at this moment
        try:
            label, entries = keys.inventory(self.env)
        except UserError as error:
            rows.filtered(lambda row: row.state != "unknown").state = "unknown"
            return str(error)
        companies = {
            company.pii_domain: company.id
            # sudo: key domains are no secret, but only administrators have a reason to look at them
            for company in self.env["res.company"].sudo().with_context(active_test=False).search([])
        }
        known = {row.key_id: row for row in rows}
        seen = fields.Datetime.now()
        fresh = []
        for entry in entries:
            values = self._values(entry, label, companies) | {"seen_on": seen}
            row = known.pop(entry.key_id, None)
            if row:
                row.write(values)
            else:
                fresh.append(values)
        self.browse().concat(*known.values()).sudo().unlink()  # sudo: as above; destroyed since
        rows.create(fresh)
        return ""

    @api.model
    def _values(self, entry, label, companies):
        """Return the columns for a :class:`KeyEntry`.

        :param label: what keys are wrapped with now, empty if that could not be found out
        """
        parsed = parse_key_id(entry.key_id)
        state = "wrapped"
        if entry.problem:
            state = "damaged"
        elif entry.label == "none":
            state = "plain"
        elif label and entry.label != label:
            state = "outdated"
        return {
            "key_id": entry.key_id,
            "kind": parsed.kind,
            "company_id": companies.get(parsed.domain, False),
            "bucket": parsed.bucket,
            "generation": parsed.generation,
            "made_on": _moment(entry.created),
            "wrapping": entry.label,
            "state": state,
            "problem": entry.problem,
        }


def _moment(text):
    """Return ``…Z`` as Odoo keeps moments (UTC without saying so), False for anything else."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).replace(tzinfo=None)
    except ValueError:
        return False
