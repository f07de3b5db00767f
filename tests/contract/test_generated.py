"""Payloads made from Amazon's model, valid and broken, through everything that is pure in the import.

None crashes. None that breaks the model is silently accepted: it is unreadable (and kept sealed as a whole), or it
stops with a problem that names the place, or the offending part is set aside and sealed, or the order bears a notice
that names the place. None of the texts shown to a person quotes a value.
"""

from __future__ import annotations

import importlib.util
import json
import re
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.figures import figure

_FOLDER = Path(__file__).resolve().parents[2] / "addons" / "amazon_spapi_connector" / "tests"
_SPEC = importlib.util.spec_from_file_location("generated_orders", _FOLDER / "generated_orders.py")
generated = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(generated)

EXAMPLES = 5000
PATH = re.compile(r"\$\.?|\.?([^.\[\]]+)|\[(\d+)\]")
TEXTS = ("title", "conditionNote")
"""Free text of the seller: whatever it says belongs in clear."""


@pytest.fixture(scope="module")
def orders(amazon_models):
    """Amazon's model, strictly read."""
    return next(model for model in amazon_models.models() if model.name == "orders_2026-01-01")


def without_nulls(value):
    """JSON ``null`` counts as absent."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def steps(json_path: str) -> list:
    """``$.orderItems[0].product`` → ["orderItems", 0, "product"]."""
    return [int(index) if index else key for key, index in PATH.findall(json_path) if key or index]


def in_clear(business, json_path: str) -> bool:
    """Whether a value stands at that place of what is stored in clear."""
    value = business
    for step in steps(json_path):
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return False
    return value is not None


class Verdict:
    """What the import makes of a payload."""

    def __init__(self, payload) -> None:
        from amazon_spapi_connector.spapi.conformity import deviations
        from amazon_spapi_connector.spapi.orders import OrderDataError, parse_order, split_order

        self.split = split_order(payload)
        self.order = None
        self.shown = [str(issue) for issue in self.split.issues]
        self.notices = deviations(self.split.business)
        self.shown += [str(notice) for notice in self.notices]
        self.stopped = False
        try:
            self.order = parse_order(self.split.business) if self.split.order_id else None
        except OrderDataError as error:
            self.stopped = True
            self.shown += [str(error), error.message, repr(error)]
            assert all(problem.path and problem.message for problem in error.problems)

    def silently_accepts(self, faults) -> bool:
        """Whether the payload goes on as if nothing were wrong with one of its faults."""
        if not self.split.order_id or self.stopped or self.notices or self.split.unknown:
            return False
        return any(in_clear(self.split.business, fault.json_path) for fault in faults)


def charges_of(order):
    """The charges of a parsed order, None where its money contradicts itself."""
    from amazon_spapi_connector.mapping.amounts import PriceProblem
    from amazon_spapi_connector.mapping.money import item_money
    from amazon_spapi_connector.mapping.pricing import charges
    from amazon_spapi_connector.mapping.schemes import Destination

    destination = Destination("IT", order.country_code or "IT", "ordinary")
    try:
        return charges(
            [item_money(line, destination, False) for line in order.lines],
            order.total and order.total.value,
            countries=["IT"],
            unit=Decimal("0.01"),
            tip=order.amount("DELIVERY_TIP"),
            order_parts={part.type: part.value for part in order.breakdowns if part.type != "DELIVERY_TIP"},
        )
    except PriceProblem as problem:
        assert problem.differences
        return None


def test_generated_payloads(orders):
    validator = orders.validator({"$ref": "#/definitions/Order"})
    definitions = orders.document["definitions"]
    counted: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(seed=st.integers(0, 2**48), kind=st.sampled_from(generated.KINDS))
    def check(seed, kind):
        valid = generated.Builder(definitions, seed).order(seed)
        payload = generated.broken(valid, kind, seed)
        faults = list(validator.iter_errors(without_nulls(payload)))
        assert not (faults and kind == "valid"), "the generator makes what Amazon's model refuses"
        verdict = Verdict(payload)
        counted["tried"] += 1
        counted["broken"] += bool(faults)
        assert not verdict.silently_accepts(faults), [fault.json_path for fault in faults]
        if kind == "valid":
            assert not verdict.split.unknown and not verdict.notices
        clear = json.loads(json.dumps(verdict.split.business))
        for item in clear.get("orderItems") or ():
            product = item.get("product") if isinstance(item, dict) else None
            for holder in (product, product and product.get("condition")):
                for key in TEXTS if isinstance(holder, dict) else ():
                    holder.pop(key, None)
        if kind != "type":  # a type that is text again may be a valid name of a carrier
            assert generated.CANARY not in json.dumps(clear)
        assert not any(generated.CANARY in text for text in verdict.shown)
        if verdict.order:
            counted["usable"] += 1
            if (found := charges_of(verdict.order)) is not None:
                counted["priced"] += 1
                assert sum(charge.gross for charge in found) == verdict.order.total.value

    begun = time.monotonic()
    check()
    figure("generated_payloads_tried", counted["tried"], "payloads", f">={EXAMPLES}")
    figure("generated_payloads_broken", counted["broken"], "payloads")
    figure("generated_payloads_usable", counted["usable"], "payloads")
    figure("generated_payloads_priced", counted["priced"], "payloads")
    figure("generated_payloads_seconds", time.monotonic() - begun, "s", "<=120")
    assert counted["tried"] >= EXAMPLES and counted["priced"] > EXAMPLES / 50
