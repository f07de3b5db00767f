"""What a statement may carry to the server while personal data is open.

PostgreSQL and Odoo log in full what fails, is cancelled or is slow, and a foreign module's mistake is enough for that.
"""

from __future__ import annotations

import re

from odoo.sql_db import Cursor
from odoo.tools import SQL

from . import logmask

#: Statements that change something, or lock rows: all of them fail in a reveal and a failing statement is
#: logged in full by PostgreSQL and by Odoo. Their values are masked before they leave the process.
WRITES = re.compile(
    r'(?<!")\b(insert|update|delete|merge|copy|create|alter|drop|truncate|call|do|notify|grant|comment|lock|nextval)\b(?!")',
    re.IGNORECASE,
)


#: Keys that a statement may have to look something up by: an exemption by postcode, a depot by city, a rule by state.
#: Nothing is stored by the others, so that no statement needs them.
LOOKED_UP = frozenset(
    {"zip", "city", "state", "vat", "tax_code", "company_registry", "peppol_endpoint", "payment_reference"}
)


def unneeded_texts(values: dict[int, dict[str, str]]) -> frozenset[str]:
    """Return the revealed texts that no statement needs, as :func:`_parameter` compares them.

    Single words are left out: a buyer may be called like something that Odoo searches for.
    """
    lines = (
        line
        for known in values.values()
        for key, text in known.items()
        if key not in LOOKED_UP
        for line in (text, *text.splitlines())
    )
    return frozenset(_compared(line) for line in lines if re.search(r"[\s@+]", line.strip()))


def _compared(text: str) -> str:
    return text.strip("% \t\r\n").casefold()


def _parameter(value, texts: frozenset[str]):
    if isinstance(value, str):
        return logmask.MASK if _compared(value) in texts else value
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple) and any(isinstance(i, str) for i in value):
        return type(value)(_parameter(item, texts) for item in value)
    return value


def _as_text(query) -> str:
    return query.decode("utf-8", "replace") if isinstance(query, bytes) else str(query)


def _writes(code: str) -> bool:
    """Tell whether a statement changes something. A document for many asks the same a hundred times.

    Remembered for as long as the values are open: a statement may have one of them in its text.
    """
    notes = logmask.notes()
    if code not in notes:
        notes[code] = bool(WRITES.search(code))
    return notes[code]


def _masked_all(query, params):
    code = _as_text(query)
    query = logmask.mask(code).encode() if isinstance(query, bytes) else logmask.mask(code)
    return query, logmask.mask_object(tuple(params) if isinstance(params, list) else params)


def masked(query, params, texts: frozenset[str]):
    """Return a statement as it may go to the server, which logs in full what fails, is slow or is cancelled.

    :param texts: what is masked in a statement that only reads, where it is a whole parameter
    """
    if isinstance(query, SQL):
        query, params = query.code, query.params
    if _writes(_as_text(query)):
        return _masked_all(query, params)
    if isinstance(params, dict):
        params = {name: _parameter(value, texts) for name, value in params.items()}
    elif params:
        params = tuple(_parameter(value, texts) for value in params)
    return query, params


#: The vault's own rows hold no personal data, and are sealed as they were handed over.
_OWN = re.compile(r'\s*(insert\s+into|update|delete\s+from)\s+"?pii_', re.IGNORECASE)
_original_execute = Cursor.execute


def _execute(self, query, params=None, log_exceptions=True):
    if logmask.is_active():
        if isinstance(query, SQL):
            query, params = query.code, query.params
        code = _as_text(query)
        if _writes(code) and not _OWN.match(code):
            query, params = _masked_all(query, params)
    return _original_execute(self, query, params, log_exceptions)


def install() -> None:
    """Let no other connection of a thread that holds personal data write it; safe to call again.

    The reveal's own connection takes no writes. A server action's ``log``, a carrier's protocol and the like open
    one of their own.
    """
    if Cursor.execute is not _execute:
        Cursor.execute = _execute
