from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from odoo import fields, models

from .. import calling
from ..spapi import errors

_logger = logging.getLogger(__name__)

MAX_PAGES = 500
"""Pages of one search (50,000 orders) after which something is taken to be wrong."""
LONGEST = timedelta(days=729)
"""Amazon returns the orders of two years."""
PAGE_SIZE = 100
PERSONAL_PARTS = {"BUYER", "RECIPIENT"}
# The packages say when an order was shipped, and that it was delivered: the buyer's data counts from there. Both
# searches ask for them: what the first brings holds all that the second does, and replaces it.
BUSINESS_PARTS = ("PROCEEDS", "PROMOTION", "CANCELLATION", "FULFILLMENT", "PACKAGES")
SEARCHES: dict[str, dict] = {
    "unshipped": {
        "filters": {"fulfilledBy": "MERCHANT", "fulfillmentStatuses": "UNSHIPPED,PARTIALLY_SHIPPED"},
        "parts": (*BUSINESS_PARTS, "BUYER", "RECIPIENT", "TAX"),
    },
    "changes": {"filters": {}, "parts": BUSINESS_PARTS},
}
"""The two searches, in their order. Only the first asks for personal data, and only of orders that must be shipped."""


class SpapiAccount(models.Model):
    """The two searches: page by page; each is committed with its token before the next is asked for."""

    _inherit = "spapi.account"

    def _cursor(self, code: str):
        """The progress of a search, created at its first run."""
        Cursor = self.env["spapi.cursor"].sudo()
        cursor = Cursor.search([("account_id", "=", self.id), ("search_code", "=", code)])
        return cursor or Cursor.create(
            {"account_id": self.id, "search_code": code, "last_updated_after": self.import_since}
        )

    def _search_is_due(self, code: str, force: bool) -> bool:
        """The first search runs every time, the second less often: Amazon grants both together 20 calls an hour."""
        cursor = self._cursor(code)
        if force or code == "unshipped" or cursor.page_token or not cursor.last_done:
            return True
        # Half a minute of grace, so that a cron that is a second early does not skip a turn.
        return cursor.last_done + timedelta(minutes=self.changes_interval, seconds=-30) <= fields.Datetime.now()

    def _search_parameters(self, code: str, after: datetime, until: datetime | None = None) -> dict[str, str]:
        """Parameters of a new search; the page token is bound to them."""
        if not self.marketplace_ids:
            raise errors.ConfigurationError("no marketplace is chosen", operation="searchOrders", sent=False)
        search = SEARCHES[code]
        return {
            "lastUpdatedAfter": _stamp(after),
            **({"lastUpdatedBefore": _stamp(until)} if until else {}),
            "marketplaceIds": ",".join(sorted(self.marketplace_ids.mapped("amazon_id"))),
            "maxResultsPerPage": str(PAGE_SIZE),
            "includedData": ",".join(search["parts"]),
            **search["filters"],
        }

    def _import_search(self, code: str) -> bool:
        """Read a search to its end, or from the page where it stopped. Returns False when time is up.

        :raise errors.SpapiError: the pages so far are stored and the cursor points to the page that failed
        """
        cursor = self._cursor(code)
        if cursor._token_is_valid():
            parameters = {**cursor.parameters, "paginationToken": cursor.sudo().page_token}
        else:
            if cursor.page_token:
                cursor.in_parts = True  # the token ended before its pages did
            parameters = self._begin_search(cursor, code)
        while True:
            if not self._goes_on():
                return True
            try:
                search = lambda client: client.search_orders(parameters)  # noqa: B023, E731
                page = calling.call(self, "searchOrders", search, automatic=True)
                if page.next_token and (cursor._has_seen(page.next_token) or cursor._has_seen_page(page.orders)):
                    raise errors.MalformedResponse("the pages repeat", code="PaginationLoop", operation="searchOrders")
                if page.next_token and cursor.page_count >= MAX_PAGES:
                    raise errors.MalformedResponse("too many pages", code="TooManyPages", operation="searchOrders")
            except errors.SpapiError as error:
                if isinstance(error, errors.BadRequest) or error.code in ("PaginationLoop", "TooManyPages"):
                    # The token, not the period, is refused: begin the period again. What is stored is recognised.
                    cursor._restart()
                    cursor.in_parts |= error.code == "TooManyPages"  # the period is too long, after all
                    self._checkpoint(0, 1)
                raise
            self._store_page(code, page)
            in_time = self._checkpoint(0, 1)
            if not page.next_token and not cursor.in_parts:
                return in_time
            if not in_time:
                return False
            if page.next_token:
                parameters = {**cursor.parameters, "paginationToken": page.next_token}
            else:
                parameters = self._begin_search(cursor, code)

    def _begin_search(self, cursor, code: str) -> dict[str, str]:
        """Begin at the cursor; return the parameters of the first page."""
        after = cursor.last_updated_after
        oldest = fields.Datetime.now() - LONGEST
        if cursor.in_parts:
            after = max(after, oldest)
        elif code == "unshipped":
            # Amazon refuses a date of long ago, so no order's own date may lead there.
            found = [max(moment, oldest) for moment in self._without_address().values()]
            after = min([after, *(moment - timedelta(seconds=1) for moment in found)])
        cursor._begin(self._search_parameters(code, after, cursor._end_of_part(after)))
        return dict(cursor.parameters)

    def _store_page(self, code: str, page) -> None:
        """Store a page and move the cursor; the caller commits both together.

        :param page: :class:`..spapi.client.SearchPage`
        """
        self.env["spapi.order"].sudo()._store_orders(self, page.orders, SEARCHES[code]["parts"])
        until = page.last_updated_before
        cursor = self._cursor(code)
        begun_at, after = cursor.begun_at, (cursor.parameters or {}).get("lastUpdatedAfter", "")
        cursor._count(page.orders)
        cursor._advance(page.next_token, until.astimezone(UTC).replace(tzinfo=None) if until else None)
        if code == "unshipped" and not page.next_token and not cursor.in_parts:
            self._give_up_addresses(begun_at, after)
        _logger.info("account %s, %s: %s orders read", self.id, code, len(page.orders))

    def _without_address(self) -> dict:
        """``{order: last update}`` of orders to ship that only the search without addresses has found so far.

        The search with addresses normally brings them at its next run; where Amazon's index lagged behind its own
        watermark, that search begins early enough to find them.
        """
        orders = (
            self.env["spapi.order"]
            .sudo()
            .search([("account_id", "=", self.id), ("state", "=", "new"), ("problem_code", "=", "address_to_come")])
        )
        return {order: order.last_updated for order in orders if order.last_updated}

    def _give_up_addresses(self, begun_at: datetime | None, after: str) -> None:
        """Orders that a search covered and did not bring: looked for once, then shown to a person."""
        text = self.env._(
            "Amazon lists this order as to be shipped by you but did not send its address. Use “Read again” on the"
            " account."
        )
        for order, updated in self._without_address().items():
            if begun_at and order.write_date < begun_at and _stamp(updated) > after:
                order._set_problem("exception", "no_address", text)


def _stamp(moment: datetime) -> str:
    """A naive UTC moment as Amazon takes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
