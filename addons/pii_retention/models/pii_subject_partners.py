from odoo import models


class PiiSubject(models.Model):
    """The pseudonymous contacts that stand for the subjects in Odoo's documents."""

    _inherit = "pii.subject"

    def _ensure_partners(self):
        """Create the pseudonymous contact of each subject that has none; return all of them, one per subject."""
        Partner = self.env["res.partner"].sudo()  # sudo: importers need no right on contacts at large
        subjects = self.sudo()
        found = Partner.with_context(active_test=False).search([("pii_subject_id", "in", self.ids)], order="id")
        by_subject = {}
        for partner in found:
            by_subject.setdefault(partner.pii_subject_id.id, partner)
        missing = subjects.filtered(lambda subject: subject.id not in by_subject)
        created = Partner.with_context(
            tracking_disable=True, mail_create_nosubscribe=True, mail_create_nolog=True, mail_notrack=True
        ).create([subject._prepare_partner_vals() for subject in missing])
        for subject, partner in zip(missing, created, strict=True):
            by_subject[subject.id] = partner
        return Partner.concat(*(by_subject[subject.id] for subject in self)).with_env(self.env)

    def _prepare_partner_vals(self):
        """Return the values of the pseudonymous contact; a channel adds what its documents need."""
        self.ensure_one()
        return {
            "name": self._pseudonym(),
            "pii_subject_id": self.id,
            "company_id": self.company_id.id,
            "country_id": self.country_id.id,
        }

    def _partner(self):
        """Return the subject's pseudonymous contact."""
        self.ensure_one()
        return self._ensure_partners()
