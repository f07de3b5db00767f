from __future__ import annotations

from datetime import UTC

from odoo import api, fields, models

from ..mapping.fulfilment import wants_cancellation


class SpapiOrder(models.Model):
    """What an order tells beside its items: pre-orders, replacements and exchanges, a wish to cancel."""

    _inherit = "spapi.order"

    ship_from = fields.Datetime(readonly=True, help="Not to be shipped before; the release date of a pre-order.")
    is_preorder = fields.Boolean(string="Pre-order", readonly=True)
    original_number = fields.Char(
        string="Original Order Number",
        readonly=True,
        index="btree_not_null",
        help="The Amazon order that this one replaces, or that its goods are exchanged for.",
    )
    association = fields.Selection(
        [("replacement", "Replacement"), ("exchange", "Exchange"), ("other", "Related")],
        string="Kind of Relation",
        readonly=True,
    )
    original_id = fields.Many2one("spapi.order", string="Original Order", compute="_compute_relations")
    replacement_ids = fields.Many2many("spapi.order", string="Replaced By", compute="_compute_relations")
    cancel_requested = fields.Boolean(
        string="Cancellation Requested",
        readonly=True,
        help="The buyer asked for a cancellation; nobody has cancelled the order yet.",
    )
    cancel_reason = fields.Char(
        string="Reason of the Buyer",
        readonly=True,
        help="Amazon's code. A reason in words may say anything about a person: it is sealed with the buyer's data.",
    )

    _cancel_requested_index = models.Index("(account_id) WHERE cancel_requested")
    # in the words of the filter “All that need a person”, so that PostgreSQL recognises it
    _to_resolve_index = models.Index(
        "(ship_by, id) WHERE state IN ('waiting', 'exception', 'quarantined') OR cancel_requested IS TRUE"
    )

    @api.depends("original_number", "amazon_order_id", "account_id")
    def _compute_relations(self) -> None:
        # Amazon sends a replacement before its original as well as after it: numbers are stored, records are looked up.
        numbers = {order.amazon_order_id for order in self} | {order.original_number for order in self} - {False}
        related = self.search(
            [
                ("account_id", "in", self.account_id.ids),
                "|",
                ("amazon_order_id", "in", list(numbers)),
                ("original_number", "in", list(numbers)),
            ]
        )
        by_number = {(order.account_id.id, order.amazon_order_id): order for order in related}
        replacing: dict[tuple[int, str], list[int]] = {}
        for order in related.filtered("original_number"):
            replacing.setdefault((order.account_id.id, order.original_number), []).append(order.id)
        for order in self:
            key = order.account_id.id, order.original_number
            order.original_id = by_number.get(key, self.browse())
            order.replacement_ids = self.browse(replacing.get((order.account_id.id, order.amazon_order_id), []))

    @api.model
    def _life_values(self, order, business: dict) -> dict:
        """Columns of these fields.

        :param order: :class:`..spapi.order_model.Order`
        :param business: the JSON that it was read from
        """
        association = next((row for row in order.associations if row.order_id), None)
        kinds = {"REPLACEMENT_ORIGINAL_ID": "replacement", "EXCHANGE_ORIGINAL_ID": "exchange"}
        requested = wants_cancellation(order)
        return {
            "ship_from": _naive(order.ship_by and order.ship_by.earliest),
            "is_preorder": order.status == "PENDING_AVAILABILITY" or "PREORDER" in order.programs,
            "original_number": association.order_id if association else False,
            "association": kinds.get(association.type, "other") if association else False,
            "cancel_requested": requested,
            "cancel_reason": requested and _reason_code(business),
        }


def _reason_code(business: dict) -> str | bool:
    """The buyer's reason where Amazon sent a code; words never get into the business part."""
    items = business.get("orderItems")
    for item in items if isinstance(items, list) else ():
        cancellation = item.get("cancellation") if isinstance(item, dict) else None
        asked = cancellation.get("cancellationRequest") if isinstance(cancellation, dict) else None
        if isinstance(asked, dict) and isinstance(asked.get("cancelReason"), str):
            return asked["cancelReason"]
    return False


def _naive(moment):
    return moment.astimezone(UTC).replace(tzinfo=None) if moment else False
