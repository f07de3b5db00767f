from __future__ import annotations

import logging
import random
import time
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.tools import split_every

from odoo.addons.pii_retention import proof

from .. import calling
from ..spapi import errors

_logger = logging.getLogger(__name__)

LOCK = 0x5B0A
"""First key of the advisory locks of imports; the second is the account's id."""
MAX_PAGES = 500
"""Pages of one search (50,000 orders) after which something is taken to be wrong."""
LONGEST = timedelta(days=729)
"""Amazon returns the orders of two years."""
CONCURRENCY = (
    psycopg2.errors.SerializationFailure,
    psycopg2.errors.DeadlockDetected,
    psycopg2.errors.LockNotAvailable,  # a sequence without gaps waits for nobody
    ConcurrencyError,
)
ATTEMPTS = 5
"""How often a step is begun again that another transaction got in the way of."""
CONNECTED = ("connected", "error")
"""States of an account that is imported: an error is tried again."""
PAGE_SIZE = 100
BATCH_SIZE = 50
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
    """The import: two searches, page by page, each page committed before the next is asked for; then sale orders.

    Killing the process anywhere loses nothing (the cursor moves with the last page's commit) and doubles nothing
    (orders are unique by account and id).
    """

    _inherit = "spapi.account"

    # === CRON === #

    @api.model
    def _cron_import_orders(self, force: bool = False) -> None:
        """Import the orders of all connected accounts; one account's failure does not concern the others.

        :param force: read everything now, whatever the plan and the next attempt say
        """
        accounts = self._to_import(force)
        for index, account in enumerate(accounts):
            if not account._as_service()._run_import(force=force):
                # Out of time: with something remaining, the cron comes back at once.
                account._checkpoint(1, len(accounts) - index)
                return
            if not account._checkpoint(1, len(accounts) - index - 1):
                return

    @api.model
    def _to_import(self, force: bool = False):
        """The accounts that the scheduled action imports itself, one after the other.

        :param force: whatever the plan and the next attempt say
        """
        return self.sudo().search([("state", "in", CONNECTED)])

    def _as_service(self):
        """The same account for the identity that imports, in the account's company and no other."""
        company = self.sudo().company_id
        context = {"allowed_company_ids": company.ids, "lang": self.env.user.lang}
        progress = {key: value for key, value in self.env.context.items() if key in ("cron_id", "cron_end_time")}
        if "ir_cron_progress_id" in self.env.context:
            progress["ir_cron_progress_id"] = self.env.context["ir_cron_progress_id"]
        service = self.env.ref("amazon_spapi_connector.user_service")
        return self.with_user(service).with_context({**context, **progress}).with_company(company)

    def _checkpoint(self, processed: int = 0, remaining: int = 0) -> bool:
        """Commit; tell whether there is time left."""
        return self.env["ir.cron"]._commit_progress(processed, remaining=remaining) > 0

    # === ONE ACCOUNT === #

    def _run_import(self, force: bool = False) -> bool:
        """Import the orders of one account, errors recorded and not raised. Returns False when time is up."""
        self.ensure_one()
        with self._import_lock() as free:
            if not free:
                return True
            # What another process committed while we waited for our turn must be visible.
            self._checkpoint(0, 1)
            due = force or not self.retry_at or self.retry_at <= fields.Datetime.now()
            finished, failure = True, None
            # While the vault takes nothing in, what only it may hold is not even asked for; the rest goes on.
            refusal = due and self._refusal()
            try:
                for code in self._searches_in_turn() if due else ():
                    if refusal and PERSONAL_PARTS & set(SEARCHES[code]["parts"]):
                        continue
                    if finished and self._search_is_due(code, force):
                        finished = self._despite_others("_import_search", code)
            except (errors.SpapiError, UserError) as error:
                failure = error
            except Exception as error:
                self._log_unexpected("import", error)
                failure = error
            # What is stored becomes sale orders even if the search could not be finished.
            try:
                if failure:
                    self.env.cr.rollback()
                    self.env.invalidate_all()
                finished = self._despite_others("_map_pending") and finished
            except Exception as error:
                self._log_unexpected("mapping", error)
                failure = failure or error
                self.env.cr.rollback()
                self.env.invalidate_all()
            if not self._goes_on():
                pass  # the authorisation has ended meanwhile: what the account says of itself stays
            elif failure or refusal:
                self._record_failure(failure or UserError(refusal))
            elif due and finished:
                # somebody may just have saved the account's form: that undoes nothing of the import
                self._checkpoint(0, 1)
                self._despite_others("_record_success")
            self._checkpoint(0, 1)
            return finished

    def _despite_others(self, step: str, *args) -> bool:
        """Do a step again that somebody else at work got in the way of: it goes on after its last commit."""
        for left in reversed(range(ATTEMPTS)):
            try:
                return getattr(self.with_context(spapi_insist=not left), step)(*args)
            except CONCURRENCY as error:
                if not left:
                    raise
                _logger.info("account %s is tried again: %s", self.id, type(error).__name__)
                self.env.cr.rollback()
                self.env.invalidate_all()
                time.sleep(random.uniform(0.05, 0.5))
        return False

    def _refusal(self) -> str | bool:
        """Why the vault takes in nobody of this account now, False if it does."""
        try:
            return self._personal_refusal() or proof.intake_refusal(self.env, self.company_id)
        except ConcurrencyError:
            # the first import of another account made the first proof in the same second: with a new look it is there
            self.env.cr.rollback()
            self.env.invalidate_all()
            return self._personal_refusal() or proof.intake_refusal(self.env, self.company_id)

    def _goes_on(self) -> bool:
        """Tell whether the account is still in use, as it is committed now: its seller may leave during an import."""
        account_sudo = self.sudo()
        account_sudo.invalidate_recordset(["active", "state"])
        return account_sudo.active and account_sudo.state != "revoked"

    def _log_unexpected(self, step: str, error: Exception) -> None:
        """Where, not what: the text of an unexpected error may quote anything, a buyer's name too."""
        frames = traceback.extract_tb(error.__traceback__)[-4:]
        where = " < ".join(
            f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in reversed(frames)
        )
        _logger.error("%s of account %s stopped: %s at %s", step, self.id, type(error).__name__, where)

    @contextmanager
    def _import_lock(self):
        """Let one process at a time import an account. Survives commits, ends with the connection, waits for nobody."""
        cr = self.env.cr
        cr.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, self.id])
        if not cr.fetchone()[0]:
            yield False
            return
        try:
            yield True
        except BaseException:
            cr.rollback()
            raise
        finally:
            cr.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, self.id])

    # === SEARCHES === #

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

    # === SALE ORDERS === #

    def _map_pending(self) -> bool:
        """Make sale orders of what waits for it, batch by batch, each committed. Returns False when time is up."""
        self._requeue_mapped_skus()
        orders = self.env["spapi.order"].search(
            [
                ("account_id", "=", self.id),
                ("state", "=", "new"),
                # an order to ship waits for its address; one that has left needs none
                "|",
                ("problem_code", "=", False),
                ("problem_code", "!=", "address_to_come"),
            ],
            order="id",
        )
        for batch in split_every(BATCH_SIZE, orders.ids):
            self.env["spapi.order"].browse(batch)._map_orders()
            if not self._checkpoint(0, 1):
                return False
        self._refresh_waiting_skus()
        self._invoice_delivered()
        return True

    def _requeue_mapped_skus(self) -> None:
        """Orders that wait for products: those whose SKUs all have one now go back in the queue."""
        waiting = self.env["spapi.order"].sudo().search([("account_id", "=", self.id), ("state", "=", "waiting")])
        if waiting:
            found = waiting._find_products()
            ready = waiting.filtered(
                lambda order: all(
                    found.get((order.marketplace_id.id, line.sku)) for line in order.line_ids if line.quantity
                )
            )
            ready.write({"state": "new"})


def _stamp(moment: datetime) -> str:
    """A naive UTC moment as Amazon takes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
