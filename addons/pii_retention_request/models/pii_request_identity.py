from odoo import fields, models
from odoo.exceptions import UserError

from .. import seals


class PiiRequest(models.Model):
    """That the person who asks is the person whose data it is (GDPR art. 12(6)): proven before anybody decides."""

    _inherit = "pii.request"

    identity_method = fields.Selection(
        [
            ("order_message", "Asked through the order itself, in the marketplace's messages"),
            ("order_facts", "Knew facts of the order that only the buyer knows"),
            ("known_address", "Asked from an address that is held for the order"),
            ("document", "Showed a document, of which no copy is kept"),
            ("mandate", "A lawyer or an authority with a mandate asks"),
        ],
        string="Proof of Identity",
        tracking=True,
        help="How the person proved to be the customer. Ask for no more than is needed, and keep no copy of it.",
    )
    identity_checked_by_id = fields.Many2one("res.users", string="Identity Checked by", readonly=True, copy=False)
    identity_checked_at = fields.Datetime(string="Identity Checked", readonly=True, copy=False)

    def action_confirm_identity(self):
        """Record that an officer has checked who asks."""
        seals.check_officer(self.env)
        for request in self:
            request._check_unsettled()
            if request.kind != "data_subject":
                raise UserError(self.env._("The identity of a data subject is checked only."))
            if not request.identity_method:
                raise UserError(self.env._("Choose first how the person proved to be the customer."))
            # sudo: a confirmation is no value that is typed
            request.sudo().write({"identity_checked_by_id": self.env.uid, "identity_checked_at": fields.Datetime.now()})
            method = dict(request._fields["identity_method"]._description_selection(self.env))
            request.message_post(
                body=self.env._(
                    "%(user)s has checked who asks: %(method)s.",
                    user=self.env.user.name,
                    method=method[request.identity_method],
                )
            )

    def _check_identity(self):
        """Refuse to decide about the data of somebody who may be somebody else."""
        self.ensure_one()
        if self.kind == "data_subject" and not self.identity_checked_by_id:
            raise UserError(
                self.env._(
                    "Check first who asks: choose the proof of identity and confirm it on the request. Whoever gets "
                    "somebody else's data, or has it erased, harms that person."
                )
            )
