import contextlib
import logging
import os

from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from .. import files, filestore
from .. import reveal as reveal_engine
from ..crypto import looks_sealed

_logger = logging.getLogger(__name__)


class IrAttachment(models.Model):
    """What happens to files on disk, and to those whose record becomes a protected customer's later."""

    _inherit = "ir.attachment"

    # === SEALED LATER === #

    def _pii_seal_moved(self):
        """Seal the files whose record is a protected customer's by now."""
        for attachment in self.sudo():  # sudo: the file is sealed whoever attaches it; nothing is read
            if attachment.pii_subject_id:
                continue
            if not attachment._pii_subject_of(attachment.res_model, attachment.res_id):
                continue
            # a cloud storage is refused here
            attachment._pii_check_vals({"type": attachment.type})
            if attachment.type == "binary" and (content := attachment.raw):
                attachment.write({"raw": content, "mimetype": attachment.mimetype})

    @api.model
    def _pii_seal_files_of(self, records):
        """Seal the files of records whose customer has changed."""
        # sudo: as in _pii_seal_moved; the condition on the id includes the files of binary fields
        domain = [("res_model", "=", records._name), ("res_id", "in", records.ids), ("pii_subject_id", "=", False)]
        self.sudo().search([*domain, ("id", "!=", False)])._pii_seal_moved()

    @api.model
    def _pii_late(self, partner_ids=None):
        """Return the files in clear of all records that lead to a live protected contact.

        :param partner_ids: only those that lead to one of these contacts
        """
        self.env.flush_all()
        found = set()
        for name, model in self.env.registry.items():
            if model._abstract or not model._auto or model._transient:
                continue
            columns = [
                field
                for field in self.env[name]._pii_partner_fields()
                if model._fields[field].store and model._fields[field].column_type
            ]
            if name == "res.partner":
                columns = ["id"]
            if not columns:
                continue
            self.env.cr.execute(
                SQL(
                    """SELECT a.id FROM ir_attachment a
                         JOIN %(table)s t ON t.id = a.res_id
                         JOIN res_partner p ON p.id IN (%(columns)s)
                         JOIN pii_subject s ON s.id = p.pii_subject_id AND s.state = 'live'
                        WHERE a.res_model = %(model)s AND a.type = 'binary' AND a.pii_subject_id IS NULL
                          AND (a.store_fname IS NOT NULL OR a.db_datas IS NOT NULL)
                          AND %(these)s""",
                    table=SQL.identifier(model._table),
                    columns=SQL(", ").join(SQL.identifier("t", column) for column in columns),
                    model=name,
                    these=SQL("p.id = ANY(%s)", list(partner_ids)) if partner_ids is not None else SQL("TRUE"),
                )
            )
            found.update(row[0] for row in self.env.cr.fetchall())
        return self.sudo().browse(sorted(found))  # sudo: as in _pii_seal_moved

    @api.autovacuum
    def _pii_seal_late(self):
        """Seal what became a protected customer's without a write that told (computed and related contacts)."""
        for attachment in self._pii_late():
            try:
                with self.env.cr.savepoint():
                    attachment._pii_seal_moved()
            except UserError as error:
                _logger.warning("File %d of a protected customer could not be sealed: %s", attachment.id, error)

    def _pii_forget_plaintext(self):
        """Delete what unsealed files have left on disk, once this transaction is committed; their previews too."""
        previews = self.search([("res_model", "=", self._name), ("res_id", "in", self.ids), ("res_field", "!=", False)])
        filestore.collect_after_commit(self.env, (self | previews).mapped("store_fname"))
        previews.unlink()

    # === ON DISK === #

    def _migrate(self):
        # sealed files change their place as they are; nothing opens them for that
        sealed = self.filtered(lambda attachment: attachment.pii_subject_id or attachment.pii_archive_id)
        for attachment in sealed:
            attachment._pii_store({"raw": files.stored(attachment), "mimetype": attachment.mimetype})
        return super(IrAttachment, self - sealed)._migrate()

    def _index(self, bin_data, file_type, checksum=None):
        if bin_data and looks_sealed(bin_data):
            return None
        return super()._index(bin_data, file_type, checksum=checksum)

    @api.model
    def _file_write(self, bin_value, checksum):
        if reveal_engine.current(self.env) is not None:
            raise AccessError(self.env._("Nothing can be stored while personal data is revealed."))
        if not looks_sealed(bin_value):
            return super()._file_write(bin_value, checksum)
        try:
            return super()._file_write(bin_value, checksum)
        except OSError as error:
            # a sealed file's name is random: what lies there now is half of this one and belongs to nobody
            with contextlib.suppress(OSError):
                os.unlink(self._full_path(f"{checksum[:2]}/{checksum}"))
            raise UserError(
                self.env._(
                    "The document could not be stored (%s), and nothing of it was kept. Free space on the server's "
                    "disk, then do it again.",
                    os.strerror(error.errno) if error.errno else type(error).__name__,
                )
            ) from None
