from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from odoo import fields, models

from ..spapi.values import parse_time

OVERLAP = timedelta(minutes=2)
"""Amazon's filters are exclusive and its index lags: every read begins a little before the last one ended."""
TOKEN_LIFE = timedelta(hours=23)
"""Amazon's page tokens live 24 hours; one hour is left for clocks that differ."""
PART = timedelta(days=7)
"""A period is read in parts of this length when its pages did not come to an end while their token lived."""


class SpapiCursor(models.Model):
    """How far one search of an account has come.

    A search in progress keeps its page token and the parameters that the token is bound to, so that an import that was
    killed or throttled goes on at its page. `last_updated_after` moves only when the last page is committed.
    """

    _name = "spapi.cursor"
    _description = "Amazon Import Progress"
    _order = "account_id, search_code"
    _rec_name = "search_code"

    account_id = fields.Many2one("spapi.account", required=True, ondelete="cascade", index=True)
    search_code = fields.Selection(
        [("unshipped", "Orders to ship"), ("changes", "All changes")], string="Search", required=True
    )
    last_updated_after = fields.Datetime(required=True, help="Everything before this moment is stored.")
    page_token = fields.Char(groups=fields.NO_ACCESS)
    page_token_at = fields.Datetime()
    begun_at = fields.Datetime(help="When the search in progress began.")
    parameters = fields.Json(help="Parameters of the search in progress; Amazon binds its page token to them.")
    watermark = fields.Datetime(help="End of the period that the search in progress covers, as Amazon gave it.")
    page_count = fields.Integer(help="Pages of the search in progress that are stored.")
    order_count = fields.Integer(string="Orders in Progress", help="Orders on the pages that are stored.")
    reached = fields.Datetime(help="Last update of the newest order of the search in progress.")
    seen_tokens = fields.Json(
        help="Digests of the pages of this search and of their tokens: one that returns would never end."
    )
    in_parts = fields.Boolean(help="The period is too long for one search, and is read a week at a time.")
    last_done = fields.Datetime(string="Last Completed")

    _search_uniq = models.Constraint("UNIQUE(account_id, search_code)", "This search exists already.")

    def _token_is_valid(self) -> bool:
        self.ensure_one()
        return bool(self.page_token and self.page_token_at and self.page_token_at + TOKEN_LIFE > fields.Datetime.now())

    def _restart(self) -> None:
        """Give up the pages of the search in progress and begin again at the cursor. Nothing is lost by it."""
        self.write(
            {"page_token": False, "page_token_at": False, "begun_at": False, "parameters": False}
            | {"watermark": False, "page_count": 0, "seen_tokens": False, "order_count": 0, "reached": False}
        )

    def _begin(self, parameters: dict) -> None:
        self._restart()
        self.write({"parameters": parameters, "begun_at": fields.Datetime.now()})

    def _end_of_part(self, after: datetime) -> datetime | None:
        """Where a search that begins at `after` ends; None for the present, as the last part is whatever is left."""
        end = after + PART
        return end if self.in_parts and end < fields.Datetime.now() - PART / 7 else None

    def _has_seen(self, token: str) -> bool:
        return _digest(token) in (self.seen_tokens or [])

    def _has_seen_page(self, orders: list) -> bool:
        """Whether the same orders in the same state came as a page of this search before, whatever its token was."""
        return bool(orders) and _digest_of_page(orders) in (self.seen_tokens or [])

    def _count(self, orders: list) -> None:
        """Note how far a page (as Amazon sent it) brings the search in progress, for people to see."""
        moments = [parse_time(raw.get("lastUpdatedTime")) for raw in orders if isinstance(raw, dict)]
        found = [moment.astimezone(UTC).replace(tzinfo=None, microsecond=0) for moment in moments if moment]
        self.write(
            {
                "order_count": self.order_count + len(orders),
                "reached": max([*found, *filter(None, [self.reached])], default=False),
                "seen_tokens": [*(self.seen_tokens or []), _digest_of_page(orders)],
            }
        )

    def _share(self) -> int | None:
        """Per cent of the search in progress that is read, as far as the dates of its orders tell."""
        self.ensure_one()
        if not (self.reached and self.watermark and self.watermark > self.last_updated_after):
            return None
        done = (self.reached - self.last_updated_after) / (self.watermark - self.last_updated_after)
        return max(0, min(99, round(100 * done)))

    def _advance(self, next_token: str | None, covered_until: datetime | None) -> None:
        """Note that a page is stored; call it in the transaction that stores the page.

        :param covered_until: what Amazon said the search covers (naive UTC); the earliest of all pages counts.
        """
        self.ensure_one()
        asked = parse_time((self.parameters or {}).get("lastUpdatedBefore"))
        part = asked and asked.astimezone(UTC).replace(tzinfo=None)
        watermark = min(filter(None, (self.watermark, covered_until, part)), default=None)
        if next_token:
            self.write(
                {
                    "page_token": next_token,
                    "page_token_at": fields.Datetime.now(),
                    "watermark": watermark,
                    "page_count": self.page_count + 1,
                    "seen_tokens": [*(self.seen_tokens or []), _digest(next_token)],
                }
            )
            return
        until = (watermark or self._covered_without_word()).replace(microsecond=0) - OVERLAP
        self._restart()
        self.write(
            {
                "last_updated_after": max(self.last_updated_after, until),
                "last_done": fields.Datetime.now(),
                "in_parts": bool(part),
            }
        )

    def _covered_without_word(self) -> datetime:
        """What the search covers if Amazon does not say: what was updated before it began, less the two-minute rule.

        Our clock may be fast, and the cursor would pass orders to come: it goes no further than the newest order.
        """
        newest = (
            self.env["spapi.order"]
            .sudo()
            .search(
                [("account_id", "=", self.account_id.id), ("last_updated", "!=", False)],
                limit=1,
                order="last_updated desc",
            )
        )
        begun = self.begun_at or fields.Datetime.now()
        return min(begun - timedelta(minutes=2), newest.last_updated or self.last_updated_after)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def _digest_of_page(orders: list) -> str:
    rows = [(raw.get("orderId"), raw.get("lastUpdatedTime")) for raw in orders if isinstance(raw, dict)]
    return _digest(repr((len(orders), rows)))
