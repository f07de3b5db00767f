"""Putting given strings into orders, in every place where Amazon would deliver them."""

from __future__ import annotations

from typing import Any

from ..visibility import child, items

ADDRESS = {
    "name": "name",
    "companyName": "companyName",
    "addressLine1": "addressLine1",
    "addressLine2": "addressLine2",
    "addressLine3": "addressLine3",
    "postalCode": "postalCode",
    "city": "city",
    "phone": "phone",
}
BUYER = {
    "name": "buyerName",
    "companyName": "buyerCompanyName",
    "buyerEmail": "buyerEmail",
    "buyerPurchaseOrderNumber": "buyerPurchaseOrderNumber",
}
NAMES = {
    *ADDRESS,
    *BUYER,
    "taxRegistrationNumber",
    "giftMessage",
    "addressInstruction",
}


def _holder(value: dict[str, Any], *path: str) -> dict[str, Any]:
    """The object at `path`, made where it is missing."""
    for key in path:
        if not isinstance(value.get(key), dict):
            value[key] = {}
        value = value[key]
    return value


def plant(order: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """Set the named values in an order; changes and returns it.

    The gift message goes to the first item; the tax registration (type VAT) is the buyer's, under the company's name
    or the buyer's, at the delivery address.
    """
    for names, path in ((ADDRESS, ("recipient", "deliveryAddress")), (BUYER, ("buyer",))):
        given = {key: values[name] for name, key in names.items() if name in values}
        if given:
            _holder(order, *path).update(given)
    if "addressInstruction" in values:
        _holder(order, "recipient", "deliveryPreference")["addressInstruction"] = values["addressInstruction"]
    if "giftMessage" in values:
        for item in items(order):
            _holder(item, "fulfillment", "packing", "giftOption")["giftMessage"] = values["giftMessage"]
            break
    if "taxRegistrationNumber" in values:
        tax = _holder(order, "tax")
        listed = tax.get("taxRegistrations") if isinstance(tax.get("taxRegistrations"), list) else []
        others = [entry for entry in listed if child(entry, "entityType") != "BUYER"]
        registration: dict[str, Any] = {
            "entityType": "BUYER",
            "taxRegistrationType": "VAT",
            "taxRegistrationNumber": values["taxRegistrationNumber"],
        }
        name = values.get("companyName") or values.get("name") or child(order, "buyer", "buyerName")
        if name:
            registration["legalName"] = name
        address = child(order, "recipient", "deliveryAddress")
        if isinstance(address, dict):
            registration["taxRegistrationAddress"] = {k: v for k, v in address.items() if k != "phone"}
        tax["taxRegistrations"] = [registration, *others]
    return order
