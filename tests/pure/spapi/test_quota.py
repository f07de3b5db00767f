"""Token buckets: never more than Amazon grants, never stuck."""

from __future__ import annotations

from dataclasses import replace

import pytest
from amazon_spapi_connector.spapi.operations import OPERATIONS
from amazon_spapi_connector.spapi.quota import Bucket, QuotaExhausted, default_bucket
from hypothesis import given, settings
from hypothesis import strategies as st

quick = settings(max_examples=150, deadline=None)
steps = st.lists(st.tuples(st.floats(0, 500), st.sampled_from(("take", "drain", "reserve"))), max_size=60)


def test_burst_then_rate():
    bucket = default_bucket("searchOrders", 1000.0)
    for _ in range(20):
        bucket = bucket.take(1000.0)
    with pytest.raises(QuotaExhausted) as caught:
        bucket.take(1000.0)
    assert caught.value.wait == pytest.approx(178.57, abs=0.01)
    bucket = bucket.take(1000.0 + caught.value.wait)
    assert bucket.available(1000.0 + caught.value.wait) == pytest.approx(0, abs=1e-6)


@quick
@given(rate=st.floats(0.001, 100), burst=st.integers(1, 100), steps=steps)
def test_never_more_than_granted(rate, burst, steps):
    """In any window from the start: at most burst + rate * elapsed calls."""
    now, taken = 50.0, 0
    bucket = Bucket(rate, burst, burst, now)
    for seconds, step in steps:
        now += seconds
        if step == "drain":
            bucket = bucket.drain(now)
            continue
        try:
            bucket = bucket.take(now, reserve=2 if step == "reserve" else 0)
            taken += 1
        except QuotaExhausted as error:
            assert error.wait > 0
        assert bucket.tokens <= burst
        assert taken <= burst + rate * (now - 50.0) + 1e-6


@quick
@given(rate=st.floats(0.001, 100), burst=st.integers(1, 50), gone=st.floats(0, 1), reserve=st.integers(0, 80))
def test_waiting_as_told_is_enough(rate, burst, gone, reserve):
    bucket = Bucket(rate, burst, burst * (1 - gone), 0.0)
    wait = bucket.wait(0.0, reserve=reserve)
    assert bucket.take(wait * (1 + 1e-9) + 1e-6, reserve=reserve).tokens < burst


@quick
@given(st.lists(st.floats(-10_000, 10_000), min_size=1, max_size=60))
def test_a_clock_that_jumps_neither_blocks_nor_enriches(jumps):
    bucket = Bucket(0.5, 10, 0, 5000.0)
    now = 5000.0
    for jump in jumps:
        now += jump
        bucket = bucket.refill(now)
        assert 0 <= bucket.tokens <= 10
    assert bucket.wait(now) <= 2 + 300
    assert bucket.wait(now + 400) == 0


def test_two_clocks_seconds_apart_do_not_double_the_rate():
    bucket, taken = Bucket(0.1, 5, 5, 0.0), 0
    for second in range(0, 1000, 5):
        for now in (float(second), float(second) - 20):
            try:
                bucket = bucket.take(now)
                taken += 1
            except QuotaExhausted:
                pass
    assert taken <= 105


def test_reserve_is_left_for_people():
    bucket = Bucket(0.5, 10, 3, 0.0)
    with pytest.raises(QuotaExhausted) as caught:
        bucket.take(0.0, reserve=3)
    assert caught.value.wait == pytest.approx(2)
    assert bucket.take(0.0).tokens == 2
    assert Bucket(0.5, 2, 2, 0.0).take(0.0, reserve=5).tokens == 1, "a reserve larger than the bucket must not block"


def test_drain():
    full = Bucket(0.5, 10, 10, 0.0)
    assert full.drain(0.0).wait(0.0) == pytest.approx(2)
    assert full.drain(0.0, 30).wait(0.0) == pytest.approx(30)
    assert full.drain(0.0, 0.1).wait(0.0) == pytest.approx(2)
    assert full.drain(0.0, 1e9).wait(0.0) == pytest.approx(3600)
    assert full.drain(0.0, 30).drain(0.0).wait(0.0) == pytest.approx(30), "a later 429 does not shorten the wait"


def test_observe_limit():
    bucket = Bucket(0.5, 10, 0, 0.0)
    faster = bucket.observe_limit(2.0, 10.0)
    assert (faster.rate, faster.tokens) == (2.0, 5.0), "time so far counts at the old rate"
    for nonsense in (None, 0, -1, float("nan"), float("inf"), 0.5):
        assert bucket.observe_limit(nonsense) is bucket


def test_a_part_of_the_rate_is_a_part_of_the_burst():
    """Amazon states no burst: a quarter of the rate is taken for a quarter of it, and comes back with the rate."""
    plan = (0.0056, 20.0)
    bucket = Bucket(0.0056, 20, 19, 0.0)  # one call was made, whose answer states the new rate
    quarter = bucket.observe_limit(0.0014, 0.0, plan=plan)
    assert (quarter.rate, quarter.burst, quarter.tokens) == (0.0014, 5.0, 4.0)
    assert bucket.observe_limit(0.0014, 0.0).burst == 20, "without the plan only the rate is known"
    assert Bucket(0.0056, 20, -3, 0.0).observe_limit(0.0014, 0.0, plan=plan).tokens == -3, "a debt stays a debt"
    assert Bucket(0.0056, 20, 5, 0.0).observe_limit(0.00001, 0.0, plan=plan).burst == 1, "one call always fits"
    whole = quarter.observe_limit(0.0056, 0.0, plan=plan)
    assert (whole.rate, whole.burst, whole.tokens) == (0.0056, 20.0, 4.0), "nothing is given that was not refilled"
    assert whole.observe_limit(5.0, 0.0, plan=plan).burst == 20, "more calls a second are not more at once"


@given(share=st.floats(0.01, 1), used=st.integers(1, 20), seed=st.integers(0, 10**6))
def test_a_cut_bucket_is_never_ahead_of_amazons(share, used, seed):
    """After a cut that the answer of a call states, no call is allowed that Amazon's own bucket, full at the cut,
    would refuse."""
    plan = (0.0056, 20.0)
    burst = max(1.0, 20 * share)
    ours = Bucket(0.0056, 20, 20 - used, 0.0).observe_limit(0.0056 * share, 0.0, plan=plan)
    theirs = Bucket(0.0056 * share, burst, burst - 1, 0.0)
    now = 0.0
    for step in range(30):
        wait = ours.wait(now)
        now += wait + (seed % 7) * step
        ours = ours.take(now + 1e-6)
        assert theirs.wait(now + 1e-6) <= 1e-3
        theirs = replace(theirs.refill(now + 1e-6), tokens=theirs.available(now + 1e-6) - 1)


def test_duration():
    bucket = Bucket(0.5, 30, 30, 0.0)
    assert bucket.duration(0.0, 0) == 0
    assert bucket.duration(0.0, 30) == 0, "they are all there"
    assert bucket.duration(0.0, 40) == pytest.approx(20)
    assert bucket.duration(0.0, 40, reserve=5) == pytest.approx(30), "the people's stay"


def test_defaults_are_amazons_models():
    """Rates and bursts of reference: Amazon's usage plans."""
    assert {name: (op.rate, op.burst) for name, op in OPERATIONS.items()} == {
        "searchOrders": (0.0056, 20),
        "getOrder": (0.5, 30),
        "confirmShipment": (2, 10),
        "getMarketplaceParticipations": (0.016, 15),
        "getAccount": (0.016, 15),
        "createRestrictedDataToken": (1, 10),
    }


@pytest.mark.parametrize("bad", [(0, 1), (-1, 1), (1, 0), (float("nan"), 1)])
def test_impossible_buckets(bad):
    with pytest.raises(ValueError):
        Bucket(*bad, 0, 0)


def test_a_cost_above_the_burst_is_refused():
    with pytest.raises(ValueError):
        Bucket(1, 2, 2, 0).take(0, cost=3)
