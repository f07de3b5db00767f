import contextlib

from odoo import api, models
from odoo.exceptions import UserError

from .. import alerts, confirmed, policies, policy_guard
from ..crypto import CryptoError


class PiiPolicy(models.Model):
    _inherit = "pii.policy"

    @api.model
    def _cron_watch(self):
        """Tell the officers of each figure that somebody wrote past its approval; it does not count meanwhile.

        Likewise of limits and alert rules that no officer set.
        """
        with contextlib.suppress(CryptoError, UserError):  # as below
            confirmed.watch(self.sudo().env)  # sudo: as below
        if not policy_guard.is_there(self.env.cr):
            alerts.tell(
                self.env,
                "policy",
                self.env["res.company"],
                self.env._("The history of the policy is open to changes"),
                self.env._(
                    "Somebody took away the triggers by which PostgreSQL guards it. Update the addon to restore them, "
                    "and compare the history with the officers' decisions."
                ),
            )
        # sudo: the check is the server's own
        for policy in self.sudo().search([]):
            company = policy.company_id
            try:
                found = policies.in_force(company, policy._written())
                gone = policies.missing(company)
            except (CryptoError, UserError):
                continue  # the daily check of the keys says what is wrong with them; the strict defaults bind
            for name in found.faults:
                alerts.tell(
                    self.env,
                    "policy",
                    company,
                    self.env._("%(figure)s: written past the approval", figure=self._title(name)),
                    self._fault_text(policy, name, found),
                )
            if gone:
                alerts.tell(
                    self.env,
                    "policy",
                    company,
                    self.env._("Changes of the policy are gone from the database"),
                    self.env._(
                        "Missing: %s. Was an older backup restored? Compare the policy with the officers' decisions.",
                        ", ".join(f"{number} ({self._title(name)})" for number, name in gone[:20]),
                    ),
                )

    @api.model
    def _fault_text(self, policy, name, found):
        why = {
            "bound": self.env._("nobody may allow it"),
            "unapproved": self.env._("no two officers agreed on it"),
            "forged": self.env._("the last change in the history is not what was decided"),
            "cut": self.env._("newer changes were removed from the history"),
        }[found.faults[name]]
        return self.env._(
            "The database says %(written)s, but %(why)s. %(in_force)s is in force. Find out who wrote it.",
            written=policy._shown(name, policy[name]),
            why=why,
            in_force=policy._shown(name, found.values[name]),
        )
