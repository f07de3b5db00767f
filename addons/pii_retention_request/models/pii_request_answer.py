import hashlib
import time
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from odoo.addons.pii_retention import channel, transactions

from .. import packing, seals
from .pii_request_scope import ARCHIVE_ORIGIN

#: Seconds after which packing lets the browser have an answer; what is left is packed at the next press.
PACK_SECONDS = 40


def _check_handler(request):
    """Refuse unless whoever handles an approved request is there in person.

    :raise AccessError: somebody else, a script, a remote call or typed code
    :raise UserError: the request is not approved, or not as it was decided
    """
    env = request.env
    if not channel.in_person(env):
        raise AccessError(env._("Whoever handles a request opens data in person, signed in to Odoo."))
    request.check_access("write")
    if env.user != request.user_id:
        raise AccessError(env._("Only whoever handles the request opens its data: %s.", request.user_id.name))
    if request.state != "approved" or not request.opens_data:
        raise UserError(env._("There is nothing to hand out for %s: it is not approved, or done.", request.name))
    if not seals.is_genuine(request):
        raise UserError(request._forged_text())


def _pack(request, seconds):
    """Pack customers until the time is over; return how many are left. Each part is sealed as soon as it is full.

    No method: it opens data, and what evaluates could keep what it returns.
    """
    key = request._check_key()
    deadline = time.monotonic() + seconds
    at_once = request.env["pii.purpose.limit"]._of_purpose("legal_request").max_subjects or 1
    left = request._unpacked()
    begun = False
    while left and time.monotonic() < deadline:
        archive, packed = packing.Archive(), left.browse()
        while left and time.monotonic() < deadline and len(archive) < packing.PART_BYTES:
            items = left[:at_once]
            if begun and not _fits(request, items):
                break
            begun = True
            subjects = (
                request.env["pii.subject"].union(*request._subjects_by_uuid(items).values()).with_env(request.env)
            )
            with request.recipient_id.disclose(
                subjects, "legal_request", request.name, request.env._("Return to the requester of %s", request.name)
            ) as env:
                for subject in subjects:
                    archive.add(env, subject)
            packed, left = packed | items, left - items
        if not packed:
            break
        number = len(request.part_ids) + 1
        content = key.encrypt(
            archive.finish(request=request.name, part=number, company=request.company_id.name, count=len(packed))
        )
        request._store_part(number, f"{request.name.replace('/', '-')}-{number:03d}.tar{key.suffix}", content, packed)
        # whatever happens to the next part: this one is there
        transactions.commit(request.env)
    return len(left)


def _fits(request, items):
    """Tell whether more may be opened within this hour without a refusal that would lose what is packed already."""
    figures = request.env["pii.purpose.limit"]._figures("legal_request")
    if not figures:
        return False
    # the log is written on connections of its own: what this transaction sees of it is as old as the transaction
    with request.env.registry.cursor() as cr:
        cr.execute(
            SQL(
                """SELECT count(*) FILTER (WHERE at > %(now)s::timestamp - interval '1 hour'), count(*)
                     FROM pii_access_log
                    WHERE user_ref = %(user)s AND at > %(now)s::timestamp - interval '1 day'
                      AND purpose = 'legal_request' AND outcome = 'opened'""",
                now=fields.Datetime.now(),
                user=request.env.uid,
            )
        )
        in_hour, in_day = cr.fetchone()
    return in_hour + len(items) <= figures[1] and in_day + len(items) <= figures[2]


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
    received_back_at = fields.Datetime(string="Receipt Confirmed", readonly=True, copy=False)

    @api.depends("item_ids.part_id", "item_ids.outcome", "part_ids.downloaded_at", "part_ids.subject_id.state")
    def _compute_unpacked_count(self):
        for request in self:
            request.unpacked_count = len(request._unpacked()) if request.kind == "amazon_return" else 0

    def _unpacked(self):
        """Return the items whose customers are in no part that is there or was downloaded."""
        self.ensure_one()
        known = self._subjects_by_uuid(self._open_items())
        live = self._open_items().filtered(lambda item: known[item.subject_uuid].state not in (False, "erased"))
        return live.filtered(lambda item: item.part_id.state not in ("ready", "downloaded"))

    # === RETURN === #

    def action_pack(self):
        """Pack what is to be returned, encrypted for the requester's key, as far as time and limits allow."""
        self.ensure_one()
        _check_handler(self)
        if self.kind != "amazon_return":
            raise UserError(self.env._("Only a return is packed as an archive."))
        self._lock()
        if not self._unpacked():
            raise UserError(self.env._("All customers of this request are packed."))
        left = _pack(self, PACK_SECONDS)
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

    def _store_part(self, number, name, content, items):
        """Seal an encrypted part under a subject of its own, which dies on the day on which the archive expires."""
        self.ensure_one()
        company = self.company_id
        day = company._pii_day()
        expires = day + timedelta(days=company._pii_figure("request_archive_days"))
        holder = self.env["pii.subject"]._seal_many(
            [
                {
                    "company_id": company.id,
                    "origin": ARCHIVE_ORIGIN,
                    "reference": f"{self.name}/{number}",
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
            request._finish_answered()

    def _finish_answered(self):
        # sudo: the course of a request is written by its buttons
        request = self.sudo()
        request._open_items().write({"outcome": "answered"})
        request._finish()
