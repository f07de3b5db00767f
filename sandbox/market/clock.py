"""Times as Amazon writes them: ISO 8601, UTC, whole seconds, a trailing ``Z``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["end_of_day", "iso", "parse", "start_of_day", "utc"]


def utc(moment: datetime) -> datetime:
    """Return the moment in UTC at whole seconds; a naive datetime is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(microsecond=0)


def iso(moment: datetime) -> str:
    """``2026-11-21T19:36:05Z``."""
    return utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> datetime:
    """Read what :func:`iso` writes, and any other ISO 8601 text. Raise ``ValueError`` for anything else."""
    return utc(datetime.fromisoformat(text))


def start_of_day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def end_of_day(moment: datetime) -> datetime:
    return start_of_day(moment) + timedelta(hours=23, minutes=59, seconds=59)
