from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from odoo.addons.pii_retention import keys
from odoo.addons.pii_retention.crypto import CryptoError

from .. import seals


class PiiRequest(models.Model):
    """What is left of erased data elsewhere: as far as keys and registers know it, and a person's word for the rest."""

    _inherit = "pii.request"

    copies_confirmed_at = fields.Datetime(string="Copies Confirmed Gone", readonly=True, copy=False)
    copies_confirmed_by_id = fields.Many2one("res.users", readonly=True, copy=False)
    copies_state = fields.Selection(
        [("open", "To confirm"), ("overdue", "Overdue"), ("gone", "Gone")],
        string="Other Copies",
        compute="_compute_copies_state",
    )
    copies_text = fields.Text(
        string="Still There",
        compute="_compute_copies_text",
        help="Live copies that keys and registers know of. While there is one, nobody confirms that all are gone.",
    )
    recipients_text = fields.Text(
        string="Told to Erase",
        compute="_compute_copies_text",
        help="Who got data of these customers, as the ledger of disclosures says: tell them of the erasure.",
    )

    @api.depends("state", "copies_due_at", "copies_confirmed_at", "kind", "right", "erase_after")
    def _compute_copies_state(self):
        now = fields.Datetime.now()
        for request in self:
            if not request._erases() or request.state != "done":
                request.copies_state = False
            elif request.copies_confirmed_at:
                request.copies_state = "gone"
            else:
                request.copies_state = "overdue" if request.copies_due_at and request.copies_due_at < now else "open"

    @api.depends("state", "certificate_ids.state", "part_ids.downloaded_at")
    def _compute_copies_text(self):
        for request in self:
            known = request.copies_state in ("open", "overdue")
            request.copies_text = "\n".join(request._live_copies()) if known else False
            request.recipients_text = "\n".join(request._told()) if request.copies_state else False

    def _live_copies(self):
        """Return the copies of erased data that can still be read, one line each, as keys and registers know them.

        Backups of the database and of the files hold what the destroyed keys have sealed, and are none. A backup of the
        keys that was taken before they died is one until it is deleted, and so is what is registered without its kind.
        """
        self.ensure_one()
        request = self.sudo()  # sudo: names of keys and backups are no personal data
        erased = request.item_ids.filtered(lambda item: item.outcome in ("erased", "shared"))
        lines = []
        if held := request.item_ids.filtered(lambda item: item.outcome in ("pending", "held")):
            lines.append(self.env._("%s customers of the request are not erased yet.", len(held)))
        try:
            keyring = keys.keyring(self.env)
            for certificate in request.certificate_ids:
                alive = [key for key in (certificate.key_ids or "").split() if not keyring.destroyed(key)]
                if alive or certificate.state != "sealed":
                    lines.append(
                        self.env._(
                            "Certificate %(name)s is open: %(count)s of its keys are still to be destroyed.",
                            name=certificate.display_name,
                            count=len(alive),
                        )
                    )
        except (CryptoError, UserError) as error:
            lines.append(self.env._("The key store cannot be asked: %s", error))
        ends = [end for end in request.certificate_ids.mapped("finished_on") if end] or [request.done_at]
        if erased:
            backups = request.env["pii.backup"].search(
                [("kind", "in", ("keys", "other")), ("state", "!=", "deleted"), ("made_on", "<=", max(ends))]
            )
            lines += [
                self.env._(
                    "Backup %(name)s of %(made)s UTC is kept until %(until)s UTC.",
                    name=backup.name,
                    made=fields.Datetime.to_string(backup.made_on),
                    until=fields.Datetime.to_string(backup.expires_on),
                )
                for backup in backups
            ]
        parts = request.env["pii.request.part"].search(
            [("downloaded_at", "=", False), ("request_id.item_ids.subject_uuid", "in", erased.mapped("subject_uuid"))]
        )
        lines += [
            self.env._("The archive %s waits for its download.", part.name)
            for part in parts.filtered(lambda part: part.state == "ready")
        ]
        return lines

    def _told(self):
        """Return who got data of the erased customers, with how many of them, as the ledger of disclosures says."""
        self.ensure_one()
        erased = self.sudo().item_ids.filtered(lambda item: item.outcome in ("erased", "shared"))  # sudo: counted only
        self.env.cr.execute(
            SQL(
                """SELECT recipient_name, count(DISTINCT subject_uuid) FROM pii_disclosure
                    WHERE outcome IN ('sent', 'failed') AND recipient_name IS NOT NULL AND subject_uuid = ANY(%s)
                    GROUP BY recipient_name ORDER BY recipient_name""",
                erased.mapped("subject_uuid"),
            )
        )
        return [
            self.env._("%(recipient)s: %(count)s customers", recipient=name, count=count)
            for name, count in self.env.cr.fetchall()
        ]

    def action_confirm_copies(self):
        """Record that no live copy of the erased data is left outside of Odoo; refused while one is known."""
        seals.check_officer(self.env)
        for request in self:
            request.check_access("write")
            if request.state != "done" or request.copies_state not in ("open", "overdue"):
                raise UserError(self.env._("The copies of a completed erasure are confirmed only, and once."))
            if lines := request._live_copies():
                raise UserError(
                    self.env._(
                        "There are copies that can still be read:\n%s\n\nDelete them, note that in their register, "
                        "and come back.",
                        "\n".join(lines),
                    )
                )
            # sudo: a confirmation is no value that is typed
            request.sudo().write({"copies_confirmed_at": fields.Datetime.now(), "copies_confirmed_by_id": self.env.uid})
            request.activity_unlink(["pii_retention_request.activity_copies"])
            told = request._told()
            request.message_post(
                body=self.env._(
                    "%(user)s has confirmed: no copy outside of Odoo is left. Keys: destroyed. Backups that could "
                    "bring them back: none in the register. Recipients of the data: %(told)s.",
                    user=self.env.user.name,
                    told="; ".join(told) or self.env._("none"),
                )
            )
