"""Token buckets as arithmetic: no clock, no lock, no storage, no sleeping.

Amazon grants each (application, seller, operation) a bucket of `burst` requests that fills by `rate` a second. The
caller keeps a bucket where all workers see it, and takes a token before each call. Times are seconds of one common
clock (the database's): with the clocks of several machines the buckets would only be roughly right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .operations import OPERATIONS, Operation

MAX_SKEW = 300.0
"""A clock that goes back by less than this is waited for (no double refill); by more, it is taken as newly set."""
_EPSILON = 1e-9


class QuotaExhausted(Exception):
    """No token is left. `wait` is the number of seconds until there is one."""

    def __init__(self, wait: float) -> None:
        self.wait = wait
        super().__init__(f"quota used up for {wait:.1f} s")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket at a moment; every method returns a new one.

    :param rate: tokens a second, > 0. :param burst: its size, >= 1.
    :param tokens: what is in it, at most `burst`; below 0 it is in debt (see :meth:`drain`).
    :param updated_at: the moment, in seconds.
    """

    rate: float
    burst: float
    tokens: float
    updated_at: float

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1e6 or not 1 <= self.burst < 1e6:
            raise ValueError("a bucket needs a positive rate and room for one token")

    def refill(self, now: float) -> Bucket:
        """The bucket at `now`."""
        elapsed = now - self.updated_at
        if elapsed < 0:
            return self if elapsed >= -MAX_SKEW else replace(self, updated_at=now)
        return replace(self, tokens=min(self.burst, self.tokens + elapsed * self.rate), updated_at=now)

    def wait(self, now: float, cost: float = 1.0, reserve: float = 0.0) -> float:
        """Seconds until `cost` tokens can be taken, 0 if now.

        :param reserve: tokens that must be left over: automatic work leaves some for people, who pass 0.
        """
        bucket = self.refill(now)
        needed = min(cost + reserve, bucket.burst)
        missing = needed - bucket.tokens
        if missing <= _EPSILON:
            return 0.0
        return missing / bucket.rate + max(0.0, bucket.updated_at - now)

    def take(self, now: float, cost: float = 1.0, reserve: float = 0.0) -> Bucket:
        """The bucket without `cost` tokens. Raises :class:`QuotaExhausted`, and ``ValueError`` for a cost that the
        bucket can never hold."""
        if not 0 < cost <= self.burst or reserve < 0:
            raise ValueError("a cost that this bucket can never pay")
        wait = self.wait(now, cost, reserve)
        if wait > 0:
            raise QuotaExhausted(wait)
        bucket = self.refill(now)
        return replace(bucket, tokens=bucket.tokens - cost)

    def observe_limit(
        self, rate: float | None, now: float | None = None, *, plan: tuple[float, float] | None = None
    ) -> Bucket:
        """The bucket with the rate that Amazon stated (``x-amzn-RateLimit-Limit``); None or nonsense changes nothing.

        With `now` the time so far is filled at the old rate.

        :param plan: Amazon's documented (rate, burst). Amazon states no burst: one that grants a part of the rate is
            taken to grant the same part of the burst, one that grants more to grant no more at once. The answer that
            stated the rate was itself a call, so a smaller bucket is not full any more.
        """
        if rate is None or not 0 < rate < 1e6 or rate == self.rate:
            return self
        bucket = replace(self if now is None else self.refill(now), rate=rate)
        if plan is None:
            return bucket
        burst = max(1.0, plan[1] * min(1.0, rate / plan[0]))
        if burst >= bucket.burst:
            return replace(bucket, burst=burst)
        tokens = min(bucket.tokens * burst / bucket.burst if bucket.tokens > 0 else bucket.tokens, burst - 1)
        return replace(bucket, burst=burst, tokens=tokens)

    def duration(self, now: float, calls: int, reserve: float = 0.0) -> float:
        """Seconds until `calls` calls can have been made, 0 for none."""
        if calls <= 0:
            return 0.0
        # beyond the first bucketful each call waits for its own token
        missing = calls + min(reserve, self.burst - 1) - self.refill(now).tokens
        return max(0.0, missing / self.rate)

    def drain(self, now: float, retry_after: float | None = None) -> Bucket:
        """The bucket after a 429: empty, so the next token comes in 1 / rate seconds; with a longer `retry_after`
        (seconds, at most an hour counts) in debt, so that it comes then."""
        bucket = self.refill(now)
        debt = 0.0 if retry_after is None else 1.0 - min(retry_after, 3600.0) * bucket.rate
        return replace(bucket, tokens=min(0.0, bucket.tokens, debt))

    def available(self, now: float) -> float:
        """Tokens at `now`."""
        return self.refill(now).tokens


def default_bucket(operation: str | Operation, now: float) -> Bucket:
    """A full bucket with Amazon's documented rate and burst for an operation."""
    op = OPERATIONS[operation] if isinstance(operation, str) else operation
    return Bucket(op.rate, op.burst, op.burst, now)
