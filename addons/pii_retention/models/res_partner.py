from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class ResPartner(models.Model):
    _inherit = "res.partner"

    pii_subject_id = fields.Many2one(
        "pii.subject",
        string="Data Subject",
        index="btree_not_null",
        copy=False,
        ondelete="restrict",
        help="The vault's entry for the person behind this pseudonymous contact.",
    )

    @api.model
    def _pii_fields(self):
        """Return ``{partner field: vault keys}`` of the columns that a protected contact never holds.

        A module that adds a personal field to contacts extends this and ``purposes.CLASSES``. Fields of modules
        that are not installed may be named.
        """
        return {
            "name": ("name",),
            "company_name": ("company_name",),
            "street": ("street",),
            "street2": ("street2", "street3"),
            "zip": ("zip",),
            "city": ("city",),
            "phone": ("phone",),
            "email": ("email",),
            "vat": ("vat",),
            "comment": ("comment",),
            "website": ("website",),
            "function": ("function",),
            "company_registry": ("company_registry",),
            "peppol_endpoint": ("peppol_endpoint",),
            "l10n_it_codice_fiscale": ("tax_code",),
            "l10n_it_pec_email": ("pec_email",),
        }

    @api.model
    def _pii_classes(self):
        """Return ``{vault key: classes that a correction of it goes to}``."""
        both = ("operational", "fiscal")
        operational = ("phone", "email", "comment", "website", "function")
        fiscal = ("vat", "tax_code", "company_registry", "peppol_endpoint", "pec_email")
        return {
            **dict.fromkeys(operational, ("operational",)),
            **dict.fromkeys(fiscal, ("fiscal",)),
            **dict.fromkeys(("name", "company_name", "street", "street2", "street3", "zip", "city"), both),
        }

    @api.model
    def _pii_dropped_fields(self):
        """Return the names of fields whose values a protected contact loses: the vault keeps texts, not pictures."""
        return {"image_1920"}

    @api.model
    def _pii_to_partner(self, values):
        """Return ``{partner field: text or None}`` that a contact shows for the vault's ``{key: text}``.

        Empty when nothing is held: the pseudonym then stays.
        """
        if not any(values.get(key) for keys in self._pii_fields().values() for key in keys):
            return {}
        result = {
            name: ", ".join(text for key in keys if (text := values.get(key))) or None
            for name, keys in self._pii_fields().items()
            if name in self._fields
        }
        if not result["name"]:
            result["name"] = result["company_name"]
            result["company_name"] = None
        if not result["name"]:
            # an address without a name: the pseudonym is all there is to call the person
            del result["name"]
        return result

    def _pii_states(self):
        """Return ``{(country id, code or name in lower case): state id}`` for the countries of these contacts.

        What the vault holds is compared with these and never becomes a search term. Some codes are prefixed (DE-BY).
        """
        result = {}
        for country in self.country_id:
            for state in country.state_ids:
                code = state.code.casefold()
                for key in (state.name.casefold(), code.rpartition("-")[2], code):
                    result[country.id, key] = state.id
        return result

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        return self._pii_create(vals_list, super().create)

    def write(self, vals):
        return self._pii_write(vals, lambda records, values: super(ResPartner, records).write(values))  # noqa: UP008

    def _register_hook(self):
        super()._register_hook()
        # Overrides in modules that are loaded later run before those above and would see the plaintext (snailmail
        # copies the address into its letters). The class that the registry made of them all comes before every one.
        cls = type(self)
        if "_pii_outermost" in cls.__dict__:
            return

        @api.model_create_multi
        def create(self, vals_list):
            return self._pii_create(vals_list, super(cls, self).create)

        def write(self, vals):
            return self._pii_write(vals, lambda records, values: super(cls, records).write(values))

        cls.create, cls.write, cls._pii_outermost = create, write, True

    @api.model
    def _pii_create(self, vals_list, create):
        """Create contacts with ``create``, their personal values diverted into the vault where they have a subject."""
        # a default in the context or of a user binds like a value
        defaults = {name: value for name, value in self.default_get(["pii_subject_id", "parent_id"]).items() if value}
        vals_list = [{**defaults, **vals} for vals in vals_list]
        self._pii_check_relatives([vals["parent_id"] for vals in vals_list if vals.get("parent_id")])
        diverted = []
        for index, vals in enumerate(vals_list):
            if subject_id := vals.get("pii_subject_id"):
                self._pii_check_binding()
                if vals.get("parent_id"):
                    raise self._pii_alone_error()
                subject = self.env["pii.subject"].sudo().browse(subject_id)  # sudo: only its pseudonym is read
                diverted.append((subject, self._pii_divert(vals, subject)))
                vals_list[index] = {**self._pii_clear(vals), "name": subject._pseudonym()}
        partners = create(vals_list)
        for subject, values in diverted:
            if values:
                subject._correct(values, document="res.partner")
        return partners

    def _pii_write(self, vals, write):
        """Write with ``write(records, vals)``, the personal values of protected contacts diverted into the vault."""
        subject_id = vals.get("pii_subject_id")
        if "pii_subject_id" in vals:
            # sudo: which subject a contact is bound to decides, whoever writes
            if any(partner.pii_subject_id.id != subject_id for partner in self.sudo() if partner.pii_subject_id):
                raise UserError(self.env._("A protected contact stays bound to its data subject."))
            if subject_id:
                self._pii_check_binding()
        if vals.get("parent_id"):
            self._pii_check_relatives([vals["parent_id"], *self.ids])
        closed = self._pii_fields().keys() | self._pii_dropped_fields()
        if not subject_id and not closed & vals.keys():
            return write(self, vals)
        # sudo: whether a contact is protected is no secret and decides how anybody's write is stored
        protected = (self.sudo() if subject_id else self.sudo().filtered("pii_subject_id")).with_env(self.env)
        if not protected:
            return write(self, vals)
        if rest := self - protected:
            write(rest, vals)
        protected.check_access("write")
        clean = self._pii_clear(vals)
        if not subject_id:
            result = write(protected, clean)
        else:
            if self.sudo().parent_id or self.sudo().with_context(active_test=False).child_ids:
                raise self._pii_alone_error()
            subject = self.env["pii.subject"].sudo().browse(subject_id)  # sudo: only its pseudonym is read
            emptied = {name: False for name in closed if name in self._fields}
            # the chatter would keep the old values of what is emptied here
            untracked = protected.with_context(tracking_disable=True, mail_notrack=True)
            result = write(untracked, {**clean, **emptied, "name": subject._pseudonym()})
        for partner in protected.sudo():
            if values := self._pii_divert(vals, partner.pii_subject_id):
                partner.pii_subject_id._correct(values, document=f"res.partner,{partner.id}")
        return result

    def copy_data(self, default=None):
        if self.sudo().pii_subject_id:
            raise UserError(self.env._("A protected contact belongs to one order and cannot be duplicated."))
        return super().copy_data(default)

    # === HELPERS === #

    def _pii_check_binding(self):
        """Let importers alone bind a contact: what is typed into it then corrects where the parcel goes."""
        if not self.env.su:
            raise AccessError(self.env._("Only the connection to a shop binds a contact to a data subject."))

    @api.model
    def _pii_check_relatives(self, partner_ids):
        """Refuse a parent or child for a protected contact: Odoo copies addresses between them, past every write."""
        if self.browse(set(partner_ids)).sudo().pii_subject_id:  # sudo: as in write
            raise self._pii_alone_error()

    def _pii_alone_error(self):
        return UserError(
            self.env._("A protected contact stands for one order: it has no company above and no addresses below it.")
        )

    @api.model
    def _pii_clear(self, vals):
        """Return ``vals`` without personal columns."""
        closed = self._pii_fields().keys() | self._pii_dropped_fields()
        return {name: value for name, value in vals.items() if name not in closed}

    @api.model
    def _pii_divert(self, vals, subject):
        """Return ``{class: {key: text}}`` of the personal values in ``vals``.

        Empty values are no correction: Odoo clears fields of contacts for its own reasons. Nor is the pseudonym,
        which forms send back.
        """
        classes = self._pii_classes()
        values = {}
        for name, keys in self._pii_fields().items():
            text = vals.get(name)
            if not text or text == subject._pseudonym():
                continue
            for cls in classes[keys[0]]:
                values.setdefault(cls, {})[keys[0]] = str(text)
        return values
