"""The closed list of purposes for which personal data may be revealed.

A purpose names what the person is doing, who may do it and which retention classes that needs: nothing
more is decrypted. The list is code, not data: adding a purpose is a decision that a reviewer must see.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Retention classes and the keys that each may hold. Everything is text; a missing key means "not known".
#: ``quarantine`` holds what the allow-list of an importer did not recognise; no purpose but an incident opens it.
CLASSES: dict[str, tuple[str, ...]] = {
    "operational": (
        "name",
        "company_name",
        "street",
        "street2",
        "street3",
        "zip",
        "city",
        "phone",
        "email",
        "comment",
        "website",
        "function",
        "state",
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
        "vat",
        "tax_code",
        "company_registry",
        "pec_email",
        "peppol_endpoint",
        "state",
        "po_number",
        "tax_address",
    ),
    "quarantine": ("payload",),
}


@dataclass(frozen=True, slots=True)
class Purpose:
    """One reason to see personal data.

    :param code: stable identifier, stored in the access log
    :param label: what a person reads (English source text)
    :param groups: xml ids, one of which the real user must have
    :param classes: the retention classes opened for it, the first one wins where both hold a key
    :param standing: daily work, for which a role assignment may give a standing grant; else each case is granted
    :param needs_reason: the person states why, each time; routine printing names its document by itself
    :param by_grant: a grant gives leave; documents of the legal archive take a request of their own instead
    """

    code: str
    label: str
    groups: tuple[str, ...]
    classes: tuple[str, ...]
    standing: bool = True
    needs_reason: bool = True
    by_grant: bool = True


PURPOSES: dict[str, Purpose] = {
    purpose.code: purpose
    for purpose in (
        Purpose(
            "label",
            "Ship the order: label and delivery slip",
            ("pii_retention.group_fulfilment",),
            ("operational",),
            needs_reason=False,
        ),
        Purpose(
            "invoice",
            "Issue a fiscal document",
            ("pii_retention.group_fiscal",),
            ("fiscal",),
            needs_reason=False,
        ),
        Purpose(
            "customer_service",
            "Answer the customer about one order",
            ("pii_retention.group_customer_care",),
            ("operational", "fiscal"),
        ),
        Purpose(
            "legal_request",
            "Answer an authority or a data subject's request",
            ("pii_retention.group_fiscal", "pii_retention.group_customer_care", "pii_retention.group_incident"),
            ("operational", "fiscal"),
            standing=False,
        ),
        Purpose(
            "import_decision",
            "Decide taxes and fiscal position while importing",
            ("pii_retention.group_service",),
            ("operational", "fiscal"),
            needs_reason=False,
        ),
        Purpose(
            "incident",
            "Examine a security incident or a quarantined payload",
            ("pii_retention.group_incident",),
            ("operational", "fiscal", "quarantine"),
            standing=False,
        ),
        Purpose(
            "archive_read",
            "Read an archived document for a legal request",
            ("pii_retention.group_fiscal", "pii_retention.group_incident"),
            (),
            standing=False,
            by_grant=False,
        ),
    )
}

SELECTION = [(purpose.code, purpose.label) for purpose in PURPOSES.values()]

#: Groups whose members do work that may need personal data; the officer and the auditor are none of them.
ROLE_GROUPS = tuple(
    dict.fromkeys(
        group for purpose in PURPOSES.values() for group in purpose.groups if group != "pii_retention.group_service"
    )
)
