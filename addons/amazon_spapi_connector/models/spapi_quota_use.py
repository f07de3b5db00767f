from __future__ import annotations

from datetime import timedelta

from odoo import api, fields, models


class SpapiQuotaUse(models.Model):
    """What an account used of Amazon's quota, by hour and operation. The ledger writes it, nobody else."""

    _name = "spapi.quota.use"
    _description = "Amazon Quota Use"
    _order = "hour desc, operation"
    _rec_name = "operation"
    _log_access = False

    account_id = fields.Many2one("spapi.account", required=True, readonly=True, ondelete="cascade")
    operation = fields.Char(required=True, readonly=True)
    hour = fields.Datetime(required=True, readonly=True, index=True, help="Beginning of the hour.")
    calls = fields.Integer(readonly=True, help="Calls made.")
    throttled = fields.Integer(string="Refused by Amazon", readonly=True, help="Answers 429: none in ordinary times.")
    waited = fields.Integer(string="Put Off", readonly=True, help="Calls not made because our own count said no.")

    _hour_uniq = models.Constraint("UNIQUE(account_id, operation, hour)", "An hour is counted once.")

    @api.autovacuum
    def _gc_old(self) -> None:
        """Hours go after the account's days."""
        accounts = self.env["spapi.account"].with_context(active_test=False).sudo().search([])  # sudo: all companies
        for account in accounts:
            limit = fields.Datetime.now() - timedelta(days=account.quota_use_days)
            self.sudo().search([("account_id", "=", account.id), ("hour", "<", limit)], limit=5000).unlink()
