from __future__ import annotations

from odoo import models
from odoo.fields import Command
from odoo.tools import float_compare

from ..mapping.amounts import PriceProblem
from ..mapping.incoming import items_digest
from ..spapi.orders import OrderDataError
from .order_mapper import OrderMapper
from .spapi_order_cancellation import QUIET

AMOUNTS = ("product_uom_qty", "price_unit")
EXACT = 6
"""Digits of a unit price that count: what differs less gives the same line to the cent."""


class SpapiOrder(models.Model):
    """Items, quantities and money that Amazon changed after the import."""

    _inherit = "spapi.order"

    def _follow_lines(self, account, outcomes: dict) -> None:
        """Let the lines of the sale orders follow Amazon's as long as nobody has begun to pick them."""
        self._follow_numbers(account, outcomes)
        changed = self.filtered(
            lambda order: order.vat_changed or items_digest(outcomes[order].parsed) != order.mapped_hash
        )
        if not changed:
            return
        # With another address or VAT number the taxes may be others.
        moved = changed.filtered(lambda order: order.vat_changed or (order.address_changed and order.has_address))
        moved.write({"fiscal_reason": False})
        moved._decide_fiscal_positions(account)
        for order in moved.filtered(lambda order: not order.fiscal_reason):
            if order.problem_code == "not_opened":
                outcomes[order].mapped = False
                outcomes[order].stop("not_opened", order.problem)
            else:
                # A person pressed the button: the import decides it under its own identity.
                outcomes[order].later = True
        ready = changed.filtered(lambda order: order not in moved or order.fiscal_reason)._with_listed_products(
            outcomes
        )
        mapper = OrderMapper(self.env, account, ready) if ready else None
        for order in ready:
            order._follow_own_lines(account, mapper, outcomes[order])

    def _with_listed_products(self, outcomes: dict):
        """Give new lines their products. Orders that name a SKU without one stop."""
        found, ready = self._find_products(), self.browse()
        for order in self:
            missing = set()
            for line in order.line_ids.filtered(lambda line: line.quantity and not line.product_id):
                product = found.get((order.marketplace_id.id, line.sku))
                if product:
                    line.product_id = product
                else:
                    missing.add(line.sku or line.asin or line.item_id)
            if not missing:
                ready += order
                continue
            outcomes[order].mapped = False
            text = self.env._(
                "Amazon changed the items, and no product is known for: %s. Assign one, then retry.",
                ", ".join(sorted(missing)),
            )
            outcomes[order].stop("changed_after_import", text)
        return ready

    def _follow_own_lines(self, account, mapper: OrderMapper, outcome) -> None:
        self.ensure_one()
        _ = self.env._
        sale_order = self.sale_order_id
        try:
            values = mapper.sale_order_values(self)
        except PriceProblem as problem:
            outcome.mapped = False
            text = mapper.explain(self, problem)
            outcome.stop(problem.code, f"{self._number_text()} {text}" if self.vat_changed else text)
            return
        except OrderDataError as error:
            outcome.mapped = False
            outcome.stop(error.code, error.message)
            return
        mapper.fill_in_taxes([values])
        wanted = [line for _command, _id, line in values["order_line"]]
        changes = self._line_changes(wanted, {product.id for product in mapper.products.values()})
        if not changes:
            if self.vat_changed:
                self._keep_decided(account, mapper, values, outcome)
            return
        # Nothing is invoiced, and what was picked is none of the tax's business.
        only_taxes = self.vat_changed and items_digest(outcome.parsed) == self.mapped_hash
        # A draft invoice would keep the former amounts, and nobody would see it.
        if not only_taxes and (not account.follow_changes or not self._is_untouched(("draft", "posted"))):
            same_total = sale_order.currency_id.compare_amounts(sale_order.amount_total, self.amount_total) == 0
            if same_total and not self.vat_changed and not any(_is_other_quantity(*change) for change in changes):
                # a person has corrected it, or Amazon put the same money elsewhere
                return
            outcome.mapped = False
            why = (
                _("picking, shipping or invoicing has begun")
                if account.follow_changes
                else _("the account does not follow changes by itself")
            )
            text = _(
                "Amazon changed items or amounts after the import, and %(why)s. Compare %(order)s with the lines below:"
                " %(changes)s. Correct it, then retry.",
                why=why,
                order=sale_order.name,
                changes="; ".join(self._describe(changes)),
            )
            outcome.stop("changed_after_import", text)
            return
        with self.env.cr.savepoint() as savepoint:
            described = self._describe(changes)
            self._apply_line_changes(account, changes, values)
            if sale_order.currency_id.compare_amounts(sale_order.amount_total, self.amount_total) == 0:
                self.write(mapper.fiscal[self.id])
                if only_taxes:
                    followed = _("The taxes were decided anew: %s", "; ".join(described))
                    outcome.notes.append(f"{self._number_text()} {followed}")
                else:
                    outcome.notes.append(_("Amazon changed the order; it was followed: %s", "; ".join(described)))
                return
            text = _(
                "Amazon changed the order. With its new lines Odoo computes %(odoo)s, Amazon says %(amazon)s. Nothing"
                " was changed here; check the taxes in “Amazon taxes”, then retry.",
                odoo=sale_order.currency_id.format(sale_order.amount_total),
                amazon=sale_order.currency_id.format(self.amount_total),
            )
            savepoint.rollback()
        self.env.invalidate_all()
        outcome.mapped = False
        outcome.stop("total_mismatch", text)

    # === DIFFERENCES === #

    def _line_changes(self, wanted: list[dict], charges: set[int]) -> list[tuple]:
        """``[(sale order line or None, values or None)]``: to update, to create, to empty (values None).

        :param charges: ids of the products that stand for what is no item; a line of any other product that names no
            item of Amazon's was added by a person, and is no business of Amazon's
        """
        free = self.sale_order_id.order_line.filtered(lambda line: not line.display_type)
        changes = []
        for values in wanted:
            line = free.filtered(lambda line, values=values: _is_same(line, values))[:1]
            # an item that a person has added already, where that was left to a person
            line = line or free.filtered(lambda line, values=values: _is_by_hand(line, values))[:1]
            free -= line
            if not line:
                changes.append((None, values))
                continue
            if not line.spapi_line_id and values.get("spapi_line_id"):
                line.spapi_line_id = values["spapi_line_id"]
            taxes = {tax for command in values["tax_ids"] or () if command[0] == Command.SET for tax in command[2]}
            if (
                any(float_compare(line[name], values[name], precision_digits=EXACT) for name in AMOUNTS)
                or line.discount
                or set(line.tax_ids.ids) != taxes
            ):
                # All of them together: Odoo would take the price of another quantity from its pricelist.
                names = (*AMOUNTS, "technical_price_unit", "discount", "tax_ids")
                changes.append((line, {name: values[name] for name in names}))
        # A confirmed line cannot go away; a line that was empty before is none of Amazon's.
        free = free.filtered(lambda line: line.spapi_line_id or line.product_id.id in charges)
        changes += [(line, None) for line in free if line.product_uom_qty and not line.is_downpayment]
        return changes

    def _describe(self, changes: list[tuple]) -> list[str]:
        """The changes in words: products, quantities and amounts."""
        result = []
        currency = self.sale_order_id.currency_id
        for line, values in changes:
            product = line.product_id if line else self.env["product.product"].browse(values["product_id"])
            name = product.default_code or product.name
            if line and values is None:
                result.append(self.env._("%s removed", name))
            elif not line:
                result.append(
                    self.env._("%(quantity)g × %(name)s added", quantity=values["product_uom_qty"], name=name)
                )
            elif (before := line.product_uom_qty) != (after := values["product_uom_qty"]):
                result.append(self.env._("%(name)s: %(old)g → %(new)g", name=name, old=before, new=after))
            elif float_compare(line.price_unit, values["price_unit"], precision_digits=EXACT):
                price = currency.format(values["price_unit"])
                result.append(self.env._("%(name)s: unit price %(price)s", name=name, price=price))
            else:
                result.append(self.env._("%s: other tax", name))
        return result

    def _apply_line_changes(self, account, changes: list[tuple], values: dict) -> None:
        sale_order = self.sale_order_id.with_env(account._as_service().env).with_context(**QUIET)
        lines = sale_order.order_line
        if sale_order.fiscal_position_id.id != values["fiscal_position_id"]:
            sale_order.fiscal_position_id = values["fiscal_position_id"]
        for line, changed in changes:
            if line is None:
                lines.create({**changed, "order_id": sale_order.id})
            else:
                lines.browse(line.id).write({"product_uom_qty": 0} if changed is None else changed)
        self.env.flush_all()


def _is_same(line, values: dict) -> bool:
    """Whether a sale order line is the one that `values` are for: by Amazon's item, else by the kind of charge."""
    if values.get("spapi_line_id") or line.spapi_line_id:
        same_item = line.spapi_line_id.id == values.get("spapi_line_id")
        return same_item and line.product_id.id == values["product_id"]
    return line.product_id.id == values["product_id"]


def _is_by_hand(line, values: dict) -> bool:
    """Whether a person may have typed this line for the new item that `values` are for."""
    return bool(values.get("spapi_line_id")) and not line.spapi_line_id and line.product_id.id == values["product_id"]


def _is_other_quantity(line, values: dict | None) -> bool:
    """Whether a change is one of pieces of an item, and not of money alone."""
    if not line:
        return bool(values.get("spapi_line_id"))
    if not line.spapi_line_id:
        return False
    return not values or float_compare(line.product_uom_qty, values["product_uom_qty"], precision_digits=EXACT) != 0
