"""Which class a customer's document is of: A shows nobody, B keeps the identity by law, C is not kept at all.

The class decides whether a document is archived past its customer's day, so that it is decided here and by a person
with a reason, and not by whoever can write an invoice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

#: Fields of ``account.move`` that say so.
DECIDED = frozenset(
    {"pii_document_class", "pii_document_basis", "pii_document_code", "pii_document_reason", "pii_document_by_id"}
)
#: Files of an invoice that are sent to a state's exchange.
E_INVOICE_FIELDS = frozenset({"l10n_it_edi_attachment_file", "l10n_pl_edi_attachment_file"})

_deciding: ContextVar[bool] = ContextVar("pii_deciding_class", default=False)


@contextlib.contextmanager
def deciding() -> Iterator[None]:
    """Let the class of documents be written in the block."""
    token = _deciding.set(True)
    try:
        yield
    finally:
        _deciding.reset(token)


def is_deciding() -> bool:
    return _deciding.get()
