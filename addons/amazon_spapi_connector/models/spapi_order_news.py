from __future__ import annotations

import logging
from dataclasses import dataclass, field

import psycopg2
from markupsafe import Markup

from odoo import fields, models
from odoo.exceptions import UserError

from ..mapping.fulfilment import GONE_STATUSES, life_digest
from ..mapping.incoming import clock_facts, items_digest
from ..spapi.orders import Order, OrderDataError, parse_order
from .spapi_order_sealing import ORIGIN

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Outcome:
    """What became of the news about one order.

    :param parsed: the order as Amazon has it now
    :param notes: sentences for the chatter of the sale order; none of them is personal
    :param mapped: Odoo's lines are what Amazon says now
    :param later: it cannot be followed in this transaction, and is at the import's next run
    :param stale: slip and label carry data of the buyer that has changed since
    """

    parsed: Order
    state: str = "imported"
    code: str | bool = False
    text: str | bool = False
    notes: list[str] = field(default_factory=list)
    mapped: bool = True
    later: bool = False
    stale: bool = False

    def stop(self, code: str, text: str) -> None:
        """A person must look. The first reason stands: it is the one that everything else follows from."""
        if self.state != "exception":
            self.state, self.code, self.text = "exception", code, text


class SpapiOrder(models.Model):
    """Odoo's documents follow what Amazon says of orders that are sale orders already.

    What is to be done is always the difference between Amazon's state and Odoo's, never an event: reading a state
    twice, late, or after a kill in between does nothing twice. Never commits: the caller decides about transactions.
    """

    _inherit = "spapi.order"

    follow_up = fields.Boolean(readonly=True, help="Amazon has news that the sale order has not followed yet.")
    followed_hash = fields.Char(readonly=True, help="Digest of the state at Amazon that Odoo's documents follow.")
    followed_status = fields.Char(readonly=True, help="The status at Amazon that the sale order was told last.")
    address_changed = fields.Boolean(readonly=True, help="The buyer's data changed since the sale order was told.")
    address_stale = fields.Boolean(
        readonly=True,
        help="The buyer's data changed after the delivery was begun, and nobody has printed slip and label again yet.",
    )

    _follow_up_index = models.Index("(account_id, id) WHERE follow_up")

    def _follow_news(self):
        """Let the sale orders and deliveries of these orders follow Amazon; each that cannot says why.

        A failure of one order is undone and shown on that order; the others go on.
        """
        # sudo: the mirror is written by the product alone
        for account, orders in self.sudo().filtered("sale_order_id").grouped("account_id").items():
            orders._follow_isolated(account.with_env(self.env))

    def _follow_isolated(self, account) -> None:
        try:
            with self.env.cr.savepoint():
                self._follow_batch(account)
            return
        except psycopg2.OperationalError:
            raise
        except Exception as error:
            _logger.info("news of %s orders are followed one by one: %s", len(self), type(error).__name__)
        for order in self:
            try:
                with self.env.cr.savepoint():
                    order._follow_batch(account)
            except psycopg2.OperationalError:
                raise
            except UserError as error:
                order._give_up_following("refused", self.env._("Odoo refused what Amazon says: %s", error.args[0]))
            except Exception as error:
                account._log_unexpected(f"news of order {order.amazon_order_id}", error)
                text = self.env._("An unexpected error (%s) stopped this order.", type(error).__name__)
                order._give_up_following("unexpected", text)

    def _give_up_following(self, code: str, text: str) -> None:
        """Show a failure; a person, or Amazon's next update, tries again."""
        self.ensure_one()
        self.write({"follow_up": False, "state": "exception", "problem_code": code, "problem": text})
        self._tell_person()

    def _claim(self) -> None:
        """Let one transaction at a time follow these orders: another one that began before fails, and comes again.

        The rows are written, not only locked: what the other one delivers is invisible here until this begins anew.
        """
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE spapi_order SET write_date = now() AT TIME ZONE 'UTC' WHERE id = ANY(%s)", [self.ids]
        )
        self.invalidate_recordset(["write_date"])

    def _follow_batch(self, account) -> None:
        self._claim()
        self.fetch(["business_json"])
        marketplaces = self._marketplaces()
        outcomes: dict[SpapiOrder, Outcome] = {}
        for order in self:
            try:
                outcomes[order] = Outcome(parse_order(order.business_json or {}, marketplaces=marketplaces))
            except OrderDataError as error:
                text = self.env._("Amazon's data of this order cannot be used:") + "\n" + error.message
                order._give_up_following(error.code, text)
        orders = self.browse(order.id for order in outcomes)
        orders._follow_cancellations(account, outcomes)
        open_orders = orders.filtered(
            lambda order: order.status not in GONE_STATUSES and order.sale_order_id.state != "cancel"
        )
        open_orders._follow_lines(account, outcomes)
        open_orders._follow_shipments(account, outcomes)
        open_orders._follow_buyer(outcomes)
        orders._keep_outcomes(outcomes)

    def _keep_outcomes(self, outcomes: dict) -> None:
        """Write what became of the news, and tell it: once in the chatter, to a person where one must act."""
        bodies = {}
        statuses = dict(self._fields["status"]._description_selection(self.env))
        for order, outcome in outcomes.items():
            if outcome.later:
                order.write({"state": "imported", "problem_code": False, "problem": False, "follow_up": True})
                continue
            notes = list(outcome.notes)
            before = order.followed_status or ("UNSHIPPED" if order.fulfilled_by == "MERCHANT" else False)
            if order.status != before:
                notes.insert(0, self.env._("At Amazon: %s", statuses.get(order.status, order.status)))
            if outcome.state == "exception" and (order.state, order.problem) != ("exception", outcome.text):
                notes.append(outcome.text)
            if notes:
                bodies[order.sale_order_id.id] = Markup("<br/>").join(notes)
            values = {
                "state": outcome.state,
                "problem_code": outcome.code,
                "problem": outcome.text,
                "follow_up": False,
                "followed_hash": life_digest(outcome.parsed),
                "followed_status": order.status,
                "address_changed": False,
                "address_stale": outcome.stale,
            }
            if outcome.mapped:
                values |= {"mapped_hash": items_digest(outcome.parsed), "vat_changed": False}
            order.write({name: value for name, value in values.items() if order[name] != value})
            order._tell_person()
        if bodies:
            self.env["sale.order"].browse(bodies)._message_log_batch(bodies)
        self.env.flush_all()

    # === PERSONS === #

    def _tell_person(self) -> None:
        """Put what a person must do where that person works, on the sale order; take it away when it is done."""
        for order in self.sudo():  # sudo: the activity is for the account's responsible, whoever brings the news
            sale_order = order.sale_order_id
            known = order._known_activity()
            if order.state == "exception" and order.problem:
                order._schedule(known, order.problem)
            elif order.cancel_requested and sale_order.state != "cancel" and order.state != "settled":
                text = self.env._(
                    "The buyer asks to cancel order %s. Accept the cancellation on the sale order, or ship it.",
                    order.amazon_order_id,
                )
                order._schedule(known, text)
            elif known:
                known.unlink()

    def _known_activity(self):
        """The activity of this order: one thing to do per order, and it says the latest."""
        activities = self.sale_order_id.activity_ids
        if not activities:
            return activities
        summary, emptied = self._activity_summary(), self.env.ref("mail.mail_activity_data_warning")
        # what a person's erasure has left of it says nothing any more, and is said anew
        return activities.filtered(
            lambda activity: (
                (activity.summary == summary and activity.note)
                or (activity.activity_type_id == emptied and not activity.summary and not activity.note)
            )
        )[:1]

    def _activity_summary(self) -> str:
        return self.env._("Amazon: %s", self.amazon_order_id)

    def _schedule(self, known, text: str) -> None:
        if known:
            known.write({"summary": self._activity_summary(), "note": text})
            return
        user = self.account_id.user_id or self.env.ref("base.user_admin")
        self.sale_order_id.with_context(mail_activity_quick_update=True).activity_schedule(
            "mail.mail_activity_data_warning", summary=self._activity_summary(), note=text, user_id=user.id
        )

    # === LOOKUPS === #

    def _ensure_subjects(self, account) -> None:
        """Orders that are imported without their person get the pseudonym that a sale order needs, and no data."""
        bare = self.filtered(lambda order: not order.subject_id)
        if not bare:
            return
        bare.fetch(["business_json"])
        marketplaces, vals_list, orders = self._marketplaces(), [], self.browse()
        for order in bare:
            try:
                parsed = parse_order(order.business_json or {}, marketplaces=marketplaces)
            except OrderDataError:
                continue  # told when its sale order is prepared
            orders += order
            vals_list.append(
                {
                    "company_id": account.company_id.id,
                    "origin": ORIGIN,
                    "reference": order.amazon_order_id,
                    "country_id": order.country_id.id,
                    "start": parsed.created,
                    "facts": clock_facts(parsed),
                    "values": {},
                }
            )
        for order, subject in zip(orders, self.env["pii.subject"]._seal_many(vals_list), strict=True):
            order.subject_id = subject
