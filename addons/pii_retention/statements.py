"""What a statement may carry to the server while personal data is open.

PostgreSQL and Odoo log in full what fails, is cancelled or is slow, and a foreign module's mistake is enough for that.
"""

from __future__ import annotations

import re

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


def masked(query, params, texts: frozenset[str]):
    """Return a statement as it may go to the server, which logs in full what fails, is slow or is cancelled.

    :param texts: what is masked in a statement that only reads, where it is a whole parameter
    """
    if isinstance(query, SQL):
        query, params = query.code, query.params
    code = query.decode("utf-8", "replace") if isinstance(query, bytes) else str(query)
    if WRITES.search(code):
        query = logmask.mask(code).encode() if isinstance(query, bytes) else logmask.mask(code)
        params = logmask.mask_object(tuple(params) if isinstance(params, list) else params)
    elif isinstance(params, dict):
        params = {name: _parameter(value, texts) for name, value in params.items()}
    elif params:
        params = tuple(_parameter(value, texts) for value in params)
    return query, params
