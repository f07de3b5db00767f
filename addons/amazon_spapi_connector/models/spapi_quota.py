from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable

import psycopg2

from odoo import api, fields, models

from ..spapi.operations import OPERATIONS
from ..spapi.quota import Bucket, QuotaExhausted, default_bucket

_logger = logging.getLogger(__name__)
ATTEMPTS = 20
SLOWEST = 1 / 3600
"""Calls a second. Whoever waits for days for a call never hears that the rate is another one again."""
_COUNT = """INSERT INTO spapi_quota_use (account_id, operation, hour, calls, throttled, waited)
                 VALUES (%%s, %%s, date_trunc('hour', clock_timestamp() AT TIME ZONE 'UTC'), %s)
            ON CONFLICT (account_id, operation, hour) DO UPDATE SET {0} = spapi_quota_use.{0} + 1"""
COUNTERS = {
    "calls": _COUNT.format("calls") % "1, 0, 0",
    "throttled": _COUNT.format("throttled") % "0, 1, 0",
    "waited": _COUNT.format("waited") % "0, 0, 1",
}
"""Statements that add one to a counter of ``spapi.quota.use``, for (account id, operation)."""


class SpapiQuota(models.Model):
    """The ledger of Amazon's quota: a token bucket per account and operation, shared by all workers.

    Every change is a transaction of its own with the row locked, so that what an import does later (or undoes) cannot
    hide a call that was made. The clock is the database's.
    """

    _name = "spapi.quota"
    _description = "Amazon Quota"
    _order = "account_id, operation"
    _rec_name = "operation"

    account_id = fields.Many2one("spapi.account", required=True, readonly=True, ondelete="cascade", index=True)
    operation = fields.Char(required=True, readonly=True)
    rate = fields.Float(string="Calls per Second", digits=(16, 6), readonly=True)
    burst = fields.Float(string="Most Calls at Once", readonly=True)
    tokens = fields.Float(digits=(16, 6), readonly=True)
    updated_epoch = fields.Float(digits=(20, 6), readonly=True, help="When the row was true, in seconds since 1970.")
    available = fields.Integer(string="Calls Left", compute="_compute_available")

    _operation_uniq = models.Constraint("UNIQUE(account_id, operation)", "An operation has one quota per account.")

    def _compute_available(self) -> None:
        now = self._now(self.env.cr)
        for quota in self:
            bucket = Bucket(quota.rate, quota.burst, quota.tokens, quota.updated_epoch)
            quota.available = max(0, int(bucket.available(now) + 1e-6))

    # === BUSINESS === #

    @api.model
    def _take(self, account, operation: str, reserve: float = 0.0) -> float:
        """Take a token for one call. Returns 0.0, or the seconds until there is one: nobody sleeps here.

        :param reserve: tokens to be left for people
        """
        waits: list[float] = []
        used: list[str] = []

        def take(bucket: Bucket, now: float) -> Bucket:
            try:
                bucket = bucket.take(now, reserve=reserve)
            except QuotaExhausted as exhausted:
                waits.append(exhausted.wait)
                used.append("waited")
            else:
                waits.append(0.0)
                used.append("calls")
            return bucket

        self._change(account, operation, take, lambda: used[-1])
        return waits[-1]

    @api.model
    def _drain(self, account, operation: str, retry_after: float | None) -> None:
        """Amazon answered 429: the bucket is empty, whatever we thought."""
        if operation in OPERATIONS:
            drain = lambda bucket, now: bucket.drain(now, retry_after)  # noqa: E731
            self._change(account, operation, drain, lambda: "throttled")

    @api.model
    def _feed(self, account, operation: str, rate: float) -> None:
        """Amazon stated the account's rate. One below :data:`SLOWEST` counts as that: the next answer corrects it."""
        rate = max(rate, SLOWEST)
        self.env.cr.execute(
            "SELECT rate FROM spapi_quota WHERE account_id = %s AND operation = %s", [account.id, operation]
        )
        row = self.env.cr.fetchone()
        if not row or abs(float(row[0]) - rate) > 1e-6:
            plan = OPERATIONS[operation]
            observed = (plan.rate, plan.burst)
            self._change(
                account, operation, lambda bucket, now: bucket.observe_limit(round(rate, 6), now, plan=observed)
            )

    @api.model
    def _change(
        self,
        account,
        operation: str,
        change: Callable[[Bucket, float], Bucket],
        counted: Callable[[], str] | None = None,
    ) -> None:
        """Replace the bucket under its row lock, in a short transaction of its own.

        :param counted: what the change is for the statistics of use, asked afterwards: a key of :data:`COUNTERS`
        """
        for attempt in range(ATTEMPTS):
            try:
                with self.env.registry.cursor() as cr:
                    self._change_row(cr, account.id, operation, change)
                    if counted:
                        self._count(cr, account.id, operation, counted())
                return
            except psycopg2.errors.SerializationFailure:
                # Odoo's cursors are REPEATABLE READ: whoever waited for the lock must look again.
                if attempt + 1 == ATTEMPTS:
                    raise
                time.sleep(random.uniform(0.001, 0.005 * (attempt + 1)))

    @api.model
    def _change_row(self, cr, account_id: int, operation: str, change: Callable[[Bucket, float], Bucket]) -> None:
        now = self._now(cr)
        fresh = default_bucket(operation, now)
        cr.execute(
            """INSERT INTO spapi_quota (account_id, operation, rate, burst, tokens, updated_epoch)
                    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (account_id, operation) DO NOTHING""",
            [account_id, operation, fresh.rate, fresh.burst, fresh.tokens, fresh.updated_at],
            # whoever waited for the lock looks again: that is no error to be logged
            log_exceptions=False,
        )
        cr.execute(
            """SELECT id, rate, burst, tokens, updated_epoch FROM spapi_quota
                WHERE account_id = %s AND operation = %s FOR UPDATE""",
            [account_id, operation],
            log_exceptions=False,
        )
        row_id, *numbers = cr.fetchone()
        old = Bucket(*(float(number) for number in numbers))
        new = change(old, now)
        if new != old:
            cr.execute(
                "UPDATE spapi_quota SET rate = %s, burst = %s, tokens = %s, updated_epoch = %s WHERE id = %s",
                [new.rate, new.burst, new.tokens, new.updated_at, row_id],
            )

    @api.model
    def _count(self, cr, account_id: int, operation: str, counter: str) -> None:
        """Add one to the hour's counter, in the transaction that changes the bucket and under its lock."""
        cr.execute(COUNTERS[counter], [account_id, operation], log_exceptions=False)

    # === OUTLOOK === #

    @api.model
    def _bucket(self, account, operation: str) -> tuple[Bucket, float]:
        """``(bucket, now)`` as it is committed; a full one if nothing was called yet."""
        now = self._now(self.env.cr)
        row = self.search([("account_id", "=", account.id), ("operation", "=", operation)], limit=1)
        if not row:
            return default_bucket(operation, now), now
        return Bucket(row.rate, row.burst, row.tokens, row.updated_epoch), now

    @api.model
    def _outlook(self, account, operation: str) -> tuple[int, float]:
        """``(calls that automatic work may make now, seconds between two after that)``."""
        bucket, now = self._bucket(account, operation)
        left = bucket.available(now) - min(account.quota_reserve, bucket.burst - 1)
        return max(0, int(left + 1e-6)), 1 / bucket.rate

    @api.model
    def _duration(self, account, operation: str, calls: int) -> float:
        """Seconds that automatic work needs for `calls` calls."""
        bucket, now = self._bucket(account, operation)
        return bucket.duration(now, calls, account.quota_reserve)

    @api.model
    def _now(self, cr) -> float:
        """The database's clock: the workers' own may differ."""
        cr.execute("SELECT extract(epoch FROM clock_timestamp())")
        return float(cr.fetchone()[0])
