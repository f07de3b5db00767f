"""The catalogue: distinct products, valid barcodes, a title in every language of the marketplaces."""

from __future__ import annotations

import re
from decimal import Decimal

from stdnum import ean

from sandbox.market import BY_SKU, MARKETPLACES, SKUS


def test_products_are_distinct_and_complete():
    assert len(SKUS) == 61 and BY_SKU.keys() == {product["sku"] for product in SKUS}
    for key in ("sku", "asin", "barcode"):
        assert len({product[key] for product in SKUS}) == len(SKUS), key
    languages = {language for place in MARKETPLACES.values() for language in place.languages}
    for product in SKUS:
        assert ean.is_valid(product["barcode"]) and product["barcode"].startswith("952")
        assert re.fullmatch(r"B0[0-9A-Z]{8}", product["asin"])
        assert set(product["title"]) == languages
        assert product["weight_kg"] > 0
        assert re.fullmatch(r"\d+\.\d\d", product["price_eur"])
    assert [product["sku"] for product in SKUS if Decimal(product["price_eur"]) == 0] == ["SAMPLE-FREE"]


def test_titles_are_distinct_in_each_language():
    for language in SKUS[0]["title"]:
        assert len({product["title"][language] for product in SKUS}) == len(SKUS), language
