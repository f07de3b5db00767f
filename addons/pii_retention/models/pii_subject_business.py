from odoo import api, fields, models


def _has_vat(values):
    return bool((values.get("fiscal") or {}).get("vat"))


class PiiSubject(models.Model):
    """What documents need to know about a customer after the data is gone; nothing of it identifies anybody."""

    _inherit = "pii.subject"

    has_vat = fields.Boolean(
        string="Business Customer",
        readonly=True,
        copy=False,
        help="A VAT number was given: a full invoice is due, which names the customer.",
    )

    @api.model
    def _seal_many(self, vals_list):
        subjects = super()._seal_many(vals_list)
        # sudo: as in super
        businesses = self.sudo().browse(
            subject.id for subject, vals in zip(subjects, vals_list, strict=True) if _has_vat(vals["values"])
        )
        businesses.filtered(lambda subject: subject.state == "live" and not subject.has_vat).write({"has_vat": True})
        return subjects

    def _correct(self, values, purpose=None, reason=None, document=None):
        super()._correct(values, purpose, reason, document)
        if _has_vat(values):
            self.sudo().write({"has_vat": True})  # sudo: as in super

    def _archive_required(self):
        """Archive what a statute requires of these customers before they are erased.

        :return: the numbers of documents that a statute requires and that could not be archived, as a list
        """
        return []
