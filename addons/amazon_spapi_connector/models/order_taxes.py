"""Taxes of the sale orders of a batch: who owes them, which tax of the books they are, which price reproduces them."""

from __future__ import annotations

import logging
from decimal import ROUND_HALF_UP, Decimal

from odoo.exceptions import UserError
from odoo.fields import Command

from ..mapping.amounts import problem
from ..mapping.money import Charge, ItemMoney, item_money
from ..mapping.schemes import EU, TAXED, Destination, of_order
from ..mapping.vat import RATES
from ..spapi.orders import Order
from .spapi_tax_map import TaxKey

_logger = logging.getLogger(__name__)

REASONED = ("deemed", "export", "reverse")
"""Schemes of which the law itself says why there is no tax."""


class OrderTaxes:
    """The taxes of one account's orders, each looked up once for the batch.

    :param env: environment of the spapi models (sudo)
    :param account: ``spapi.account`` (sudo)
    """

    def __init__(self, env, account) -> None:
        self.env = env
        self.company = account.company_id
        self.believe_zero = account.zero_tax == "real"
        self.collecting = {row.marketplace_id.id: row.tax_collected for row in account.option_ids}
        self.home = (self.company.account_fiscal_country_id or self.company.country_id).code or ""
        self.wanted: dict[TaxKey, object] = {}
        self._zero: dict[tuple[int, int, str], object] = {}
        self._rows: dict | None = None

    # === WHO OWES === #

    def country(self, order):
        """The country whose tax it is: that of the delivery, or of which a territory is treated as a part."""
        return order.territory_id.vat_country_id or order.country_id or order.marketplace_id.country_id

    def destination(self, order) -> Destination:
        """Where `order` goes, for its scheme."""
        origin = order.marketplace_id.code if order.fulfilled_by == "AMAZON" else self.home
        country = self.country(order).code or ""
        business = "AMAZON_BUSINESS" in (order.programs or "") and order.vat_check != "invalid"
        valid = order.vat_check == "valid"
        return Destination(self.home, country, order.vat_zone or "", valid, origin or "", business or valid)

    def items(self, order, parsed: Order) -> list[ItemMoney]:
        """The money of the items, each with its scheme."""
        destination = self.destination(order)
        facilitator = self._is_collected(order, destination)
        return [item_money(line, destination, facilitator, self.believe_zero) for line in parsed.lines]

    def _is_collected(self, order, destination: Destination) -> bool:
        """Whether the tax is Amazon's to pay where Amazon does not say otherwise."""
        if stated := self.collecting.get(order.marketplace_id.id):
            return stated == "amazon"
        return order.marketplace_id.tax_collected or self._is_taken_for_collected(order, destination)

    def _is_taken_for_collected(self, order, destination: Destination) -> bool:
        """Whether the law alone makes it Amazon's. Nobody asks for the tax block of orders that Amazon ships, because
        it names buyers."""
        asked = "TAX" in (order.included_parts or "").split(",")
        return not asked and destination.is_stock_abroad and not destination.business

    def scheme_values(self, order, items: list[ItemMoney], found: list[Charge]) -> dict:
        """What the order keeps: the scheme and why, and what of it is assumed.

        :param found: the charges that were made of `items`
        """
        scheme = of_order(item.scheme for item in items if item.quantity or item.total)
        doubt, rates = self._doubt(scheme, order, found)
        reason = self._why_assumed(order, rates) if doubt else self._why(scheme, order)
        return {"fiscal_scheme": scheme, "fiscal_scheme_reason": reason, "fiscal_doubt": doubt}

    def _doubt(self, scheme: str, order, found: list[Charge]) -> tuple[str | bool, list[Decimal]]:
        """Whether the country of taxation is assumed, and the rates that are none of that country's.

        Of orders that left before they were seen, and of those that Amazon ships, neither the buyer's country nor the
        tax block is asked for: both come with the person.
        """
        asked = "TAX" in (order.included_parts or "").split(",")
        if scheme != "regular" or asked or order.country_id:
            return False, []
        own = {Decimal(rate) for rate in RATES.get(self.country(order).code or "", ())}
        rates = sorted({charge.rate for charge in found if charge.rate} - own) if own else []
        return ("foreign_rate" if rates else "assumed"), rates

    def _why_assumed(self, order, rates: list[Decimal]) -> str:
        """:param rates: those that are none of the assumed country's"""
        _ = self.env._
        country = self.country(order).name or order.marketplace_id.name or ""
        texts = [
            _(
                "Amazon was not asked for the buyer's country and the tax scheme of this order; booked as VAT of"
                " %s, the marketplace's country.",
                country,
            )
        ]
        if rates:
            shown = ", ".join(f"{rate.normalize():f} %" for rate in rates)
            texts.append(_("%(rates)s is no rate of %(country)s: check where it went.", rates=shown, country=country))
        if self.country(order).code in EU and self.home in EU:
            texts.append(_("If the goods crossed a border to a consumer, the sale belongs into the OSS return."))
        return " ".join(texts)

    def _why(self, scheme: str, order) -> str:
        _ = self.env._
        country = self.country(order).name or order.marketplace_id.name or ""
        if scheme == "deemed" and self._is_taken_for_collected(order, self.destination(order)):
            return _(
                "Amazon ships from %s for a seller established elsewhere, so by law it collects the tax; it was not"
                " asked for the tax details of this order.",
                order.marketplace_id.country_id.name,
            )
        if scheme == "regular" and "TAX" not in (order.included_parts or "").split(","):
            return _("Amazon was not asked for the tax scheme of this order; taxed in %s.", country)
        if scheme == "export" and order.territory_id:
            return _("%s lies outside the VAT area of the EU, and Amazon charged no tax.", order.territory_id.name)
        return {
            "regular": _("Amazon names no other scheme; taxed in %s.", country),
            "uoss": _("Amazon reports the item under the Union one-stop shop; taxed in %s.", country),
            "ioss": _("Amazon reports the item under the import one-stop shop; taxed in %s.", country),
            "deemed": _("Amazon collects the tax and pays it to the authority; the sale carries no tax of yours."),
            "export": _("The goods leave the EU for %s, and Amazon charged no tax.", country),
            "reverse": _("The buyer in %s gave a valid VAT number, and Amazon charged no tax.", country),
            "mixed": _("The items fall under different schemes; each line has its own tax."),
        }[scheme]

    # === WHICH TAX === #

    def choose(self, charge: Charge, order, product):
        """The tax of a charge: ``account.tax``, a :class:`TaxKey` until :meth:`fill_in`, or None.

        :param product: of the item that the charge belongs to; decides where Amazon says nothing of tax
        :raise PriceProblem: the product's taxes are not one percentage
        """
        country = self.country(order)
        if charge.included:
            return self._own_tax(charge, order.fiscal_position_id, country, product)
        if charge.rate:
            # where prices are net, so is the tax that is made for them
            key = TaxKey(country.id, charge.rate, charge.scheme, order.marketplace_id.tax_included)
            if key not in self.wanted:
                self.wanted[key] = self._like(charge.rate, order.fiscal_position_id, product)
            return key
        return None if charge.rate is None else self._zero_tax(order.fiscal_position_id, country, charge.scheme)

    def _own(self, product):
        return product.taxes_id.filtered_domain(self.env["account.tax"]._check_company_domain(self.company))

    def _mapped(self, position, product):
        return position.map_tax(self._own(product) or self.company.account_sale_tax_id)

    def _like(self, rate: Decimal, position, product):
        """The tax of the books that has this rate for this product and fiscal position, if any."""
        mapped = self._mapped(position, product)
        same = len(mapped) == 1 and mapped.amount_type == "percent" and Decimal(str(mapped.amount)) == rate
        return mapped if same else mapped.browse()

    def _own_tax(self, charge: Charge, position, country, product):
        if charge.scheme not in TAXED:
            return self._zero_tax(position, country, charge.scheme)
        if not self._own(product):
            # neither invented nor forgotten
            raise problem("tax_not_single", charge.item_id, "TAX")
        mapped = self._mapped(position, product)
        if not mapped:
            return None
        if len(mapped) > 1 or mapped.amount_type != "percent":
            raise problem("tax_not_single", charge.item_id, "TAX")
        if not mapped.amount or mapped.price_include:
            return mapped
        key = TaxKey(country.id, Decimal(str(mapped.amount)), charge.scheme, True)
        self.wanted.setdefault(key, mapped)
        return key

    def _zero_tax(self, position, country, scheme: str):
        """The tax for 0 %: an exemption has a legal reason, so none is invented.

        A mapped tax, else what the fiscal position makes of the company's sales tax if that is 0 %, else, where the
        scheme is the reason, one that says so, else none.
        """
        key = (position.id, country.id, scheme)
        if key not in self._zero:
            TaxMap = self.env["spapi.tax.map"]
            rows = TaxMap._rows(self.company, [country.id])
            tax = TaxMap._in_use(rows.get((country.id, 0, scheme)))
            mapped = position.map_tax(self.company.account_sale_tax_id) if position else None
            if not tax and mapped and len(mapped) == 1 and mapped.amount_type == "percent" and not mapped.amount:
                tax = mapped
            if not tax and scheme in REASONED and country:
                tax = self._reasoned(TaxKey(country.id, Decimal(0), scheme))
            self._zero[key] = tax or None
        return self._zero[key]

    def _reasoned(self, key: TaxKey):
        """The tax of 0 % that states its reason, made where it is missing; None where the country's rules want more of
        it than the reason (Italy: a code of its own), which an accountant then gives in a tax of his."""
        try:
            with self.env.cr.savepoint():
                return self.env["spapi.tax.map"]._taxes(self.company, {key: None})[key]
        except UserError as error:
            _logger.info("no tax was made for %s: %s", key.scheme, type(error).__name__)
            return None

    # === WHICH PRICE === #

    def fill_in(self, vals_list: list[dict], units: dict[int, Decimal], rounding_line) -> None:
        """Replace keys by taxes and set the unit prices that give Amazon's amounts with them.

        :param units: currency id → its smallest amount
        :param rounding_line: called with an amount, gives the values of a line for what no net price can reproduce
        """
        taxes = self.env["spapi.tax.map"]._taxes(self.company, self.wanted)
        by_line = self.company.tax_calculation_rounding_method != "round_globally"
        for vals in vals_list:
            unit = units[vals["currency_id"]]
            taxed, left, whole = 0, Decimal(0), {}
            for _command, _id, line in vals["order_line"]:
                charge: Charge = line.pop("charge")
                tax = taxes[line["tax_ids"]] if isinstance(line["tax_ids"], TaxKey) else line["tax_ids"]
                net_price = bool(tax) and not tax.price_include
                amount = charge.net if net_price and not charge.included else charge.gross
                # A full float: Odoo multiplies first and rounds the line, so thirds of a cent come out whole.
                line["price_unit"] = float(amount / charge.quantity)
                # Odoo takes a price that differs from this one for a person's, and keeps it when a quantity changes.
                line["technical_price_unit"] = line["price_unit"] + 1
                line["tax_ids"] = [Command.set(tax.ids if tax else [])]
                if net_price and tax.amount_type == "percent":
                    taxed += 1
                    computed = amount * Decimal(str(tax.amount)) / 100
                    left += charge.tax
                    if by_line:
                        left -= _rounded(computed, unit)
                    else:
                        whole[tax.id] = whole.get(tax.id, Decimal(0)) + computed
            left -= sum((_rounded(computed, unit) for computed in whole.values()), Decimal(0))
            if left and abs(left) <= unit * taxed:
                # Amazon rounds the tax of each piece; a net price times a rate cannot always give the same cent.
                vals["order_line"].append(Command.create(rounding_line(left)))


def _rounded(amount: Decimal, unit: Decimal) -> Decimal:
    return (amount / unit).to_integral_value(ROUND_HALF_UP) * unit
