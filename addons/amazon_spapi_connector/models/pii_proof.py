from odoo import models


class PiiProof(models.Model):
    _inherit = "pii.proof"

    def _intake_reopened(self):
        # EXTENDS pii_retention: the import waits ever longer between its attempts; now it need not.
        super()._intake_reopened()
        # sudo: an officer has no right on accounts, and changes nothing but the next attempt
        accounts = self.env["spapi.account"].sudo().search([("company_id", "in", self.company_id.ids)])
        waiting = accounts.filtered(lambda account: account.state in ("connected", "error") and account.retry_at)
        waiting.write({"retry_at": False})
        if waiting:
            waiting._trigger_import()
