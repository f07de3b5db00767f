"""Every generated order keeps Amazon's model, its money adds up, and it shows what its case promises."""

from __future__ import annotations

import re
import time
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from stdnum.exceptions import ValidationError

from sandbox.market import CASES, MARKETPLACES, WEIGHTS, Market
from sandbox.market.marketplaces import EU, VAT_PER_MILLE
from sandbox.market.money import list_price
from sandbox.market.vat_numbers import VALIDATORS

from .conftest import BEGIN, END, private

HIDDEN = ("PENDING", "PENDING_AVAILABILITY", "CANCELLED")


def status(order):
    return order["fulfillment"]["fulfillmentStatus"]


def value(money):
    return Decimal(money["amount"])


def by_type(proceeds):
    return {row["type"]: value(row["subtotal"]) for row in proceeds["breakdowns"]}


def with_money(orders):
    return [order for order in orders if status(order) not in HIDDEN]


@pytest.mark.parametrize("case", CASES)
def test_every_order_of_the_case_keeps_amazons_model(case, samples, faults_in):
    faults = Counter(fault for order in samples[case] for fault in faults_in(order))
    assert not faults
    assert {order["salesChannel"]["marketplaceId"] for order in samples[case]} == set(MARKETPLACES)


def test_the_judge_sees_a_wrong_order(samples, faults_in):
    order = samples["fbm_unshipped"][0]
    assert faults_in({**order, "colour": "blue"}) == ["$: additionalProperties"]
    assert faults_in({**order, "programs": ["FREE_BEER"]}) == ["$.programs[0]: enum"]
    assert faults_in({**order, "createdTime": "yesterday"}) == ["$.createdTime: format"]
    assert faults_in({key: part for key, part in order.items() if key != "orderId"}) == ["$: required"]


def test_figure_of_orders(every_sample):
    assert len(every_sample) == len(CASES) * len(MARKETPLACES) * 5
    print(f"\nFIGURE market_orders_validated {len(every_sample)} orders")


def test_the_money_adds_up(every_sample):
    for order in with_money(every_sample):
        currency = MARKETPLACES[order["salesChannel"]["marketplaceId"]].currency
        totals = Counter()
        for item in order["orderItems"]:
            rows = by_type(item["proceeds"])
            assert sum(rows.values()) == value(item["proceeds"]["proceedsTotal"]), order["orderId"]
            assert value(item["product"]["price"]["unitPrice"]) * item["quantityOrdered"] == rows["ITEM"], order[
                "orderId"
            ]
            for row in item["proceeds"]["breakdowns"]:
                if row["type"] in ("TAX", "DISCOUNT"):
                    detail = sum(value(part["value"]) for part in row["detailedBreakdowns"])
                    assert detail == value(row["subtotal"]), order["orderId"]
            totals.update(rows)
        grand = order["proceeds"]["grandTotal"]
        assert sum(value(item["proceeds"]["proceedsTotal"]) for item in order["orderItems"]) == value(grand)
        assert by_type(order["proceeds"]) == dict(totals), order["orderId"]
        assert sum(totals.values()) == value(grand) >= 0
        assert order["payment"]["paymentExecutions"][0]["paymentAmount"] == grand
        assert grand["currencyCode"] == currency and re.fullmatch(r"\d+\.\d\d", grand["amount"])
    assert {place.currency for place in MARKETPLACES.values()} == {"EUR", "PLN", "SEK", "GBP", "TRY"}


def test_a_consumer_pays_the_shop_price_with_the_vat_of_the_destination(samples):
    seen = set()
    for case in ("fbm_unshipped", "multi_line", "multi_quantity", "shipped", "vat_territory"):
        for order in samples[case]:
            country = order["recipient"]["deliveryAddress"]["countryCode"]
            market = MARKETPLACES[order["salesChannel"]["marketplaceId"]]
            for item in order["orderItems"]:
                unit = value(item["product"]["price"]["unitPrice"]) * 100
                shop = list_price(item["product"]["sellerSku"], market)
                details = next(row for row in item["proceeds"]["breakdowns"] if row["type"] == "TAX")[
                    "detailedBreakdowns"
                ]
                tax = next(value(part["value"]) for part in details if part["subtype"] == "ITEM") * 100
                per_unit = tax / item["quantityOrdered"]
                if case == "vat_territory" and market.country in ("IT", "ES", "DE"):
                    assert tax == 0
                    continue
                assert unit + per_unit == shop, order["orderId"]
                assert abs(unit * VAT_PER_MILLE[country] / 1000 - per_unit) <= 1, order["orderId"]
                seen.add(country)
                scheme = item.get("tax", {})
                assert ("taxCalculationBreakdowns" in scheme) == (country in EU and country != "IT")
                assert ("taxCollections" in scheme) == (country not in EU)
    assert seen >= {place.country for place in MARKETPLACES.values()}


def test_ids_have_amazons_shape_and_are_unique():
    orders = Market(11).generate(3000, list(MARKETPLACES), BEGIN, END)
    ids = [order["orderId"] for order in orders]
    items = [item["orderItemId"] for order in orders for item in order["orderItems"]]
    assert all(re.fullmatch(r"\d{3}-\d{7}-\d{7}", key) for key in ids)
    assert all(re.fullmatch(r"\d{14}", key) for key in items)
    assert len(set(ids)) == len(ids) and len(set(items)) == len(items)


def test_times_lie_in_order_and_none_in_the_future(every_sample):
    latest = END.strftime("%Y-%m-%dT%H:%M:%SZ")
    for order in every_sample:
        windows = [order["fulfillment"][name] for name in ("shipByWindow", "deliverByWindow")]
        assert all(window["earliestDateTime"] <= window["latestDateTime"] for window in windows)
        assert windows[0]["latestDateTime"] <= windows[1]["latestDateTime"]
        assert order["createdTime"] <= windows[0]["latestDateTime"]
        assert order["createdTime"] <= order["lastUpdatedTime"] <= latest
        for package in order.get("packages", ()):
            assert order["createdTime"] <= package["shipTime"] <= latest


def test_a_short_interval_holds_every_case():
    """A test generates orders of the last minute: none of them may lie after now."""
    last = END + timedelta(seconds=30)
    for case in CASES:
        for order in Market(3).generate(5, list(MARKETPLACES), END, last, case):
            assert order["lastUpdatedTime"] <= last.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_what_is_hidden_and_what_is_shown(every_sample):
    for order in every_sample:
        personal = [key for key in ("buyer", "recipient", "proceeds", "payment") if key in order]
        if status(order) in HIDDEN:
            assert not personal and "tax" not in order
            for item in order["orderItems"]:
                assert "proceeds" not in item and "price" not in item["product"]
                assert "giftMessage" not in item["fulfillment"].get("packing", {}).get("giftOption", {})
            continue
        assert len(personal) == 4
        market = MARKETPLACES[order["salesChannel"]["marketplaceId"]]
        by_amazon = order["fulfillment"]["fulfilledBy"] == "AMAZON"
        address = order["recipient"]["deliveryAddress"]
        assert {"name", "addressLine1", "city", "postalCode", "countryCode"} <= set(address)
        assert ("buyerEmail" in order["buyer"]) is not by_amazon
        assert not (by_amazon and ("phone" in address or "packages" in order))
        if not by_amazon:
            alias = rf"[a-z0-9]{{15}}@{re.escape(market.mail_domain)}"
            is_alias = bool(re.fullmatch(alias, order["buyer"]["buyerEmail"]))
            assert is_alias


def test_buyers_are_of_their_country_and_differ(every_sample):
    orders = with_money(every_sample)
    names = len({order["buyer"]["buyerName"] for order in orders})
    assert names > 0.85 * len(orders)
    addresses = [order["recipient"]["deliveryAddress"] for order in orders]
    preferences = [order["recipient"].get("deliveryPreference", {}) for order in orders]
    abroad = sum(
        address["countryCode"] != MARKETPLACES[order["salesChannel"]["marketplaceId"]].country
        for order, address in zip(orders, addresses, strict=True)
    )
    assert 0.01 < abroad / len(orders) < 0.12
    for wanted in ("addressLine2", "addressLine3", "companyName", "phone"):
        assert any(wanted in address for address in addresses), wanted
    for wanted in ("dropOffLocation", "addressInstruction", "deliveryTime", "deliveryCapabilities"):
        assert any(wanted in preference for preference in preferences), wanted
    assert {address["addressType"] for address in addresses} == {"RESIDENTIAL", "COMMERCIAL", "PICKUP_POINT"}
    odd = sum(bool({"{", "#", "\n"} & set(text)) for address in addresses for text in address.values())
    assert odd == 0
    codes = {"IT": r"\d{5}", "PL": r"\d\d-\d{3}", "NL": r"\d{4} [A-Z]{2}", "GB": r"[A-Z]{1,2}\d\d?[A-Z]? \d[A-Z]{2}"}
    for address in addresses:
        country = address["countryCode"]
        fits = bool(re.fullmatch(codes.get(country, r"[\w -]{4,8}"), address["postalCode"]))
        assert fits, country


def test_business_orders(samples):
    rates = set()
    for order in samples["b2b"]:
        assert "AMAZON_BUSINESS" in order["programs"]
        company = order["buyer"]["buyerCompanyName"]
        registration = order["tax"]["taxRegistrations"][0]
        names = {company, order["recipient"]["deliveryAddress"]["companyName"], registration["legalName"]}
        names_differ, has_number = len(names) > 1, bool(order["buyer"]["buyerPurchaseOrderNumber"])
        assert not names_differ and has_number
        country = order["recipient"]["deliveryAddress"]["countryCode"]
        try:
            VALIDATORS[country].validate(registration["taxRegistrationNumber"].removeprefix(country))
        except ValidationError as error:
            pytest.fail(f"{country}: {type(error).__name__}")
        taxed = by_type(order["proceeds"])["TAX"] > 0
        assert taxed == (country == "IT")
        rates.add(taxed)
    assert rates == {True, False}
    items = [item for order in samples["b2b"] for item in order["orderItems"]]
    special = sum(item["product"]["price"].get("priceDesignation") == "BUSINESS_PRICE" for item in items)
    assert 0.5 < special / len(items) < 1


def _types(order):
    return set(by_type(order["proceeds"]))


def _first(order):
    return order["orderItems"][0]


PROMISES = {
    "fbm_unshipped": lambda o: status(o) == "UNSHIPPED" and o["fulfillment"]["fulfilledBy"] == "MERCHANT",
    "multi_line": lambda o: len(o["orderItems"]) >= 2,
    "promotion": lambda o: by_type(o["proceeds"])["DISCOUNT"] < 0 and "promotion" in _first(o),
    "gift": lambda o: "GIFT_WRAP" in _types(o) and _first(o)["fulfillment"]["packing"]["giftOption"]["giftMessage"],
    "shipping_charged": lambda o: by_type(o["proceeds"])["SHIPPING"] > 0,
    "b2b": lambda o: "AMAZON_BUSINESS" in o["programs"],
    "fba": lambda o: o["fulfillment"]["fulfilledBy"] == "AMAZON",
    "cancelled": lambda o: status(o) == "CANCELLED" and _first(o)["cancellation"]["cancellationExecution"],
    "partially_shipped": lambda o: status(o) == "PARTIALLY_SHIPPED" and len(o["packages"]) == 1,
    "shipped": lambda o: status(o) == "SHIPPED" and o["packages"][0]["trackingNumber"],
    "pending": lambda o: status(o) == "PENDING",
    "pending_availability": lambda o: status(o) == "PENDING_AVAILABILITY" and "PREORDER" in o["programs"],
    "buyer_cancel_requested": lambda o: status(o) == "UNSHIPPED" and _first(o)["cancellation"]["cancellationRequest"],
    "premium": lambda o: "PREMIUM" in o["programs"] and o["fulfillment"]["fulfillmentServiceLevel"].endswith("_DAY"),
    "prime": lambda o: "PRIME" in o["programs"] and "SHIPPING" not in _types(o),
    "multi_quantity": lambda o: all(item["quantityOrdered"] >= 2 for item in o["orderItems"]),
    "zero_price": lambda o: any(value(item["proceeds"]["proceedsTotal"]) == 0 for item in o["orderItems"])
    or "SHIPPING" in _types(o),
    "replacement": lambda o: o["associatedOrders"] and value(o["proceeds"]["grandTotal"]) == 0,
    "customized": lambda o: _first(o)["product"]["customization"]["customizedUrl"].startswith("https://"),
    "vat_territory": lambda o: (by_type(o["proceeds"])["TAX"] == 0)
    == (o["recipient"]["deliveryAddress"]["countryCode"] in ("IT", "ES", "DE")),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_case_keeps_its_promise(case, samples):
    broken = [order["orderId"] for order in samples[case] if not PROMISES[case](order)]
    assert not broken


def test_promotions_of_every_kind_lower_what_they_should():
    kinds = Counter()
    for order in map(private, Market(5).generate(300, list(MARKETPLACES), BEGIN, END, "promotion")):
        for item in order["orderItems"]:
            named = {
                row["promotionId"].split("-")[1] for row in item.get("promotion", {"breakdowns": []})["breakdowns"]
            }
            rows = [row for row in item["proceeds"]["breakdowns"] if row["type"] == "DISCOUNT"]
            lowered = {part["subtype"] for row in rows for part in row["detailedBreakdowns"]}
            expected = {"SHIPPING" if kind in ("FREESHIP", "SHIPAMT1") else "ITEM" for kind in named}
            assert lowered == expected, order["orderId"]
            kinds.update(named)
            if named == {"FREESHIP"}:
                assert by_type(item["proceeds"])["DISCOUNT"] == -by_type(item["proceeds"])["SHIPPING"]
    assert set(kinds) == {"PCT10", "PCT15", "PCT30", "AMT2", "AMT5", "FREESHIP", "SHIPAMT1"}


def test_mixed_draws_every_weighted_case():
    orders = Market(9).generate(1500, list(MARKETPLACES), BEGIN, END)
    states = Counter(status(order) for order in orders)
    assert 0.55 < states["UNSHIPPED"] / len(orders) < 0.85
    assert {"PENDING", "PENDING_AVAILABILITY", "CANCELLED", "SHIPPED", "PARTIALLY_SHIPPED"} <= set(states)
    programs = {program for order in orders for program in order["programs"]}
    assert programs == {"AMAZON_BUSINESS", "PRIME", "PREMIUM", "PREORDER"}
    assert set(WEIGHTS) == set(CASES) and WEIGHTS["vat_territory"] == 0


def test_bad_arguments_are_refused():
    market, places = Market(1), ["APJ6JRA9NG5V4"]
    for arguments in (
        (1, ["ATVPDKIKX0DER"], BEGIN, END),
        (1, [], BEGIN, END),
        (-1, places, BEGIN, END),
        (1, places, END, BEGIN),
        (1, places, BEGIN, END, "fbm"),
    ):
        with pytest.raises(ValueError):
            market.generate(*arguments)
    assert market.generate(0, places, BEGIN, END) == []


def test_figure_of_speed():
    began = time.perf_counter()
    Market(21).generate(1000, list(MARKETPLACES), BEGIN, END)
    print(f"\nFIGURE market_generate_1000 {time.perf_counter() - began:.2f} s 2")
