from __future__ import annotations

import logging
from datetime import UTC

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from odoo.addons.pii_retention import sweeping

from .. import calling
from ..mapping.incoming import Incoming, read
from .pii_subject import ChangedBuyers

_logger = logging.getLogger(__name__)


class SpapiOrder(models.Model):
    """Storing pages: the business part in clear, the buyer sealed, what is not understood quarantined.

    Storing is idempotent and does not depend on the order in which pages arrive: an older state of an order never
    replaces a newer one, and the search without personal data never takes away what the other one brought.
    """

    _inherit = "spapi.order"

    has_address = fields.Boolean(readonly=True, help="Amazon sent an address to deliver to; it is sealed.")

    @api.model
    def _store_orders(self, account, payloads: list, parts: tuple[str, ...]):
        """Store a page of `payloads` as Amazon sent them. Returns the orders created or changed.

        :param parts: the parts that were asked for (``includedData``)
        """
        key = calling.quarantine_key(account)
        over = sweeping.cutoff(account.company_id)
        latest: dict[str, Incoming] = {}
        for raw in payloads:
            incoming = read(raw, parts, key)
            if incoming.readable and incoming.updated and incoming.updated <= over:
                # what was deleted when its months were over does not come back with a wide period
                continue
            known = latest.get(incoming.key)
            if not known or not known.updated or (incoming.updated and incoming.updated >= known.updated):
                latest[incoming.key] = incoming
        existing = {
            order.amazon_order_id: order
            for order in self.search([("account_id", "=", account.id), ("amazon_order_id", "in", list(latest))])
        }
        news = {
            name: incoming
            for name, incoming in latest.items()
            if name not in existing or existing[name]._is_news(incoming)
        }
        if not news:  # most polls end here: nothing below is looked up for them
            return self.browse()
        known_marketplaces = self._marketplaces()
        self.browse(existing[name].id for name in news if name in existing).fetch(["business_json"])
        todo = []
        for name, incoming in news.items():
            order = existing.get(name, self.browse())
            incoming.take_over(order.business_json, _parts(order.included_parts))
            incoming.parse(known_marketplaces)
            todo.append((incoming, order))
        return self._store_isolated(account, todo)

    def _is_news(self, incoming: Incoming) -> bool:
        """Whether `incoming` says more than what is stored."""
        self.ensure_one()
        if not incoming.readable:
            return False
        if incoming.updated and self.last_updated and incoming.updated != self.last_updated:
            return incoming.updated > self.last_updated
        if not incoming.parts <= _parts(self.current_parts):
            # The parts stored are those of an older state: the buyer may have another address in this one.
            return True
        if not incoming.parts >= _parts(self.included_parts):
            return False
        return (incoming.has_address and not self.has_address) or incoming.digest() != self.payload_hash

    @api.model
    def _store_isolated(self, account, todo: list[tuple[Incoming, models.Model]]):
        """All at once; if that fails one by one, so that a single order never stops the others of its page."""
        try:
            with self.env.cr.savepoint():
                return self._store_all(account, todo)
        except (UserError, psycopg2.OperationalError):
            # The key store or the database: not this order's fault, the page is read again.
            raise
        except Exception as error:
            _logger.warning("a page is stored order by order: %s", type(error).__name__)
        done = self.browse()
        for incoming, order in todo:
            try:
                with self.env.cr.savepoint():
                    done += self._store_all(account, [(incoming, order)])
            except (UserError, psycopg2.OperationalError):
                raise
            except Exception as error:
                _logger.warning("an order is quarantined: %s", type(error).__name__)
                done += self._store_quarantined(account, incoming, order)
        return done

    @api.model
    def _store_all(self, account, todo: list[tuple[Incoming, models.Model]]):
        countries = self._countries()
        changed, known = ChangedBuyers(), {incoming.key for incoming, order in todo if order.subject_id}
        sealing = self.with_context(spapi_changed_subjects=changed)
        subjects = sealing._seal(account, [incoming for incoming, _order in todo], countries, known)
        create_vals, result = [], self.browse()
        refs = {"marketplaces": self._marketplaces(), "countries": countries, "currencies": self._currencies()}
        self._tell_clock([(incoming, order) for incoming, order in todo if incoming.key not in subjects])
        for incoming, order in todo:
            values = self._values(incoming, refs)
            if subject := subjects.get(incoming.key):
                values["subject_id" if incoming.readable else "quarantine_subject_id"] = subject.id
            values["has_address"] = incoming.has_address or order.has_address
            if order and incoming.updated == order.last_updated:
                values["current_parts"] = _joined(incoming.asked | _parts(order.current_parts))
            values |= self._fiscal_facts(incoming) | self._notice_values(incoming)
            buyer = subjects.get(incoming.key) or order.subject_id
            values |= order._transition(account, incoming, values["has_address"], buyer.sudo().state == "erased")
            values |= order._vat_values(incoming, buyer.id in changed.numbers)
            if order:
                if order.sale_order_id:
                    values.pop("fiscal_reason", None)  # changed lines alone decide it anew
                    values |= {"address_changed": True, "follow_up": True} if buyer.id in changed.ids else {}
                    if values["state"] == "settled":
                        values["follow_up"] = False  # followed when it is opened again
                values["line_ids"] = order._line_commands(incoming)
                order.write(values)
                order._after_change()
                result += order
            else:
                values |= {"account_id": account.id, "amazon_order_id": incoming.key}
                values["line_ids"] = [Command.create(line) for line in _line_values(incoming).values()]
                create_vals.append(values)
        result += self.with_context(tracking_disable=True).create(create_vals)
        result.flush_recordset()
        return result

    @api.model
    def _store_quarantined(self, account, incoming: Incoming, order):
        """Keep nothing of an order in clear but its id; all of it sealed."""
        incoming.split = type(incoming.split)(
            order_id="", business={}, personal={}, unknown={}, issues=incoming.split.issues
        )
        # Not even its status counts now: a cancelled one is sealed like any other.
        incoming.order = None
        subject = self._seal(account, [incoming], {})[incoming.key]
        values = {
            "state": "quarantined",
            "problem_code": "not_storable",
            "problem": self.env._("Amazon's data of this order could not be stored. It is kept sealed."),
            "quarantine_subject_id": subject.id,
        }
        if order:
            order.write(values)
            return order
        quiet = self.with_context(tracking_disable=True)
        return quiet.create({**values, "account_id": account.id, "amazon_order_id": incoming.key})

    # === VALUES === #

    @api.model
    def _values(self, incoming: Incoming, refs: dict) -> dict:
        """Columns of an order, without its state and lines."""
        order = incoming.order
        values = {
            "business_json": incoming.business or False,
            "included_parts": _joined(incoming.parts),
            "current_parts": _joined(incoming.asked),
            "payload_hash": incoming.digest(),
            "has_unknown_fields": incoming.readable and bool(incoming.split.unknown),
            "last_updated": incoming.updated or False,
        }
        if order:
            values |= {
                "marketplace_id": refs["marketplaces"].get(order.marketplace_id, False),
                "status": order.status,
                "fulfilled_by": order.fulfilled_by if order.fulfilled_by in ("MERCHANT", "AMAZON") else False,
                "programs": ", ".join(order.programs) or False,
                "purchase_date": _naive(order.created),
                "ship_by": _naive(order.ship_by and order.ship_by.latest),
                "deliver_by": _naive(order.deliver_by and order.deliver_by.latest),
                "currency_id": refs["currencies"].get(order.currency, False),
                "amount_total": float(order.total.value) if order.total else 0.0,
                "item_count": sum(line.quantity for line in order.lines),
            }
            values |= self._life_values(order, incoming.business)
            if order.country_code:
                values["country_id"] = refs["countries"].get(order.country_code, False)
        return values

    def _line_commands(self, incoming: Incoming) -> list:
        """Update lines in place; what Amazon no longer lists stays with quantity 0."""
        new = _line_values(incoming)
        if not new:
            return []
        commands = []
        for line in self.line_ids:
            values = new.pop(line.item_id, {"quantity": 0, "amount_total": 0.0})
            values = {name: value for name, value in values.items() if line[name] != value}
            if values:
                commands.append(Command.update(line.id, values))
        return commands + [Command.create(values) for values in new.values()]

    # === LOOKUPS === #

    @api.model
    def _marketplaces(self) -> dict[str, int]:
        return {
            row.amazon_id: row.id for row in self.env["spapi.marketplace"].with_context(active_test=False).search([])
        }

    @api.model
    def _countries(self) -> dict[str, int]:
        return {country.code: country.id for country in self.env["res.country"].search([])}

    @api.model
    def _currencies(self) -> dict[str, int]:
        rows = self.env["res.currency"].with_context(active_test=False).search([])
        return {currency.name: currency.id for currency in rows}


def _parts(text: str | bool) -> frozenset[str]:
    return frozenset(filter(None, (text or "").split(",")))


def _joined(parts: frozenset[str]) -> str:
    return ",".join(sorted(parts))


def _naive(moment):
    return moment.astimezone(UTC).replace(tzinfo=None) if moment else False


def _line_values(incoming: Incoming) -> dict[str, dict]:
    """``{item id: values}`` of the lines of a usable order."""
    return {
        line.item_id: {
            "item_id": line.item_id,
            "asin": line.asin or False,
            "sku": line.sku or False,
            "title": line.title or False,
            "quantity": line.quantity,
            "quantity_fulfilled": line.quantity_fulfilled or 0,
            "amount_total": float(line.total.value) if line.total else 0.0,
        }
        for line in (incoming.order.lines if incoming.order else ())
    }
