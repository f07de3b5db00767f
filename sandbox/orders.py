"""The order table: whole orders as JSON, with the columns that searches and the life cycle need beside it.

Orders are kept exactly as given; a malformed one gets the best index values that can be had. Where it has none (no
status, an unknown marketplace), it passes every filter: bad orders are here to be delivered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import clock, jsontext, market
from .clock import DAY, MINUTE
from .db import Database
from .marketplaces import MARKETPLACES
from .visibility import child

HORIZON = 2 * 365 * DAY
# These marketplaces keep orders since 2016, the others for two years (JP, AU, SG).
LONG_HORIZON = ("A1VC38T7YXB528", "A39IBJ37TRP1C6", "A19VAU5U5O7RUS")
SINCE_2016 = clock.parse("2016-01-01T00:00:00Z")
# What is made in the middle of its life (pending since last week) stays as it was made for so long at least.
GRACE = 30 * MINUTE


@dataclass(frozen=True)
class Search:
    """One search: `by` is the time column ("created" or "updated"), bounds inclusive in ms, empty filters match all."""

    seller: str
    by: str
    after: int
    before: int
    statuses: tuple[str, ...] = ()
    fulfilled_by: tuple[str, ...] = ()
    marketplaces: tuple[str, ...] = ()


class Orders:
    """Reads and writes orders; the market's life cycle moves the live ones on as time passes."""

    def __init__(self, db: Database, changed: Callable[[str, str], None] = lambda _seller, _order_id: None) -> None:
        """:param changed: is told (seller, order id) of each order that is written"""
        self.db = db
        self.changed = changed

    def put(self, seller: str, order: dict[str, Any], now: int, live: bool, grace: int = 0) -> str:
        """Insert or replace one order; returns its id.

        A live one changes by itself when the market says so, but not before `grace` ms have passed.
        """
        # Searches reach up to two minutes ago: an order without times is to be found at once.
        created = _instant(order.get("createdTime"), now - 2 * MINUTE)
        updated = _instant(order.get("lastUpdatedTime"), created)
        due = market.next_due(order) if live else None
        order_id = order.get("orderId")
        if not _text(order_id):
            serial = int(self.db.get("unnamed_orders", "0")) + 1
            self.db.put("unnamed_orders", serial)
            order_id = f"unnamed-{serial}"
        self.db.execute(
            "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            seller,
            order_id,
            _known(child(order, "salesChannel", "marketplaceId")),
            _text(child(order, "fulfillment", "fulfillmentStatus")),
            _text(child(order, "fulfillment", "fulfilledBy")),
            created,
            updated,
            live,
            None if due is None else max(clock.of_datetime(due), now + grace),
            jsontext.dumps(order),
        )
        self.changed(seller, order_id)
        return order_id

    def save(self, seller: str, order_id: str, order: dict[str, Any], now: int) -> None:
        """Store a changed order, live as it was before."""
        row = self.db.row("SELECT live FROM orders WHERE seller = ? AND order_id = ?", seller, order_id)
        if order.get("orderId") != order_id:
            self.db.execute("DELETE FROM orders WHERE seller = ? AND order_id = ?", seller, order_id)
        self.put(seller, order, now, live=bool(row and row["live"]))

    def get(self, seller: str, order_id: str) -> dict[str, Any] | None:
        """One order, whole."""
        row = self.db.row("SELECT body FROM orders WHERE seller = ? AND order_id = ?", seller, order_id)
        return jsontext.loads(row["body"]) if row else None

    def created(self, seller: str, order_id: str) -> int | None:
        """When an order was created (ms)."""
        row = self.db.row("SELECT created FROM orders WHERE seller = ? AND order_id = ?", seller, order_id)
        return row["created"] if row else None

    def seller_of(self, order_id: str) -> str | None:
        """The seller who has this order (the first, if several have)."""
        row = self.db.row("SELECT seller FROM orders WHERE order_id = ? ORDER BY seller", order_id)
        return row["seller"] if row else None

    def all(self, seller: str | None = None) -> list[dict[str, Any]]:
        """Every order whole, oldest change first."""
        rows = self.db.rows(
            "SELECT body FROM orders WHERE ?1 IS NULL OR seller = ?1 ORDER BY updated, order_id", seller
        )
        return [jsontext.loads(row["body"]) for row in rows]

    def ids(self, seller: str | None = None) -> list[tuple[str, str]]:
        """(seller, order id) of every order in the order of their creation."""
        rows = self.db.rows(
            "SELECT seller, order_id FROM orders WHERE ?1 IS NULL OR seller = ?1 ORDER BY created, order_id", seller
        )
        return [(row["seller"], row["order_id"]) for row in rows]

    def visible_since(self, marketplace: str | None, now: int) -> int:
        """The oldest creation time (ms) that the API still returns for a marketplace."""
        return SINCE_2016 if marketplace in LONG_HORIZON else now - HORIZON

    def search(
        self, search: Search, position: tuple[int, str], limit: int, now: int
    ) -> list[tuple[int, str, dict[str, Any]]]:
        """Up to `limit` orders after `position` = (time, order id), in that order: (time, order id, order).

        The position, not a count, marks the place: an order that changes between two pages moves to its new place and
        shifts no other.
        """
        by = search.by
        sql = [
            f"SELECT {by} AS time, order_id, body FROM orders WHERE seller = ? AND {by} BETWEEN ? AND ?",
            f"AND ({by}, order_id) > (?, ?) AND created >= CASE WHEN marketplace IN (?, ?, ?) THEN ? ELSE ? END",
        ]
        values: list[Any] = [search.seller, max(search.after, position[0]), search.before, *position]
        values += [*LONG_HORIZON, SINCE_2016, now - HORIZON]
        filters = (
            ("status", search.statuses),
            ("fulfilled_by", search.fulfilled_by),
            ("marketplace", search.marketplaces),
        )
        for column, wanted in filters:
            if wanted:
                sql.append(f"AND ({column} IS NULL OR {column} IN ({', '.join('?' * len(wanted))}))")
                values += wanted
        sql.append(f"ORDER BY {by}, order_id LIMIT ?")
        rows = self.db.rows(" ".join(sql), *values, limit)
        return [(row["time"], row["order_id"], jsontext.loads(row["body"])) for row in rows]

    def advance(self, now: int, limit: int = -1) -> int:
        """Let up to `limit` orders whose time has come change; returns how many did."""
        rows = self.db.rows("SELECT seller, order_id, body FROM orders WHERE due <= ? ORDER BY due LIMIT ?", now, limit)
        changed = 0
        for row in rows:
            later = market.advance(jsontext.loads(row["body"]), clock.as_datetime(now))
            if later is None:
                # Too broken to change, though it seemed due: not looked at again.
                self.db.execute(
                    "UPDATE orders SET due = NULL WHERE seller = ? AND order_id = ?", row["seller"], row["order_id"]
                )
                continue
            self.put(row["seller"], later, now, live=True)
            changed += 1
        return changed


def touch(order: dict[str, Any], now: int) -> None:
    """Move lastUpdatedTime to now, and forward in any case: a change is never earlier than the one before it."""
    before = _instant(order.get("lastUpdatedTime"), 0)
    order["lastUpdatedTime"] = clock.iso(max(clock.whole_second(now), before + clock.SECOND))


def _instant(value: object, default: int) -> int:
    try:
        return clock.parse(value)
    except (ValueError, OverflowError):
        return default


def _text(value: object) -> str | None:
    """A text that SQLite can hold, else None (lone surrogates)."""
    try:
        return value if isinstance(value, str) and value.encode() else None
    except UnicodeEncodeError:
        return None


def _known(marketplace: object) -> str | None:
    """A marketplace that filters can go by; None for what is no marketplace of Amazon's."""
    return marketplace if isinstance(marketplace, str) and marketplace in MARKETPLACES else None
