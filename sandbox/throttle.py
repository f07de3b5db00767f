"""Token buckets per (seller, application, operation), driven by the sandbox's clock and kept in the state file."""

from __future__ import annotations

from typing import Any

from .clock import SECOND
from .db import Database

EVERYTHING = "*"


class Throttle:
    """Amazon's usage plans: `rate` requests a second refill a bucket of `burst`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    @property
    def enabled(self) -> bool:
        """Is anything throttled at all?"""
        return self.db.get("throttle", "1") == "1"

    def configure(
        self,
        enabled: bool | None = None,
        operation: str | None = None,
        rate: float | None = None,
        burst: float | None = None,
        factor: float | None = None,
    ) -> None:
        """Switch throttling, or change one operation's plan (every operation's, without a name).

        `rate` and `burst` replace the plan's, `factor` multiplies both; the buckets concerned start full again.
        """
        if enabled is not None:
            self.db.put("throttle", int(enabled))
        if rate is None and burst is None and factor is None:
            return
        name = operation or EVERYTHING
        self.db.execute(
            "INSERT INTO plans VALUES (?1, ?2, ?3, ?4) ON CONFLICT (operation) DO UPDATE SET "
            "rate = COALESCE(?2, rate), burst = COALESCE(?3, burst), factor = COALESCE(?4, factor)",
            name,
            rate,
            burst,
            factor,
        )
        self.db.execute("DELETE FROM buckets WHERE operation = ?1 OR ?1 = '*'", name)

    def plan(self, operation: str, rate: float, burst: float) -> tuple[float, float]:
        """(rate, burst) in force: the operation's own settings first, then everybody's, then Amazon's."""
        found = self.db.rows("SELECT * FROM plans WHERE operation IN (?, '*')", operation)
        rows = {row["operation"]: row for row in found}
        factor = 1.0
        for name in (EVERYTHING, operation):
            row = rows.get(name)
            if row:
                rate = rate if row["rate"] is None else row["rate"]
                burst = burst if row["burst"] is None else row["burst"]
                factor = factor if row["factor"] is None else row["factor"]
        return rate * factor, burst * factor

    def take(self, seller: str, client_id: str, operation: str, rate: float, burst: float, now: int) -> bool:
        """Take one token; False if the bucket holds none. `rate` and `burst` come from `plan`."""
        if not self.enabled:
            return True
        row = self.db.row(
            "SELECT tokens, at FROM buckets WHERE seller = ? AND client_id = ? AND operation = ?",
            seller,
            client_id,
            operation,
        )
        tokens = burst
        if row:
            # A clock set back must neither drain nor fill a bucket.
            tokens = min(burst, row["tokens"] + max(0, now - row["at"]) / SECOND * rate)
        # A hair of tolerance: 0.0056 * 178.572 seconds is 1.0000032, but 0.1 * 10 may come out as 0.99…
        allowed = tokens >= 1 - 1e-9
        self.db.execute(
            "INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?, ?)",
            seller,
            client_id,
            operation,
            tokens - 1 if allowed else tokens,
            now,
        )
        return allowed

    def overrides(self) -> dict[str, Any]:
        """The settings in force that are not Amazon's own."""
        plans = {row["operation"]: dict(row) for row in self.db.rows("SELECT * FROM plans")}
        return {"enabled": self.enabled, "plans": plans}
