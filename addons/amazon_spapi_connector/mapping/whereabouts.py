"""Why an order is not here, or not a sale order: one code from what Amazon and Odoo say. Pure, no Odoo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

STORED_CODES = {
    "pending": "pending",
    "new": "to_import",
    "waiting": "waiting",
    "imported": "imported",
    "exception": "exception",
    "quarantined": "quarantined",
    "cancelled": "cancelled",
    "settled": "settled",
}


@dataclass(frozen=True, slots=True)
class Place:
    """What decides about an order. Times are naive UTC.

    :param status: Amazon's status, "" when Amazon does not know the order (`known` False) or does not say
    :param enabled: its marketplace is one of the account's
    :param updated: Amazon's last update
    :param stored: state of the stored order, "" without one; `problem` its short reason
    :param outdated: Amazon has changed it after it was stored
    """

    known: bool
    status: str = ""
    channel: str = ""
    enabled: bool = True
    updated: datetime | None = None
    since: datetime | None = None
    over: datetime | None = None
    read_until: datetime | None = None
    stored: str = ""
    problem: str = ""
    erased: bool = False
    outdated: bool = False


def whereabouts(place: Place) -> str:
    """The code of the answer; the product has a sentence and a button for each.

    unknown, over, not_enabled, before_since, to_come, missed: nothing is stored. Otherwise the stored order's own:
    imported, pending, to_import, waiting, exception, quarantined, settled, cancelled, fba, fba_preparing,
    unfulfillable, ignored; each may be *outdated*. erased: it is here, without its buyer.
    """
    if place.stored:
        if place.outdated:
            return "outdated"
        if place.stored == "ignored":
            return place.problem if place.problem in ("fba", "unfulfillable") else "ignored"
        if place.stored == "pending" and place.channel == "AMAZON" and place.status == "UNSHIPPED":
            return "fba_preparing"
        if place.stored == "imported" and place.erased:
            return "erased"
        return STORED_CODES.get(place.stored, "ignored")
    if not place.known:
        return "unknown"
    if place.over and place.updated and place.updated <= place.over:
        return "over"
    if not place.enabled:
        return "not_enabled"
    if place.since and place.updated and place.updated < place.since:
        return "before_since"
    if place.read_until is None or (place.updated and place.updated > place.read_until):
        return "to_come"
    return "missed"
