from werkzeug.exceptions import default_exceptions

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.http import Stream, request
from odoo.tools import human_size

from odoo.addons.mail.tools.discuss import Store

from .. import archive_items, files


class NoStoreStream(Stream):
    """A stream that neither the browser nor a proxy may keep, whatever the address asks for."""

    def get_response(self, *args, immutable=None, max_age=None, **kwargs):
        response = super().get_response(*args, immutable=False, max_age=None, **kwargs)
        for name in ("Expires", "ETag", "Last-Modified"):
            response.headers.pop(name, None)
        response.headers["Cache-Control"] = "no-store"
        return response


class ContentField(fields.Binary):
    """A file's content, which tells its size without being opened: lists and forms ask for no more."""

    def compute_value(self, records):
        context = records.env.context
        if context.get("bin_size") or context.get(f"bin_size_{self.name}"):
            sealed = records.filtered(lambda attachment: attachment._pii_is_sealed())
            cache = self._get_cache(records.env)
            for attachment in sealed:
                cache[attachment.id] = self.convert_to_cache(human_size(attachment.file_size), attachment)
            records -= sealed
        if records:
            super().compute_value(records)


class IrAttachment(models.Model):
    """Opening: through the gate, or not at all."""

    _inherit = "ir.attachment"

    raw = ContentField()
    datas = ContentField()

    def _pii_is_sealed(self):
        """Tell whether these are files with sealed content."""
        known = self.sudo()  # sudo: whether a file is sealed is no secret
        return bool(known.pii_subject_id or known.pii_archive_id) and any(
            file.store_fname or file.db_datas for file in known
        )

    def _pii_sealed(self):
        """Return those of these files that are sealed, for a person or for the legal archive."""
        # sudo: as in _pii_is_sealed
        return self.sudo().filtered(lambda attachment: attachment.pii_subject_id or attachment.pii_archive_id)

    def _compute_raw(self):
        sealed = self.filtered(lambda attachment: attachment._pii_is_sealed())
        super(IrAttachment, self - sealed)._compute_raw()
        for attachment in sealed:
            if attachment.sudo().pii_archive_id:  # sudo: as in _pii_is_sealed
                archive_items.refuse_door(attachment)
            attachment.raw = files.open_inside(attachment)

    def _to_http_stream(self):
        self.ensure_one()
        if not self._pii_is_sealed():
            return super()._to_http_stream()
        try:
            content = files.content(self)
        except UserError as error:
            if not request:
                raise
            # the routes for files answer "not found" to an error of Odoo's, a list of images a grey square: a person
            # must read what to do
            raise default_exceptions[error.http_status](str(error)) from None
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

    # === SCREENS === #

    def _to_store_defaults(self, target):
        # A chatter that knows a file for an image or a PDF loads it to show a preview: each look at a delivery would
        # be a reveal. It offers a download instead.
        return [
            Store.Attr("mimetype", lambda file: file._pii_shown_mimetype()) if item == "mimetype" else item
            for item in super()._to_store_defaults(target)
        ]

    def _pii_shown_mimetype(self):
        return "application/octet-stream" if self._pii_is_sealed() else self.mimetype

    @api.depends("pii_subject_id", "pii_archive_id")
    def _compute_has_thumbnail(self):
        sealed = self.filtered(lambda attachment: attachment._pii_is_sealed())
        sealed.has_thumbnail = False
        super(IrAttachment, self - sealed)._compute_has_thumbnail()
