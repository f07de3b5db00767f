"""Values of sale orders for a batch of stored orders. What the batch needs is looked up once for all of it."""

from __future__ import annotations

from decimal import Decimal

from odoo.fields import Command

from ..mapping.amounts import PriceProblem, problem
from ..mapping.incoming import items_digest
from ..mapping.money import Charge
from ..mapping.pricing import charges
from ..spapi.orders import Order, parse_order
from .order_header import HeaderOptions
from .order_taxes import OrderTaxes
from .price_words import explain, number

PRODUCTS = {
    "shipping": "product_shipping",
    "gift_wrap": "product_gift_wrap",
    "discount": "product_discount",
    "shipping_discount": "product_shipping_discount",
    "other_discount": "product_discount",
    "cod_fee": "product_cod_fee",
    "other": "product_other",
    "tip": "product_tip",
    "collected_tax": "product_collected_tax",
    "rounding": "product_rounding",
}
"""Kind of charge → product (:mod:`..mapping.money`); goods have a product of their own."""


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
        self.header = HeaderOptions(self.account)
        self.taxes = OrderTaxes(env, self.account)
        self.marketplaces = orders._marketplaces()
        self._parsed: dict[int, Order] = {}
        orders.fetch(["business_json"])
        subjects = orders.subject_id
        self.partners = dict(zip(subjects.ids, subjects._ensure_partners().ids, strict=True))
        self.products = {kind: env.ref(f"amazon_spapi_connector.{name}") for kind, name in PRODUCTS.items()}
        self.pricelists: dict[int, int] = {}
        self.units: dict[int, Decimal] = {}
        self.rated: dict[int, bool] = {}
        self.charged: dict[int, list[Charge]] = {}
        self.fiscal: dict[int, dict] = {}

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
        currency, total = order.currency_id, parsed.total and parsed.total.value
        if total is None and parsed.is_free_of_charge:
            currency, total = order.marketplace_id.currency_id, Decimal(0)
        if total is None:
            raise problem("money_missing")
        self._check_currency(currency)
        items = self.taxes.items(order, parsed)
        unit = self.units.setdefault(currency.id, Decimal(1).scaleb(-currency.decimal_places))
        tips = [part for part in parsed.breakdowns if part.type == "DELIVERY_TIP"]
        found = charges(
            items,
            total,
            countries=filter(None, (self.taxes.country(order).code, order.marketplace_id.code, self.taxes.home)),
            unit=unit,
            tip=sum((tip.value for tip in tips), Decimal(0)),
            tip_open=any(tip.status == "PENDING" for tip in tips),
            order_parts=_by_type(part for part in parsed.breakdowns if part.type != "DELIVERY_TIP"),
            missing_tax=self.account.missing_tax,
        )
        self.charged[order.id] = found
        self.fiscal[order.id] = self.taxes.scheme_values(order, items, found)
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
            "currency_id": currency.id,
            "pricelist_id": self._pricelist(order, currency),
            "fiscal_position_id": order.fiscal_position_id.id,
            "user_id": False,
            "require_signature": False,
            "require_payment": False,
            "spapi_order_id": order.id,
            **self.header.values(order),
            "order_line": [
                Command.create(self._line_values(charge, lines.get(charge.item_id), order, index))
                for index, charge in enumerate(found)
            ],
        }

    def _line_values(self, charge: Charge, line, order, index: int) -> dict:
        """Values of a sale order line. ``tax_ids`` holds what :meth:`OrderTaxes.choose` gave until they are filled in.

        :param line: ``spapi.order.line`` that the charge belongs to, the first of several for a shared one
        """
        product = line.product_id if charge.kind == "item" else self.products[charge.kind]
        values = {
            "sequence": 10 + index,
            "product_id": product.id,
            "product_uom_id": product.uom_id.id,
            "product_uom_qty": charge.quantity,
            "discount": 0.0,
            "name": product.name,
            "charge": charge,
            "tax_ids": self.taxes.choose(charge, order, line.product_id if line else product),
        }
        if charge.kind == "item":
            values |= {"spapi_line_id": line.id, "name": line.title or product.name}
        elif charge.kind == "collected_tax":
            self._book_collected_tax(product)
        return values

    def fill_in_taxes(self, vals_list: list[dict]) -> None:
        """Set the taxes, and the unit prices that give Amazon's amounts with them."""
        self.taxes.fill_in(vals_list, self.units, self._rounding_line)

    def _rounding_line(self, amount: Decimal) -> dict:
        product = self.products["rounding"]
        return {
            "sequence": 9999,
            "product_id": product.id,
            "product_uom_id": product.uom_id.id,
            "product_uom_qty": 1,
            "discount": 0.0,
            "name": product.name,
            "price_unit": float(amount),
            "technical_price_unit": float(amount) + 1,
            "tax_ids": [Command.clear()],
        }

    def _book_collected_tax(self, product) -> None:
        """Give the tax that Amazon keeps an account of its own, once: it is income of nobody here.

        The settlement, which withholds the same amount, is posted against it.
        """
        # sudo: as with taxes, importing must be possible without a right on the chart of accounts
        product = product.sudo().with_company(self.company)
        tax_account = self.company.account_sale_tax_id.invoice_repartition_line_ids.account_id[:1]
        if product.property_account_income_id or not tax_account:
            return
        Account = self.env["account.account"].sudo().with_company(self.company)
        product.property_account_income_id = Account.create(
            {
                "name": self.env._("Taxes collected by Amazon"),
                "code": Account._search_new_account_code(tax_account.with_company(self.company).code),
                "account_type": "liability_current",
                "company_ids": [Command.link(self.company.id)],
            }
        )

    def _check_currency(self, currency) -> None:
        """Refuse a currency that the books do not know the worth of: without any rate Odoo takes it one to one.

        :raise PriceProblem: it is unknown, not active, or has no rate in this company
        """
        if not currency:
            raise problem("currency_unknown")
        if currency == self.company.currency_id:
            return
        if not currency.active:
            raise problem("currency_inactive")
        if currency.id not in self.rated:
            # sudo: whether there is a rate does not depend on who presses "Retry"
            self.rated[currency.id] = bool(
                self.env["res.currency.rate"]
                .sudo()
                .search_count(
                    [("currency_id", "=", currency.id), ("company_id", "in", (False, self.company.root_id.id))], limit=1
                )
            )
        if not self.rated[currency.id]:
            raise problem("currency_without_rate")

    def _pricelist(self, order, currency) -> int | bool:
        """The chosen one; else none in the company's currency, and one that carries Amazon's in any other."""
        if chosen := self.header.pricelist(order, currency):
            return chosen.id
        if currency == self.company.currency_id:
            return False
        if currency.id not in self.pricelists:
            Pricelist = self.env["product.pricelist"].sudo()
            name = f"Amazon {currency.name}"
            domain = [("company_id", "=", self.company.id), ("currency_id", "=", currency.id), ("name", "=", name)]
            pricelist = Pricelist.search(domain, limit=1)
            if not pricelist:
                values = {"name": name, "currency_id": currency.id, "company_id": self.company.id}
                if "selectable" in Pricelist._fields:  # website_sale: no visitor chooses it
                    values["selectable"] = False
                pricelist = Pricelist.create(values)
            self.pricelists[currency.id] = pricelist.id
        return self.pricelists[currency.id]

    # === PROBLEMS === #

    def explain(self, order, caught: PriceProblem) -> str:
        """What differs, in a back-office user's words."""
        return explain(self.env, order, caught)

    def differences(self, order, sale) -> list[str]:
        """The lines of `sale` whose total is not what Amazon charged, as sentences."""
        found = []
        # A line for rounding comes last and has no charge.
        for charge, line in zip(self.charged[order.id], sale.order_line.sorted("sequence"), strict=False):
            if sale.currency_id.compare_amounts(line.price_total, float(charge.gross)):
                values = {
                    "where": line.spapi_line_id.sku or line.product_id.name,
                    "expected": number(charge.gross),
                    "found": f"{line.price_total:.{sale.currency_id.decimal_places}f}",
                }
                found.append(self.env._("%(where)s: Amazon charged %(expected)s, Odoo makes %(found)s of it", **values))
        return found


def _by_type(breakdowns) -> dict[str, Decimal]:
    """Sums by Amazon's type."""
    sums: dict[str, Decimal] = {}
    for part in breakdowns:
        sums[part.type] = sums.get(part.type, Decimal(0)) + part.value
    return sums
