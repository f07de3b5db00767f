from uuid import uuid4

from odoo import api, fields, models
from odoo.tools import SQL

from ..purposes import CLASSES


class PiiSubject(models.Model):
    _name = "pii.subject"
    _description = "Data Subject"
    _order = "id desc"
    _rec_name = "reference"
    _rec_names_search = ["reference", "uuid"]
    _allow_sudo_commands = False

    uuid = fields.Char(string="UUID", required=True, readonly=True, copy=False, default=lambda self: str(uuid4()))
    origin = fields.Char(required=True, readonly=True, help="The channel that the person came through.")
    reference = fields.Char(
        required=True, readonly=True, help="The order or document that the person belongs to; never a name."
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    country_id = fields.Many2one("res.country", readonly=True)
    partner_ids = fields.One2many("res.partner", "pii_subject_id", string="Pseudonymous Contacts")
    state = fields.Selection(
        [("live", "Live"), ("archived", "Archived"), ("erased", "Erased")], required=True, default="live", readonly=True
    )
    deadline = fields.Date(
        required=True, readonly=True, index=True, help="The day on which the key, and with it the data, dies."
    )
    deadline_rule = fields.Selection(
        [
            ("created", "Counted from the order"),
            ("open", "Extended daily while open"),
            ("shipped", "Counted from the shipment"),
            ("delivered", "Counted from the proven delivery"),
            ("cancelled", "Cancelled: at once"),
            ("fba", "Shipped by the marketplace: at once"),
            ("invoice", "Until the invoice is issued"),
            ("invoiced", "Invoice issued"),
            ("altered", "Changed in the database: no longer than its key"),
            ("held", "Legal hold"),
        ],
        string="Rule",
        required=True,
        readonly=True,
        default="created",
    )
    held_classes = fields.Char(string="Held", compute="_compute_held_classes")

    operational_token = fields.Text(groups=fields.NO_ACCESS, copy=False, prefetch=False)
    fiscal_token = fields.Text(groups=fields.NO_ACCESS, copy=False, prefetch=False)
    quarantine_token = fields.Text(groups=fields.NO_ACCESS, copy=False, prefetch=False)
    # keyed digest of what the channel delivered, to notice a change without opening anything; useless without the key
    content_mac = fields.Char(groups=fields.NO_ACCESS, copy=False, prefetch=False)

    # entries of the blind index, see blind_index.py: a person is found by an exact value, nothing is read from them
    name_index = fields.Char(groups=fields.NO_ACCESS, copy=False, prefetch=False)
    email_index = fields.Char(groups=fields.NO_ACCESS, copy=False, prefetch=False)
    phone_index = fields.Char(groups=fields.NO_ACCESS, copy=False, prefetch=False)

    # texts that documents show beside the address; hold something inside a reveal only
    gift_text = fields.Char(compute="_compute_sealed_texts")
    delivery_note = fields.Char(compute="_compute_sealed_texts")
    po_number = fields.Char(compute="_compute_sealed_texts")

    _uuid_unique = models.UniqueIndex("(uuid)", "A data subject has one UUID.")
    _reference_unique = models.UniqueIndex(
        "(company_id, origin, reference)", "There is a data subject for this reference already."
    )
    # a look-up and the planner of the blind index go through the live subjects of a company, bucket by bucket
    _live_bucket_idx = models.Index("(company_id, deadline) WHERE state = 'live'")
    _name_index_idx = models.Index("USING gin (string_to_array(name_index, ' ')) WHERE name_index IS NOT NULL")
    _email_index_idx = models.Index("USING gin (string_to_array(email_index, ' ')) WHERE email_index IS NOT NULL")
    _phone_index_idx = models.Index("USING gin (string_to_array(phone_index, ' ')) WHERE phone_index IS NOT NULL")

    @api.model
    def _pii_text_limits(self):
        """Return ``{vault key: characters}``: how long a text may be that a person corrects, and which keys may be.

        What a line of a label or a document takes, and what a message of the channel takes. The rest (customisations,
        payment references) is the channel's word.
        """
        return {
            "name": 128,
            "company_name": 128,
            "street": 128,
            "street2": 128,
            "street3": 128,
            "zip": 24,
            "city": 128,
            "state": 64,
            "phone": 32,
            "email": 254,
            "delivery_note": 1000,
            "gift_text": 1000,
            "vat": 32,
            "tax_code": 32,
            "company_registry": 64,
            "pec_email": 254,
            "po_number": 64,
        }

    # === COMPUTE METHODS === #

    @api.model
    def _pii_text_fields(self):
        """Return the names of the fields of this model that a reveal fills from the vault keys of the same name."""
        return ["gift_text", "delivery_note", "po_number"]

    def _compute_sealed_texts(self):
        for name in self._pii_text_fields():
            self[name] = False

    @api.depends("state")
    def _compute_held_classes(self):
        held = {}
        if self.ids:
            # sudo-free SQL: only whether something is held leaves the database, not the tokens
            self.env.cr.execute(
                SQL(
                    """SELECT id, operational_token IS NOT NULL, fiscal_token IS NOT NULL, quarantine_token IS NOT NULL
                         FROM pii_subject WHERE id = ANY(%s)""",
                    list(self.ids),
                )
            )
            held = {
                row[0]: [name for name, flag in zip(CLASSES, row[1:], strict=True) if flag]
                for row in self.env.cr.fetchall()
            }
        for subject in self:
            subject.held_classes = ", ".join(held.get(subject.id, []))

    def _pseudonym(self):
        """Return the name that stands in for the person everywhere outside a reveal."""
        self.ensure_one()
        return f"{self.origin.capitalize()} {self.reference}"
