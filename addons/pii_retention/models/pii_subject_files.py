from odoo import models


class PiiSubject(models.Model):
    _inherit = "pii.subject"

    def unlink(self):
        # the database would delete the rows but leave the files of the attachments behind
        self.env["ir.attachment"].sudo().search(  # sudo: they go with the person, whoever may see them
            [("pii_subject_id", "in", self.ids), ("id", "!=", False)]
        ).unlink()
        return super().unlink()

    def _first_to_end(self):
        """Return the subject whose data dies first: the clock of a document that shows several."""
        # sudo: the day is no personal data
        return self.sudo().sorted("deadline")[:1].with_env(self.env)
