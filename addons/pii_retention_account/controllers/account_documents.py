"""Accounting's downloads of invoices: sealed documents open through the gate, for the purpose of issuing them."""

from __future__ import annotations

from odoo.http import request, route

from odoo.addons.account.controllers.download_docs import AccountDocumentDownloadController
from odoo.addons.pii_retention import files
from odoo.addons.pii_retention.naming import names_of


def _no_store(response, subjects):
    if response is not None and subjects:
        response.headers["Cache-Control"] = "no-store"
    return response


def _reveal(moves):
    """Return the reveal of the customers of invoices that the user may read; `_no_store` the response."""
    moves.check_access("read")
    names = names_of(moves)
    reason = request.env._("Download %s", names)
    return moves._pii_subjects().reveal("invoice", reason=reason, document=names)


class SealedDocumentDownloadController(AccountDocumentDownloadController):
    @route()
    def download_invoice_attachments(self, attachments):
        with files.opened(attachments) as inside:
            return _no_store(super().download_invoice_attachments(inside), attachments._pii_subjects())

    @route()
    def download_invoice_documents_filetype(self, invoices, filetype, allow_fallback=True):
        with _reveal(invoices) as env:
            response = super().download_invoice_documents_filetype(
                invoices.with_env(env), filetype, allow_fallback=allow_fallback
            )
        return _no_store(response, invoices._pii_subjects())

    @route()
    def download_move_attachments(self, moves):
        with _reveal(moves) as env:
            response = super().download_move_attachments(moves.with_env(env))
        return _no_store(response, moves._pii_subjects())
