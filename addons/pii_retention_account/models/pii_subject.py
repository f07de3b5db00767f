from odoo import models


class PiiSubject(models.Model):
    _inherit = "pii.subject"

    def _archive_required(self):
        # EXTENDS pii_retention
        # sudo: documents are archived whoever erases the customer; nothing is read
        moves = (
            self.env["account.move"]
            .sudo()
            .search(
                [
                    ("partner_id.pii_subject_id", "in", self.ids),
                    ("partner_id.pii_subject_id.state", "=", "live"),
                    ("state", "=", "posted"),
                    ("pii_document_class", "=", "b"),
                ],
                order="name, id",
            )
        )
        moves._pii_archive()
        moves.invalidate_recordset(["pii_is_archived"])
        return super()._archive_required() + moves.filtered(lambda move: not move.pii_is_archived).mapped("name")
