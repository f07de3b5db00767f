import base64

from odoo import api, fields, models
from odoo.exceptions import AccessError, MissingError, UserError

from .. import archive_items, files, uploads
from ..rendered import is_of_nobody, rendered_for

#: Fields that bring content, in the order in which Odoo looks at them.
CONTENT = ("raw", "datas", "db_datas")
#: Fields that repeat content in clear beside it.
DERIVED = ("index_content", "thumbnail")
#: What a file is sealed for; follows from where it is attached and from nothing that anybody writes.
BINDING = ("pii_subject_id", "pii_class", "pii_item", "pii_archive_id", "pii_shows_nobody")


class IrAttachment(models.Model):
    """Sealing: what is attached to a protected customer's records never reaches the filestore in clear."""

    _inherit = "ir.attachment"

    pii_subject_id = fields.Many2one(
        "pii.subject",
        string="Data Subject",
        index="btree_not_null",
        readonly=True,
        copy=False,
        ondelete="cascade",
        help="The content is sealed for this person: encrypted on disk, opened for a purpose, gone on its day.",
    )
    pii_class = fields.Selection(
        files.FILE_CLASS_SELECTION,
        string="Sealed As",
        readonly=True,
        copy=False,
        help="What the file holds decides for which purposes it opens. It is bound into the seal: whoever changes it "
        "here makes the file unreadable.",
    )
    # the file's own UUID, bound into the seal; empty for files of the time before it
    pii_item = fields.Char(string="Item of the Seal", readonly=True, copy=False)
    pii_shows_nobody = fields.Boolean(
        string="Shows Nobody",
        readonly=True,
        copy=False,
        help="Rendered when its customer's data was gone: a credit note that refers to the invoice.",
    )
    pii_archive_id = fields.Many2one(
        "pii.archive.item",
        string="Archived As",
        index="btree_not_null",
        readonly=True,
        copy=False,
        ondelete="restrict",
        help="The content is sealed for the legal archive. It opens for an approved request, and nowhere else.",
    )

    _pii_item_unique = models.UniqueIndex(
        "(pii_item) WHERE pii_item IS NOT NULL", "A sealed file is stored in one place."
    )

    # === WHOSE IT IS === #

    def _pii_subjects(self):
        """Return the subjects that the files are sealed for: what is derived from a file belongs to them too."""
        return self.sudo().pii_subject_id.with_env(self.env)  # sudo: as for any record

    @api.model
    def _pii_subject_of(self, res_model, res_id):
        """Return the data subject whose files the attachments of this record are, empty if none."""
        subjects = self.env["pii.subject"]
        if not res_model or not res_id or res_model not in self.env:
            return subjects
        if res_model == "pii.subject":
            return subjects.browse(res_id)
        try:
            # documents of a customer name one person; when they name several, the first one's clock is the earliest
            return self.env[res_model].browse(res_id)._pii_subjects()._first_to_end()
        except MissingError:
            return subjects

    @api.model
    def _pii_class_of(self, res_model, res_id):
        """Return the class of what is attached to this record; what is derived from a sealed file is of its class."""
        if res_model == self._name and res_id:
            # sudo: the class is no personal data
            return self.browse(res_id).sudo().exists().pii_class or "mixed"
        return files.class_of_model(res_model)

    @api.model
    def _pii_bound_to(self, content, vals):
        """Return ``(subject, file class)`` for which content with these values is sealed; no subject: not at all.

        What was rendered for somebody is his wherever it is stored; everything else belongs to its record.

        :raise UserError: it shows several customers
        """
        subjects = self.env["pii.subject"]
        file_class = self._pii_class_of(vals.get("res_model"), vals.get("res_id"))
        if explicit := vals.get("pii_subject_id"):
            return subjects.browse(explicit), vals.get("pii_class") or file_class
        if shown := rendered_for(self.env.cr, content):
            if not shown.subject_ids:
                return subjects, shown.file_class  # rendered when the person's data was gone: it shows nobody
            if len(shown.subject_ids) > 1:
                raise UserError(
                    self.env._(
                        "This document shows %s protected customers and cannot be kept as one file. Print it, or "
                        "create one document for each of them.",
                        len(shown.subject_ids),
                    )
                )
            return subjects.browse(shown.subject_ids), shown.file_class
        subject = self._pii_subject_of(vals.get("res_model"), vals.get("res_id"))
        if self._pii_is_of_nobody(content, vals) and subject.sudo().state == "erased":
            return subjects, file_class
        return subject, file_class

    @api.model
    def _pii_is_of_nobody(self, content, vals):
        """Tell whether the content was made when its customer's data was gone, and shows nobody."""
        shown = rendered_for(self.env.cr, content)
        return not shown.subject_ids if shown else is_of_nobody(vals.get("res_model"), vals.get("res_id"))

    @api.model
    def _pii_content_of(self, vals):
        """Return the bytes that ``vals`` would store, whichever field they come in, or None."""
        if raw := vals.get("raw"):
            return raw.encode() if isinstance(raw, str) else bytes(raw)
        if encoded := vals.get("datas"):
            return base64.b64decode(encoded)
        if column := vals.get("db_datas"):
            return column.encode() if isinstance(column, str) else bytes(column)
        return None

    def _pii_check_vals(self, vals, *, new=False):
        """Refuse values that would take a sealed file out of its seal."""
        archived = archive_items.is_writing() and isinstance(vals.get("raw"), files.SealedContent)
        if vals.get("pii_shows_nobody") or (vals.get("pii_archive_id") and not archived):
            raise AccessError(self.env._("Documents are archived with the invoice, not by hand."))
        if not vals.keys().isdisjoint(BINDING) and not (new and self.env.su):
            raise AccessError(self.env._("Whose personal data a file holds follows from the record it is attached to."))
        if vals.get("public") and self._pii_subjects():
            raise UserError(self.env._("A file that holds a customer's personal data cannot be made public."))
        if vals.get("type", "binary") not in ("binary", "url"):
            owners = [(vals.get("res_model"), vals.get("res_id"))] if new else []
            owners += [(known.res_model, known.res_id) for known in self.sudo()]  # sudo: as in files.seal
            if self._pii_subjects() or any(self._pii_subject_of(*owner) for owner in owners):
                raise UserError(
                    self.env._(
                        "Files of a protected customer stay in Odoo's own storage, where they are sealed; they are "
                        "never uploaded to a cloud storage. Upload the file again with the cloud storage turned off."
                    )
                )

    # === SEALING === #

    def _pii_sealed_vals(self, vals, subject, file_class, content):
        """Return ``vals`` with ``content`` sealed and nothing beside it that tells what is in it."""
        # sudo: whoever uploads need not see the customer
        if refusal := uploads.refusal(self.env, subject.sudo().company_id):
            raise UserError(refusal)
        known = self._compute_mimetype({**vals, "raw": content})  # from the plaintext, now: sealed bytes have no type
        if known == "application/octet-stream" and self.mimetype:
            known = self.mimetype
        sealed = files.seal(subject.with_env(self.env), file_class, content)
        return {name: value for name, value in vals.items() if name not in (*CONTENT, *DERIVED)} | {
            "raw": sealed,
            "mimetype": known,
            "public": False,
            "pii_subject_id": sealed.subject_id,
            "pii_class": sealed.file_class,
            "pii_item": sealed.item,
        }

    @api.model_create_multi
    def create(self, vals_list):
        if self.env.context.get("default_pii_subject_id"):
            # meant for the contact that is being created, not for its files
            self = self.with_context(default_pii_subject_id=None)
        sealed_list = []
        for vals in vals_list:
            self.browse()._pii_check_vals(vals, new=True)
            if vals.get("pii_archive_id"):
                sealed_list.append(vals)
                continue
            content = self._pii_content_of(vals)
            if content:
                subject, file_class = self._pii_bound_to(content, vals)
                if subject:
                    vals = self.browse()._pii_sealed_vals(vals, subject, file_class, content)
                elif self._pii_is_of_nobody(content, vals):
                    vals = {**vals, "pii_shows_nobody": True}
            sealed_list.append(vals)
        return super().create(sealed_list)

    def write(self, vals):
        archive_items.check_door(self)
        self._pii_check_vals(vals)
        if vals.keys() & {*CONTENT, *DERIVED}:
            return self._pii_write_content(vals)
        result = super().write(vals)
        if vals.get("res_id") or vals.get("res_model"):
            self._pii_seal_moved()
        return result

    def _pii_write_content(self, vals):
        """Write content, sealed where the file is or now becomes that of a person."""
        self.check_access("write")
        content = self._pii_content_of(vals)
        ordinary = self.browse()
        for attachment in self:
            known = attachment.sudo()  # sudo: the file is sealed whoever attaches it; nothing is read
            place = {"res_model": known.res_model, "res_id": known.res_id, **vals}
            subject, file_class = known.pii_subject_id, known.pii_class or "mixed"
            if content and not subject:
                subject, file_class = known._pii_bound_to(content, place)
            if not subject:
                ordinary |= attachment
            elif content:
                if not known.pii_subject_id:
                    known._pii_forget_plaintext()
                attachment._pii_store(attachment._pii_sealed_vals(vals, subject, file_class, content))
            else:
                super(IrAttachment, attachment).write({key: val for key, val in vals.items() if key not in DERIVED})
        return super(IrAttachment, ordinary).write(vals) if ordinary else True

    def _pii_store(self, vals):
        """Write ``vals`` whose ``raw`` is sealed already."""
        if not isinstance(vals["raw"], files.SealedContent):
            raise TypeError("Only what was sealed is stored for a person.")
        super().write(vals)
        # the ORM would go on to show what was written: sealed bytes
        self.invalidate_recordset(CONTENT)

    def unlink(self):
        archive_items.check_door(self)
        return super().unlink()

    def copy_data(self, default=None):
        archive_items.check_door(self)
        if self._pii_subjects():
            raise AccessError(
                self.env._(
                    "A file that holds a customer's personal data cannot be duplicated. Create the document again "
                    "where you need it."
                )
            )
        return super().copy_data(default)

    @api.model
    def create_unique(self, values_list):
        # what belongs to a person is never looked up by its content
        result = []
        for values in values_list:
            if self._pii_subject_of(values.get("res_model"), values.get("res_id")):
                result += self.create(values).ids
            else:
                result += super().create_unique([values])
        return result

    def _postprocess_contents(self, values):
        if values.get("pii_subject_id") or values.get("pii_archive_id"):
            return values
        return super()._postprocess_contents(values)
