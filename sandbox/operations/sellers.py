"""Sellers v1: getMarketplaceParticipations and getAccount."""

from __future__ import annotations

from typing import Any

from ..marketplaces import MARKETPLACES
from . import Answer, Call, Operation


def _participations(call: Call) -> list[dict[str, Any]]:
    return [
        {
            "marketplace": MARKETPLACES[marketplace].json(),
            "storeName": call.seller.name,
            "participation": {"isParticipating": True, "hasSuspendedListings": False},
        }
        for marketplace in call.seller.marketplaces
    ]


def get_marketplace_participations(call: Call) -> Answer:
    """The marketplaces in which the seller takes part."""
    return Answer(body={"payload": _participations(call)})


def get_account(call: Call) -> Answer:
    """The seller's account; an invented company at an invented address."""
    address = {
        "addressLine1": "Musterweg 1",
        "city": "Luxembourg",
        "postalCode": "L-1000",
        "countryCode": "LU",
    }
    account = {
        "businessType": "PRIVATE_LIMITED",
        "sellingPlan": "PROFESSIONAL",
        "marketplaceParticipationList": _participations(call),
        "business": {"name": call.seller.name, "registeredBusinessAddress": address},
        "primaryContact": {"name": call.seller.name, "address": address},
    }
    return Answer(body={"payload": account})


OPERATIONS = [
    Operation(
        "sellers",
        "getMarketplaceParticipations",
        "GET",
        "/sellers/v1/marketplaceParticipations",
        get_marketplace_participations,
        rate=0.016,
        burst=15,
    ),
    Operation("sellers", "getAccount", "GET", "/sellers/v1/account", get_account, rate=0.016, burst=15),
]
