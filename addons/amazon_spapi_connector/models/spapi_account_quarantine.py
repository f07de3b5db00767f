from __future__ import annotations

import secrets

from odoo import models

from odoo.addons.pii_retention import keys


class SpapiAccount(models.Model):
    _inherit = "spapi.account"

    def _quarantine_key(self) -> bytes:
        """Secret of the account that names unreadable payloads; made and sealed at its first use."""
        self.ensure_one()
        account_sudo = self.sudo()
        name = self._secret_name("quarantine_key")
        if not account_sudo.quarantine_key_sealed:
            fresh = secrets.token_hex(32)
            account_sudo.quarantine_key_sealed = keys.seal_secret(account_sudo.company_id, name, fresh)
            return fresh.encode()
        return keys.open_secret(account_sudo.company_id, name, account_sudo.quarantine_key_sealed).encode()
