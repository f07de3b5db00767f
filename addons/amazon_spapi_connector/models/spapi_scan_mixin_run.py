from __future__ import annotations

import hashlib
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import calling
from ..recovering import Busy
from ..spapi import errors
from ..spapi.values import parse_time
from .spapi_account_import import CONCURRENCY
from .spapi_account_search import BUSINESS_PARTS, LONGEST, PAGE_SIZE, SEARCHES
from .spapi_cursor import TOKEN_LIFE

LOCK = 0x5B0C
"""First key of the advisory locks of scans; the second stands for the record."""
MOST_PAGES = 20_000
"""Two years of 2,700 orders a day; more is a listing that never ends."""
REMEMBERED = 1000
"""Page tokens among which one that comes again is looked for."""
HUNGRY = timedelta(hours=1)
"""So long an account's import goes before its background reading, where Amazon grants too little for both."""
MOST_RESTARTS = 3
MOST_FAILURES = 8
BUSY = timedelta(minutes=1)
"""How long the import is given when it is at work on the same account."""
SETTLE = timedelta(minutes=10)
"""Amazon accepts no end of a period younger than two minutes; the rest is for clocks that differ."""


class SpapiScanMixin(models.AbstractModel):
    """How such work goes on: quota, pages, pauses, errors."""

    _inherit = "spapi.scan.mixin"

    @api.model
    def _run_all(self) -> None:
        """Go on with everything that runs and does not wait; for a scheduled action."""
        due = ["|", ("retry_at", "=", False), ("retry_at", "<=", fields.Datetime.now())]
        scans = self.sudo().search([("state", "=", "running"), *due], order="id")  # sudo: of all companies
        for index, scan in enumerate(scans):
            finished = scan._run()
            left = self.env["ir.cron"]._commit_progress(1, remaining=len(scans) - index - finished)
            if not finished or left <= 0:
                # Out of time. What other kinds of reading report as remaining must not hide what is left here.
                if not finished or index + 1 < len(scans):
                    self._wake()
                return

    def _begin(self) -> None:
        scan_sudo = self.sudo()  # sudo: state and progress are no fields of a person's
        scan_sudo._forget()
        scan_sudo.write(
            {
                "state": "running",
                "started_at": fields.Datetime.now(),
                "started_by_id": self.env.uid,
                "ended_at": False,
                "restart_count": 0,
                "failure_count": 0,
                "problem": False,
                "retry_at": False,
                **scan_sudo._from_the_beginning(),
            }
        )

    def _from_the_beginning(self) -> dict:
        return {
            "page_count": 0,
            "order_count": 0,
            "reached": False,
            "covered_until": False,
            "scanned": False,
            "page_token": False,
            "page_token_at": False,
            "seen_tokens": False,
            "parameters": self._scan_parameters(),
        }

    def _scan_parameters(self) -> dict[str, str]:
        """Parameters of ``searchOrders``; the page token is bound to them."""
        self.ensure_one()
        account = self.account_id
        if not account.marketplace_ids:
            raise UserError(self.env._("Choose the marketplaces of %s first.", account.name))
        name = "created" if self.basis == "created" else "lastUpdated"
        # Amazon's "after" may or may not mean the moment itself: a second earlier does not miss it.
        after = max(self.date_from - timedelta(seconds=1), fields.Datetime.now() - LONGEST)
        result = {
            f"{name}After": _iso(after),
            "marketplaceIds": ",".join(sorted(account.marketplace_ids.mapped("amazon_id"))),
            "maxResultsPerPage": str(PAGE_SIZE),
            "includedData": ",".join(BUSINESS_PARTS),
        }
        # Without an end Amazon takes its own "now": no clock of ours is part of it.
        if self.date_to and self.date_to < fields.Datetime.now() - SETTLE:
            result[f"{name}Before"] = _iso(max(self.date_to, after))
        return result

    def _run(self) -> bool:
        """Go on until it is done or waits, each step committed. Returns False when the time is up."""
        self.ensure_one()
        scan = self.with_env(self.account_id._as_service().env).sudo()  # sudo: progress is no field of a person's
        with scan._lock() as free:
            if not free:
                return True
            scan.env["ir.cron"]._commit_progress(0)
            scan.invalidate_recordset()
            while scan.exists() and scan.state == "running":
                try:
                    scan._step()
                    # each step counts as work done: Odoo takes a job that reports none for one that hangs
                    left = scan.env["ir.cron"]._commit_progress(1, remaining=1)
                except Exception as error:
                    # Another process may have been at the same rows: that shows at the latest with the commit.
                    scan.env.cr.rollback()
                    scan.env.invalidate_all()
                    if not scan.exists() or scan.state != "running":
                        return True  # somebody has stopped or deleted it meanwhile
                    if isinstance(error, (Busy, *CONCURRENCY)):
                        scan._wait(BUSY)
                    else:
                        if not isinstance(error, (errors.SpapiError, UserError)):
                            scan.account_id._log_unexpected(scan._name, error)
                        scan._pause(error)
                    scan.env["ir.cron"]._commit_progress(0)
                    return True
                if left <= 0:
                    return False
        return True

    def _spare(self) -> int:
        """Calls that are left to the import, besides those for people: orders to ship must not wait for this.

        Where Amazon grants less than the import takes there would never be one left: then it gets one an hour.
        """
        last = self.page_token_at or self.started_at
        return 0 if last and last + HUNGRY <= fields.Datetime.now() else len(SEARCHES)

    def _step(self) -> None:
        """One page, or one batch of what comes after the pages; the caller commits."""
        if not self.account_id.active or self.account_id.state == "revoked":
            self._end("failed", self.env._("The account is archived, or its seller's consent has ended."))
            return
        if self.scanned:
            self._after_pages()
            return
        # whatever is written in the row: this asks for nobody
        parameters = {**(self.parameters or {}), "includedData": ",".join(BUSINESS_PARTS)}
        if self.page_token:
            if self.page_token_at + TOKEN_LIFE <= fields.Datetime.now():
                self._restart(self.env._("The page token is too old; the period is read from its beginning."))
                return
            parameters["paginationToken"] = self.page_token
        try:
            search = lambda client: client.search_orders(parameters)  # noqa: E731
            page = calling.call(self.account_id, "searchOrders", search, automatic=True, spare=self._spare())
            seen = (self.seen_tokens or [])[-REMEMBERED:]
            if page.next_token and (_digest(page.next_token) in seen or self.page_count >= MOST_PAGES):
                raise errors.MalformedResponse("the pages repeat", code="PaginationLoop", operation="searchOrders")
        except errors.SpapiError as error:
            refused = isinstance(error, errors.BadRequest) and self.page_token
            if refused or error.code == "PaginationLoop":
                self._restart(self.account_id._error_text(error))
                return
            raise
        self._take_page(page)
        until = page.created_before or page.last_updated_before
        covered = until.astimezone(UTC).replace(tzinfo=None, microsecond=0) if until else False
        moments = [raw.get(_TIME[self.basis]) for raw in page.orders if isinstance(raw, dict)]
        self.write(
            {
                "page_count": self.page_count + 1,
                "failure_count": 0,
                "problem": False,
                "retry_at": False,
                "covered_until": min(filter(None, (self.covered_until, covered)), default=False),
                "reached": max(filter(None, [self.reached, *map(_naive, moments)]), default=False),
                "scanned": not page.next_token,
                "page_token": page.next_token or False,
                "page_token_at": fields.Datetime.now() if page.next_token else False,
                "seen_tokens": [*seen, _digest(page.next_token)] if page.next_token else seen,
            }
        )

    def _restart(self, why: str) -> None:
        """Read the period from its beginning; what was found so far is found again."""
        if self.restart_count >= MOST_RESTARTS:
            self._end("failed", why)
            return
        self._forget()
        self.write({"restart_count": self.restart_count + 1, "problem": why, **self._from_the_beginning()})

    def _pause(self, error: Exception) -> None:
        """Wait for quota or for Amazon; stop where waiting helps nobody."""
        text = self.account_id._error_text(error)
        if isinstance(error, errors.Throttled):
            wait, count, text = timedelta(seconds=min(error.retry_after or 180, 3600)), self.failure_count, False
        elif isinstance(error, errors.SpapiError) and not error.retryable:
            self._end("failed", text)
            return
        else:
            count = self.failure_count + 1
            wait = timedelta(minutes=min(60, 2**count))
            if count >= MOST_FAILURES:
                self._end("failed", text)
                return
        retry_at = fields.Datetime.now() + wait
        self.write({"retry_at": retry_at, "failure_count": count, "problem": text})
        self._wake(retry_at)

    def _wait(self, delay: timedelta) -> None:
        retry_at = fields.Datetime.now() + delay
        self.write({"retry_at": retry_at})
        self._wake(retry_at)

    def _end(self, state: str, problem: str | bool = False) -> None:
        """Nothing more to do, or nothing that helps. What failed keeps its page: a person may let it go on."""
        values = {"state": state, "problem": problem, "retry_at": False, "ended_at": fields.Datetime.now()}
        if state == "done":
            values |= {"page_token": False, "page_token_at": False, "seen_tokens": False}
        self.write(values)
        self._tell_end("success" if state == "done" else "danger")

    def _tell_end(self, kind: str) -> None:
        """A notification for who started it, wherever that person is in Odoo now."""
        if self.started_by_id.active:
            message = {"title": self.display_name, "message": self._end_text(), "type": kind, "sticky": True}
            self.started_by_id._bus_send("simple_notification", message)

    def _wake(self, at=None) -> None:
        # sudo: whoever may start this may wake what does it
        self.env.ref("amazon_spapi_connector.ir_cron_background").sudo()._trigger(at=at)

    @contextmanager
    def _lock(self):
        """Let one process at a time work on a record."""
        key = [
            LOCK,
            int.from_bytes(hashlib.sha256(f"{self._name},{self.id}".encode()).digest()[:4], "big", signed=True),
        ]
        self.env.cr.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        if not self.env.cr.fetchone()[0]:
            yield False
            return
        try:
            yield True
        except BaseException:
            self.env.cr.rollback()
            raise
        finally:
            self.env.cr.execute("SELECT pg_advisory_unlock(%s, %s)", key)


_TIME = {"created": "createdTime", "updated": "lastUpdatedTime"}


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _naive(text) -> datetime | None:
    moment = parse_time(text)
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0) if moment else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:16]
