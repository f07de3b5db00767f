"""What is wrong with the money of an order, in a back-office user's words."""

from __future__ import annotations

from decimal import Decimal

from ..mapping.amounts import Difference, PriceProblem


def explain(env, order, caught: PriceProblem) -> str:
    """A sentence that says what to do, then a line for each difference: where, which part, stated and found."""
    if advice := _of_currency(env, order, caught.code):
        return advice
    by_item = {line.item_id: line for line in order.line_ids}
    lines = [_line(env, by_item.get(one.item_id), order, one) for one in caught.differences]
    return "\n".join([_advice(env, caught.code), *dict.fromkeys(lines)])


def _of_currency(env, order, code: str) -> str:
    """What to do about a currency, "" for any other problem."""
    _ = env._
    values = {"currency": order.currency_id.name or "", "company": order.company_id.name}
    return {
        "currency_unknown": _("Odoo does not know the currency of this order. Create it, then read the order again."),
        "currency_inactive": _(
            "%(currency)s is not active in Odoo. Activate it under Accounting → Configuration → Currencies and enter"
            " its exchange rate, then retry.",
            **values,
        ),
        "currency_without_rate": _(
            "%(company)s has no exchange rate for %(currency)s, and Odoo would book the order one to one. Enter a rate"
            " under Accounting → Configuration → Currencies, then retry.",
            **values,
        ),
    }.get(code, "")


def kinds(env) -> dict[str, str]:
    """Amazon's words for parts of an amount, and ours for sums."""
    _ = env._
    return {
        "ITEM": _("goods"),
        "SHIPPING": _("shipping"),
        "GIFT_WRAP": _("gift wrap"),
        "COD_FEE": _("cash on delivery fee"),
        "OTHER": _("other charges"),
        "TAX": _("tax"),
        "DISCOUNT": _("promotions"),
        "DELIVERY_TIP": _("delivery tip"),
        "TOTAL": _("total"),
    }


def _advice(env, code: str) -> str:
    _ = env._
    return {
        "money_missing": _("Amazon sent no amounts. They usually come with the next read; else read the order again."),
        "money_negative": _("Amazon states amounts below zero. Compare the order in Seller Central."),
        "money_fraction": _("Amazon states amounts smaller than the currency's smallest coin. Check the currency."),
        "tax_missing": _(
            "Amazon sent no tax. Decide on the account what to do with such orders (“When Amazon Sends No Tax”), then"
            " retry."
        ),
        "tax_zero": _(
            "Amazon states a tax of zero where VAT is due, as it does where it does not calculate your VAT. Decide on"
            " the account what that means (“When Amazon States a Tax of Zero”, “When Amazon Sends No Tax”), then retry."
        ),
        "tax_not_single": _(
            "The product has no sales tax, several, or none that is a percentage, so it cannot be taken out of Amazon's"
            " price. Give the product one sales tax (0 % if it bears none), then retry."
        ),
        "tax_not_found": _("No tax rate explains Amazon's tax. Compare the order in Seller Central."),
        "item_mismatch": _("The parts of an item do not add up. Compare the order in Seller Central."),
        "total_mismatch": _("The items do not add up to the order. Compare it in Seller Central."),
    }.get(code, _("The amounts of this order contradict each other."))


def _line(env, line, order, one: Difference) -> str:
    _ = env._
    values = {
        "where": (line and (line.sku or line.item_id)) or one.item_id or order.amazon_order_id,
        "kind": kinds(env).get(one.kind, one.kind),
        "expected": number(one.expected),
        "found": number(one.found),
    }
    if one.code == "tax_not_found":
        return _("%(where)s, %(kind)s: %(expected)s on %(found)s", **values)
    if one.expected is None and one.found is None:
        return _("%(where)s, %(kind)s: not stated", **values)
    if one.expected is None:
        return _("%(where)s, %(kind)s: %(found)s", **values)
    return _("%(where)s, %(kind)s: Amazon states %(expected)s, its parts give %(found)s", **values)


def number(value: Decimal | None) -> str:
    """An amount as it is written in Amazon's data."""
    return "-" if value is None else f"{value:f}"
