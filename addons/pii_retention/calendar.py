"""Days of a company: which one it is at a moment, and when one begins and ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def day_at(moment: datetime, zone: str) -> date:
    """Return the calendar day in ``zone`` (IANA name) at ``moment``; a naive moment is UTC, as Odoo stores them."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(ZoneInfo(zone)).date()


def begins(day: date, zone: str) -> datetime:
    """Return the first moment of ``day`` in ``zone``, naive UTC.

    Where the clocks are put forward at midnight, it is the first moment that exists.
    """
    local = datetime.combine(day, time.min, ZoneInfo(zone))
    moment = local.astimezone(UTC)
    # a time that the clocks skip maps to one on the day before
    while moment.astimezone(ZoneInfo(zone)).date() < day:
        moment += timedelta(minutes=15)
    return moment.replace(tzinfo=None)
