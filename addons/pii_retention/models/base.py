from odoo import api, models
from odoo.tools import SQL

from .. import reveal


class Base(models.AbstractModel):
    _inherit = "base"

    def _pii_refuse_write(self):
        """Let PostgreSQL refuse a write inside a reveal, before the values reach a statement.

        The ORM would keep the new value in its cache and flush it later, or never; the user must hear of it
        where it happens. An empty update has no values that a log could show.
        """
        transaction = reveal.current(self.env)
        if transaction is None and not reveal.is_open_on(self.env.cr):
            return
        if transaction is not None and not transaction.is_open:
            raise RuntimeError("This record belongs to a reveal that has ended; read it again outside.")
        if self._auto and not self._abstract:
            self.env.cr.execute(SQL("UPDATE %s SET id = id WHERE FALSE", SQL.identifier(self._table)))

    @api.model_create_multi
    def create(self, vals_list):
        if vals_list:
            self._pii_refuse_write()
        return super().create(vals_list)

    def write(self, vals):
        if self:
            self._pii_refuse_write()
        return super().write(vals)

    def unlink(self):
        if self:
            self._pii_refuse_write()
        return super().unlink()

    @api.model
    def _pii_partner_fields(self):
        """Return the names of the fields of this model that lead to a partner whose data its documents show."""
        return [
            name
            for name, field in self._fields.items()
            if field.type == "many2one" and field.comodel_name == "res.partner" and (field.store or field.related)
        ]

    def _pii_subjects(self):
        """Return the data subjects that documents of these records speak about.

        :return: ``pii.subject`` recordset, empty for records without a protected partner
        """
        if self._name == "res.partner":
            self.sudo().fetch(["pii_subject_id"])
            return self.sudo().pii_subject_id
        # sudo: which subject a record belongs to is no personal data, and the reader of a delivery
        # may have no access to each partner field of it
        records = self.sudo()
        names = self._pii_partner_fields()
        # these columns alone: what a report shows is read again inside the reveal
        records.fetch([name for name in names if self._fields[name].store])
        partners = self.env["res.partner"].sudo().union(*(records.mapped(name) for name in names))
        partners.fetch(["pii_subject_id"])
        return partners.pii_subject_id.with_env(self.env)
