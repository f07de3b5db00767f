from odoo import api, models
from odoo.exceptions import UserError

from .. import keys, tombstones
from ..crypto import CryptoError


class PiiSubject(models.Model):
    """Who was erased stays erased: what a channel sends again is taken without the person."""

    _inherit = "pii.subject"

    @api.model
    def _is_tombstoned(self, company, origin, reference):
        """Tell whether the person behind ``reference`` of a channel was erased, in this database or before a restore.

        :raise UserError: the ledger beside the keys cannot be asked
        """
        return reference in self._tombstoned(company, origin, [reference])

    @api.model
    def _tombstoned(self, company, origin, references):
        """Return those of ``references`` whose person was erased; see :meth:`_is_tombstoned`."""
        references = list(references)
        # sudo: that somebody was erased is no personal data; importers ask
        known = self.sudo().search(
            [("company_id", "=", company.id), ("origin", "=", origin), ("reference", "in", references)]
        )
        erased = set(known.filtered(lambda subject: subject.state == "erased").mapped("reference"))
        domain = company._pii_domain()
        by_id = {tombstones.subject_uuid(domain, origin, reference): reference for reference in references}
        by_id |= {subject.uuid: subject.reference for subject in known}
        return erased | {by_id[found] for found in self._buried(by_id)}

    @api.model
    def _buried(self, uuids):
        """Return those of ``uuids`` that are in the ledger of erased subjects."""
        try:
            return keys.keyring(self.env).subjects.buried(uuids)
        except CryptoError as error:
            raise UserError(str(error)) from error
