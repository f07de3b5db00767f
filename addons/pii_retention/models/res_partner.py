from odoo import api, fields, models
from odoo.exceptions import UserError


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

        A module that adds a personal field to contacts extends this and ``purposes.CLASSES``.
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
        }

    @api.model
    def _pii_classes(self):
        """Return ``{vault key: classes that a correction of it goes to}``."""
        both = ("operational", "fiscal")
        operational = {key: ("operational",) for key in ("phone", "email", "comment")}
        return {"vat": ("fiscal",), **operational} | {
            key: both for key in ("name", "company_name", "street", "street2", "street3", "zip", "city")
        }

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

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        diverted = []
        for index, vals in enumerate(vals_list):
            if subject_id := vals.get("pii_subject_id"):
                subject = self.env["pii.subject"].sudo().browse(subject_id)  # sudo: only its pseudonym is read
                diverted.append((subject, self._pii_divert(vals, subject)))
                vals_list[index] = {**self._pii_clear(vals), "name": subject._pseudonym()}
        partners = super().create(vals_list)
        for subject, values in diverted:
            if values:
                subject._correct(values)
        return partners

    def write(self, vals):
        if "pii_subject_id" in vals and any(
            partner.pii_subject_id.id != vals["pii_subject_id"] for partner in self.sudo() if partner.pii_subject_id
        ):
            raise UserError(self.env._("A protected contact stays bound to its data subject."))
        personal = self._pii_fields().keys() & vals.keys()
        if not personal and not vals.get("pii_subject_id"):
            return super().write(vals)
        # sudo: whether a contact is protected is no secret and decides how anybody's write is stored
        protected = self.sudo().filtered("pii_subject_id")
        if vals.get("pii_subject_id"):
            protected = self.sudo()
        if not protected:
            return super().write(vals)
        rest = self - protected.with_env(self.env)
        if rest:
            super(ResPartner, rest).write(vals)
        partners = protected.with_env(self.env)
        partners.check_access("write")
        result = super(ResPartner, partners).write(self._pii_clear(vals))
        if vals.get("pii_subject_id"):
            subject = self.env["pii.subject"].sudo().browse(vals["pii_subject_id"])  # sudo: only its pseudonym is read
            super(ResPartner, partners).write(
                {**dict.fromkeys(self._pii_fields(), False), "name": subject._pseudonym()}
            )
        for partner in protected:
            if values := self._pii_divert(vals, partner.pii_subject_id):
                partner.pii_subject_id._correct(values)
        return result

    def copy_data(self, default=None):
        if self.sudo().pii_subject_id:
            raise UserError(self.env._("A protected contact belongs to one order and cannot be duplicated."))
        return super().copy_data(default)

    @api.model
    def _pii_clear(self, vals):
        """Return ``vals`` without personal columns."""
        return {name: value for name, value in vals.items() if name not in self._pii_fields()}

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
