import base64
import contextlib
import logging
import os

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError, MissingError, UserError
from odoo.http import Stream

from .. import keys
from .. import reveal as reveal_engine
from ..crypto import CryptoError, day_key_id, looks_sealed
from ..rendered import rendered_for

_logger = logging.getLogger(__name__)

#: Fields that bring content, in the order in which Odoo looks at them.
CONTENT = ("raw", "datas", "db_datas")
#: Fields that repeat content in clear beside it.
DERIVED = ("index_content", "thumbnail")


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
        help="The content is sealed for this person: encrypted on disk, opened for a purpose, gone on its day.",
    )

    # === SEALING === #

    def _pii_subjects(self):
        """Return the subjects that the files are sealed for: what is derived from a file belongs to them too."""
        return self.sudo().pii_subject_id.with_env(self.env)  # sudo: as for any record

    @api.model
    def _pii_subject_of(self, res_model, res_id):
        """Return the data subject whose files the attachments of this record are, empty if none."""
        subjects = self.env["pii.subject"]
        if not res_model or not res_id or res_model not in self.env:
            return subjects
        if res_model == "pii.subject":
            return subjects.browse(res_id)
        try:
            # documents of a customer name one person; when they name several, the first one's clock is the earliest
            return self.env[res_model].browse(res_id)._pii_subjects()._first_to_end()
        except MissingError:
            return subjects

    @api.model
    def _pii_rendered_for(self, content):
        """Return the subject from whose data ``content`` was rendered in this transaction, empty if none."""
        subject_id = content and rendered_for(self.env.cr, content)
        return self.env["pii.subject"].browse(subject_id or ())

    @api.model
    def _pii_content_of(self, vals):
        """Return the bytes that ``vals`` would store, whichever field they come in, or None."""
        if raw := vals.get("raw"):
            return raw.encode() if isinstance(raw, str) else bytes(raw)
        if encoded := vals.get("datas"):
            return base64.b64decode(encoded)
        if column := vals.get("db_datas"):
            return column.encode() if isinstance(column, str) else bytes(column)
        return None

    def _pii_sealed_vals(self, vals, subject, content):
        """Return ``vals`` with ``content`` sealed and nothing beside it that tells what is in it."""
        known = self._compute_mimetype({**vals, "raw": content})  # from the plaintext, now: sealed bytes have no type
        if known == "application/octet-stream" and self.mimetype:
            known = self.mimetype
        return {name: value for name, value in vals.items() if name not in (*CONTENT, *DERIVED)} | {
            "raw": self._pii_seal(subject, content),
            "mimetype": known,
            "pii_subject_id": subject.id,
        }

    def _pii_seal(self, subject, content):
        """Return ``content`` (bytes) sealed for ``subject``."""
        subject = subject.sudo()  # sudo: the file is sealed whoever attaches it; nothing is read
        if subject.state != "live":
            raise UserError(
                self.env._("The personal data of %s is gone; no document can be kept for it.", subject.reference)
            )
        domain = subject.company_id._pii_domain()
        keyring = keys.keyring(self.env)
        try:
            key_id = keyring.ensure(day_key_id(domain, subject.deadline))
            return keyring.seal_file(domain, key_id, subject.uuid, "file", content)
        except CryptoError as error:
            raise UserError(str(error)) from error

    def _pii_check_binding(self, vals):
        """Let no user say whose a file is: it follows from the record, and without it nothing opens."""
        if "pii_subject_id" in vals and not self.env.su:
            raise AccessError(self.env._("Whose personal data a file holds follows from the record it is attached to."))

    @api.model_create_multi
    def create(self, vals_list):
        if self.env.context.get("default_pii_subject_id"):
            # meant for the contact that is being created, not for its files
            self = self.with_context(default_pii_subject_id=None)
        sealed_list = []
        for vals in vals_list:
            self._pii_check_binding(vals)
            content = self._pii_content_of(vals)
            if content:
                subject = (
                    self.env["pii.subject"].browse(vals.get("pii_subject_id") or ())
                    or self._pii_subject_of(vals.get("res_model"), vals.get("res_id"))
                    or self._pii_rendered_for(content)
                )
                if subject:
                    vals = self.browse()._pii_sealed_vals(vals, subject, content)
            sealed_list.append(vals)
        return super().create(sealed_list)

    def write(self, vals):
        self._pii_check_binding(vals)
        if vals.keys() & {*CONTENT, *DERIVED}:
            return self._pii_write_content(vals)
        result = super().write(vals)
        if vals.get("res_id") or vals.get("res_model"):
            self._pii_seal_moved()
        return result

    def _pii_write_content(self, vals):
        """Write content, sealed where the file is or now becomes that of a person."""
        self.check_access("write")
        content = self._pii_content_of(vals)
        ordinary = self.browse()
        for attachment in self:
            known = attachment.sudo()  # sudo: as in _pii_seal
            subject = known.pii_subject_id or (
                known._pii_subject_of(vals.get("res_model", known.res_model), vals.get("res_id", known.res_id))
                or known._pii_rendered_for(content)
                if content
                else known.pii_subject_id
            )
            if not subject:
                ordinary |= attachment
                continue
            if content:
                own = attachment._pii_sealed_vals(vals, subject.with_env(self.env), content)
                if not known.pii_subject_id:
                    known._pii_forget_plaintext()
            else:
                own = {name: value for name, value in vals.items() if name not in DERIVED}
            super(IrAttachment, attachment).write(own)
        return super(IrAttachment, ordinary).write(vals) if ordinary else True

    def _pii_seal_moved(self):
        """Seal files that were uploaded first and attached to a protected record afterwards (mail composer)."""
        for attachment in self.sudo():  # sudo: as in _pii_seal
            if attachment.pii_subject_id or attachment.type != "binary":
                continue
            if attachment._pii_subject_of(attachment.res_model, attachment.res_id) and attachment.raw:
                attachment.write({"raw": attachment.raw, "mimetype": attachment.mimetype})

    def _pii_forget_plaintext(self):
        """Delete what an unsealed file has left on disk, once this transaction is committed.

        Odoo's own collection of garbage runs once a day. A preview made of the file goes with it.
        """
        previews = self.search([("res_model", "=", self._name), ("res_id", "in", self.ids), ("res_field", "!=", False)])
        names = [name for name in (self | previews).mapped("store_fname") if name]
        previews.unlink()
        registry = self.env.registry

        def collect():
            try:
                with registry.cursor() as cr:
                    api.Environment(cr, api.SUPERUSER_ID, {})["ir.attachment"]._pii_collect(names)
            except psycopg2.Error:
                # somebody is attaching files right now; the nightly collection has them on its list
                _logger.info("%d replaced files are left to the collection of garbage", len(names))

        self.env.cr.postcommit.add(collect)

    @api.model
    def _pii_collect(self, names):
        """Delete these files of the filestore, unless an attachment still uses one."""
        # as Odoo's own collection does it: nobody may start to use a file between the look and the deletion
        self.env.cr.execute("SET LOCAL lock_timeout TO '1s'")
        self.env.cr.execute("LOCK ir_attachment IN SHARE MODE")
        self.env.cr.execute("SELECT store_fname FROM ir_attachment WHERE store_fname = ANY(%s)", [names])
        for name in set(names).difference(row[0] for row in self.env.cr.fetchall()):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._full_path(name))

    def _migrate(self):
        # sealed files change their place as they are; nothing opens them for that
        for attachment in self.filtered("pii_subject_id"):
            super(IrAttachment, attachment).write(
                {
                    "raw": attachment._pii_stored(),
                    "mimetype": attachment.mimetype,
                    "pii_subject_id": attachment.pii_subject_id.id,
                }
            )
        return super(IrAttachment, self.filtered(lambda attachment: not attachment.pii_subject_id))._migrate()

    def _index(self, bin_data, file_type, checksum=None):
        if bin_data and looks_sealed(bin_data):
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
            try:
                attachment.raw = keys.keyring(self.env).open_file(
                    subject.company_id._pii_domain(), subject.uuid, "file", attachment._pii_stored()
                )
            except CryptoError as error:
                raise UserError(str(error)) from None

    def _pii_stored(self):
        """Return the bytes of the file as they are stored: sealed."""
        self.ensure_one()
        return self._file_read(self.store_fname) if self.store_fname else bytes(self.db_datas or b"")

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
