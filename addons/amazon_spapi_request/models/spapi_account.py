from odoo import models
from odoo.exceptions import UserError

from odoo.addons.amazon_spapi_connector.spapi.auth import TOKENS
from odoo.addons.pii_retention.crypto import CryptoError


def end_authorisation(accounts) -> None:
    """Forget what opens the sellers' accounts, and stop their imports. A function: whoever calls it was checked.

    Consent itself is withdrawn by the seller at Amazon; without credentials nothing here can use it.
    """
    for account in accounts.sudo():  # sudo: decided about by the officers of the request
        try:
            TOKENS.forget(account._credentials())
        except (CryptoError, UserError):
            # what cannot be opened cannot be used either; other tokens in memory end within the hour
            TOKENS.clear()
        account.write(
            {
                "client_secret_sealed": False,
                "refresh_token_sealed": False,
                "quarantine_key_sealed": False,
                "client_id": False,
                "state": "revoked",
                "retry_at": False,
                "active": False,
            }
        )
        account.message_post(
            body=account.env._("The authorisation has ended: credentials are cleared, nothing is imported any more.")
        )


class SpapiAccount(models.Model):
    _inherit = "spapi.account"

    def _names_of_account(self):
        """Return how a notice may call the account: its seller ID or its name."""
        self.ensure_one()
        return {name.casefold() for name in (self.seller_id, self.name) if name}
