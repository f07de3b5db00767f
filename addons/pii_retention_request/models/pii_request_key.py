from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import recipients, seals


class PiiRequest(models.Model):
    """The public key for which what is returned is encrypted, and its fingerprint, which an officer compares."""

    _inherit = "pii.request"

    public_key = fields.Text(
        string="Public Key of the Requester",
        copy=False,
        help="An age recipient (age1…) or an OpenPGP public key block, as the requester sent it.",
    )
    key_kind = fields.Selection(
        [(recipients.AGE, "age"), (recipients.OPENPGP, "OpenPGP")],
        compute="_compute_key",
        store=True,
        string="Key Type",
    )
    key_fingerprint = fields.Char(
        string="Fingerprint",
        compute="_compute_key",
        store=True,
        help="Compare it with the requester by another way than the one on which the key came: by phone, on paper.",
    )
    key_expires = fields.Datetime(compute="_compute_key", store=True)
    key_confirmed_by_id = fields.Many2one("res.users", string="Fingerprint Compared by", readonly=True, copy=False)
    key_confirmed_at = fields.Datetime(string="Fingerprint Compared", readonly=True, copy=False)

    @api.depends("public_key")
    def _compute_key(self):
        for request in self:
            found = request._parse_key() if request.public_key else None
            request.key_kind = found.kind if found else False
            request.key_fingerprint = found.fingerprint if found else False
            request.key_expires = found.expires.replace(tzinfo=None) if found and found.expires else False

    def _parse_key(self):
        """Return the key as :class:`recipients.Recipient`.

        :raise UserError: it is refused; the text says why and never repeats it
        """
        self.ensure_one()
        try:
            return recipients.parse(self.public_key)
        except recipients.RecipientError as error:
            raise UserError(self._key_fault(error.code)) from None

    def _key_fault(self, code):
        return {
            "empty": self.env._("Paste the public key of the requester: what is returned is encrypted for it."),
            "private": self.env._(
                "This is a private key. Whoever has it can read what is returned, so it must stay with the requester: "
                "tell them to make a new pair and to send the public key alone."
            ),
            "several": self.env._("Paste one public key only: the archive is encrypted for one requester."),
            "expired": self.env._("This key has expired. Ask the requester for one that is valid."),
            "revoked": self.env._("This key was revoked by its owner. Ask the requester for one that is valid."),
            "weak": self.env._(
                "This key is too weak: what is encrypted for it could be read by others. Ask the requester for an age "
                "key, or for an OpenPGP key of at least 2048 bits."
            ),
            "no_encryption": self.env._(
                "This key is not made for encryption. Ask the requester for an OpenPGP key with an encryption subkey, "
                "or for an age key."
            ),
        }.get(
            code,
            self.env._(
                "This is no public key that can be read. It begins with “age1” or with "
                "“-----BEGIN PGP PUBLIC KEY BLOCK-----”; paste it whole, as the requester sent it."
            ),
        )

    def _check_key(self):
        """Refuse while there is no valid key whose fingerprint an officer has compared."""
        self.ensure_one()
        found = self._parse_key()
        if found.fingerprint != self.key_fingerprint:
            raise UserError(self.env._("The key does not fit its fingerprint any more. Paste it anew."))
        if not self.key_confirmed_by_id:
            raise UserError(
                self.env._(
                    "Compare the fingerprint of the key with the requester first, and confirm it on the request."
                )
            )
        return found

    def action_confirm_key(self):
        """Record that an officer has compared the fingerprint with the requester."""
        seals.check_officer(self.env)
        for request in self:
            request._check_unsettled()
            request._parse_key()
            # sudo: a confirmation is no value that is typed
            request.sudo().write({"key_confirmed_by_id": self.env.uid, "key_confirmed_at": fields.Datetime.now()})
            request.message_post(
                body=self.env._(
                    "%(user)s has compared the fingerprint of the requester's key: %(fingerprint)s",
                    user=self.env.user.name,
                    fingerprint=request.key_fingerprint,
                )
            )
