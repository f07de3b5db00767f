import hashlib
import hmac
import json
from datetime import timedelta
from uuid import uuid4

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, split_every

from .. import keys
from ..crypto import CryptoError, KeyDestroyed, day_key_id
from ..purposes import CLASSES

#: Sealed columns hold one token a line: the first as the channel delivered it, then corrections in order.
SEPARATOR = "\n"


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
            ("open", "Counted from the last change while open"),
            ("shipped", "Counted from the shipment"),
        ],
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

    # texts that documents show beside the address; hold something inside a reveal only
    gift_text = fields.Char(compute="_compute_sealed_texts")
    delivery_note = fields.Char(compute="_compute_sealed_texts")
    po_number = fields.Char(compute="_compute_sealed_texts")

    _uuid_unique = models.UniqueIndex("(uuid)", "A data subject has one UUID.")
    _reference_unique = models.UniqueIndex(
        "(company_id, origin, reference)", "There is a data subject for this reference already."
    )

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

    # === SEALING === #

    @api.model
    def _seal_many(self, vals_list):
        """Create or update subjects and seal their data; nothing personal ever reaches a statement.

        :param vals_list: dicts with ``company_id`` (id), ``origin``, ``reference`` (unique per company and
            origin), ``country_id`` (id or False), ``start`` (date: the retention counts from it), ``open`` (bool,
            optional: not shipped yet, so the period counts from today at the earliest) and ``values``
            (``{class: {key: text}}`` as in ``purposes.CLASSES``; a class that is absent is left as it is)
        :return: the subjects, in the order of ``vals_list``
        :raise UserError: when the key store cannot be used; nothing was written then
        """
        subjects = self.env["pii.subject"].sudo()  # sudo: importers seal, they need not read subjects
        existing = self._find_existing(vals_list)
        to_create = {}
        for vals in vals_list:
            identity = (vals["company_id"], vals["origin"], vals["reference"])
            if identity not in existing and identity not in to_create:
                deadline, rule = self._deadline(vals)
                to_create[identity] = {
                    "uuid": str(uuid4()),
                    "company_id": vals["company_id"],
                    "origin": vals["origin"],
                    "reference": vals["reference"],
                    "country_id": vals.get("country_id") or False,
                    "deadline": deadline,
                    "deadline_rule": rule,
                }
        # the last delivery of a reference in the list wins, whatever its place
        latest = {(vals["company_id"], vals["origin"], vals["reference"]): vals for vals in vals_list}
        for identity, create_vals in to_create.items():
            company = self.env["res.company"].browse(identity[0])
            create_vals.update(self._sealed_columns(company, create_vals, latest[identity]))
        created = subjects.create(list(to_create.values()))
        for identity, subject in existing.items():
            subject._update_sealed(latest[identity])
        existing.update(zip(to_create, created, strict=True))
        return subjects.concat(
            *(existing[vals["company_id"], vals["origin"], vals["reference"]] for vals in vals_list)
        ).with_env(self.env)

    @api.model
    def _find_existing(self, vals_list):
        """Return ``{(company id, origin, reference): subject}`` of those that exist."""
        result = {}
        by_channel = {}
        for vals in vals_list:
            by_channel.setdefault((vals["company_id"], vals["origin"]), set()).add(vals["reference"])
        for (company_id, origin), references in by_channel.items():
            for chunk in split_every(1000, references):
                found = self.sudo().search(
                    [("company_id", "=", company_id), ("origin", "=", origin), ("reference", "in", list(chunk))]
                )
                result.update({(company_id, origin, subject.reference): subject for subject in found})
        return result

    @api.model
    def _deadline(self, vals):
        """Return ``(day, rule)``: the earliest day allowed, later only while the order is open."""
        days = timedelta(days=self.env["res.company"].browse(vals["company_id"]).sudo().pii_retention_days)
        deadline, rule = vals["start"] + days, "created"
        if vals.get("open") and fields.Date.today() + days > deadline:
            deadline, rule = fields.Date.today() + days, "open"
        return deadline, rule

    @api.model
    def _sealed_columns(self, company, identity, vals):
        """Return the columns that hold ``vals["values"]`` sealed for a subject, or its erasure when its day is past.

        :param identity: dict with ``uuid`` and ``deadline``
        """
        values = self._clean_values(vals["values"])
        if not values:
            return {}
        if identity["deadline"] <= fields.Date.today():
            return self._erased_columns()
        domain = company._pii_domain()
        keyring = keys.keyring(self.env)
        try:
            key_id = keyring.ensure(day_key_id(domain, identity["deadline"]))
            columns = {
                f"{cls}_token": keyring.seal_record(domain, key_id, identity["uuid"], cls, content)
                for cls, content in values.items()
            }
            columns["content_mac"] = self._mac(keyring, key_id, identity["uuid"], values)
        except KeyDestroyed:
            return self._erased_columns()
        except CryptoError as error:
            raise UserError(str(error)) from error
        return columns

    @api.model
    def _erased_columns(self):
        return {"state": "erased", "content_mac": False, **{f"{cls}_token": False for cls in CLASSES}}

    @api.model
    def _clean_values(self, values):
        """Return ``{class: {key: text}}`` without empty texts and empty classes.

        :raise ValueError: for a class or key that the vault does not know
        """
        result = {}
        for cls, content in values.items():
            unknown = set(content) - set(CLASSES.get(cls, ()))
            if cls not in CLASSES or unknown:
                raise ValueError(f"The vault has no place for {cls}: {sorted(unknown)}")
            content = {key: text for key, text in content.items() if text}
            if content:
                result[cls] = content
        return result

    @api.model
    def _mac(self, keyring, key_id, uuid, values):
        """Return a digest of ``values`` keyed with the subject's key: it says "changed" and dies with the key."""
        content = json.dumps(values, sort_keys=True, ensure_ascii=False).encode()
        return hmac.new(keyring.subject_key(key_id, uuid, "mac").expose(), content, hashlib.sha256).hexdigest()

    def _update_sealed(self, vals):
        """Seal a newer delivery of the same reference; extend the deadline where it moved, never shorten it."""
        self.ensure_one()
        if self.state != "live":
            return
        deadline, rule = self._deadline(vals)
        identity = {"uuid": self.uuid, "deadline": max(deadline, self.deadline)}
        values = self._clean_values(vals["values"])
        if not values or (identity["deadline"] == self.deadline and self._is_unchanged(values)):
            return
        columns = self._sealed_columns(self.company_id, identity, {"values": values})
        for cls in CLASSES:
            name = f"{cls}_token"
            base, *corrections = (self[name] or "").split(SEPARATOR)
            if name in columns and corrections:
                columns[name] = SEPARATOR.join([columns[name], *self._resealed(cls, corrections, identity["deadline"])])
            elif name not in columns and base and identity["deadline"] != self.deadline:
                tokens = self._resealed(cls, [base, *corrections], identity["deadline"])
                columns[name] = SEPARATOR.join(tokens)
        if identity["deadline"] != self.deadline:
            columns.update(deadline=identity["deadline"], deadline_rule=rule)
        if vals.get("country_id") and vals["country_id"] != self.country_id.id:
            columns["country_id"] = vals["country_id"]
        self.write(columns)

    def _is_unchanged(self, values):
        """Tell whether ``values`` is what the channel delivered last time."""
        if not self.content_mac:
            return False
        keyring = keys.keyring(self.env)
        try:
            key_id = keyring.ensure(day_key_id(self.company_id._pii_domain(), self.deadline))
            return hmac.compare_digest(self.content_mac, self._mac(keyring, key_id, self.uuid, values))
        except CryptoError:
            return False

    def _resealed(self, cls, tokens, deadline):
        """Return ``tokens`` sealed again under the key of ``deadline``."""
        domain = self.company_id._pii_domain()
        keyring = keys.keyring(self.env)
        try:
            key_id = keyring.ensure(day_key_id(domain, deadline))
            return [keyring.reseal_record(domain, key_id, self.uuid, cls, token) for token in tokens]
        except CryptoError as error:
            raise UserError(str(error)) from error

    def _correct(self, values):
        """Add a correction (``{class: {key: text}}``) to what is held, without opening anything.

        Corrections survive later deliveries of the channel: a person knew better.
        """
        for subject in self.sudo():  # sudo: whoever may write the contact may correct it; nothing is read
            if subject.state != "live":
                raise UserError(
                    self.env._("The personal data of %s is gone; nothing can be added to it.", subject.reference)
                )
            columns = subject._sealed_columns(
                subject.company_id, {"uuid": subject.uuid, "deadline": subject.deadline}, {"values": values}
            )
            columns.pop("content_mac", None)
            for name, token in columns.items():
                if name.endswith("_token") and token:
                    columns[name] = SEPARATOR.join(filter(None, [subject[name], token]))
            subject.write(columns)

    # === PARTNERS === #

    def _ensure_partners(self):
        """Create the pseudonymous contact of each subject that has none; return all of them, one per subject."""
        Partner = self.env["res.partner"].sudo()  # sudo: importers need no right on contacts at large
        subjects = self.sudo()
        found = Partner.with_context(active_test=False).search([("pii_subject_id", "in", self.ids)], order="id")
        by_subject = {}
        for partner in found:
            by_subject.setdefault(partner.pii_subject_id.id, partner)
        missing = subjects.filtered(lambda subject: subject.id not in by_subject)
        created = Partner.with_context(
            tracking_disable=True, mail_create_nosubscribe=True, mail_create_nolog=True, mail_notrack=True
        ).create([subject._prepare_partner_vals() for subject in missing])
        for subject, partner in zip(missing, created, strict=True):
            by_subject[subject.id] = partner
        return Partner.concat(*(by_subject[subject.id] for subject in self)).with_env(self.env)

    def _prepare_partner_vals(self):
        """Return the values of the pseudonymous contact; a channel adds what its documents need."""
        self.ensure_one()
        return {
            "name": self._pseudonym(),
            "pii_subject_id": self.id,
            "company_id": self.company_id.id,
            "country_id": self.country_id.id,
        }

    def _partner(self):
        """Return the subject's pseudonymous contact."""
        self.ensure_one()
        return self._ensure_partners()
