"""A marketplace that lives: seeded orders of made-up buyers, and how they change.

    from sandbox.market import CASES, SKUS, Market, advance, next_due, transition

    orders = Market(seed=1).generate(100, ["APJ6JRA9NG5V4"], created_from, created_to)
    changed = advance(orders[0], now)              # None when nothing is due
    shipped = transition(orders[0], "SHIPPED", now)

It knows nothing of HTTP or storage: orders are plain dicts, times are aware datetimes. All persons are invented
(Faker).
"""

from .cases import CASES, WEIGHTS
from .catalogue import BY_SKU, SKUS
from .generator import Market
from .lifecycle import COMMANDS, advance, confirm_shipment, next_due, transition
from .marketplaces import MARKETPLACES

__all__ = [
    "BY_SKU",
    "CASES",
    "COMMANDS",
    "MARKETPLACES",
    "SKUS",
    "WEIGHTS",
    "Market",
    "advance",
    "confirm_shipment",
    "next_due",
    "transition",
]
