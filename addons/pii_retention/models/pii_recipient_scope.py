from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..purposes import SELECTION


class PiiRecipientScope(models.Model):
    """Which retention classes a recipient may get for one purpose."""

    _name = "pii.recipient.scope"
    _description = "What a Recipient May Get"
    _order = "recipient_id, purpose"

    recipient_id = fields.Many2one("pii.recipient", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="recipient_id.company_id")
    purpose = fields.Selection(SELECTION, required=True)
    operational = fields.Boolean(string="Recipient and Address", help="Name, delivery address, phone, e-mail, notes.")
    fiscal = fields.Boolean(
        string="Invoice Data", help="What a statute requires on a document: name, address, tax numbers."
    )

    _purpose_unique = models.UniqueIndex("(recipient_id, purpose)", "Each purpose has one line.")

    @api.constrains("purpose", "operational", "fiscal")
    def _check_something(self):
        for line in self:
            if not line._classes():
                raise ValidationError(self.env._("Say what the recipient gets for this purpose, or remove the line."))

    def _classes(self):
        """Return the set of retention classes that these lines allow; quarantined payloads never leave."""
        return {cls for cls in ("operational", "fiscal") if any(line[cls] for line in self)}

    # === CHANGES === #
    # What a recipient may get is part of the register's history: it is told in the recipient's chatter.

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._tell(self.env._("Added"))
        return lines

    def write(self, vals):
        result = super().write(vals)
        self._tell(self.env._("Changed"))
        return result

    def unlink(self):
        self._tell(self.env._("Removed"))
        return super().unlink()

    def _tell(self, what):
        labels = dict(self._fields["purpose"]._description_selection(self.env))
        for line in self:
            line.recipient_id.message_post(
                body=self.env._(
                    "%(what)s: %(purpose)s (%(classes)s)",
                    what=what,
                    purpose=labels.get(line.purpose, ""),
                    classes=", ".join(sorted(line._classes())),
                )
            )
