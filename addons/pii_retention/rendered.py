"""Remember whose data a rendered document shows, until it is stored.

Odoo renders a document in one place and stores it in another, sometimes before it belongs to any record (the mail
composer). What was rendered from a person's data is sealed for that person wherever it is stored in the same
transaction.
"""

from __future__ import annotations

import hashlib
from weakref import WeakKeyDictionary

#: ``{cursor: {digest: subject id}}`` of the documents rendered on it; no content, and gone with the cursor.
_rendered: WeakKeyDictionary = WeakKeyDictionary()


def remember_rendered(cr, content: bytes, subject_id: int) -> None:
    """Note that ``content`` was rendered from a person's data, so that it is sealed wherever it is stored."""
    _rendered.setdefault(cr, {})[hashlib.sha256(content).digest()] = subject_id


def rendered_for(cr, content: bytes) -> int | None:
    """Return the id of the subject whose data ``content``, rendered on this cursor, shows."""
    digests = _rendered.get(cr)
    return digests.get(hashlib.sha256(content).digest()) if digests else None
