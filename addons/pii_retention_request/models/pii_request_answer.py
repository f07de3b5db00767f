import hashlib
from datetime import timedelta
from uuid import uuid4

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .. import handing_out, seals
from .pii_request_scope import ARCHIVE_ORIGIN

#: Seconds after which packing lets the browser have an answer; what is left is packed at the next press.
PACK_SECONDS = 40


class PiiRequest(models.Model):
    """What a request hands out: the parts of an archive to be returned, the copy of a data subject's data."""

    _inherit = "pii.request"

    erase_after = fields.Boolean(
        string="Erase after the Return", default=True, help="Once the requester has confirmed to have the archive."
    )
    recipient_id = fields.Many2one(
        "pii.recipient",
        string="Returned to",
        check_company=True,
        domain="[('state', '=', 'active'), ('company_id', 'in', (False, company_id))]",
        help="Entry of the register of recipients: what is returned is a disclosure.",
    )
    part_ids = fields.One2many("pii.request.part", "request_id", string="Archive", readonly=True)
    unpacked_count = fields.Integer(string="Still to Be Packed", compute="_compute_unpacked_count")
    copy_made_at = fields.Datetime(string="Copy Made", readonly=True, copy=False)
    copy_made_by_id = fields.Many2one("res.users", readonly=True, copy=False)
    received_back_at = fields.Datetime(string="Receipt Confirmed", readonly=True, copy=False)

    @api.depends("item_ids.part_id", "item_ids.outcome", "part_ids.downloaded_at", "part_ids.subject_id.state")
    def _compute_unpacked_count(self):
        for request in self:
            request.unpacked_count = len(request._unpacked()) if request.kind == "amazon_return" else 0

    def _unpacked(self):
        """Return the items whose customers are in no part that is there or was downloaded."""
        self.ensure_one()
        items = self._open_items()
        known = self._subjects_by_uuid(items)
        today = self.company_id._pii_day()
        over = self.env["pii.subject"].union(*known.values()).filtered(lambda subject: subject.deadline <= today)
        # whose day has come opens for nobody and is purged within the hour
        gone = over - self._held_of(over)
        live = items.filtered(
            lambda item: (
                known[item.subject_uuid].state not in (False, "erased") and known[item.subject_uuid] not in gone
            )
        )
        return live.filtered(lambda item: item.part_id.state not in ("ready", "downloaded"))

    # === RETURN === #

    def action_pack(self):
        """Pack what is to be returned, encrypted for the requester's key, as far as time and limits allow."""
        self.ensure_one()
        handing_out.check_handler(self)
        if self.kind != "amazon_return":
            raise UserError(self.env._("Only a return is packed as an archive."))
        self._lock()
        if not self._unpacked():
            raise UserError(self.env._("All customers of this request are packed."))
        left = handing_out.pack(self, PACK_SECONDS)
        message = (
            self.env._("%s customers are still to be packed: press the button again.", left)
            if left
            else self.env._("Everything is packed. Each part can be downloaded once.")
        )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": message,
                "type": "warning" if left else "success",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _store_part(self, number, name, content, items, expires):
        """Seal an encrypted part under a subject of its own, which dies on the day on which the archive expires.

        :param expires: no later than the day of any customer in it
        """
        self.ensure_one()
        company = self.company_id
        holder = self.env["pii.subject"]._seal_many(
            [
                {
                    "company_id": company.id,
                    "origin": ARCHIVE_ORIGIN,
                    # numbers of requests come again after a restore, and whom a tombstone names takes no data in
                    "reference": f"{self.name}/{number}/{uuid4().hex[:12]}",
                    # the period counts from here, so that it ends on the day on which the archive expires
                    "start": expires - timedelta(days=company._pii_figure("retention_days")),
                    "values": {},
                }
            ]
        )
        # sudo: parts are made by packing only, and hold nothing that their maker could read
        part = (
            self.env["pii.request.part"]
            .sudo()
            .create(
                {
                    "request_id": self.id,
                    "number": number,
                    "name": name,
                    "subject_id": holder.id,
                    "customer_count": len(items),
                    "size": len(content),
                    "digest": hashlib.sha256(content).hexdigest(),
                    "expires_on": expires,
                }
            )
        )
        # sudo: as above
        self.env["ir.attachment"].sudo().create(
            {
                "name": name,
                "raw": content,
                "res_model": part._name,
                "res_id": part.id,
                "mimetype": "application/octet-stream",
            }
        )
        items.sudo().write({"part_id": part.id})
        self.message_post(
            body=self.env._(
                "Packed %(file)s: %(count)s customers, encrypted for the key %(key)s. SHA-256 %(digest)s",
                file=name,
                count=len(items),
                key=self.key_fingerprint,
                digest=part.digest,
            )
        )

    @api.model
    def _discard_dead_parts(self):
        """Discard archives that wait for their download and hold somebody who is erased; pack the others again."""
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT DISTINCT p.id FROM pii_request_part p
                 JOIN pii_subject holder ON holder.id = p.subject_id AND holder.state = 'live'
                 JOIN pii_request_item i ON i.part_id = p.id
                 JOIN pii_subject s ON s.uuid = i.subject_uuid AND s.state = 'erased'"""
        )
        parts = self.env["pii.request.part"].browse(row[0] for row in self.env.cr.fetchall())
        for part in parts:
            part._discard()
            part.request_id.message_post(
                body=self.env._(
                    "%s is discarded: a customer in it was erased. Pack the others again.",
                    part.name,
                )
            )
        return parts

    def action_received(self):
        """Record that the requester has the archive; what is to be erased then is erased now."""
        seals.check_officer(self.env)
        for request in self:
            request.check_access("write")
            request._lock()
            if request.kind != "amazon_return" or request.state != "approved":
                raise UserError(self.env._("The receipt of an approved return is confirmed only."))
            if request._unpacked():
                raise UserError(
                    self.env._("%s customers are not packed yet: pack and download them first.", request.unpacked_count)
                )
            if waiting := request.part_ids.filtered(lambda part: part.state == "ready"):
                raise UserError(self.env._("%s was not downloaded yet.", ", ".join(waiting.mapped("name"))))
            if not seals.is_genuine(request):
                raise UserError(request._forged_text())
            # sudo: a confirmation is no value that is typed
            request.sudo().received_back_at = fields.Datetime.now()
            if request.erase_after:
                request._wake()
            else:
                request._finish_answered()

    # === DATA SUBJECT === #

    def action_copy_pdf(self):
        return self._copy("pdf")

    def action_copy_json(self):
        return self._copy("json")

    def action_copy_zip(self):
        return self._copy("zip")

    def _copy(self, form):
        self.ensure_one()
        return {"type": "ir.actions.act_url", "url": f"/pii/request/{self.id}/copy/{form}", "target": "download"}

    def action_answered(self):
        """Record that a data subject was answered: the copy was handed over, or the data was corrected."""
        seals.check_officer(self.env)
        for request in self:
            request.check_access("write")
            request._lock()
            if request.state != "approved" or request.right not in ("access", "rectify"):
                raise UserError(self.env._("An approved request for access or rectification is closed this way only."))
            if not seals.is_genuine(request):
                raise UserError(request._forged_text())
            request._check_answer()
            request._finish_answered()

    def _check_answer(self):
        """Refuse to certify what was not done.

        :raise UserError: no copy was made, or nothing was corrected
        """
        self.ensure_one()
        if self.right == "access" and not self.copy_made_at and (self._open_subjects() or self._archived_documents()):
            raise UserError(
                self.env._("No copy was made yet: make it under “Copy”, hand it over, and come back to this button.")
            )
        if self.right == "rectify" and not self._corrected():
            raise UserError(
                self.env._(
                    "Nothing was corrected since the request was approved. Correct the data on the card of the "
                    "customer; if it was right as it is, withdraw the request and state that as your grounds."
                )
            )

    def _corrected(self):
        """Tell whether the access log knows of a correction for these customers since the decision."""
        # the log is written on connections of its own: what this transaction sees of it is as old as the transaction
        with self.env.registry.cursor() as cr:
            cr.execute(
                SQL(
                    """SELECT EXISTS (SELECT FROM pii_access_log
                                       WHERE subject_uuid = ANY(%s) AND outcome = 'corrected' AND at >= %s)""",
                    self.item_ids.mapped("subject_uuid"),
                    self.decided_at,
                )
            )
            return cr.fetchone()[0]

    def _finish_answered(self):
        # sudo: the course of a request is written by its buttons
        request = self.sudo()
        # who died before an answer could be given was not answered
        request._settle_erased()
        items = request._open_items()
        answered = items if request.kind == "data_subject" else items.filtered("part_id.downloaded_at")
        answered.write({"outcome": "answered"})
        # their day came before their archive was packed
        (items - answered).write({"outcome": "already"})
        request._finish()
