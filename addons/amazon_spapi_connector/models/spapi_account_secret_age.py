from __future__ import annotations

from datetime import timedelta

from odoo import api, fields, models

from odoo.addons.pii_retention import calendar, duty_seals

DUTY = "secret_rotation"


class SpapiAccount(models.Model):
    """The age of the client secret: renewal is asked for in time, and an old one brings no more personal data.

    Amazon ends a secret after 180 days; until it is renewed, orders come without their buyers.
    """

    _inherit = "spapi.account"

    secret_warn_on = fields.Datetime(compute="_compute_secret_ages", compute_sudo=True)
    secret_ends_on = fields.Datetime(
        string="Secret Ends on", compute="_compute_secret_ages", compute_sudo=True, help="From then on no buyers come."
    )
    secret_state = fields.Selection(
        [("none", "None"), ("fresh", "In order"), ("old", "To be renewed"), ("ended", "Too old")],
        string="Age of the Secret",
        compute="_compute_secret_ages",
        compute_sudo=True,
    )

    @api.depends("client_secret_set_on", "client_secret_sealed", "company_id")
    def _compute_secret_ages(self) -> None:
        now = fields.Datetime.now()
        for account in self:
            account.secret_warn_on = account._secret_age_moment("secret_warn_days")
            account.secret_ends_on = account._secret_age_moment("secret_block_days")
            if not account.client_secret_sealed:
                account.secret_state = "none"
            elif not account.secret_ends_on or now >= account.secret_ends_on:
                account.secret_state = "ended"  # of unknown age: as bad as too old
            else:
                account.secret_state = "old" if now >= account.secret_warn_on else "fresh"

    def _secret_age_moment(self, figure: str):
        """When the secret is as many days old as the figure says, at midnight of the company; False without a date."""
        self.ensure_one()
        if not self.client_secret_set_on:
            return False
        day = self.client_secret_set_on + timedelta(days=self.company_id._pii_figure(figure))
        return calendar.begins(day, self.company_id._pii_figure("tz"))

    def _personal_refusal(self) -> str | bool:
        """Why no personal data is imported now, as a sentence; False if it is."""
        self.ensure_one()
        if self.sudo().secret_state != "ended":
            return False
        return self.env._(
            "The client secret is older than %s days, so orders come without their buyers. Renew it in Seller Central "
            "and enter it here; what was left out is then read.",
            self.company_id._pii_figure("secret_block_days"),
        )

    # === DUTY === #

    def _store_secrets(self, secrets: dict[str, str]) -> None:
        super()._store_secrets(secrets)
        if "client_secret" in secrets:
            self.sudo().write({"retry_at": False})  # sudo: what waited for the new secret need not wait any longer
            self._begin_rotation(self.env._("A new secret was stored."))

    def _begin_rotation(self, evidence: str = "") -> None:
        """Keep one running duty per account that has a secret, counted from the day it was stored."""
        duties = self.env["pii.duty"].sudo()  # sudo: the register is the product's
        for account in self.sudo():  # sudo: the age of a secret is none
            reference = f"{account._name},{account.id}"
            running = duties.search([("code", "=", DUTY), ("record_ref", "=", reference), ("done_at", "=", False)])
            if not account.active or not account.client_secret_sealed:
                duty_seals.end(running, self.env._("The account has no secret any more."))
                continue
            started = calendar.begins(account.client_secret_set_on, account.company_id._pii_figure("tz"))
            if running and running.started_at == started:
                continue
            duty_seals.end(running, evidence)
            duties.create(
                {
                    "code": DUTY,
                    "company_id": account.company_id.id,
                    "subject": account.name,
                    "record_ref": reference,
                    "started_at": started,
                }
            )
