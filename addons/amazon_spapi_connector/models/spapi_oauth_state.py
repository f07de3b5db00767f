from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from odoo import api, fields, models

LIFETIME = timedelta(minutes=10)


class SpapiOauthState(models.Model):
    """A consent in progress: proves that the answer belongs to the user who asked. Stored as a digest, used once."""

    _name = "spapi.oauth.state"
    _description = "Amazon Consent in Progress"
    _rec_name = "account_id"
    _allow_sudo_commands = False

    account_id = fields.Many2one("spapi.account", required=True, ondelete="cascade", index=True)
    user_id = fields.Many2one("res.users", required=True, ondelete="cascade")
    digest = fields.Char(required=True, groups=fields.NO_ACCESS)
    expires_at = fields.Datetime(required=True)

    _digest_uniq = models.Constraint("UNIQUE(digest)", "A consent state is unique.")

    @api.model
    def _issue(self, account) -> str:
        """A fresh state for the current user and `account`; a consent begun before for both is void."""
        self.sudo().search([("account_id", "=", account.id), ("user_id", "=", self.env.uid)]).unlink()
        state = secrets.token_urlsafe(32)
        self.sudo().create(
            {
                "account_id": account.id,
                "user_id": self.env.uid,
                "digest": _digest(state),
                "expires_at": fields.Datetime.now() + LIFETIME,
            }
        )
        return state

    @api.model
    def _redeem(self, state: str):
        """The account that the current user asked consent for, or an empty recordset. One statement: no second use."""
        self.flush_model()
        self.env.cr.execute(
            "DELETE FROM spapi_oauth_state WHERE digest = %s AND user_id = %s AND expires_at > %s RETURNING account_id",
            [_digest(state), self.env.uid, fields.Datetime.now()],
        )
        row = self.env.cr.fetchone()
        self.invalidate_model()
        return self.env["spapi.account"].browse(row[0] if row else [])

    @api.autovacuum
    def _gc_expired(self) -> None:
        self.sudo().search([("expires_at", "<", fields.Datetime.now())]).unlink()


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
