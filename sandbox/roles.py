"""The roles of an application, which decide what operations it may call and which buyer data it sees."""

from __future__ import annotations

import re
from collections.abc import Iterable

SHIPPING = "direct_to_consumer_shipping"
TAX_INVOICING = "tax_invoicing"
TAX_REMITTANCE = "tax_remittance"
INVENTORY = "inventory_and_order_tracking"
INSIGHTS = "selling_partner_insights"

ROLES = (
    "amazon_fulfillment",
    "brand_analytics",
    "buyer_communication",
    "buyer_solicitation",
    SHIPPING,
    "finance_and_accounting",
    INVENTORY,
    "pricing",
    "product_listing",
    INSIGHTS,
    TAX_INVOICING,
    TAX_REMITTANCE,
)
# Amazon's pages use both names for the same role.
ALIASES = {"direct_to_consumer_delivery": SHIPPING}


def canonical(names: Iterable[str]) -> list[str]:
    """Role names in Amazon's or our spelling to sorted slugs; "all" stands for every role.

    ``"Direct-to-Consumer Shipping (Restricted)"`` and ``"direct_to_consumer_shipping"`` are the same. Raises
    ValueError for a name that is no role.
    """
    found = set()
    for name in names:
        slug = re.sub(r"[^a-z]+", "_", name.lower().replace("(restricted)", "")).strip("_")
        slug = ALIASES.get(slug, slug)
        if slug == "all":
            found.update(ROLES)
        elif slug in ROLES:
            found.add(slug)
        else:
            raise ValueError(f"unknown role {name!r}; roles are: all, {', '.join(ROLES)}")
    return sorted(found)
