from odoo import fields, models
from odoo.exceptions import UserError

from .. import seals


class PiiRequest(models.Model):
    """The way out of a decision that was wrong, or cannot be carried out any more."""

    _inherit = "pii.request"

    withdrawn_by_id = fields.Many2one("res.users", readonly=True, copy=False, tracking=True)

    def action_withdraw(self):
        """Stop approved requests, for stated grounds: nobody else is erased, nothing else is handed out.

        Who is erased already stays erased, an authorisation that has ended stays ended.
        """
        seals.check_officer(self.env)
        for request in self:
            request.check_access("write")
            request._lock()
            if request.state not in ("approved", "running"):
                raise UserError(self.env._("An approved request that is not completed is withdrawn only."))
            if not (request.decision_note or "").strip():
                raise UserError(self.env._("State the grounds of the withdrawal first, under “Decision”."))
            # sudo: as for any decision; the decider was checked
            withdrawn = request.sudo()
            withdrawn._settle_erased()
            withdrawn._link_certificates()
            withdrawn.part_ids.filtered(lambda part: part.state == "ready")._discard()
            withdrawn.grant_id._revoke(self.env._("The request %s was withdrawn", request.name))
            withdrawn.write({"state": "withdrawn", "withdrawn_by_id": self.env.uid, "done_at": fields.Datetime.now()})
            request.activity_unlink(request._activity_types())
            request.message_post(
                body=self.env._(
                    "Withdrawn by %(user)s: %(erased)s customers were erased before, %(left)s stay as they were.",
                    user=self.env.user.name,
                    erased=request.erased_by_count,
                    left=request.left_count,
                ),
                subtype_xmlid="mail.mt_comment",
            )
