from odoo import fields, models

from .. import seals


class PiiRequest(models.Model):
    """What the certificate of a request says."""

    _inherit = "pii.request"

    def _utc(self, moment):
        return f"{fields.Datetime.to_string(moment)} UTC" if moment else ""

    def _is_genuine(self):
        """Tell whether the request says what was decided."""
        return seals.is_genuine(self)

    def _statement(self):
        """Return the sentence that the requester asked for."""
        self.ensure_one()
        company = self.company_id.name
        if self._erases():
            text = self.env._(
                "%(company)s certifies that the personal data in the scope below was erased permanently and securely "
                "(NIST SP 800-88r2, Purge by cryptographic erase), backups included.",
                company=company,
            )
            if self.left_count:
                text += " " + self.env._(
                    "A legal hold keeps %s customers; they are erased when it ends.", self.left_count
                )
            if self.statute_text:
                text += " " + self.env._("What a statute keeps is listed below with its article.")
            return text
        if self.kind == "amazon_return":
            return self.env._(
                "%(company)s certifies that the personal data in the scope below was returned, encrypted.",
                company=company,
            )
        if self.right == "rectify":
            return self.env._("%(company)s certifies that the personal data was corrected as asked.", company=company)
        return self.env._("%(company)s certifies that a copy of the personal data was handed over.", company=company)

    def _outcome_lines(self):
        """Return ``[(label, figure)]`` of the outcome."""
        self.ensure_one()
        counts = dict(
            self.env["pii.request.item"]._read_group([("request_id", "=", self.id)], ["outcome"], ["__count"])
        )
        labels = self.env["pii.request.item"]._fields["outcome"]._description_selection(self.env)
        lines = [(self.env._("Customers in scope"), self.found_count)]
        lines += [(label, counts[code]) for code, label in labels if counts.get(code)]
        return lines + [
            (self.env._("Sealed files found"), self.file_count),
            (self.env._("Documents kept by law"), self.statute_count),
        ]
