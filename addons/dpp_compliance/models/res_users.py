from odoo import api, models

from odoo.addons.pii_retention.figures import CATALOGUE, stricter
from odoo.addons.pii_retention.purposes import ROLE_GROUPS


class ResUsers(models.Model):
    """Whom the rules bind, and which figures do."""

    _inherit = "res.users"

    @api.model
    def _dpp_groups(self):
        """Return the xml ids of the groups whose members the password rules bind; addons add theirs."""
        return [
            *ROLE_GROUPS,
            "pii_retention.group_auditor",
            "pii_retention.group_privacy_officer",
            "base.group_system",
            "base.group_erp_manager",
        ]

    def _dpp_is_bound(self):
        """Tell whether the user holds a role of personal data or of administration."""
        self.ensure_one()
        user = self.sudo()  # sudo: asked about whoever signs in
        return user.id != 1 and any(user.has_group(group) for group in self._dpp_groups())

    def _dpp_figure(self, name):
        """Return a figure for this user: the strictest of the companies that the user works for."""
        # sudo: the figures bind everybody
        return self._dpp_strictest(self.sudo().company_ids, name)

    @api.model
    def _dpp_strictest(self, companies, name):
        figure, found = CATALOGUE[name], None
        for company in companies:
            value = company._pii_figure(name)
            found = value if found is None else stricter(figure, found, value)
        return figure.strict if found is None else found

    @api.model
    def _dpp_lock_figures(self):
        """Return ``(failed attempts, minutes)`` for all accounts alike: a difference would tell who there is."""
        companies = self.env["res.company"].sudo().search([])  # sudo: the figures bind everybody
        names = ("password_attempts", "password_lock_minutes")
        return tuple(self._dpp_strictest(companies, name) for name in names)
