"""Orders change as time passes and on command; whatever happens, they stay consistent."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.market import (
    CASES,
    COMMANDS,
    MARKETPLACES,
    Market,
    advance,
    confirm_shipment,
    next_due,
    transition,
)
from sandbox.market.visibility import hide

from .conftest import BEGIN, END, private
from .test_orders import HIDDEN, by_type, status, value

FAR = END + timedelta(days=200)
SECOND = timedelta(seconds=1)
orders = st.builds(
    lambda seed, case, place: Market(seed).generate(1, [place], BEGIN, END, case)[0],
    st.integers(0, 10**6),
    st.sampled_from(CASES),
    st.sampled_from(list(MARKETPLACES)),
).map(private)


def updated(order):
    return datetime.fromisoformat(order["lastUpdatedTime"])


def timeless(order):
    return {key: part for key, part in order.items() if key != "lastUpdatedTime"}


def check(order):
    """Quantities, packages, status, money and persons agree."""
    packed, cancelled = {}, set()
    for package in order.get("packages", ()):
        for row in package["packageItems"]:
            packed[row["orderItemId"]] = packed.get(row["orderItemId"], 0) + row["quantity"]
    left = 0
    for item in order["orderItems"]:
        amounts, key = item["fulfillment"], item["orderItemId"]
        if "cancellationExecution" in item.get("cancellation", {}):
            cancelled.add(key)
            assert amounts["quantityUnfulfilled"] == 0
        elif status(order) != "CANCELLED":
            assert amounts["quantityFulfilled"] + amounts["quantityUnfulfilled"] == item["quantityOrdered"]
        left += amounts["quantityUnfulfilled"]
        if order["fulfillment"]["fulfilledBy"] == "MERCHANT":
            assert amounts["quantityFulfilled"] == packed.get(key, 0)
    if status(order) == "SHIPPED":
        assert left == 0
    elif status(order) == "PARTIALLY_SHIPPED":
        assert left > 0 and packed
    elif status(order) == "CANCELLED":
        assert left == 0 and len(cancelled) == len(order["orderItems"]) and "packages" not in order
    else:
        assert not packed
    shown = [key for key in ("buyer", "recipient", "proceeds") if key in order]
    assert shown == ([] if status(order) in HIDDEN else ["buyer", "recipient", "proceeds"])
    if shown:
        items = order["orderItems"]
        total = sum(value(item["proceeds"]["proceedsTotal"]) for item in items)
        assert total == value(order["proceeds"]["grandTotal"]) == sum(by_type(order["proceeds"]).values())


@settings(max_examples=150, deadline=None)
@given(orders)
def test_nothing_happens_before_its_time_and_something_at_it(digest, faults_in, order):
    check(order)
    for _ in range(12):
        due = next_due(order)
        if due is None:
            break
        assert advance(order, due - SECOND) is None
        before = digest(order)
        changed = advance(order, due)
        assert changed is not None and digest(order) == before
        assert updated(changed) > updated(order)
        assert digest(timeless(changed)) != digest(timeless(order))
        assert not faults_in(changed)
        check(changed)
        order = changed
    else:
        pytest.fail("the order never comes to rest")


@settings(max_examples=100, deadline=None)
@given(orders, st.lists(st.integers(1, 200 * 24 * 60), max_size=6))
def test_the_end_is_the_same_in_one_step_or_in_many(digest, order, minutes):
    whole = advance(order, FAR) or order
    stepped = order
    for moment in [*(END + timedelta(minutes=late) for late in sorted(minutes)), FAR]:
        stepped = advance(stepped, moment) or stepped
    assert next_due(whole) is None and next_due(stepped) is None
    assert digest(timeless(whole)) == digest(timeless(stepped))


@settings(max_examples=150, deadline=None)
@given(orders, st.lists(st.tuples(st.sampled_from(COMMANDS), st.integers(0, 5000)), max_size=6))
def test_any_commands_leave_a_consistent_order(digest, faults_in, order, commands):
    now = END
    for command, minutes in commands:
        now += timedelta(minutes=minutes)
        before = digest(order)
        try:
            changed = transition(order, command, now)
        except ValueError:
            assert digest(order) == before
            continue
        assert digest(order) == before and updated(changed) > updated(order)
        if command in ("PARTIALLY_SHIPPED", "UNFULFILLABLE", "PENDING", "UNSHIPPED", "SHIPPED"):
            assert status(changed) == command
        if command == "CANCELLED":
            assert status(changed) == ("SHIPPED" if status(order) == "PARTIALLY_SHIPPED" else "CANCELLED")
        check_unless_unfulfillable(changed)
        assert not faults_in(changed)
        order = changed


def check_unless_unfulfillable(order):
    if status(order) != "UNFULFILLABLE":
        check(order)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 10**6), st.sampled_from(["fbm_unshipped", "promotion", "gift", "b2b", "zero_price", "replacement"])
)
def test_a_released_order_finds_its_buyer_and_its_prices_again(digest, seed, case):
    order = Market(seed).generate(1, list(MARKETPLACES), BEGIN, END, case)[0]
    pending = deepcopy(order)
    hide(pending)
    pending["fulfillment"]["fulfillmentStatus"] = "PENDING"
    released = transition(pending, "UNSHIPPED", END)
    for part in ("buyer", "recipient", "proceeds", "tax", "orderItems"):
        assert digest(_sorted(released.get(part))) == digest(_sorted(order.get(part))), part


def _sorted(node):
    if isinstance(node, dict):
        return {key: _sorted(node[key]) for key in sorted(node)}
    return [_sorted(child) for child in node] if isinstance(node, list) else node


def sample(case, place="APJ6JRA9NG5V4", seed=1):
    return private(Market(seed).generate(1, [place], BEGIN, END, case)[0])


def test_pending_is_released_after_about_half_an_hour():
    for seed in range(20):
        order = sample("pending", seed=seed)
        wait = next_due(order) - updated(order)
        assert timedelta(minutes=20) <= wait < timedelta(minutes=40)
        released = advance(order, updated(order) + timedelta(minutes=40))
        assert status(released) in ("UNSHIPPED",) and "buyerName" in released["buyer"]


def test_a_preorder_waits_for_its_release_date():
    order = sample("pending_availability")
    assert next_due(order).isoformat().startswith(order["fulfillment"]["shipByWindow"]["earliestDateTime"][:10])
    assert status(advance(order, next_due(order))) == "PENDING"
    assert status(advance(order, next_due(order) + timedelta(hours=1))) == "UNSHIPPED"


def test_packages_travel_to_their_buyer():
    order = transition(sample("fbm_unshipped"), "SHIPPED", END)
    seen, gaps = ["DROPPED_OFF"], []
    while order["packages"][0]["packageStatus"]["status"] != "DELIVERED":
        moved = advance(order, next_due(order))
        seen.append(moved["packages"][0]["packageStatus"]["detailedStatus"])
        if seen[-1] != seen[-2]:
            gaps.append(updated(moved) - updated(order))
        order = moved
    travelled = [step for place, step in enumerate(seen) if place == 0 or step != seen[place - 1]]
    assert travelled == ["DROPPED_OFF", "PICKED_UP", "OUT_FOR_DELIVERY", "DELIVERED"]
    assert [gap >= timedelta(hours=least) for gap, least in zip(gaps, (4, 20, 2), strict=True)] == [True] * 3
    assert updated(order) - END < timedelta(days=5)


@pytest.mark.parametrize("case", ["gift", "customized", "b2b"])
def test_a_cancelled_order_keeps_no_personal_text(case, digest):
    order = sample(case)
    cancelled = transition(order, "CANCELLED", END)
    kept = {item["orderItemId"]: item for item in cancelled["orderItems"]}
    for item in order["orderItems"]:
        rest = kept[item["orderItemId"]]
        assert "customization" not in rest["product"]
        assert "giftMessage" not in rest["fulfillment"].get("packing", {}).get("giftOption", {})
    assert not {"buyer", "recipient", "tax", "payment", "proceeds"} & set(cancelled)


def test_the_phone_goes_after_the_latest_delivery_date():
    order = transition(sample("fbm_unshipped"), "SHIPPED", BEGIN + timedelta(days=1))
    latest = datetime.fromisoformat(order["fulfillment"]["deliverByWindow"]["latestDateTime"])
    until, after = advance(order, latest) or order, advance(order, latest + SECOND)
    assert "phone" in until["recipient"]["deliveryAddress"]
    assert "phone" not in after["recipient"]["deliveryAddress"] and "name" in after["recipient"]["deliveryAddress"]


def test_amazon_cancels_what_is_never_shipped():
    order = sample("fbm_unshipped")
    due = next_due(order)
    cancelled = advance(order, due)
    assert status(cancelled) == "CANCELLED"
    by = {item["cancellation"]["cancellationExecution"]["cancelledBy"] for item in cancelled["orderItems"]}
    assert by == {"AMAZON"}
    latest = datetime.fromisoformat(order["fulfillment"]["shipByWindow"]["latestDateTime"])
    assert due == latest + timedelta(days=30)


def test_what_a_tester_planted_survives_the_release():
    order = sample("pending")
    order["recipient"] = {"deliveryAddress": {"name": "Canary 1", "city": "Canary City"}}
    released = transition(order, "UNSHIPPED", END)
    address = released["recipient"]["deliveryAddress"]
    kept = address["name"] == "Canary 1" and address["city"] == "Canary City"
    assert kept
    assert "addressLine1" in address and "buyer" in released


def test_the_merchant_ships_in_parts_and_corrects_a_package(faults_in):
    order = next(
        order
        for order in Market(2).generate(50, ["A1PA6795UKMFR9"], BEGIN, END, "multi_quantity")
        if len(order["orderItems"]) == 1
    )
    key, count = order["orderItems"][0]["orderItemId"], order["orderItems"][0]["quantityOrdered"]
    first = confirm_shipment(order, END, {key: 1}, {"packageReferenceId": "1", "trackingNumber": "A1"})
    assert status(first) == "PARTIALLY_SHIPPED" and first["packages"][0]["trackingNumber"] == "A1"
    again = confirm_shipment(first, END, {key: 1}, {"packageReferenceId": "1", "trackingNumber": "A2"})
    assert [package["trackingNumber"] for package in again["packages"]] == ["A2"]
    assert updated(order) < updated(first) < updated(again)
    with pytest.raises(ValueError, match=f"{count} cannot be shipped, {count - 1} left"):
        confirm_shipment(again, END, {key: count}, {"packageReferenceId": "2"})
    with pytest.raises(ValueError, match="0 left"):
        confirm_shipment(again, END, {"00000000000000": 1})
    done = confirm_shipment(again, END)
    assert status(done) == "SHIPPED" and len(done["packages"]) == 2 and not faults_in(done)
    with pytest.raises(ValueError, match="nothing left"):
        confirm_shipment(done, END)
    with pytest.raises(ValueError, match="PENDING"):
        confirm_shipment(sample("pending"), END)
    check(done)


def test_cancelling_the_rest_keeps_what_was_shipped(faults_in):
    order = transition(sample("partially_shipped"), "CANCELLED", END)
    assert status(order) == "SHIPPED" and order["packages"] and "buyer" in order
    assert any("cancellationExecution" in item.get("cancellation", {}) for item in order["orderItems"])
    assert not faults_in(order)


@pytest.mark.parametrize(
    ("case", "command"),
    [
        ("shipped", "UNSHIPPED"),
        ("shipped", "CANCELLED"),
        ("cancelled", "SHIPPED"),
        ("fbm_unshipped", "PENDING"),
        ("fbm_unshipped", "UNFULFILLABLE"),
        ("pending", "BUYER_CANCEL_REQUESTED"),
        ("fbm_unshipped", "LOST"),
    ],
)
def test_what_cannot_happen_is_refused(case, command):
    with pytest.raises(ValueError, match=command):
        transition(sample(case), command, END)


def test_one_unit_cannot_be_shipped_in_part():
    order = sample("zero_price")
    del order["orderItems"][1:]
    order["orderItems"][0]["quantityOrdered"] = 1
    with pytest.raises(ValueError, match="two or more"):
        transition(order, "PARTIALLY_SHIPPED", END)


BROKEN = [
    {},
    {"orderId": "1"},
    {"orderId": "1", "fulfillment": None},
    {"orderId": "1", "fulfillment": {"fulfillmentStatus": "PENDING"}, "lastUpdatedTime": "soon"},
    {
        "orderId": "1",
        "fulfillment": {"fulfillmentStatus": "SHIPPED"},
        "lastUpdatedTime": "2026-01-01T00:00:00Z",
        "packages": [None],
    },
    {"orderId": "1", "fulfillment": {"fulfillmentStatus": "PENDING"}, "lastUpdatedTime": "2026-01-01T00:00:00Z"},
]


@pytest.mark.parametrize("order", BROKEN)
def test_a_broken_order_stays_as_it_is(order):
    assert advance(order, FAR) is None
    for command in COMMANDS:
        with pytest.raises(ValueError):
            transition(order, command, FAR)
    with pytest.raises(ValueError):
        confirm_shipment(order, FAR)


def test_an_order_whose_prices_are_no_numbers_is_not_released():
    order = sample("pending")
    order["orderItems"][0]["proceeds"] = {
        "proceedsTotal": {"amount": "x"},
        "breakdowns": [{"type": "ITEM", "subtotal": {"amount": "x"}}],
    }
    assert advance(order, FAR) is None
    with pytest.raises(ValueError, match="lacks"):
        transition(order, "UNSHIPPED", FAR)


def test_what_changes_while_an_order_waits(faults_in):
    def first(case, fits):
        return next(o for o in Market(2).generate(80, ["A1PA6795UKMFR9"], BEGIN, END, case) if fits(o))

    def pieces(order):
        return sum(item["quantityOrdered"] for item in order["orderItems"])

    def total(order):
        return float(order["proceeds"]["grandTotal"]["amount"])

    several = first("multi_line", lambda order: len(order["orderItems"]) > 2)
    less = transition(several, "ITEM_CANCELLED", END)
    gone = [item for item in less["orderItems"] if not item["quantityOrdered"]]
    assert len(gone) == 1 and gone[0]["cancellation"]["cancellationExecution"]["cancelledBy"] == "MERCHANT"
    assert float(gone[0]["proceeds"]["proceedsTotal"]["amount"]) == 0 and total(less) < total(several)
    many = first("multi_quantity", lambda order: pieces(order) > 3)
    fewer = transition(many, "QUANTITY_REDUCED", END)
    assert pieces(fewer) == pieces(many) - 1 and total(fewer) < total(many)
    moved = transition(many, "ADDRESS_CHANGED", END)
    before, after = (order["recipient"]["deliveryAddress"]["addressLine1"] for order in (many, moved))
    assert (before == after) is False
    for order in (less, fewer, moved):
        assert status(order) == "UNSHIPPED" and not faults_in(order)
        check(order)
    with pytest.raises(ValueError, match="SHIPPED"):
        transition(transition(many, "SHIPPED", END), "QUANTITY_REDUCED", END)
