from __future__ import annotations

import time

import psycopg2

from odoo import api, fields, models

from odoo.addons.amazon_spapi_connector.models.spapi_account_import import CONNECTED

LONGEST_RUN = 60
"""Seconds after which a job makes room and comes back: Odoo ends a worker that is busy for two minutes."""
DEADLINE = "spapi_job_deadline"


class SpapiAccount(models.Model):
    """Imports as jobs: one at a time for an account, accounts side by side as far as the channels have room."""

    _inherit = "spapi.account"

    runs_as_job = fields.Boolean(
        string="Import by Job Queue",
        default=True,
        help="Orders are imported by jobs in a channel of this account. Without it, Odoo's scheduled action imports"
        " them, one account after the other.",
    )

    @api.model
    def _to_import(self, force: bool = False):
        # EXTENDS amazon_spapi_connector: the scheduled action hands these accounts to the queue
        accounts = super()._to_import(force)
        queued = accounts.filtered("runs_as_job")
        for account in queued:
            account._enqueue_import(force)
        return accounts - queued

    def _enqueue_import(self, force: bool = False, at=None):
        """Put the import of this account in its channel, unless it waits there already.

        :param at: naive UTC, not before; None for now
        """
        self.ensure_one()
        key = f"spapi.account/{self.id}/import"
        if not at:
            self._hasten(key)
        return (
            self._as_service()
            .with_delay(
                eta=at,
                channel=self._job_channel().complete_name,
                identity_key=key,
                description=self.env._("Import the orders of %s from Amazon", self.name),
            )
            ._job_import(force)
        )

    def _hasten(self, key: str) -> None:
        """Let a job that waits for Amazon begin now: a product was assigned, or somebody pressed “Sync now”. As long as
        Amazon is not to be asked, it makes sale orders of what is stored and waits again."""
        try:
            with self.env.cr.savepoint():
                self.env.cr.execute(
                    """UPDATE queue_job SET eta = NULL WHERE id IN (
                           SELECT id FROM queue_job WHERE identity_key = %s AND state = 'pending' AND eta IS NOT NULL
                              FOR UPDATE SKIP LOCKED)""",
                    [key],
                    log_exceptions=False,
                )
        except psycopg2.OperationalError:
            pass  # it is being begun in this moment
        self.env["queue.job"].invalidate_model(["eta"])

    def _job_channel(self):
        """The channel of this account: its name tells which one waits, its room can be set in the configuration."""
        # sudo: channels belong to the administrators of the queue; this one exists for the account's sake
        Channel = self.env["queue.job.channel"].sudo()
        parent = self.env.ref("amazon_spapi_queue_job.channel_amazon").sudo()
        name = f"account_{self.id}"
        return Channel.search([("parent_id", "=", parent.id), ("name", "=", name)]) or Channel.create(
            {"parent_id": parent.id, "name": name}
        )

    def _job_import(self, force: bool = False) -> None:
        """Import for a while. What is left is another job: at once when time was up, or when Amazon grants a call."""
        # A cursor of its own: the queue allows no commit on the one that holds the job, and the import commits pages.
        with self.env.registry.cursor() as cr:
            context = {**self.env.context, DEADLINE: time.monotonic() + LONGEST_RUN}
            account = self.with_env(self.env(cr=cr, context=context)).exists()
            if not account._goes_on():
                return
            finished = account._as_service()._run_import(force=force)
            later = account._goes_on() and account.retry_at
        if later and later > fields.Datetime.now():
            self._enqueue_import(at=later)
        elif not finished:
            self._enqueue_import()

    def _goes_on(self) -> bool:
        # EXTENDS amazon_spapi_connector: a job may be of an account that was deleted, or never connected
        return bool(self) and super()._goes_on() and self.sudo().state in CONNECTED

    def _as_service(self):
        # EXTENDS amazon_spapi_connector, which keeps of the context what it knows alone
        service = super()._as_service()
        deadline = self.env.context.get(DEADLINE)
        return service.with_context(**{DEADLINE: deadline}) if deadline else service

    def _checkpoint(self, processed: int = 0, remaining: int = 0) -> bool:
        # EXTENDS amazon_spapi_connector: a job has its own time
        left = super()._checkpoint(processed, remaining)
        deadline = self.env.context.get(DEADLINE)
        return left and not (deadline and time.monotonic() >= deadline)
