from odoo import models
from odoo.exceptions import UserError

from odoo.addons.amazon_spapi_connector.calling import credentials_of
from odoo.addons.amazon_spapi_connector.models.spapi_account_import import LOCK as IMPORT_LOCK
from odoo.addons.amazon_spapi_connector.spapi.auth import TOKENS
from odoo.addons.pii_retention.crypto import CryptoError


def end_authorisation(accounts) -> None:
    """Forget what opens the sellers' accounts, and stop their imports. A function: whoever calls it was checked.

    Consent itself is withdrawn by the seller at Amazon; without credentials nothing here can use it.
    """
    for account in accounts.sudo():  # sudo: decided about by the officers of the request
        if not (account.active or account.client_secret_sealed or account.refresh_token_sealed):
            continue  # ended before
        # a consent that is being given at Amazon at this moment must not connect the account again
        account.env["spapi.oauth.state"].search([("account_id", "=", account.id)]).unlink()
        try:
            TOKENS.forget(credentials_of(account))
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


def is_idle(account) -> bool:
    """Tell whether nobody is importing the account; from here to the end of this transaction nobody can begin to."""
    account.env.cr.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [IMPORT_LOCK, account.id])
    return account.env.cr.fetchone()[0]


class SpapiAccount(models.Model):
    _inherit = "spapi.account"

    def _names_of_account(self):
        """Return how a notice may call the account: its seller ID or its name."""
        self.ensure_one()
        return {name.casefold() for name in (self.seller_id, self.name) if name}
