from odoo import models

from .. import filestore


class PiiSubject(models.Model):
    _inherit = "pii.subject"

    def write(self, vals):
        result = super().write(vals)
        if vals.get("state") == "erased":
            self._delete_files()
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
        filestore.delete_of(self.env, self.ids)

    def _first_to_end(self):
        """Return the subject whose data dies first: the clock of a document that shows several."""
        # sudo: the day is no personal data
        return self.sudo().sorted("deadline")[:1].with_env(self.env)
