"""Steps of tests that follow an order through its life at Amazon, without the page-by-page import."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta

from odoo import fields

from ..models import spapi_account_search as searching
from .common import IT, SpapiCase

FULL = searching.SEARCHES["unshipped"]["parts"]
LESS = searching.SEARCHES["changes"]["parts"]


class LifeCase(SpapiCase):
    """Amazon's word is the sandbox's; it is stored and followed as the import does it."""

    def setUp(self):
        super().setUp()
        self.account.import_since = fields.Datetime.now() - timedelta(days=60)

    def generate(self, case="fbm_unshipped", count=1, seed=7, marketplace=IT, products=True):
        ids = self.sandbox.generate(count, case=case, marketplaces=[marketplace], seed=seed)
        if products:
            self.make_products()
        return ids

    def raw(self, order_id):
        return deepcopy(self.sandbox.orders()[order_id])

    def move_on(self, order_id, status):
        """Amazon's side: the order goes on to `status`."""
        self.sandbox.control("POST", f"orders/{order_id}/transition", {"status": status})

    def change(self, order_id, **changes):
        """Amazon's side: some fields of the order become others."""
        self.sandbox.patch(order_id, changes)

    def store(self, *raws, full=False):
        """Store pages; those of the search for changes come without the person."""
        if not full:
            raws = [{key: raw[key] for key in raw if key not in ("buyer", "recipient", "tax")} for raw in raws]
        self.env["spapi.order"]._store_orders(self.account, list(raws), FULL if full else LESS)

    def follow(self):
        """What the import does after its pages."""
        account = self.account._as_service()
        account._requeue_mapped_skus()
        orders = account.env["spapi.order"].search([("account_id", "=", account.id), ("state", "=", "new")])
        orders.filtered(lambda order: order.problem_code != "address_to_come")._map_orders()
        account.env["spapi.order"].search([("account_id", "=", account.id), ("follow_up", "=", True)])._follow_news()
        self.env.flush_all()

    def tell(self, *order_ids, full=False):
        """Amazon's present word about some orders arrives, and is followed."""
        truth = self.sandbox.orders()
        self.store(*(deepcopy(truth[order_id]) for order_id in order_ids), full=full)
        self.follow()
        return self.env["spapi.order"].search(
            [("account_id", "=", self.account.id), ("amazon_order_id", "in", order_ids)]
        )

    def single(self, case, seed, marketplace=IT):
        """An order of a kind; of the plainest kind one with a single unit."""
        for attempt in range(30):
            order_id = self.generate(case, seed=seed + 100 * attempt, marketplace=marketplace, products=False)[0]
            items = self.raw(order_id)["orderItems"]
            if case != "fbm_unshipped" or (len(items) == 1 and items[0]["quantityOrdered"] == 1):
                self.make_products()
                return order_id
            self.sandbox.control("DELETE", f"orders/{order_id}")
        raise AssertionError("no order has a single unit")

    def imported(self, case="fbm_unshipped", seed=7, marketplace=IT):
        """An order to ship that has become a sale order."""
        order_id = self.single(case, seed, marketplace)
        order = self.tell(order_id, full=True)
        self.assertEqual(order.state, "imported", order.problem)
        return order

    def several_units(self, seed=7, quantity=3):
        """An imported order with several units on its first line."""
        return self.imported_with(quantity, self.single("fbm_unshipped", seed))

    def imported_with(self, quantity, order_id):
        raw = self.raw(order_id)
        self.multiply(raw, quantity)
        self.sandbox.patch(order_id, {"orderItems": raw["orderItems"], "proceeds": raw["proceeds"]})
        order = self.tell(order_id, full=True)
        self.assertEqual(order.state, "imported", order.problem)
        return order

    @staticmethod
    def multiply(raw, quantity):
        """Let a generated order with one line and one unit have `quantity` of them, for as much more money."""
        item = raw["orderItems"][0]
        factor = quantity / item["quantityOrdered"]
        item["quantityOrdered"] = quantity
        item["fulfillment"].update(quantityUnfulfilled=quantity, quantityFulfilled=0)

        def scale(amount):
            amount["amount"] = f"{float(amount['amount']) * factor:.2f}"

        total = 0.0
        for part in item["proceeds"]["breakdowns"]:
            scale(part["subtotal"])
            for detail in part.get("detailedBreakdowns") or ():
                scale(detail["value"])
            total += float(part["subtotal"]["amount"])
        before = float(item["proceeds"]["proceedsTotal"]["amount"])
        item["proceeds"]["proceedsTotal"]["amount"] = f"{total:.2f}"
        grand = raw["proceeds"]["grandTotal"]
        grand["amount"] = f"{float(grand['amount']) - before + total:.2f}"

    # === WHAT ODOO HAS === #

    def delivered(self, order):
        """``{SKU: units}`` that have left Odoo's stock for the order."""
        result = {}
        for move in order.sale_order_id.picking_ids.move_ids:
            if move.state == "done" and move.location_dest_id.usage == "customer":
                sku = move.sale_line_id.spapi_line_id.sku
                result[sku] = result.get(sku, 0) + move.quantity
        return result

    def ordered(self, order):
        return {line.sku: line.quantity for line in order.line_ids if line.quantity}

    def on_hand(self, order, location):
        """Units of the order's products in a location."""
        quants = self.env["stock.quant"].search(
            [("product_id", "in", order.line_ids.product_id.ids), ("location_id", "=", location.id)]
        )
        return sum(quants.mapped("quantity"))

    def notes(self, order):
        return [message.body for message in order.sale_order_id.message_ids if message.body]

    def begin_picking(self, order):
        picking = order.sale_order_id.picking_ids
        for move in picking.move_ids:
            move.write({"quantity": move.product_uom_qty, "picked": True})
        return picking
