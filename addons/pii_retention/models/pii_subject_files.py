import logging

from odoo import models
from odoo.exceptions import UserError

from .. import files, filestore

_logger = logging.getLogger(__name__)


class PiiSubject(models.Model):
    _inherit = "pii.subject"

    def write(self, vals):
        moved = self.browse()
        if "deadline" in vals:
            day = self._fields["deadline"].convert_to_cache(vals["deadline"], self)
            moved = self.filtered(lambda subject: subject.deadline != day and subject.state == "live")
        result = super().write(vals)
        if vals.get("state") == "erased":
            self._delete_files()
        else:
            moved._reseal_files()
        return result

    def unlink(self):
        # the database would delete the rows but leave the files of the attachments behind
        self._delete_files()
        return super().unlink()

    def _files(self):
        """Return all sealed files of the subjects, those of binary fields too."""
        # sudo: they go with the person, whoever may see them
        return self.env["ir.attachment"].sudo().search([("pii_subject_id", "in", self.ids), ("id", "!=", False)])

    def _delete_files(self):
        """Delete the sealed files, rows and content; the content at once, not at the next collection of garbage."""
        attachments = self._files()
        filestore.collect_after_commit(self.env, attachments.mapped("store_fname"))
        with filestore.erasing():
            attachments.unlink()

    def _reseal_files(self):
        """Seal the files again under the key of the subject's day, which has moved."""
        for attachment in self._files():
            try:
                attachment._pii_store(
                    {
                        "raw": (sealed := files.sealed_again(attachment)),
                        "mimetype": attachment.mimetype,
                        "pii_class": sealed.file_class,
                        "pii_item": sealed.item,
                    }
                )
            except UserError as error:
                # a damaged file must not keep the person's order from being imported; it dies on its old day
                _logger.warning("A sealed file keeps its day: %s", error)

    def _first_to_end(self):
        """Return the subject whose data dies first: the clock of a document that shows several."""
        # sudo: the day is no personal data
        return self.sudo().sorted("deadline")[:1].with_env(self.env)
