"""What is known of the buyer, put in the vault's words: two retention classes, flat texts.

`operational` is what delivering needs, `fiscal` what a statute requires on a document. They overlap on purpose: each
must be able to stand alone when the other has been erased.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

PERSONAL_KEYS: dict[str, tuple[str, ...]] = {
    "operational": (
        "name",
        "company_name",
        "street",
        "street2",
        "street3",
        "zip",
        "city",
        "state",
        "phone",
        "email",
        "gift_text",
        "delivery_note",
        "customization",
        "cancel_reason",
        "payment_reference",
    ),
    "fiscal": (
        "name",
        "company_name",
        "street",
        "street2",
        "street3",
        "zip",
        "city",
        "state",
        "vat",
        "po_number",
        "tax_address",
    ),
}
"""Keys by class. `state` is the region of the address as text; `customization` holds ``SKU: URL`` lines;
`tax_address` the tax registrations in words (legal name, address, tax office), also those that are not the buyer's."""

# A buyer's first registration of the first of these types is his VAT number.
_NUMBER_TYPES = ("VAT", "BUSINESS", "CST", "CNPJ", "CPF")
_REGISTRATION = re.compile(r"tax\.taxRegistrations\[(\d+)\]")
_ITEM = re.compile(r"orderItems\[(\d+)\]")
_PIECES = re.compile(r",|\s-\s")
_EXTRA = ("complement", "neighborhood", "districtOrCounty", "municipality")


@dataclass(frozen=True, slots=True)
class Collected:
    """A personal value, its role in the schema, and the path it was found at."""

    role: str
    path: str
    value: Any = field(repr=False)


def collect(found: Iterable[Collected], business: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The classes for the values found in one order; empty texts and empty classes are left out."""
    values = [Collected(f.role, f.path, _text(f.value)) for f in found]
    values = [value for value in values if value.value]
    single = {value.role: value.value for value in values if not _ITEM.match(value.path)}
    operational = _address(single)
    operational["name"] = single.get("address.name") or single.get("buyer.name", "")
    operational["company_name"] = single.get("address.companyName", "")
    operational["phone"] = single.get("address.phone", "")
    operational["email"] = single.get("buyer.email", "")
    operational["gift_text"] = _per_item(values, "item.giftMessage", business)
    operational["customization"] = _per_item(values, "item.customizedUrl", business)
    operational["cancel_reason"] = _per_item(values, "item.cancelReason", business)
    operational["delivery_note"] = _lines(single.get(f"preference.{name}") for name in _PREFERENCES)
    operational["payment_reference"] = _lines(v.value for v in values if v.role.startswith("payment."))
    fiscal = _address(single)
    fiscal["name"] = single.get("buyer.name") or single.get("address.name", "")
    fiscal["company_name"] = single.get("buyer.companyName") or single.get("address.companyName", "")
    fiscal["po_number"] = single.get("buyer.purchaseOrderNumber", "")
    fiscal["vat"], fiscal["tax_address"] = _registrations(values, business)
    result = {
        "operational": {key: text for key, text in operational.items() if text},
        "fiscal": {key: text for key, text in fiscal.items() if text},
    }
    return {name: texts for name, texts in result.items() if texts}


_PREFERENCES = ("dropOffLocation", "addressInstruction", "deliveryTime", "deliveryCapabilities")


def _text(value: Any) -> str:
    """Any personal value as text; opening hours and capabilities as readable lines."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict):
        return _lines(f"{key}: {_inline(item)}" for key, item in value.items() if item not in (None, [], {}))
    if isinstance(value, list):
        return ", ".join(_inline(item) for item in value)
    return "" if value is None else str(value)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        if set(value) <= {"hour", "minute"} and all(isinstance(part, int) for part in value.values()):
            return f"{value.get('hour', 0):02d}:{value.get('minute', 0):02d}"
        if set(value) == {"startTime", "endTime"}:
            return f"{_inline(value['startTime'])}-{_inline(value['endTime'])}"
        return " ".join(
            _inline(item) if key in ("dayOfWeek", "timeWindows", "exceptionDate") else f"{key} {_inline(item)}"
            for key, item in value.items()
            if item not in (None, "", [], {})
        )
    if isinstance(value, list):
        return ", ".join(_inline(item) for item in value)
    return str(value)


def _lines(parts: Iterable[str | None]) -> str:
    return "\n".join(part for part in parts if part)


def _address(single: dict[str, str]) -> dict[str, str]:
    """Street, place and region. What has no place of its own joins the third line, unless it is already said."""
    lines = [single.get(f"address.addressLine{number}", "") for number in (1, 2, 3)]
    street = [single.get("address.streetName", ""), single.get("address.streetNumber", "")]
    if not any(lines):
        lines[0] = " ".join(part for part in street if part)
    city = single.get("address.city") or single.get("address.municipality", "")
    # In Brazil the extended fields usually repeat the lines in pieces; only a whole piece counts as said.
    said = {piece.strip().casefold() for text in (*lines, city) for piece in (text, *_PIECES.split(text))}
    if " ".join(part for part in street if part).casefold() in said:
        street = []
    extra = [single.get(f"address.{name}", "") for name in _EXTRA]
    parts = [lines[2]]
    for part in (*street, *extra):
        if part and part.casefold() not in said:
            parts.append(part)
            said.add(part.casefold())
    return {
        "street": lines[0],
        "street2": lines[1],
        "street3": ", ".join(part for part in parts if part),
        "zip": single.get("address.postalCode", ""),
        "city": city,
        "state": " ".join(single.get("address.stateOrRegion", "").split()),
    }


def _at(container: Any, index: int) -> dict[str, Any]:
    item = container[index] if isinstance(container, list) and index < len(container) else None
    return item if isinstance(item, dict) else {}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _per_item(values: Iterable[Collected], role: str, business: dict[str, Any]) -> str:
    """``SKU: text`` lines; the text alone when only one line of the order has one and it has no SKU."""
    lines = []
    for value in values:
        match = _ITEM.match(value.path)
        if value.role != role or not match:
            continue
        item = _at(business.get("orderItems"), int(match.group(1)))
        label = _dict(item.get("product")).get("sellerSku") or item.get("orderItemId")
        lines.append(f"{label}: {value.value}" if label else value.value)
    return "\n".join(lines)


def _registrations(values: Iterable[Collected], business: dict[str, Any]) -> tuple[str, str]:
    """(the buyer's number, everything else about tax registrations as text)."""
    by_index: dict[int, list[Collected]] = {}
    for value in values:
        match = _REGISTRATION.match(value.path)
        if match:
            by_index.setdefault(int(match.group(1)), []).append(value)
    in_clear = _dict(business.get("tax")).get("taxRegistrations")
    chosen, number = _choose(by_index, in_clear)
    blocks = []
    for index, found in sorted(by_index.items()):
        facts = _at(in_clear, index)
        head = []
        if index != chosen:
            numbers = [v.value for v in found if v.role == "tax.number"]
            head = [
                " ".join(str(w) for w in (facts.get("entityType"), facts.get("taxRegistrationType"), *numbers) if w)
            ]
        address = _dict(facts.get("taxRegistrationAddress"))
        rest = [v.value for v in found if v.role != "tax.number"]
        blocks.append(_lines([*head, *rest, address.get("countryCode") if rest else None]))
    return number, _lines(blocks)


def _choose(by_index: dict[int, list[Collected]], in_clear: Any) -> tuple[int, str]:
    best: tuple[int, int] | None = None
    result = (-1, "")
    for index, found in by_index.items():
        facts = _at(in_clear, index)
        # Without entity type the number is taken for the buyer's: sealing too much is the safe mistake.
        number = next((v.value for v in found if v.role == "tax.number"), "")
        if not number or facts.get("entityType") not in ("BUYER", None):
            continue
        kind = facts.get("taxRegistrationType")
        rank = (_NUMBER_TYPES.index(kind) if kind in _NUMBER_TYPES else len(_NUMBER_TYPES), index)
        if best is None or rank < best:
            best, result = rank, (index, number)
    return result
