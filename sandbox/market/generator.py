"""The market: makes complete orders, the same ones for the same arguments, in any process."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from . import lifecycle
from .cases import CASES, Draft, Line, draft, draw_case
from .clock import end_of_day, iso, parse, start_of_day, utc
from .dice import dice
from .ids import item_id, order_id
from .marketplaces import Marketplace, marketplace
from .visibility import drop_phone, hide, reveal

__all__ = ["Market"]

# service level: days until shipped by, days from there until delivered by (earliest, latest)
_PROMISE = {
    "STANDARD": (2, 2, 5),
    "EXPEDITED": (1, 1, 3),
    "FREE_ECONOMY": (3, 4, 9),
    "NEXT_DAY": (0, 1, 1),
    "SECOND_DAY": (1, 1, 2),
    "PRIORITY": (1, 1, 2),
}


class Market:
    """Generator of orders of one seed.

    Order number *n* of given arguments is the same whether it is asked for alone or among others, so
    ``generate(100)`` equals ``generate(60)`` followed by ``generate(40, start=60)``. A later interval of the same
    length has the same orders later: who buys what does not depend on the moment of the call. Order ids depend on the
    seed and the running number only: to add orders to a seller, continue ``start`` where the last call ended.
    """

    advance = staticmethod(lifecycle.advance)
    next_due = staticmethod(lifecycle.next_due)
    transition = staticmethod(lifecycle.transition)
    confirm_shipment = staticmethod(lifecycle.confirm_shipment)

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def generate(
        self,
        count: int,
        marketplaces: list[str],
        created_from: datetime,
        created_to: datetime,
        case: str = "mixed",
        start: int = 0,
    ) -> list[dict]:
        """Make ``count`` orders placed in ``[created_from, created_to]`` (naive = UTC), by running number; nothing in
        them is later than ``created_to``.

        :param marketplaces: marketplace ids to spread the orders over, at least one
        :param case: one of :data:`.cases.CASES`, or ``"mixed"``
        :return: ``Order`` objects of Amazon's Orders 2026-01-01 as parsed JSON, with all included data
        :raises ValueError: unknown case or marketplace, no marketplace, negative count, or an interval that runs
            backwards
        """
        if case != "mixed" and case not in CASES:
            raise ValueError(f"unknown case {case!r}; known: mixed, {', '.join(CASES)}")
        markets = [marketplace(key) for key in marketplaces]
        begin, end = utc(created_from), utc(created_to)
        if not markets or count < 0 or end < begin:
            raise ValueError(
                "orders need a marketplace, a count of 0 or more, and an interval that does not run backwards"
            )
        key = (self.seed, case, *marketplaces)
        return [
            self._order(index, dice("order", index, *key), markets, begin, end, case)
            for index in range(start, start + count)
        ]

    def _order(
        self, index: int, rng: Random, markets: list[Marketplace], begin: datetime, end: datetime, case: str
    ) -> dict:
        market = rng.choice(markets)
        created = begin + timedelta(seconds=rng.randrange(int((end - begin).total_seconds()) + 1))
        made = draft(draw_case(rng) if case == "mixed" else case, rng, market)
        order = self._skeleton(index, rng, market, created, made)
        if made.status in ("PENDING", "PENDING_AVAILABILITY"):
            hide(order)
        else:
            reveal(order, market, territory=made.territory)
            for item, line in zip(order["orderItems"], made.lines, strict=True):
                if line.customized:
                    url = f"https://www.{market.domain}/custom/view/{rng.randrange(10**15, 10**16)}"
                    item["product"]["customization"] = {"customizedUrl": url}
        return _lived(order, made, rng, created, end)

    def _skeleton(self, index: int, rng: Random, market: Marketplace, created: datetime, made: Draft) -> dict:
        """The order without person and money, as it stands when it has just been placed."""
        fulfillment = {
            "fulfillmentStatus": made.status if made.status.startswith("PENDING") else "UNSHIPPED",
            "fulfilledBy": made.fulfilled_by,
            "fulfillmentServiceLevel": made.level,
            **_windows(created, made, rng),
        }
        language = rng.choice(market.languages)
        order = {
            "orderId": order_id(self.seed, index, market),
            "createdTime": iso(created),
            "lastUpdatedTime": iso(created),
            "programs": made.programs,
            "salesChannel": {"channelName": "AMAZON", "marketplaceId": market.id, "marketplaceName": market.name},
            "fulfillment": fulfillment,
            "orderItems": [
                _item(item_id(self.seed, index, place), line, language, market, rng, place)
                for place, line in enumerate(made.lines)
            ],
        }
        if made.replacement:
            # Ids of originals come from a seed of their own: they name orders that this market never made.
            original = order_id(-1 - self.seed, index, market)
            order["associatedOrders"] = [{"orderId": original, "associationType": "REPLACEMENT_ORIGINAL_ID"}]
        return order


def _windows(created: datetime, made: Draft, rng: Random) -> dict:
    """The ship-by and deliver-by windows; a pre-order ships when its product comes out."""
    first = created + timedelta(days=rng.randrange(3, 15)) if made.status == "PENDING_AVAILABILITY" else created
    handling, early, late = _PROMISE.get(made.level, _PROMISE["STANDARD"])
    ship_by = first + timedelta(days=handling)
    return {
        "shipByWindow": {"earliestDateTime": iso(start_of_day(first)), "latestDateTime": iso(end_of_day(ship_by))},
        "deliverByWindow": {
            "earliestDateTime": iso(start_of_day(ship_by + timedelta(days=early))),
            "latestDateTime": iso(end_of_day(ship_by + timedelta(days=late))),
        },
    }


def _item(key: str, line: Line, language: str, market: Marketplace, rng: Random, place: int) -> dict:
    product = line.product
    item: dict = {
        "orderItemId": key,
        "quantityOrdered": line.quantity,
        "product": {
            "asin": product["asin"],
            "title": product["title"][language],
            "sellerSku": product["sku"],
            "condition": {"conditionType": "NEW", "conditionSubtype": "NEW"},
        },
        "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": line.quantity},
    }
    if line.promotions:
        item["promotion"] = {
            "breakdowns": [
                {"promotionId": f"{market.country}-{kind}-{rng.randrange(10**5, 10**6)}"} for kind in line.promotions
            ]
        }
    if line.wrap:
        item["fulfillment"]["packing"] = {"giftOption": {"giftWrapLevel": line.wrap}}
    return item


def _lived(order: dict, made: Draft, rng: Random, created: datetime, end: datetime) -> dict:
    """The order at the status its case wants, everything that led there between its creation and ``end``."""
    status = made.status
    if status.startswith("PENDING"):
        return order
    # Released half an hour after it was placed; the next thing happened some hours later, if there was time.
    released = min(created + timedelta(minutes=rng.randrange(20, 40)), end)
    moved = min(released + timedelta(minutes=rng.randrange(60, 40 * 60)), end)
    order["lastUpdatedTime"] = iso(released)
    if status == "UNSHIPPED":
        return order
    if status == "CANCELLED" and made.cancel_from == "PENDING":
        order["fulfillment"]["fulfillmentStatus"] = "PENDING"
    order = lifecycle.transition(order, status, moved)
    if status in ("SHIPPED", "PARTIALLY_SHIPPED"):
        order = lifecycle.advance(order, min(end, moved + timedelta(hours=rng.randrange(0, 120)))) or order
        if end > parse(order["fulfillment"]["deliverByWindow"]["latestDateTime"]) and status == "SHIPPED":
            drop_phone(order)
    # A change needs a later time than the one before it; at the very end of the interval there is none left.
    order["lastUpdatedTime"] = min(order["lastUpdatedTime"], iso(end))
    return order
