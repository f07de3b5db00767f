from __future__ import annotations

import hashlib
import hmac
import logging
import time
from datetime import UTC

from odoo import api, fields, models
from odoo.exceptions import UserError

from odoo.addons.amazon_spapi_connector import recovering
from odoo.addons.amazon_spapi_connector.calling import quarantine_key
from odoo.addons.amazon_spapi_connector.models.spapi_account_import import CONCURRENCY, CONNECTED
from odoo.addons.amazon_spapi_connector.spapi import errors

from ..order_change import OrderChange, Unreadable, read
from ..sqs import Message, Queue, QueueError
from .spapi_account import queue_of

_logger = logging.getLogger(__name__)
LOCK = 0x5B0D
"""First key of the advisory locks of listening; the second is the account's id."""
OVERTIME = 30
"""Seconds that a flood of messages may take beyond the account's share of time."""
FEW = 20
"""So many changed orders are read one by one; a search of 100 is cheaper for more."""


class SpapiAccount(models.Model):
    """Listening: messages are written down before they are deleted from the queue, then followed one by one.

    A message that comes twice, or late, changes nothing: the order is asked for as it is now. Whatever goes wrong here,
    the searches go on as if there were no queue.
    """

    _inherit = "spapi.account"

    @api.model
    def _cron_read_notifications(self) -> None:
        """Listen for the accounts that are subscribed, each its share of the time.

        The time is our own: Odoo's, ten seconds for a job, would be over with the first account's first wait.
        """
        accounts = self.sudo().search([("state", "in", CONNECTED), ("sqs_subscription_id", "!=", False)])
        for index, account in enumerate(accounts):
            account._as_service()._listen(account.sqs_listen_seconds / len(accounts))
            account._checkpoint(1, len(accounts) - index - 1)

    def _listen(self, seconds: float) -> None:
        """Take in what comes within `seconds`, at least what is there, and follow it. The account keeps errors."""
        self.ensure_one()
        self.env.cr.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, self.id])
        if not self.env.cr.fetchone()[0]:
            return  # another process listens
        try:
            self._listen_alone(time.monotonic() + seconds)
        except Exception as error:
            # Nothing that was not written down was deleted. The other accounts are listened to in any case.
            self.env.cr.rollback()
            self.env.invalidate_all()
            if isinstance(error, CONCURRENCY):
                _logger.info("listening for account %s is tried again: %s", self.id, type(error).__name__)
                return
            if not isinstance(error, (QueueError, UserError)):
                self._log_unexpected("listening", error)
            known = isinstance(error, (QueueError, UserError))
            self._keep_queue_error(str(error) if known else self._error_text(error))
        finally:
            self.env.cr.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, self.id])

    def _listen_alone(self, until: float) -> None:
        queue = queue_of(self)
        self._follow_changes()
        while self._goes_on():
            # nothing is held open while we wait
            self._checkpoint(0, 1)
            messages = queue.receive(int(until - time.monotonic()))
            if messages:
                self._take_in(queue, messages)
                self._follow_changes()
            # a flood is not followed for ever: the rest is there in the next minute
            if time.monotonic() >= (until + OVERTIME if messages else until - 1):
                break
        self._keep_queue_error(False)

    def _keep_queue_error(self, text) -> None:
        """Written only when it is news: the import writes on this row too, and one of both would have to begin anew."""
        if (self.sqs_error or False) != text:
            self.sudo().sqs_error = text
        self._checkpoint(0, 1)

    # === TAKING IN === #

    def _take_in(self, queue: Queue, messages: list[Message]) -> None:
        """Write messages down, commit, and only then delete them: whoever is killed in between gets them again.

        One that cannot be written down stays in the queue, and does not keep the others there.
        """
        try:
            self._write_down(messages)
        except (UserError, *CONCURRENCY):
            raise
        except Exception:
            self.env.cr.rollback()
            self.env.invalidate_all()
            if len(messages) == 1:
                raise
            failure = None
            for message in messages:
                try:
                    self._take_in(queue, [message])
                except (QueueError, UserError, *CONCURRENCY):
                    raise
                except Exception as error:
                    failure = error
            if failure:
                raise failure from None
            return
        self._checkpoint(0, 1)
        queue.delete(messages)

    def _write_down(self, messages: list[Message]) -> None:
        changes: dict[str, OrderChange] = {}
        dead: dict[str, tuple[str, str]] = {}
        for message in messages:
            try:
                change = read(message.body)
                if change.seller_id != (self.seller_id or change.seller_id):
                    raise Unreadable("other_seller")
                changes[change.notification_id] = change
            except Unreadable as error:
                # named by a digest that allows no guessing of what is in it
                key = hmac.new(quarantine_key(self), message.body.encode("utf-8", "replace"), hashlib.sha256)
                dead[f"unreadable-{key.hexdigest()[:24]}"] = (error.code, message.body)
        Row = self.env["spapi.notification"].sudo()  # sudo: rows are the import's
        known = Row.search([("account_id", "=", self.id), ("notification_id", "in", [*changes, *dead])])
        names = set(known.mapped("notification_id"))
        Row.create([self._change_values(change) for name, change in changes.items() if name not in names])
        Row.create([self._dead_values(name, *dead[name]) for name in dead if name not in names])
        Row.flush_model()

    def _change_values(self, change: OrderChange) -> dict:
        moment = change.changed and change.changed.astimezone(UTC).replace(tzinfo=None)
        return {
            "account_id": self.id,
            "notification_id": change.notification_id,
            "amazon_order_id": change.order_id,
            "kind": change.kind,
            "changed_at": moment or False,
        }

    def _dead_values(self, name: str, code: str, body: str) -> dict:
        """A message that was not understood: sealed whole, because nobody knows what is in it."""
        subjects = self.env["pii.subject"]._seal_many(
            [
                {
                    "company_id": self.company_id.id,
                    "origin": "amazon",
                    "reference": f"notification/{self.id}/{name}",
                    "start": fields.Datetime.now(),
                    "values": {"quarantine": {"payload": body}},
                }
            ]
        )
        return {
            "account_id": self.id,
            "notification_id": name,
            "state": "dead",
            "problem": self._dead_text(code),
            "subject_id": subjects.id,
        }

    def _dead_text(self, code: str) -> str:
        return {
            "not_json": self.env._("The message is no JSON object."),
            "other_type": self.env._("The message tells of something else than an order."),
            "other_seller": self.env._("The message is about another seller: two accounts share a queue."),
        }.get(code, self.env._("The message names no order."))

    # === FOLLOWING === #

    def _follow_changes(self) -> None:
        """Read the orders of messages from Amazon, each once, as they are now."""
        Row = self.env["spapi.notification"].sudo()  # sudo: rows are the import's
        rows = Row.search([("account_id", "=", self.id), ("state", "=", "new")], order="id")
        if not rows:
            return
        by_order = rows.grouped("amazon_order_id")
        orders = {
            order.amazon_order_id: order
            for order in self.env["spapi.order"].search(
                [("account_id", "=", self.id), ("amazon_order_id", "in", list(by_order))]
            )
        }
        for number, told in by_order.items():
            latest = max((row.changed_at for row in told if row.changed_at), default=None)
            order = orders.get(number)
            if order and latest and order.last_updated and latest <= order.last_updated:
                told._close("known", order)
        left = {number: told for number, told in by_order.items() if told[0].state == "new"}
        if len(left) > FEW:
            for told in left.values():
                told._close("search")
            self._trigger_import()
            left = {}
        self._checkpoint(0, 1)
        for number, told in left.items():
            if not self._follow_change(number, told):
                return

    def _follow_change(self, number: str, told) -> bool:
        """Read one order. Returns False when it makes no sense to go on now; the rows then wait for the next turn."""
        with self._import_lock() as free:
            if not free:
                return False  # an import is at work on the account, which reads the order itself
            self._checkpoint(0, 1)
            try:
                outcome, order = recovering.read(self, number, automatic=True)
                if order.state == "new" and order._is_mappable():
                    order._map_orders()
                if order.follow_up:
                    order._follow_news()
                told._close("done", order, recovering.text_of(self.env, outcome))
                self._checkpoint(0, 1)
            except Exception as error:
                self.env.cr.rollback()
                self.env.invalidate_all()
                goes_on = self._not_followed(number, told, error)
                self._checkpoint(0, 1)
                return goes_on
            return True

    def _not_followed(self, number: str, told, error: Exception) -> bool:
        """Note why an order was not read. Returns whether the next one may be asked for: what concerns one order alone
        does not keep the others waiting."""
        if isinstance(error, errors.Throttled):
            return False
        if isinstance(error, CONCURRENCY):
            _logger.info("order %s is read again: %s", number, type(error).__name__)
            return True
        expected = isinstance(error, (errors.SpapiError, UserError))
        if not expected:
            self._log_unexpected(f"reading order {number}", error)
        told._failed(self._error_text(error))
        return not expected or isinstance(error, errors.MalformedResponse)
