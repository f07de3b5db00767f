"""The catalogue of the sandbox's seller: 60 products for sale and one free sample, always the same.

Barcodes use the GS1 prefix 952, which is reserved for examples, so that no real product is meant.
"""

from __future__ import annotations

from .dice import number
from .product_data import COLOURS, FAMILIES, FREE_SAMPLE, SIZES

__all__ = ["BY_SKU", "SKUS", "ean13"]

_ASIN_ALPHABET = "0123456789BCDFGHJKLMNPQRSTVWXYZ"


def ean13(twelve: str) -> str:
    """Append the check digit to twelve digits."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve))
    return f"{twelve}{-total % 10}"


def _asin(sku: str) -> str:
    value, text = number("asin", sku, below=len(_ASIN_ALPHABET) ** 8), ""
    for _ in range(8):
        value, rest = divmod(value, len(_ASIN_ALPHABET))
        text += _ASIN_ALPHABET[rest]
    return f"B0{text}"


def _product(sku: str, title: dict[str, str], cents: int, grams: int, place: int) -> dict:
    return {
        "sku": sku,
        "asin": _asin(sku),
        "title": title,
        "price_eur": f"{cents // 100}.{cents % 100:02d}",
        "weight_kg": grams / 1000,
        "barcode": ean13(f"952{place:09d}"),
    }


def _catalogue() -> list[dict]:
    products = []
    for code, kind, cents, grams, names in FAMILIES:
        for step, (suffix, words) in enumerate((COLOURS if kind == "colour" else SIZES).items()):
            # A size costs and weighs more than the smaller one; a colour costs the same but a few cents.
            price = cents + (step * (cents * 45 // 100) if kind == "size" else step * 50)
            weight = grams + (step * (grams // 2) if kind == "size" else 0)
            title = {language: f"{name} - {words[language]}" for language, name in names.items()}
            products.append(_product(f"{code}-{suffix}", title, price, weight, len(products) + 1))
    products.append(_product(FREE_SAMPLE[0], dict(FREE_SAMPLE[1]), 0, 20, len(products) + 1))
    return products


SKUS: list[dict] = _catalogue()
"""``[{"sku", "asin", "title": {language: text}, "price_eur": "12.90" (VAT included), "weight_kg": float, "barcode":
EAN-13}]``
"""

BY_SKU: dict[str, dict] = {product["sku"]: product for product in SKUS}
