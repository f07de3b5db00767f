"""Plain values of Amazon's payloads: what a text, a time, a code or an amount may look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)")
_AMOUNT = re.compile(r"-?\d{1,18}(\.\d{1,9})?")
_CODE = re.compile(r"[A-Z0-9_]{1,64}")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .&/-]{0,63}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#+=-]{0,99}")
_ORDER_ID = re.compile(r"[A-Z0-9][A-Z0-9-]{2,49}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_ASIN = re.compile(r"[A-Z0-9]{10}")
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean_text(text: str) -> tuple[str, bool]:
    """`text` without what PostgreSQL refuses (NUL, lone surrogates), and whether anything had to be changed."""
    cleaned = _SURROGATE.sub("\ufffd", text.replace("\x00", ""))
    return cleaned, cleaned != text


def parse_time(value: Any) -> datetime | None:
    """An ISO 8601 time with zone as aware UTC, or None. Digits beyond microseconds are cut off."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return None
    text = re.sub(r"(\.\d{6})\d+", r"\1", value)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_amount(value: Any) -> Decimal | None:
    """A decimal amount, or None. JSON numbers are accepted although Amazon sends strings."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = value if isinstance(value, str) else repr(value)
    if not text.isascii() or not _AMOUNT.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 500 and value.isprintable()


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15


def _is_number(value: Any) -> bool:
    return _is_count(value) or (isinstance(value, float) and abs(value) < 1e15)


KINDS: dict[str, Callable[[Any], bool]] = {
    "code": _matches(_CODE),  # an enumeration; Amazon adds values without notice
    "word": _matches(_WORD),  # a short name that is no enumeration (payment method, card brand)
    "id": _matches(_ID),
    "order_id": _matches(_ORDER_ID),
    "asin": _matches(_ASIN),
    "country": _matches(_COUNTRY),
    "currency": _matches(_CURRENCY),
    "time": lambda value: parse_time(value) is not None,
    "amount": lambda value: parse_amount(value) is not None,
    "count": _is_count,
    "number": _is_number,
    "line": _is_line,  # one printable line: SKU, carrier, the seller's own address
    "text": lambda value: isinstance(value, str),  # a product's title, the seller's note on its condition
}
"""What a business field may hold. A value of another kind is not stored in clear: it may be anything."""
