"""Identifiers in Amazon's shapes, one to one with a running number, so that they can never collide within a seed."""

from __future__ import annotations

from .dice import number
from .marketplaces import Marketplace

__all__ = ["item_id", "order_id"]

SPACE = 10**14
# Odd and not a multiple of 5, hence coprime to 10**14: n -> n * STRIDE + offset is a permutation of the space.
STRIDE = 38_196_601_125_013
LINES = 1000


def order_id(seed: int, index: int, marketplace: Marketplace) -> str:
    """The id ``ddd-ddddddd-ddddddd`` of the order with that running number; the last 14 digits are unique within a
    seed.
    """
    digits = (index * STRIDE + number("order", seed, below=SPACE)) % SPACE
    prefix = marketplace.order_prefixes[digits % len(marketplace.order_prefixes)]
    return f"{prefix}-{digits // 10**7:07d}-{digits % 10**7:07d}"


def item_id(seed: int, index: int, line: int) -> str:
    """The 14 digits of an order item; ``line`` counts from 0 and stays below 1,000."""
    return f"{((index * LINES + line) * STRIDE + number('item', seed, below=SPACE)) % SPACE:014d}"
