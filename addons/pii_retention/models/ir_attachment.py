import base64

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.http import Stream

from .. import reveal as reveal_engine
from ..crypto import CryptoError, day_key_id


class NoStoreStream(Stream):
    """A stream that neither the browser nor a proxy may keep."""

    def get_response(self, *args, **kwargs):
        response = super().get_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-store"
        return response


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    pii_subject_id = fields.Many2one(
        "pii.subject",
        string="Data Subject",
        index="btree_not_null",
        readonly=True,
        copy=False,
        ondelete="cascade",
        help="The content is sealed for this person: encrypted in the filestore, opened for a purpose, gone on its day.",
    )

    # === SEALING === #

    @api.model
    def _pii_subject_of(self, res_model, res_id):
        """Return the data subject whose files the attachments of this record are, empty if none."""
        subjects = self.env["pii.subject"]
        if not res_model or not res_id or res_model not in self.env:
            return subjects
        if res_model == "pii.subject":
            return subjects.browse(res_id)
        record = self.env[res_model].browse(res_id)
        # documents of a customer name one person; when they name several, the first one's clock is the earliest
        return record._pii_subjects().sudo().sorted("deadline")[:1].with_env(self.env)

    def _pii_seal(self, subject, content):
        """Return ``content`` (bytes) sealed for ``subject``."""
        subject = subject.sudo()  # sudo: the file is sealed whoever attaches it; nothing is read
        if subject.state != "live":
            raise UserError(
                self.env._("The personal data of %s is gone; no document can be kept for it.", subject.reference)
            )
        domain = subject.company_id._pii_domain()
        keyring = self.env["pii.keyring"]._keyring()
        try:
            key_id = keyring.ensure(day_key_id(domain, subject.deadline))
            return keyring.seal_file(domain, key_id, subject.uuid, "file", content)
        except CryptoError as error:
            raise UserError(str(error)) from error

    @api.model_create_multi
    def create(self, vals_list):
        sealed_list = []
        for vals in vals_list:
            vals = dict(vals)
            subject = self._pii_subject_of(vals.get("res_model"), vals.get("res_id"))
            if subject and (vals.get("raw") or vals.get("datas")):
                content = vals.pop("raw", None)
                if isinstance(content, str):
                    content = content.encode()
                if not content:
                    content = base64.b64decode(vals["datas"])
                vals.pop("datas", None)
                # known from the plaintext, now: the sealed bytes have no type
                vals["mimetype"] = self._compute_mimetype({**vals, "raw": content})
                vals.update(raw=self._pii_seal(subject, content), pii_subject_id=subject.id)
            sealed_list.append(vals)
        return super().create(sealed_list)

    def write(self, vals):
        if ("raw" in vals or "datas" in vals) and self.sudo().pii_subject_id:
            content = vals.get("raw") or (base64.b64decode(vals["datas"]) if vals.get("datas") else b"")
            for attachment in self:
                subject = attachment.sudo().pii_subject_id
                own = {name: value for name, value in vals.items() if name not in ("raw", "datas")}
                own["raw"] = attachment._pii_seal(subject, content) if subject and content else content
                super(IrAttachment, attachment).write(own)
            return True
        result = super().write(vals)
        if vals.get("res_id") or vals.get("res_model"):
            self._pii_seal_moved()
        return result

    def _pii_seal_moved(self):
        """Seal files that were uploaded first and attached to a protected record afterwards (mail composer)."""
        for attachment in self.sudo():  # sudo: as in _pii_seal
            if attachment.pii_subject_id or attachment.type != "binary":
                continue
            subject = attachment._pii_subject_of(attachment.res_model, attachment.res_id)
            content = subject and attachment.raw
            if content:
                attachment.pii_subject_id = subject
                attachment.write({"raw": content})

    def _index(self, bin_data, file_type, checksum=None):
        if bin_data and self.env["pii.keyring"]._is_sealed_file(bin_data):
            return None
        return super()._index(bin_data, file_type, checksum=checksum)

    def _postprocess_contents(self, values):
        if values.get("pii_subject_id"):
            return values
        return super()._postprocess_contents(values)

    @api.model
    def _file_write(self, bin_value, checksum):
        if reveal_engine.current(self.env) is not None:
            raise AccessError(self.env._("Nothing can be stored while personal data is revealed."))
        return super()._file_write(bin_value, checksum)

    # === OPENING === #

    def _compute_raw(self):
        sealed = self.filtered(lambda attachment: attachment.sudo().pii_subject_id and attachment.sudo().file_size)
        super(IrAttachment, self - sealed)._compute_raw()
        transaction = reveal_engine.current(self.env)
        for attachment in sealed:
            subject = attachment.sudo().pii_subject_id
            if transaction is None or subject.id not in transaction.opened:
                raise AccessError(
                    self.env._("“%s” is sealed: it opens for a purpose only.", attachment.sudo().display_name)
                )
            super(IrAttachment, attachment)._compute_raw()
            try:
                attachment.raw = self.env["pii.keyring"]._keyring().open_file(
                    subject.company_id._pii_domain(), subject.uuid, "file", attachment.raw
                )
            except CryptoError as error:
                raise UserError(str(error)) from None

    def _pii_purpose(self):
        """Return the code of the purpose for which this file is opened from the screen."""
        self.ensure_one()
        return {"account.move": "invoice", "stock.picking": "label"}.get(self.res_model, "customer_service")

    def _pii_content(self):
        """Return the bytes of one sealed file to the person behind this environment, through the gate."""
        self.ensure_one()
        subject = self.sudo().pii_subject_id.with_env(self.env)
        with subject.reveal(self._pii_purpose()) as env:
            return env["ir.attachment"].browse(self.id).raw

    def _to_http_stream(self):
        self.ensure_one()
        if not self.sudo().pii_subject_id:
            return super()._to_http_stream()
        content = self._pii_content()
        return NoStoreStream(
            type="data",
            data=content,
            size=len(content),
            mimetype=self.mimetype,
            download_name=self.name,
            etag=False,
            conditional=False,
            public=False,
        )
