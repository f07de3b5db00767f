"""Hours of work between two moments, given the times at which somebody works. Pure; all moments are naive UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

Interval = tuple[datetime, datetime]


def hours_between(intervals: Sequence[Interval], start: datetime, end: datetime) -> float:
    """Hours worked from `start` to `end`; 0 when `end` is not after `start`.

    :param intervals: times of work, sorted, not overlapping
    """
    worked = timedelta()
    for begin, stop in intervals:
        worked += max(timedelta(), min(stop, end) - max(begin, start))
    return worked / timedelta(hours=1)


def moment_before(intervals: Sequence[Interval], end: datetime, hours: float) -> datetime:
    """The latest moment from which `hours` of work are left until `end`.

    Where the times of work known do not reach back so far, the beginning of the first one.
    """
    left = timedelta(hours=hours)
    moment = end
    for begin, stop in reversed(intervals):
        stop = min(stop, end)
        if stop <= begin:
            continue
        if stop - begin >= left:
            return stop - left
        left -= stop - begin
        moment = begin
    return moment
