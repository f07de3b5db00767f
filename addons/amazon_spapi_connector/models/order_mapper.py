"""Values of sale orders for a batch of stored orders. What the batch needs is looked up once for all of it."""

from __future__ import annotations

from decimal import Decimal

from odoo.fields import Command

from ..mapping.incoming import items_digest
from ..mapping.pricing import Charge, ItemMoney, PriceProblem, charges
from ..spapi.orders import Order, parse_order

PRODUCTS = {
    "shipping": "amazon_spapi_connector.product_shipping",
    "gift_wrap": "amazon_spapi_connector.product_gift_wrap",
    "discount": "amazon_spapi_connector.product_discount",
    "cod_fee": "amazon_spapi_connector.product_other",
    "other": "amazon_spapi_connector.product_other",
}


class OrderMapper:
    """Prepares the sale orders of one account's orders.

    Taxes are needed as (country, rate) while values are prepared and filled in for the whole batch afterwards.

    :param env: environment of the spapi models (sudo)
    :param account: ``spapi.account``
    :param orders: ``spapi.order`` recordset, mapped in this batch
    """

    def __init__(self, env, account, orders) -> None:
        self.env = env
        self.account = account.sudo()
        self.company = self.account.company_id
        self.home = (self.company.account_fiscal_country_id or self.company.country_id).code or ""
        self.marketplaces = orders._marketplaces()
        self._parsed: dict[int, Order] = {}
        orders.fetch(["business_json"])
        subjects = orders.subject_id
        self.partners = dict(zip(subjects.ids, subjects._ensure_partners().ids, strict=True))
        self.products = {kind: env.ref(xml_id) for kind, xml_id in PRODUCTS.items()}
        self.pricelists: dict[int, int] = {}
        self.wanted: set[tuple[int, Decimal]] = set()
        self.zero_taxes: dict[tuple[int, int], object] = {}

    def parsed(self, order) -> Order:
        """The order as Amazon has it. :raise OrderDataError: it cannot be used"""
        if order.id not in self._parsed:
            self._parsed[order.id] = parse_order(order.business_json or {}, marketplaces=self.marketplaces)
        return self._parsed[order.id]

    def items_digest(self, order) -> str:
        return items_digest(self.parsed(order))

    # === VALUES === #

    def sale_order_values(self, order) -> dict:
        """Values for ``sale.order.create``; nothing personal is in them.

        :raise PriceProblem: Amazon's amounts do not add up, or a tax is missing
        :raise OrderDataError: the order cannot be used as it is
        """
        parsed = self.parsed(order)
        currency = order.currency_id
        if not parsed.total or not currency:
            raise PriceProblem("money_missing")
        found = charges(
            [_item_money(line) for line in parsed.lines],
            parsed.total.value,
            countries=[code for code in (parsed.country_code, order.marketplace_id.code, self.home) if code],
            unit=Decimal(1).scaleb(-currency.decimal_places),
            other_total=parsed.amount("DELIVERY_TIP"),
            untaxed_ok=self.account.missing_tax == "untaxed",
        )
        country = order.country_id or order.marketplace_id.country_id
        lines = {line.item_id: line for line in order.line_ids}
        partner = self.partners[order.subject_id.id]
        return {
            "partner_id": partner,
            "partner_invoice_id": partner,
            "partner_shipping_id": partner,
            "company_id": self.company.id,
            "client_order_ref": order.amazon_order_id,
            "origin": order.marketplace_id.name or "Amazon",
            "date_order": order.purchase_date,
            "commitment_date": order.ship_by,
            "currency_id": currency.id,
            "pricelist_id": self._pricelist(currency),
            "fiscal_position_id": order.fiscal_position_id.id,
            "warehouse_id": self.account.warehouse_id.id,
            "team_id": self.account.team_id.id,
            "user_id": False,
            "payment_term_id": False,
            "require_signature": False,
            "require_payment": False,
            "spapi_order_id": order.id,
            "order_line": [
                Command.create(self._line_values(charge, lines.get(charge.item_id), order, country, index))
                for index, charge in enumerate(found)
            ],
        }

    def _line_values(self, charge: Charge, line, order, country, index: int) -> dict:
        """Values of a sale order line. ``tax_ids`` holds (country id, rate), or a tax, until :meth:`fill_in_taxes`."""
        values = {
            "sequence": 10 + index,
            "product_uom_qty": charge.quantity,
            "discount": 0.0,
            "tax_ids": None,
            "charge": charge,
        }
        if charge.rate:
            values["tax_ids"] = (country.id, charge.rate)
            self.wanted.add(values["tax_ids"])
        elif charge.rate is not None:
            values["tax_ids"] = self._zero_tax(order.fiscal_position_id, country)
        if charge.kind == "item":
            product = line.product_id
            values["spapi_line_id"] = line.id
            values["name"] = line.title or product.name
        else:
            product = self.products[charge.kind]
            values["name"] = product.name
        return {**values, "product_id": product.id, "product_uom_id": product.uom_id.id}

    def fill_in_taxes(self, vals_list: list[dict]) -> None:
        """Replace (country, rate) by taxes and set the unit prices that give Amazon's amounts with them."""
        taxes = self.env["spapi.tax.map"]._taxes(self.company, self.wanted)
        for vals in vals_list:
            for _command, _id, line in vals["order_line"]:
                charge: Charge = line.pop("charge")
                tax = taxes[line["tax_ids"]] if isinstance(line["tax_ids"], tuple) else line["tax_ids"]
                amount = charge.net if tax and not tax.price_include else charge.gross
                # A full float: Odoo multiplies first and rounds the line, so thirds of a cent come out whole.
                line["price_unit"] = float(amount / charge.quantity)
                line["tax_ids"] = [Command.set(tax.ids if tax else [])]

    def _zero_tax(self, position, country):
        """The tax for 0 %: an exemption has a legal reason, so none is invented.

        A mapped tax, else what the fiscal position makes of the company's sales tax if that is 0 %, else none.
        """
        key = (position.id, country.id)
        if key not in self.zero_taxes:
            row = self.env["spapi.tax.map"].search(
                [("company_id", "=", self.company.id), ("country_id", "=", country.id), ("rate", "=", 0)], limit=1
            )
            tax = row.tax_id or (position.map_tax(self.company.account_sale_tax_id) if position else row.tax_id)
            self.zero_taxes[key] = tax if len(tax) == 1 and tax.amount_type == "percent" and not tax.amount else None
        return self.zero_taxes[key]

    def _pricelist(self, currency) -> int | bool:
        """None in the company's currency; otherwise a pricelist that carries Amazon's currency, made when missing."""
        if currency == self.company.currency_id:
            return False
        if currency.id not in self.pricelists:
            Pricelist = self.env["product.pricelist"].sudo()
            name = f"Amazon {currency.name}"
            domain = [("company_id", "=", self.company.id), ("currency_id", "=", currency.id), ("name", "=", name)]
            pricelist = Pricelist.search(domain, limit=1)
            if not pricelist:
                if not currency.active:
                    currency.sudo().active = True
                pricelist = Pricelist.create(
                    {"name": name, "currency_id": currency.id, "company_id": self.company.id, "selectable": False}
                    if "selectable" in Pricelist._fields
                    else {"name": name, "currency_id": currency.id, "company_id": self.company.id}
                )
            self.pricelists[currency.id] = pricelist.id
        return self.pricelists[currency.id]

    # === PROBLEMS === #

    def explain(self, order, problem: PriceProblem) -> str:
        """What differs, in a back-office user's words."""
        _ = self.env._
        line = order.line_ids.filtered(lambda line: line.item_id == problem.item_id)[:1]
        values = {
            "sku": line.sku or line.item_id or order.amazon_order_id,
            "expected": _number(problem.expected),
            "found": _number(problem.found),
        }
        return {
            "money_missing": _("Amazon sent no amounts for %(sku)s.", **values),
            "tax_missing": _(
                "Amazon sent no tax for %(sku)s. Decide on the account what to do with such orders, then retry.",
                **values,
            ),
            "tax_not_found": _("No tax rate explains the tax of %(expected)s on %(found)s of %(sku)s.", **values),
            "item_mismatch": _(
                "The parts of %(sku)s add up to %(found)s, but Amazon states %(expected)s for it.", **values
            ),
            "total_mismatch": _("The items add up to %(found)s, but Amazon states a total of %(expected)s.", **values),
        }[problem.code]


def _item_money(line) -> ItemMoney:
    parts: dict[str, Decimal] = {}
    tax_parts: dict[str, Decimal] = {}
    tax = None
    for breakdown in line.breakdowns:
        if breakdown.type == "TAX":
            tax = (tax or Decimal(0)) + breakdown.value
            for subtype, value in breakdown.details:
                tax_parts[subtype] = tax_parts.get(subtype, Decimal(0)) + value
        else:
            parts[breakdown.type] = parts.get(breakdown.type, Decimal(0)) + breakdown.value
    return ItemMoney(line.item_id, line.quantity, line.total and line.total.value, parts, tax, tax_parts)


def _number(value: Decimal | None) -> str:
    return "-" if value is None else f"{value:f}"
