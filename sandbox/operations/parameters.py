"""Reading query parameters by the rules of Amazon's models. Not an operation itself."""

from __future__ import annotations

from .. import clock
from ..errors import denied, invalid
from ..marketplaces import MARKETPLACES
from ..visibility import DATASETS
from . import Call

OPERATIONS: list[object] = []


def instant(query: dict[str, str], name: str) -> int | None:
    """A date-time parameter in ms; None if it was not sent, 400 if it is no ISO 8601 date-time."""
    if name not in query:
        return None
    try:
        return clock.parse(query[name])
    except (ValueError, OverflowError):
        raise invalid(f"Invalid value for parameter {name}: it must be an ISO 8601 date-time.") from None


def choices(query: dict[str, str], name: str, allowed: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """A comma-separated list, sorted and without repetition; 400 for an empty element or one that is not allowed."""
    if name not in query:
        return ()
    values = query[name].split(",")
    for value in values:
        if not value or (allowed is not None and value not in allowed):
            expected = f" Possible values: {', '.join(allowed)}." if allowed else ""
            raise invalid(f"Invalid value for parameter {name}.{expected}")
    return tuple(sorted(set(values)))


def included_data(query: dict[str, str]) -> frozenset[str]:
    """The `includedData` parameter of the Orders API."""
    return frozenset(choices(query, "includedData", DATASETS))


def whole_number(query: dict[str, str], name: str, low: int, high: int, default: int) -> int:
    """An integer parameter within its bounds."""
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and low <= int(text[:9]) <= high and len(text) < 10):
        raise invalid(f"Invalid value for parameter {name}: it must be between {low} and {high}.")
    return int(text)


def marketplaces(call: Call, values: tuple[str, ...]) -> None:
    """400 for an id that is no marketplace, 403 for one in which the seller does not take part."""
    for value in values:
        if value not in MARKETPLACES:
            raise invalid("Invalid value for parameter marketplaceIds: unknown marketplace.")
        if value not in call.seller.marketplaces:
            raise denied("The seller is not authorised for the requested marketplace.")
