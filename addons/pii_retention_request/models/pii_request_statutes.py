from odoo import fields, models


class PiiRequest(models.Model):
    """What a statute keeps of the customers of a request: listed with its article, never silently skipped."""

    _inherit = "pii.request"

    statute_count = fields.Integer(
        string="Documents Kept by Law", readonly=True, copy=False, help="A statute keeps them; nothing else of them is."
    )
    statute_text = fields.Text(string="Kept by Law", readonly=True, copy=False)

    missing_text = fields.Text(
        string="Required and Not Archived",
        readonly=True,
        copy=False,
        help="A statute requires these documents, and they are not in the archive: they cannot be issued any more once "
        "their customers are erased.",
    )

    def _archived_documents(self):
        """Return the documents of everybody in scope that a statute keeps; most of them were erased long ago."""
        self.ensure_one()
        # sudo: as below
        request = self.sudo()
        uuids = {*request.item_ids.mapped("subject_uuid")}
        uuids.update(request.env["pii.subject"].search(request._subject_domain()).mapped("uuid"))
        # sudo: numbers, dates and articles of documents name nobody
        return (
            self.env["pii.archive.item"]
            .sudo()
            .search(
                [
                    ("company_id", "=", self.company_id.id),
                    ("subject_uuid", "in", list(uuids)),
                    ("state", "=", "kept"),
                ],
                order="reference, id",
            )
        )

    def _statute_values(self):
        """Return what a statute keeps of the request's customers: one line for each document, with the article."""
        lines = [
            self.env._(
                "%(document)s: %(statute)s, %(article)s, kept until %(day)s",
                document=item.display_name,
                statute=item.statute,
                article=item.article,
                day=item.retain_until,
            )
            for item in self._archived_documents()
        ]
        return {"statute_count": len(lines), "statute_text": "\n".join(lines) or False}
