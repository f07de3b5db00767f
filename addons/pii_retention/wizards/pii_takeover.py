from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .. import binding, channel, keys, replay
from ..crypto import CryptoError

OFFICER = "pii_retention.group_privacy_officer"


class PiiTakeover(models.TransientModel):
    """Says whether the keys serve this database, and lets an officer decide that the original has moved here."""

    _name = "pii.takeover"
    _description = "Whose the Keys Are"
    _rec_name = "state"

    state = fields.Selection(
        [("own", "The keys serve this database"), ("foreign", "The keys serve another database"), ("none", "No keys")],
        compute="_compute_state",
    )
    explanation = fields.Text(compute="_compute_state")
    since = fields.Datetime(compute="_compute_state")
    decided_by = fields.Char(compute="_compute_state")

    def _compute_state(self):
        for wizard in self:
            found, wizard.explanation = None, False
            try:
                keyring, configured = keys.unbound(self.env)
                wizard.state = "own"
                domain = self.env.company._pii_domain()
                found = binding.foreign(self.env, keyring, configured.environment)
                if found:
                    wizard.state = "foreign"
                    wizard.explanation = binding.refusal(self.env, found, configured.environment)
                else:
                    found = binding.owner(keyring, domain)
            except (UserError, CryptoError) as error:
                wizard.state, wizard.explanation = "none", str(error)
            wizard.since = fields.Datetime.to_datetime(found.at[:19].replace("T", " ")) if found and found.at else False
            wizard.decided_by = wizard._person(found.actor) if found else False

    def _person(self, actor):
        """Return the name of who said so (``database/channel/number``); a number of another database names nobody."""
        number = actor.rpartition("/")[2]
        if self.state != "own" or not number.isdigit():
            return actor
        # sudo: officers may read users, this names one
        return self.env["res.users"].sudo().browse(int(number)).exists().name or actor

    @api.model
    def action_open(self):
        """Show it."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("This Database"),
            "res_model": self._name,
            "res_id": self.create({}).id,
            "view_mode": "form",
            "target": "new",
        }

    def action_take_over(self):
        """Decide that the original has moved here: the other database, if it still exists, opens nothing any more."""
        if not channel.in_person(self.env):
            raise AccessError(self.env._("A privacy officer decides in person, signed in to Odoo."))
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer decides whose the keys are."))
        counts = replay.take_over(self.env(su=True))  # sudo: the server's own work, the person was checked
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": self.env._(
                    "The keys serve this database now. People erased again: %(people)s; keys past their day destroyed: "
                    "%(keys)s.",
                    people=counts.erased,
                    keys=counts.overdue,
                ),
                "type": "success",
                "sticky": True,
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
