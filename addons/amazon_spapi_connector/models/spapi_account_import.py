from __future__ import annotations

import logging
import random
import time
import traceback
from contextlib import contextmanager

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.tools import split_every

from odoo.addons.pii_retention import proof

from ..spapi import errors
from .spapi_account_search import PERSONAL_PARTS, SEARCHES

_logger = logging.getLogger(__name__)

LOCK = 0x5B0A
"""First key of the advisory locks of imports; the second is the account's id."""
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
BATCH_SIZE = 50


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
