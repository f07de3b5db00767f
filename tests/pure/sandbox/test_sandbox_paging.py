"""Page tokens, and paging while the world changes."""

import string

import pytest
from sandbox_box import DE, IT, LONG_AGO


def test_pages_hold_every_order_once_in_order_of_their_change(box):
    ids = box.generate(25, "mixed")
    pages = box.pages(maxResultsPerPage="10")
    assert [len(page) for page in pages] == [10, 10, 5]
    assert sorted(sum(pages, [])) == sorted(ids)
    times = {order["orderId"]: order["lastUpdatedTime"] for order in box.control("GET", "orders")}
    keys = [(times[order_id], order_id) for order_id in sum(pages, [])]
    assert keys == sorted(keys)


def test_the_last_page_has_no_token_even_if_it_is_full(box):
    box.generate(20)
    assert [len(page) for page in box.pages(maxResultsPerPage="10")] == [10, 10]
    assert [len(page) for page in box.pages()] == [20]


def test_default_page_size_is_100_and_1000_orders_are_10_calls(box):
    box.generate(1000, marketplaces=[IT, DE])
    box.control("DELETE", "journal")
    pages = box.pages()
    assert [len(page) for page in pages] == [100] * 10
    assert len(set(sum(pages, []))) == 1000
    assert box.control("GET", "journal/counts") == {"searchOrders": 10, "token": 1}
    print(f"FIGURE sandbox_search_calls_1000_orders {len(pages)} calls")


def first_token(box, **query):
    return box.search(maxResultsPerPage="3", **query).json()["pagination"]["nextToken"]


@pytest.mark.parametrize(
    "other",
    [
        {"lastUpdatedAfter": "2025-06-01T00:00:01Z"},
        {"lastUpdatedAfter": LONG_AGO, "lastUpdatedBefore": "2026-03-09T12:00:00Z"},
        {"createdAfter": LONG_AGO},
        {"lastUpdatedAfter": LONG_AGO, "marketplaceIds": IT},
        {"lastUpdatedAfter": LONG_AGO, "fulfillmentStatuses": "UNSHIPPED"},
        {"lastUpdatedAfter": LONG_AGO, "fulfilledBy": "MERCHANT"},
    ],
)
def test_a_token_is_bound_to_the_parameters(box, other):
    box.generate(5)
    token = first_token(box)
    assert box.search(paginationToken=token, **other).status_code == 400
    assert box.search(paginationToken=token).status_code == 200


def test_a_token_needs_the_other_parameters_at_all(box):
    box.generate(5)
    token = first_token(box)
    assert box.get("/orders/2026-01-01/orders", paginationToken=token).status_code == 400


def test_page_size_and_datasets_may_change_between_pages(box):
    box.generate(9)
    token = first_token(box, includedData="BUYER")
    answer = box.search(paginationToken=token, maxResultsPerPage="6", includedData="FULFILLMENT")
    assert len(answer.json()["orders"]) == 6
    assert all("fulfillment" in order and "buyer" not in order for order in answer.json()["orders"])


def test_a_token_is_bound_to_seller_and_application(box):
    box.generate(5)
    token = first_token(box)
    other = box.control("PUT", "sellers/A2OTHER", {})["refresh_token"]
    query = {"paginationToken": token, "lastUpdatedAfter": LONG_AGO}
    foreign = box.lwa(refresh_token=other).json()["access_token"]
    assert box.get("/orders/2026-01-01/orders", token=foreign, **query).status_code == 400


def test_a_changed_token_is_refused(box):
    box.generate(5)
    token = first_token(box)
    for place in range(0, len(token), 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert box.search(paginationToken=changed).status_code == 400, place
    # The last character of base64 has bits that mean nothing: only the one we sent is good.
    box.generate(1)
    for last in string.ascii_letters + string.digits:
        answer = box.search(paginationToken=token[:-1] + last)
        assert answer.status_code == (200 if last == token[-1] else 400), last
    assert box.search(paginationToken=token + "A").status_code == 400
    assert box.search(paginationToken=token[:-1]).status_code == 400


def test_a_token_is_good_for_24_hours(box):
    box.generate(5)
    token = first_token(box)
    box.advance(24 * 3600 - 30)
    box.access_token = ""
    assert box.search(paginationToken=token).status_code == 200
    box.advance(60)
    answer = box.search(paginationToken=token)
    assert answer.status_code == 400 and "expired" in answer.json()["errors"][0]["message"]


def test_the_echoed_bound_stays_for_the_whole_search(box):
    box.generate(5)
    first = box.search(maxResultsPerPage="3").json()
    box.advance(3000)
    second = box.search(paginationToken=first["pagination"]["nextToken"]).json()
    assert second["lastUpdatedBefore"] == first["lastUpdatedBefore"]


def test_orders_that_change_or_appear_between_pages_shift_no_other(box):
    ids = box.generate(12, live=False)

    def change(number):
        if number == 1:
            box.control("PATCH", f"orders/{first[0]}", {"programs": ["PRIME"]})
            box.control("DELETE", f"orders/{first[1]}")
            box.generate(5, seed=99)

    first = box.pages(maxResultsPerPage="4")[0]
    pages = box.pages(change, maxResultsPerPage="4")
    seen = sum(pages, [])
    assert set(ids) <= set(seen) and len(seen) == len(set(seen))


def test_moving_order_comes_again_on_a_later_page(box):
    ids = box.generate(12)
    box.fault("searchOrders", "moving_order")
    pages = box.pages(maxResultsPerPage="4")
    seen = sum(pages, [])
    assert set(seen) == set(ids) and len(seen) == 13
    (twice,) = {order_id for order_id in seen if seen.count(order_id) == 2}
    assert twice in pages[0] and twice in pages[-1]
    assert len(sum(box.pages(maxResultsPerPage="4"), [])) == 12
    assert box.control("GET", "faults") == []


def test_moving_order_away_leaves_this_search_for_the_next(box):
    ids = box.generate(12)
    mark = box.search(maxResultsPerPage="4").json()["lastUpdatedBefore"]
    box.fault("searchOrders", "moving_order", params={"direction": "away"})
    seen = sum(box.pages(maxResultsPerPage="4"), [])
    (gone,) = set(ids) - set(seen)
    box.advance(130)
    assert [order["orderId"] for order in box.found(lastUpdatedAfter=mark)] == [gone]


def test_repeated_page_comes_once_more_under_a_new_token(box):
    ids = box.generate(12)
    box.fault("searchOrders", "repeated_page", after=1)
    pages = box.pages(maxResultsPerPage="4")
    assert [len(page) for page in pages] == [4, 4, 4, 4]
    assert pages[1] == pages[2] and set(sum(pages, [])) == set(ids)


def test_moving_order_in_a_search_by_creation(box):
    ids = box.generate(12)
    box.fault("searchOrders", "moving_order", params={"count": 2})
    seen = sum(box.pages(createdAfter=LONG_AGO, maxResultsPerPage="4"), [])
    assert set(seen) == set(ids) and len(seen) == 14


def test_moving_order_waits_for_a_search_of_several_pages(box):
    box.generate(3)
    box.fault("searchOrders", "moving_order")
    assert len(box.found()) == 3
    assert len(box.control("GET", "faults")) == 1
