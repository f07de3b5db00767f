"""The same arguments give the same bytes: in another process or thread, with any hash seed, in any order of calls."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from sandbox.market import CASES, MARKETPLACES, Market
from sandbox.market.clock import iso

from .conftest import BEGIN, END, ROOT

PLACES = list(MARKETPLACES)
CHILD = """
import hashlib, json
from datetime import UTC, datetime
from sandbox.market import CASES, MARKETPLACES, Market
begin, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)
orders = [Market(4).generate(8, list(MARKETPLACES), begin, end, case) for case in CASES]
orders.append(Market(4).generate(100, list(MARKETPLACES), begin, end))
print(hashlib.sha256(json.dumps(orders, ensure_ascii=False).encode()).hexdigest()[:16])
"""


def _child(hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", CHILD], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_two_processes_with_different_hash_seeds_agree_with_this_one(digest):
    # In this process the calls come in another order.
    mixed = Market(4).generate(100, PLACES, BEGIN, END)
    cases = {case: Market(4).generate(8, PLACES, BEGIN, END, case) for case in reversed(CASES)}
    here = digest([*(cases[case] for case in CASES), mixed])
    assert _child("1") == here
    assert _child("2") == here


def test_an_order_does_not_depend_on_how_many_are_asked_for(digest):
    market = Market(6)
    whole = market.generate(40, PLACES, BEGIN, END)
    parts = market.generate(25, PLACES, BEGIN, END) + market.generate(15, PLACES, BEGIN, END, start=25)
    assert digest(whole) == digest(parts)


def test_another_day_has_the_same_orders(digest):
    """Else each second has a world of its own, and a test of this second may find what none before it has found."""
    later = timedelta(days=500)

    def move(match: re.Match) -> str:
        return iso(datetime.fromisoformat(match[0]) + later)

    for case in ("mixed", *CASES):
        first = json.dumps(Market(6).generate(20, PLACES, BEGIN, END, case))
        moved = json.loads(re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", move, first))
        assert digest(moved) == digest(Market(6).generate(20, PLACES, BEGIN + later, END + later, case)), case


def test_seeds_differ(digest):
    first, second = (Market(seed).generate(20, PLACES, BEGIN, END) for seed in (1, 2))
    assert not {order["orderId"] for order in first} & {order["orderId"] for order in second}


def test_threads_do_not_disturb_each_other(digest):
    expected = digest(Market(8).generate(60, PLACES, BEGIN, END))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: digest(Market(8).generate(60, PLACES, BEGIN, END)), range(4)))
    assert found == [expected] * 4
