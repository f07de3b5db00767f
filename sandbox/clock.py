"""The sandbox's clock (the real clock plus an offset) and the ISO 8601 date-times of the API.

Instants are integers: milliseconds since 1970-01-01T00:00:00Z, which is what the tables hold.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)", re.ASCII)


class Clock:
    """Milliseconds now, as the sandbox sees it; `offset` (ms) is kept in the state file by its owner."""

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset

    def now(self) -> int:
        """Now in milliseconds since the epoch."""
        return int(time.time() * SECOND) + self.offset

    def set(self, instant: int) -> None:
        """Make `instant` (ms) the present; the clock runs on from there."""
        self.offset = instant - int(time.time() * SECOND)


def parse(text: object) -> int:
    """An RFC 3339 date-time with its zone, to milliseconds.

    Raises ValueError for anything else: a date alone, a missing zone, a ``+`` that arrived as a space, a
    13th month. The model declares ``format: date-time`` for every such parameter.
    """
    if not isinstance(text, str) or not _DATE_TIME.fullmatch(text):
        raise ValueError("not an ISO 8601 date-time")
    return of_datetime(datetime.fromisoformat(text))


def iso(instant: int) -> str:
    """Milliseconds to ``2026-01-31T10:00:00Z``; with a fraction only if there is one."""
    seconds, milliseconds = divmod(instant, SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{milliseconds:03d}Z" if milliseconds else f"{text}Z"


def as_datetime(instant: int) -> datetime:
    """Milliseconds to an aware datetime in UTC."""
    return datetime.fromtimestamp(instant / SECOND, UTC)


def of_datetime(moment: datetime) -> int:
    """An aware datetime to milliseconds."""
    return round(moment.timestamp() * SECOND)


def whole_second(instant: int) -> int:
    """`instant` cut to its second: the resolution Amazon gives order times in."""
    return instant - instant % SECOND
