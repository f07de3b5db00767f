from odoo import models


class AccountMove(models.Model):
    _inherit = "account.move"

    # Accounting reads a stored invoice's bytes straight from its attachment, which is sealed for a protected customer.
    # Downloads are opened for the same purpose for which the document was printed.

    def _get_invoice_legal_documents(self, filetype, allow_fallback=False):
        with self._pii_subjects().reveal("invoice") as env:
            moves = self.with_env(env)
            return super(AccountMove, moves)._get_invoice_legal_documents(filetype, allow_fallback=allow_fallback)

    def _get_invoice_legal_documents_all(self, allow_fallback=False):
        with self._pii_subjects().reveal("invoice") as env:
            moves = self.with_env(env)
            return super(AccountMove, moves)._get_invoice_legal_documents_all(allow_fallback=allow_fallback)
