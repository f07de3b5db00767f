from __future__ import annotations

from odoo import models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .spapi_order import NEWS, RETRY_AT_ONCE


class SpapiListing(models.Model):
    """What a person does in the queue of unmapped SKUs. Nothing here touches a confirmed order."""

    _inherit = "spapi.listing"

    def action_use_suggestion(self) -> dict:
        """Take the suggested product. Of several SKUs at once only what is sure: nobody looks at each of them then."""
        todo = self.filtered(lambda listing: not listing.product_id and listing.suggested_product_id)
        if len(self) > 1:
            todo = todo.filtered("suggestion_is_sure")
        if not todo:
            text = self.env._("None of these SKUs has a sure suggestion. Use “Find…” and choose a product yourself.")
            raise UserError(text)
        waiting = todo._count_waiting()
        for product, listings in todo.grouped("suggested_product_id").items():
            listings.product_id = product
        return todo._assigned(waiting)

    def action_find_product(self) -> dict:
        """Open the dialog with suggestions; for several SKUs it assigns one product to all of them."""
        wizard = self.env["spapi.listing.assign"].create({"listing_ids": self.ids})
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Which product is it?"),
            "res_model": "spapi.listing.assign",
            "res_id": wizard.id,
            "view_mode": "form",
            "target": "new",
        }

    def action_create_products(self) -> dict:
        """Create a product from Amazon's title for each of the SKUs without product."""
        self.env["product.product"].check_access("create")
        todo = self.filtered(lambda listing: not listing.product_id)
        if not todo:
            raise UserError(self.env._("All of these SKUs have a product."))
        waiting = todo._count_waiting()
        todo._create_products()
        return todo._assigned(waiting)

    def _create_products(self):
        """A storable product for each listing without one, named as Amazon names it. Returns the products."""
        todo = self.filtered(lambda listing: not listing.product_id)
        products = self.env["product.product"].browse()
        for (company, sku), listings in todo.grouped(lambda listing: (listing.company_id, listing.sku)).items():
            product = self.env["product.product"].create(
                {
                    "name": next(filter(None, listings.mapped("title")), sku),
                    "default_code": sku,
                    "is_storable": True,
                    "list_price": 0.0,
                    "company_id": company.id,
                }
            )
            listings.product_id = product
            products += product
        return products

    def action_undo(self) -> dict:
        """Give the SKUs back the product that they had before the last change; none, if they had none."""
        changed = self.filtered(lambda listing: listing.assigned_on)
        if not changed:
            raise UserError(self.env._("There is nothing to undo: nobody has assigned a product here."))
        for listing in changed:
            listing.write({"product_id": listing.previous_product_id.id, "assigned_on": False, "assigned_by_id": False})
            listing.previous_product_id = False
        changed.account_id._refresh_waiting_skus()
        message = self.env._("Undone. Orders that are confirmed already stay as they are.")
        return _notification(message, "success")

    def action_retry(self) -> dict:
        """Import the orders that waited for these SKUs, now."""
        return self._waiting_orders().action_retry()

    def action_remap(self) -> dict:
        """Use the products as they are now: for orders that wait or stopped, and for quotations not confirmed yet."""
        quotations = self._remap_quotations()
        orders = self._waiting_orders(states=("waiting", "new", "exception")).filtered(
            lambda row: not row.sale_order_id and row.problem_code != NEWS
        )
        if len(orders) > RETRY_AT_ONCE:
            return orders._retry_later()
        done = orders._as_service()._map_orders() if orders else orders
        self.account_id._refresh_waiting_skus()
        message = self.env._(
            "%(imported)s of %(orders)s orders imported, %(quotations)s quotations changed. Confirmed orders stay as"
            " they are.",
            imported=len(done),
            orders=len(orders),
            quotations=quotations,
        )
        return _notification(message, "success" if len(done) == len(orders) else "warning")

    def _remap_quotations(self) -> int:
        """Put the products of these listings into quotations. Prices, taxes and texts stay Amazon's."""
        # sudo: who may assign products need have no right on sales; what is confirmed is left out
        lines = (
            self.env["sale.order.line"]
            .sudo()
            .search(
                [
                    ("spapi_line_id.sku", "in", self.mapped("sku")),
                    ("order_id.spapi_order_id.account_id", "in", self.account_id.ids),
                    ("state", "in", ("draft", "sent")),
                ]
            )
        )
        changed = lines.browse()
        for account, own in lines.grouped(lambda line: line.order_id.spapi_order_id.account_id).items():
            orders = own.order_id.spapi_order_id
            found = orders._find_products()
            for line in own:
                order, item = line.order_id.spapi_order_id, line.spapi_line_id
                product = found.get((order.marketplace_id.id, item.sku))
                if order.account_id == account and product and product != line.product_id:
                    kept = {name: line[name] for name in ("name", "price_unit", "discount", "product_uom_qty")}
                    line.write({**kept, "product_id": product.id, "tax_ids": [(6, 0, line.tax_ids.ids)]})
                    item.product_id = product
                    changed += line
        return len(changed.order_id)

    def action_view_waiting(self) -> dict:
        """The orders that wait for these SKUs."""
        action = self.env["ir.actions.actions"]._for_xml_id("amazon_spapi_connector.action_spapi_order")
        action.update(
            display_name=self.env._("Waiting Orders"),
            domain=[("id", "in", self._waiting_orders(states=("waiting",)).ids)],
            context={},
        )
        return action

    def _waiting_orders(self, states=("waiting", "new")):
        """Orders in one of `states` with one of these SKUs, in the marketplace of its listing or in all."""
        parts = []
        for (account, marketplace), rows in self.grouped(lambda row: (row.account_id, row.marketplace_id)).items():
            part = Domain("account_id", "=", account.id) & Domain("line_ids.sku", "in", rows.mapped("sku"))
            parts.append(part & Domain("marketplace_id", "=", marketplace.id) if marketplace else part)
        return self.env["spapi.order"].search(Domain("state", "in", states) & Domain.OR(parts))

    def _count_waiting(self) -> tuple[int, int]:
        """Orders that wait for these SKUs: ``(for nothing else, for others too)``."""
        orders = self._waiting_orders(states=("waiting",))
        skus = set(self.mapped("sku"))
        lacking = orders.line_ids.filtered(
            lambda line: line.quantity and not line.product_id and line.sku not in skus
        ).order_id
        return len(orders - lacking), len(lacking)

    def _assigned(self, waiting: tuple[int, int]) -> dict:
        """What to tell after products were assigned; the queue is brought up to date.

        :param waiting: what :meth:`_count_waiting` said before
        """
        self.account_id._refresh_waiting_skus()
        ready, others = waiting
        text = self.env._("Assigned. Future orders use it.")
        if ready:
            text = self.env._("Assigned. Orders that are imported within a minute: %s.", ready)
        if others:
            text += " " + self.env._("Orders that wait for other SKUs too: %s.", others)
        return _notification(text, "success")


def _notification(message: str, kind: str) -> dict:
    return {
        "type": "ir.actions.client",
        "tag": "display_notification",
        "params": {"message": message, "type": kind, "next": {"type": "ir.actions.client", "tag": "soft_reload"}},
    }
