"""What Odoo holds of a page of Amazon orders, in the words of the comparison. A few queries for all of them."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from odoo.fields import Domain

from ..mapping.reconciling import Here, Sale, SoldItem


def here_of(account, order_ids: list[str]) -> tuple[dict, dict[str, Here]]:
    """``({order id: spapi.order}, {order id: Here})`` of those that are stored.

    :param account: ``spapi.account`` in an environment that sees everything
    """
    env = account.env
    orders = env["spapi.order"].search([("account_id", "=", account.id), ("amazon_order_id", "in", order_ids)])
    stored = {order.amazon_order_id: order for order in orders}
    sales = _sales(account, orders)
    found = {}
    for name, order in stored.items():
        found[name] = Here(
            state=order.state,
            problem=order.problem_code or "",
            status=order.status or "",
            updated=order.last_updated or None,
            total=_money(order.amount_total, order.currency_id),
            quantities={line.item_id: line.quantity for line in order.line_ids},
            sales=tuple(sales.get(name, ())),
            to_follow=order.follow_up,
            settled=order.settled_reason or "",
        )
    return stored, found


def _sales(account, orders) -> dict[str, list[Sale]]:
    """``{order id: sale orders}``: the linked one, and whatever else carries Amazon's number."""
    env = account.env
    numbers = orders.mapped("amazon_order_id")
    sales = env["sale.order"].search(
        Domain("company_id", "=", account.company_id.id)
        & (Domain("spapi_order_id", "in", orders.ids) | Domain("client_order_ref", "in", numbers))
    )
    result = defaultdict(list)
    by_sale = {order.sale_order_id.id: order for order in orders if order.sale_order_id}
    for sale in sales:
        order = by_sale.get(sale.id)
        items: dict[str, SoldItem] = {}
        for line in sale.order_line:
            item_id = line.spapi_line_id.item_id
            if not item_id:
                continue
            known = items.get(item_id, SoldItem(Decimal(0), None))
            items[item_id] = SoldItem(
                known.ordered + _pieces(line.product_uom_qty),
                _sum(known.delivered, _sent(line)),
                # of a cancelled order it counts whether the goods are back
                _sum(known.kept, _pieces(line._spapi_quantity_kept())) if sale.state == "cancel" else None,
            )
        result[order.amazon_order_id if order else sale.client_order_ref].append(
            Sale(
                name=sale.name,
                state=sale.state,
                total=_money(sale.amount_total, sale.currency_id),
                currency=sale.currency_id.name or "",
                items=items,
                linked=bool(order),
            )
        )
    return {name: sorted(found, key=lambda sale: not sale.linked) for name, found in result.items()}


def _sent(line) -> Decimal | None:
    """Pieces of a sale order line that left for the buyer, returned or not; None for what is not delivered, such as a
    service."""
    return None if line.product_id.type == "service" else _pieces(line._spapi_quantity_gone())


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if one is None else one + (other or 0)


def _pieces(value: float) -> Decimal:
    return Decimal(f"{value:.4f}").normalize() + 0


def _money(value: float, currency) -> Decimal:
    return Decimal(f"{value:.{currency.decimal_places if currency else 2}f}")
