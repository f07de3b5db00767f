"""How much a user has opened lately, from the access log in one statement; for the limits and for the alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from odoo.tools import SQL

from .volumes import LOOKUP, VOLUME

#: Rows that count. A look-up opens some people by coincidence, whom nobody gets to see, and a decided request opens
#: those whom it names: both have limits of their own.
SEEN = SQL("(document IS NULL OR NOT (starts_with(document, %s) OR starts_with(document, %s)))", LOOKUP, VOLUME)

#: Where a count begins.
HOUR, TODAY, DAY = "hour", "today", "day"


@dataclass(frozen=True, slots=True)
class Counts:
    """Subjects opened by one user, by purpose.

    :param now: naive UTC
    :param rows: ``{purpose: {HOUR: within 60 minutes, TODAY: since midnight UTC, DAY: within 24 hours}}``
    """

    now: datetime
    rows: dict[str, dict[str, int]]

    def opened(self, since: str, purpose: str | None = None) -> int:
        """Return how many were opened since :data:`HOUR`, :data:`TODAY` or :data:`DAY`, for one purpose or for all."""
        return sum(row[since] for code, row in self.rows.items() if not purpose or code == purpose)

    def more(self, purpose: str, count: int) -> Counts:
        """Return the counts once ``count`` more are opened."""
        before = self.rows.get(purpose, dict.fromkeys((HOUR, TODAY, DAY), 0))
        return Counts(self.now, {**self.rows, purpose: {since: n + count for since, n in before.items()}})


def read(cr, uid: int, now: datetime) -> Counts:
    """Return what ``uid`` has opened as the log says on ``cr``."""
    cr.execute(
        SQL(
            """SELECT purpose, count(*) FILTER (WHERE at > %(hour)s), count(*) FILTER (WHERE at > %(today)s), count(*)
                 FROM pii_access_log WHERE user_ref = %(user)s AND at > %(day)s AND outcome = 'opened' AND %(seen)s
                GROUP BY purpose""",
            user=uid,
            seen=SEEN,
            hour=now - timedelta(hours=1),
            today=datetime.combine(now.date(), datetime.min.time()),
            day=now - timedelta(days=1),
        )
    )
    return Counts(now, {row[0]: dict(zip((HOUR, TODAY, DAY), row[1:], strict=True)) for row in cr.fetchall()})
