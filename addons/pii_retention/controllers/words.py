"""What classes and keys of the vault are called on a screen."""

from __future__ import annotations

from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

CLASS_WORDS = {
    "operational": _lt("recipient, address, phone, e-mail, notes"),
    "fiscal": _lt("invoice address and tax numbers"),
    "quarantine": _lt("data that could not be read"),
}

#: In the order in which a person reads an address.
KEY_WORDS = {
    "name": _lt("Name"),
    "company_name": _lt("Company"),
    "street": _lt("Street"),
    "street2": _lt("Street 2"),
    "street3": _lt("Street 3"),
    "zip": _lt("ZIP"),
    "city": _lt("City"),
    "state": _lt("State"),
    "phone": _lt("Phone"),
    "email": _lt("Email"),
    "delivery_note": _lt("Delivery note"),
    "gift_text": _lt("Gift message"),
    "customization": _lt("Customization"),
    "vat": _lt("Tax ID"),
    "tax_code": _lt("Tax code"),
    "company_registry": _lt("Company registry"),
    "pec_email": _lt("Certified e-mail"),
    "peppol_endpoint": _lt("Peppol endpoint"),
    "po_number": _lt("Purchase order"),
    "tax_address": _lt("Tax address"),
    "payment_reference": _lt("Payment reference"),
    "cancel_reason": _lt("Reason of the cancellation"),
    "function": _lt("Job position"),
    "website": _lt("Website"),
    "comment": _lt("Comment"),
    "payload": _lt("What was delivered"),
}


def class_word(env, cls: str) -> str:
    """Return what a retention class holds, in the user's language; its code for one of another module."""
    return env._(CLASS_WORDS[cls]) if cls in CLASS_WORDS else cls


def key_word(env, key: str) -> str:
    """Return the label of a vault key in the user's language."""
    return env._(KEY_WORDS[key]) if key in KEY_WORDS else key.replace("_", " ").capitalize()


def in_reading_order(keys) -> list[str]:
    """Return ``keys`` as a person reads them, unknown ones last."""
    order = list(KEY_WORDS)
    return sorted(keys, key=lambda key: (order.index(key) if key in order else len(order), key))
