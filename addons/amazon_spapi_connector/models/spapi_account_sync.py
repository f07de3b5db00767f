from __future__ import annotations

from datetime import datetime, timedelta

import psycopg2

from odoo import api, fields, models

from .spapi_account_search import SEARCHES

LONGEST_PLAN = timedelta(minutes=5)
MINUTES = {"minutes": 1, "hours": 60}


class SpapiAccount(models.Model):
    """When an account has its turn, how it is paused, and what whoever presses “Sync now” gets to know."""

    _inherit = "spapi.account"

    sync_user_id = fields.Many2one("res.users", readonly=True, copy=False, help="Is told when the import is through.")
    sync_requested_at = fields.Datetime(readonly=True, copy=False)
    import_paused = fields.Boolean(readonly=True, copy=False, help="Somebody has paused the import of this account.")
    sync_progress = fields.Char(compute="_compute_sync_progress", help="What the import has read, and what is left.")

    # === PROGRESS === #

    @api.depends(
        "cursor_ids.page_token",
        "cursor_ids.order_count",
        "cursor_ids.reached",
        "retry_at",
        "sync_user_id",
        "import_paused",
    )
    def _compute_sync_progress(self) -> None:
        for account in self:
            text = account.sudo()._sync_text()  # sudo: the cursors are the administrators'
            if not text and account.sync_user_id and not account.import_paused:
                text = self.env._("The import begins within a minute.")
            account.sync_progress = text

    def _sync_text(self) -> str | bool:
        """Where the import is, in one line; False when nothing is to be said."""
        _ = self.env._
        labels = dict(self.env["spapi.cursor"]._fields["search_code"]._description_selection(self.env))
        parts = []
        for cursor in self.cursor_ids:
            if not cursor.begun_at:
                continue
            text = _(
                "%(search)s: %(orders)s orders on %(pages)s pages",
                search=labels[cursor.search_code],
                orders=cursor.order_count,
                pages=cursor.page_count,
            )
            share = cursor._share()
            parts.append(text if share is None else _("%(text)s, about %(left)s %% left", text=text, left=100 - share))
        waiting = self.env["spapi.order"].search_count([("account_id", "in", self.ids), ("state", "=", "new")])
        if waiting:
            parts.append(_("%s orders to become sale orders", waiting))
        if self.retry_at and self.retry_at > fields.Datetime.now():
            parts.append(_("goes on at %s", self._local(self.retry_at)))
        return " · ".join(parts) or False

    # === TURNS === #

    def _to_import(self, force: bool = False):
        # EXTENDS: who has something to be read is first, and of those who was served longest ago. Odoo runs a job
        # again, from its start, while time was up: an account that takes all the time must not have every turn.
        accounts = super()._to_import(force).filtered(lambda account: not account.import_paused)
        return accounts.sorted(lambda account: (not account._has_due(force), account._last_served()))

    def _has_due(self, force: bool) -> bool:
        if force or (self.retry_at and self.retry_at > fields.Datetime.now()):
            return force
        new = len(self.sudo().cursor_ids) < len(SEARCHES)  # sudo: the cursors are the administrators'
        return new or any(self._search_is_due(code, force) for code in SEARCHES)

    def _last_served(self) -> datetime:
        # sudo: the cursors are the administrators'
        moments = [moment for row in self.sudo().cursor_ids for moment in (row.page_token_at, row.last_done) if moment]
        return max(moments, default=datetime.min)

    def _search_is_due(self, code: str, force: bool) -> bool:
        # EXTENDS: a product that somebody assigns wakes the import, and so does time that was up; neither is a reason
        # to take one of Amazon's twenty calls an hour before the plan does
        due = super()._search_is_due(code, force)
        cursor = self._cursor(code)
        if force or not due or cursor.page_token or not cursor.last_done:
            return due
        # sudo: the plan is no secret. Half a minute of grace, as Odoo may be early
        cron = self.env.ref("amazon_spapi_connector.ir_cron_import_orders").sudo()
        interval = min(LONGEST_PLAN, timedelta(minutes=cron.interval_number * MINUTES.get(cron.interval_type, 1440)))
        return cursor.last_done + interval - timedelta(seconds=30) <= fields.Datetime.now()

    def _searches_in_turn(self) -> list[str]:
        """The searches in the order in which they get their calls: orders to ship first, as long as there are enough.

        Where there are not, for Amazon grants less than the plan takes, the first would leave the second none for
        ever: whoever was served longest ago is first.
        """
        left, _seconds = self.env["spapi.quota"].sudo()._outlook(self, "searchOrders")  # sudo: a count is no secret
        if left >= len(SEARCHES):
            return list(SEARCHES)
        # sudo: the cursors are the administrators'
        served = {cursor.search_code: cursor.page_token_at or cursor.last_done for cursor in self.sudo().cursor_ids}
        return sorted(SEARCHES, key=lambda code: served.get(code) or datetime.min)

    # === PAUSE === #

    def action_pause_import(self) -> None:
        """Stop the import after its page or batch, until somebody wants it to go on."""
        self._check_manager()
        self.sudo().write({"import_paused": True, "sync_user_id": False})  # sudo: as in action_sync_now

    def _goes_on(self) -> bool:
        # EXTENDS
        return super()._goes_on() and not self._is_paused()

    def _is_paused(self) -> bool:
        account_sudo = self.sudo()  # sudo: whoever works for the account may know that it is paused
        account_sudo.invalidate_recordset(["import_paused"])
        return account_sudo.import_paused

    def _checkpoint(self, processed: int = 0, remaining: int = 0) -> bool:
        # EXTENDS: what is paused ends like what is out of time
        return super()._checkpoint(processed, remaining) and not self._is_paused()

    def _health_parts(self) -> list[str]:
        # EXTENDS
        paused = [self.env._("The import is paused")] if self.import_paused else []
        return paused + super()._health_parts()

    # === TELLING === #

    def action_sync_now(self) -> dict:
        # EXTENDS: remember who waits for it
        result = super().action_sync_now()
        # sudo: whoever may start the import may be told about it
        self.sudo().write(
            {"sync_user_id": self.env.uid, "sync_requested_at": fields.Datetime.now(), "import_paused": False}
        )
        return result

    def action_refresh_progress(self) -> dict:
        """Read the form again. A database made before the progress moved by itself names this in a view, and is
        updated only if it exists: views are checked while their successors are still to be loaded."""
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _run_import(self, force: bool = False) -> bool:
        # EXTENDS
        finished = super()._run_import(force=force)
        account_sudo = self.sudo()  # sudo: the note of who waits is the product's
        if account_sudo.sync_user_id:
            try:
                with self.env.cr.savepoint():
                    account_sudo._tell_who_waits()
            except psycopg2.OperationalError:
                # Somebody has just pressed the button again: the next run tells.
                self.env.cr.rollback()
                self.env.invalidate_all()
        return finished

    def _tell_who_waits(self) -> None:
        """A notification for who pressed the button: done, failed, or where it waits. The caller commits."""
        user, since = self.sync_user_id, self.sync_requested_at
        cursors = self.cursor_ids
        done = cursors and all(cursor.last_done and cursor.last_done >= since for cursor in cursors)
        if done:
            Order = self.env["spapi.order"]
            changed = [("account_id", "=", self.id), ("write_date", ">=", since)]
            message, kind = (
                self.env._(
                    "The import is through: %(changed)s orders new or changed, %(problems)s of them need a person.",
                    changed=Order.search_count(changed),
                    problems=Order.search_count([*changed, ("state", "in", ("waiting", "exception", "quarantined"))]),
                ),
                "success",
            )
        elif self.last_error_at and self.last_error_at >= since:
            message, kind = self.last_error, "danger"
        else:
            text = self._sync_text()
            if not text:
                return
            message, kind = text, "info"
        if kind != "info":
            self.write({"sync_user_id": False})
        user._bus_send("simple_notification", {"title": self.name, "message": message, "type": kind})
