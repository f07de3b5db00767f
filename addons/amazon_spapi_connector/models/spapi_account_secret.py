from __future__ import annotations

from urllib.parse import urlsplit

from odoo import api, fields, models
from odoo.exceptions import UserError

from odoo.addons.pii_retention import keys

from ..calling import SECRETS
from ..spapi import regions
from .spapi_account import MANAGER


class SpapiAccount(models.Model):
    """The account's secrets: taken, sealed with the key store, never given back to a screen or a caller of the API."""

    _inherit = "spapi.account"

    client_secret = fields.Char(
        string="LWA Client Secret",
        compute="_compute_secrets",
        readonly=False,
        store=False,
        groups=MANAGER,
        copy=False,
        help="Write only: it is sealed when saved and never shown again. Amazon makes you replace it every 180 days.",
    )
    refresh_token = fields.Char(
        compute="_compute_secrets",
        readonly=False,
        store=False,
        groups=MANAGER,
        copy=False,
        help="Write only. Paste it here for a private application; “Authorise at Amazon” fills it otherwise.",
    )
    client_secret_sealed = fields.Char(groups=fields.NO_ACCESS, copy=False, prefetch=False)
    refresh_token_sealed = fields.Char(groups=fields.NO_ACCESS, copy=False, prefetch=False)
    quarantine_key_sealed = fields.Char(groups=fields.NO_ACCESS, copy=False, prefetch=False)
    client_secret_set_on = fields.Date(readonly=True, copy=False, groups=MANAGER)
    has_client_secret = fields.Boolean(compute="_compute_has_secrets", compute_sudo=True, string="Secret Stored")
    has_refresh_token = fields.Boolean(compute="_compute_has_secrets", compute_sudo=True, string="Token Stored")

    @api.depends_context("uid")
    def _compute_secrets(self) -> None:
        """Always empty: what was typed is sealed, and nothing reads it back."""
        self.client_secret = False
        self.refresh_token = False

    @api.depends("client_secret_sealed", "refresh_token_sealed")
    def _compute_has_secrets(self) -> None:
        for account in self:
            account.has_client_secret = bool(account.client_secret_sealed)
            account.has_refresh_token = bool(account.refresh_token_sealed)

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        secrets = [self._pop_secrets(vals) for vals in vals_list]
        accounts = super().create([vals for vals, _found in secrets])
        for account, (_vals, found) in zip(accounts, secrets, strict=True):
            account._store_secrets(found)
        return accounts

    def write(self, vals):
        vals, found = self._pop_secrets(vals)
        if found:
            self.check_access("write")
        if "company_id" in vals and any(
            account.company_id.id != vals["company_id"]
            and (account.sudo().client_secret_sealed or account.sudo().refresh_token_sealed)
            for account in self
        ):
            raise UserError(
                self.env._("The secrets of an account are sealed for its company. Create a new account instead.")
            )
        trusted = {account: account._foreign_hosts() for account in self.sudo()}
        result = super().write(vals) if vals else True
        for account, hosts in trusted.items():
            if account._foreign_hosts() - hosts:
                account._forget_secrets()
        self._store_secrets(found)
        return result

    def _foreign_hosts(self) -> set[str]:
        """Hosts that credentials are sent to, other than Amazon's own.

        A port of this machine is one like any other: a web hook of Odoo's own would keep what it is sent.
        """
        self.ensure_one()
        known = {
            urlsplit(url).netloc for region in regions.REGIONS.values() for url in (region.endpoint, region.token_url)
        }
        return {urlsplit(url).netloc for url in (self.endpoint_url, self.token_url) if url} - known

    def _forget_secrets(self) -> None:
        """Who may change an address may not thereby learn the secrets: they are sent to no host that is new to them."""
        columns = [column for column in SECRETS.values() if self[column]]
        if columns:
            super().write({**dict.fromkeys(columns, False), "state": "draft"})

    @api.model
    def _pop_secrets(self, vals: dict) -> tuple[dict, dict[str, str]]:
        """Take the secrets out before the ORM sees them, so that no cache, no log and no tracking holds one."""
        found = {name: vals[name] for name in SECRETS if vals.get(name)}
        for name in found:
            self._check_field_access(self._fields[name], "write")
        return {key: value for key, value in vals.items() if key not in SECRETS}, found

    def _store_secrets(self, secrets: dict[str, str]) -> None:
        """Seal `secrets` ({field: plaintext}) into their columns. A new credential ends the error it may have cured."""
        for account in self.sudo() if secrets else ():
            values: dict = {
                SECRETS[name]: keys.seal_secret(account.company_id, account._secret_name(name), plaintext.strip())
                for name, plaintext in secrets.items()
            }
            if "client_secret" in secrets:
                values["client_secret_set_on"] = fields.Date.context_today(account)
            if account.state in ("error", "revoked"):
                values.update(state="draft", retry_at=False)
            super(SpapiAccount, account).write(values)

    # === BUSINESS === #

    def _secret_name(self, name: str) -> str:
        """Binds a sealed secret to its account and field: a token copied to another row does not open."""
        self.ensure_one()
        return f"spapi.account/{self.id}/{name}"
