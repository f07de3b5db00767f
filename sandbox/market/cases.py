"""The kinds of orders the market can make, and what each of them draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from .catalogue import SKUS
from .marketplaces import Marketplace
from .money import list_price
from .places import TERRITORIES

__all__ = ["CASES", "WEIGHTS", "Draft", "Line", "draft", "draw_case"]

_FREE_SAMPLE = SKUS[-1]
_FOR_SALE = SKUS[:-1]


@dataclass(slots=True)
class Line:
    """One order item to be. ``promotions`` are kinds of :data:`.money.PROMOTIONS`; ``wrap`` a level of
    :data:`.money.WRAPS`.
    """

    product: dict
    quantity: int = 1
    promotions: tuple[str, ...] = ()
    wrap: str = ""
    customized: bool = False


@dataclass(slots=True)
class Draft:
    """What a case decides about an order; the rest follows from the order id."""

    lines: list[Line]
    status: str = "UNSHIPPED"
    fulfilled_by: str = "MERCHANT"
    level: str = "STANDARD"
    programs: list[str] = field(default_factory=list)
    replacement: bool = False
    territory: bool = False
    cancel_from: str = "UNSHIPPED"


def _quantity(rng: Random) -> int:
    return rng.choices((1, 2, 3, 4), weights=(86, 9, 3, 2))[0]


def _lines(rng: Random, count: int) -> list[Line]:
    return [Line(product, _quantity(rng)) for product in rng.sample(_FOR_SALE, count)]


def _ordinary(rng: Random) -> Draft:
    lines = _lines(rng, rng.choices((1, 2, 3), weights=(80, 15, 5))[0])
    return Draft(lines, level=rng.choices(("STANDARD", "EXPEDITED", "FREE_ECONOMY"), weights=(80, 14, 6))[0])


def _multi_line(rng: Random, market: Marketplace) -> Draft:
    return Draft(_lines(rng, rng.randrange(2, 7)))


def _promotion(rng: Random, market: Marketplace) -> Draft:
    made = _ordinary(rng)
    kinds = rng.choice(
        (
            ("PCT10",),
            ("PCT15",),
            ("PCT30",),
            ("AMT2",),
            ("AMT5",),
            ("FREESHIP",),
            ("SHIPAMT1",),
            ("PCT15", "FREESHIP"),
            ("AMT2", "PCT10"),
        )
    )
    if "FREESHIP" in kinds or "SHIPAMT1" in kinds:
        made.level = "EXPEDITED"  # always charged, so that there is something to lower
        for line in made.lines:
            line.promotions = kinds
    else:
        for line in made.lines[: rng.randrange(1, len(made.lines) + 1)]:
            line.promotions = kinds
    return made


def _gift(rng: Random, market: Marketplace) -> Draft:
    made = _ordinary(rng)
    for line in made.lines[: rng.randrange(1, len(made.lines) + 1)]:
        line.wrap = rng.choice(("STANDARD", "PREMIUM"))
    return made


def _shipping_charged(rng: Random, market: Marketplace) -> Draft:
    if rng.random() < 0.5:
        return Draft(_lines(rng, rng.randrange(1, 3)), level=rng.choice(("EXPEDITED", "NEXT_DAY", "PRIORITY")))
    cheap = [product for product in _FOR_SALE if list_price(product["sku"], market) < market.free_shipping_from]
    return Draft([Line(rng.choice(cheap))])


def _b2b(rng: Random, market: Marketplace) -> Draft:
    made = _ordinary(rng)
    made.programs.append("AMAZON_BUSINESS")
    for line in made.lines:
        line.quantity = rng.choice((1, 1, 2, 5, 10, 24))
    return made


def _fba(rng: Random, market: Marketplace) -> Draft:
    made = _ordinary(rng)
    made.fulfilled_by = "AMAZON"
    made.status = rng.choices(("SHIPPED", "PENDING", "UNSHIPPED"), weights=(70, 15, 15))[0]
    if rng.random() < 0.6:
        made.programs.append("PRIME")
    return made


def _cancelled(rng: Random, market: Marketplace) -> Draft:
    made = _ordinary(rng)
    made.status, made.cancel_from = "CANCELLED", rng.choice(("UNSHIPPED", "PENDING"))
    return made


def _partially_shipped(rng: Random, market: Marketplace) -> Draft:
    lines = (
        _lines(rng, rng.randrange(2, 5)) if rng.random() < 0.7 else [Line(rng.choice(_FOR_SALE), rng.randrange(2, 6))]
    )
    return Draft(lines, status="PARTIALLY_SHIPPED")


def _with_status(status: str, *programs: str) -> Callable[[Random, Marketplace], Draft]:
    def make(rng: Random, market: Marketplace) -> Draft:
        made = _ordinary(rng)
        made.status, made.programs = status, list(programs)
        return made

    return make


def _premium(rng: Random, market: Marketplace) -> Draft:
    made = _ordinary(rng)
    made.programs, made.level = ["PREMIUM"], rng.choice(("NEXT_DAY", "SECOND_DAY"))
    return made


def _prime(rng: Random, market: Marketplace) -> Draft:
    made = _ordinary(rng)
    made.programs, made.level = ["PRIME"], rng.choice(("NEXT_DAY", "SECOND_DAY", "STANDARD"))
    return made


def _multi_quantity(rng: Random, market: Marketplace) -> Draft:
    made = _ordinary(rng)
    for line in made.lines:
        line.quantity = rng.choice((2, 3, 4, 6, 8, 12))
    return made


def _zero_price(rng: Random, market: Marketplace) -> Draft:
    variant = rng.randrange(3)
    if variant == 0:
        return Draft([Line(_FREE_SAMPLE)])
    if variant == 1:
        return Draft([*_lines(rng, 1), Line(_FREE_SAMPLE)])
    # A product for review: full price and a discount of all of it.
    return Draft([Line(rng.choice(_FOR_SALE), promotions=("FREEITEM",))], level="FREE_ECONOMY")


def _replacement(rng: Random, market: Marketplace) -> Draft:
    made = _ordinary(rng)
    made.lines, made.replacement = made.lines[:1], True
    return made


def _customized(rng: Random, market: Marketplace) -> Draft:
    return Draft([Line(rng.choice(_FOR_SALE), customized=True)])


def _vat_territory(rng: Random, market: Marketplace) -> Draft:
    made = _ordinary(rng)
    made.territory = market.country in TERRITORIES
    return made


def _plain(rng: Random, market: Marketplace) -> Draft:
    return _ordinary(rng)


# name: (weight in "mixed", what it draws). Weights follow a mid-sized European seller who ships most orders itself.
_CASES: dict[str, tuple[int, Callable[[Random, Marketplace], Draft]]] = {
    "fbm_unshipped": (300, _plain),
    "multi_line": (80, _multi_line),
    "promotion": (70, _promotion),
    "gift": (40, _gift),
    "shipping_charged": (70, _shipping_charged),
    "b2b": (60, _b2b),
    "fba": (120, _fba),
    "cancelled": (35, _cancelled),
    "partially_shipped": (15, _partially_shipped),
    "shipped": (90, _with_status("SHIPPED")),
    "pending": (30, _with_status("PENDING")),
    "pending_availability": (5, _with_status("PENDING_AVAILABILITY", "PREORDER")),
    "buyer_cancel_requested": (10, _with_status("BUYER_CANCEL_REQUESTED")),
    "premium": (15, _premium),
    "prime": (25, _prime),
    "multi_quantity": (25, _multi_quantity),
    "zero_price": (4, _zero_price),
    "replacement": (4, _replacement),
    "customized": (2, _customized),
    "vat_territory": (0, _vat_territory),
}
CASES: tuple[str, ...] = tuple(_CASES)
"""The cases by name; ``"mixed"`` draws among them. ``vat_territory`` comes on request only: its destinations are
outside the EU's VAT area.
"""
WEIGHTS: dict[str, int] = {name: weight for name, (weight, _) in _CASES.items()}


def draw_case(rng: Random) -> str:
    """One case by weight."""
    return rng.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]


def draft(case: str, rng: Random, market: Marketplace) -> Draft:
    """What an order of that case holds."""
    return _CASES[case][1](rng, market)
