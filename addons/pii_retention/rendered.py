"""Remember whose data a rendered document shows, until it is stored.

Odoo renders a document in one place and stores it in another, sometimes before it belongs to any record (the mail
composer). What was rendered from a person's data is sealed for that person wherever it is stored in the same
transaction.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from weakref import WeakKeyDictionary


@dataclass(frozen=True, slots=True)
class Rendered:
    """Whose data a document shows.

    :param subject_ids: ids of ``pii.subject``; several for a print of many orders in one file, none for a document
        of customers whose data is gone, which shows nobody
    :param file_class: a key of ``files.FILE_CLASSES``
    """

    subject_ids: tuple[int, ...]
    file_class: str


#: ``{cursor: {digest: Rendered}}`` of the documents rendered on it; no content, and gone with the cursor.
_rendered: WeakKeyDictionary = WeakKeyDictionary()


def remember_rendered(cr, content: bytes, subject_ids: tuple[int, ...], file_class: str) -> None:
    """Note that ``content`` was rendered from these persons' data, so that it is sealed wherever it is stored."""
    digests = _rendered.setdefault(cr, {})
    digests[hashlib.sha256(content).digest()] = Rendered(tuple(subject_ids), file_class)


def rendered_for(cr, content: bytes) -> Rendered | None:
    """Return whose data ``content``, rendered on this cursor, shows; None when it is nobody's."""
    digests = _rendered.get(cr)
    return digests.get(hashlib.sha256(content).digest()) if digests else None


_nobody: ContextVar[frozenset] = ContextVar("pii_documents_of_nobody", default=frozenset())


@contextlib.contextmanager
def of_nobody(records) -> Iterator[None]:
    """Let what is stored for ``records``, whose customers are erased, be ordinary files in the block.

    For code that makes documents of the records themselves and outside of a reveal: they can show nobody.
    """
    token = _nobody.set(_nobody.get() | {(records._name, record_id) for record_id in records.ids})
    try:
        yield
    finally:
        _nobody.reset(token)


def is_of_nobody(res_model: str | None, res_id: int | None) -> bool:
    """Tell whether documents of nobody are being made for this record."""
    return (res_model, res_id) in _nobody.get()
