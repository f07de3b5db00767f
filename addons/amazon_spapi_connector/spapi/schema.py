"""The allow-list for Orders 2026-01-01: every field that Amazon documents, and what may become of it.

A field is *business* (stored in clear, after a check of its value) or *personal* (sealed). What is not in this tree
is quarantined. The tree follows Amazon's model of August 2026 and the additions of its SDK of October 2026
(``associatedOrderItems[].asin/purchasePrice``, ``fulfillment.promiseCalculationInputs``).

Personal is what Amazon lists as personal data for this API, and also: city, region, district (together with a name they
identify), company name, tax registrations, purchase order number, delivery preferences, cancel reasons in free text,
and payment references.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .values import KINDS


@dataclass(frozen=True, slots=True)
class Business:
    """A leaf stored in clear if it is of its kind (:data:`.values.KINDS`)."""

    kind: str

    def accepts(self, value: Any) -> bool:
        """Whether `value` is of this kind."""
        return KINDS[self.kind](value)


@dataclass(frozen=True, slots=True)
class Personal:
    """A leaf that is sealed. `role` says what it is, :mod:`.personal` decides where in the vault it goes.

    :param unless: a business kind; a value of it tells nothing about a person (an enumeration where free text is
        possible) and stays in clear.
    """

    role: str
    unless: str = ""


@dataclass(frozen=True, slots=True)
class Many:
    """An array."""

    item: Any


@dataclass(frozen=True, slots=True)
class Whole:
    """A structure that is personal as a whole: not taken apart, whatever it holds."""

    role: str
    shape: type


Node = dict[str, Any] | Business | Personal | Many | Whole

CODE, WORD, ID, ORDER_ID = Business("code"), Business("word"), Business("id"), Business("order_id")
TIME, COUNT, LINE, TEXT, ASIN = (
    Business("time"),
    Business("count"),
    Business("line"),
    Business("text"),
    Business("asin"),
)

MONEY: Node = {"amount": Business("amount"), "currencyCode": Business("currency")}
WINDOW: Node = {"earliestDateTime": TIME, "latestDateTime": TIME}
MEASUREMENT: Node = {"unit": CODE, "value": Business("number")}


def _address(prefix: str) -> dict[str, Any]:
    """A customer's address; `prefix` tells the delivery address from that of a tax registration."""
    names = (
        "name",
        "companyName",
        "addressLine1",
        "addressLine2",
        "addressLine3",
        "city",
        "districtOrCounty",
        "stateOrRegion",
        "municipality",
        "postalCode",
        "phone",
    )
    extended = ("streetName", "streetNumber", "complement", "neighborhood")
    return {
        **{name: Personal(f"{prefix}.{name}") for name in names},
        "countryCode": Business("country"),
        "extendedFields": {name: Personal(f"{prefix}.{name}") for name in extended},
        "addressType": CODE,
    }


# The seller's own warehouse: business.
MERCHANT_ADDRESS: Node = {
    **{
        name: LINE
        for name in (
            "name",
            "addressLine1",
            "addressLine2",
            "addressLine3",
            "city",
            "districtOrCounty",
            "stateOrRegion",
            "municipality",
            "postalCode",
        )
    },
    "countryCode": Business("country"),
}

PRODUCT: Node = {
    "asin": ASIN,
    "title": TEXT,
    "sellerSku": LINE,
    "condition": {"conditionType": CODE, "conditionSubtype": CODE, "conditionNote": TEXT},
    "price": {"unitPrice": MONEY, "priceDesignation": CODE},
    "serialNumbers": Many(ID),
    "customization": {"customizedUrl": Personal("item.customizedUrl")},
}

ITEM_FULFILLMENT: Node = {
    "quantityFulfilled": COUNT,
    "quantityUnfulfilled": COUNT,
    "picking": {
        "substitutionPreference": {
            "substitutionType": CODE,
            "substitutionOptions": Many(
                {
                    "asin": ASIN,
                    "quantityOrdered": COUNT,
                    "sellerSku": LINE,
                    "title": TEXT,
                    "measurement": MEASUREMENT,
                }
            ),
        }
    },
    "packing": {
        "giftOption": {"giftMessage": Personal("item.giftMessage"), "giftWrapLevel": WORD},
        "serialNumberRequirement": {"requirementType": CODE},
    },
    "shipping": {
        "scheduledDeliveryWindow": WINDOW,
        "shippingConstraints": {
            "palletDelivery": CODE,
            "cashOnDelivery": CODE,
            "signatureConfirmation": CODE,
            "recipientIdentityVerification": CODE,
            "recipientAgeVerification": CODE,
        },
        "internationalShipping": {"iossNumber": ID},
    },
}

ITEM: Node = {
    "orderItemId": ID,
    "quantityOrdered": COUNT,
    "measurement": MEASUREMENT,
    "associatedOrderItems": Many(
        {
            "orderId": ORDER_ID,
            "orderItemId": ID,
            "associationType": CODE,
            "asin": ASIN,
            "purchasePrice": MONEY,
        }
    ),
    "programs": Many(CODE),
    "product": PRODUCT,
    "proceeds": {
        "proceedsTotal": MONEY,
        "breakdowns": Many(
            {"type": CODE, "subtotal": MONEY, "detailedBreakdowns": Many({"subtype": CODE, "value": MONEY})}
        ),
    },
    "expense": {"pointsCost": {"pointsGranted": {"pointsNumber": COUNT, "pointsMonetaryValue": MONEY}}},
    "promotion": {"breakdowns": Many({"promotionId": LINE})},
    "cancellation": {
        "cancellationRequest": {"requester": CODE, "cancelReason": Personal("item.cancelReason", unless="code")},
        "cancellationExecution": {"cancelledBy": CODE, "cancelReason": Personal("item.cancelReason", unless="code")},
    },
    "fulfillment": ITEM_FULFILLMENT,
    "tax": {
        "taxCalculationBreakdowns": Many({"reportingScheme": CODE}),
        "taxCollections": Many({"model": CODE, "responsibleParty": LINE}),
    },
}

PACKAGE: Node = {
    "packageReferenceId": ID,
    "createdTime": TIME,
    "packageStatus": {"status": CODE, "detailedStatus": CODE},
    "carrier": LINE,
    "shipTime": TIME,
    "shippingService": LINE,
    "trackingNumber": LINE,
    "shipFromAddress": MERCHANT_ADDRESS,
    "packageItems": Many({"orderItemId": ID, "quantity": COUNT, "transparencyCodes": Many(ID)}),
}

ORDER: dict[str, Any] = {
    "orderId": ORDER_ID,
    "orderAliases": Many({"aliasId": LINE, "aliasType": CODE}),
    "createdTime": TIME,
    "lastUpdatedTime": TIME,
    "programs": Many(CODE),
    "associatedOrders": Many({"orderId": ORDER_ID, "associationType": CODE}),
    "salesChannel": {"channelName": CODE, "marketplaceId": CODE, "marketplaceName": LINE},
    "buyer": {
        "buyerName": Personal("buyer.name"),
        "buyerEmail": Personal("buyer.email"),
        "buyerCompanyName": Personal("buyer.companyName"),
        "buyerPurchaseOrderNumber": Personal("buyer.purchaseOrderNumber"),
    },
    "recipient": {
        "deliveryAddress": _address("address"),
        "deliveryPreference": {
            "dropOffLocation": Personal("preference.dropOffLocation"),
            "addressInstruction": Personal("preference.addressInstruction"),
            "deliveryTime": Whole("preference.deliveryTime", dict),
            "deliveryCapabilities": Whole("preference.deliveryCapabilities", list),
        },
    },
    "proceeds": {
        "grandTotal": MONEY,
        "breakdowns": Many({"type": CODE, "status": CODE, "subtotal": MONEY}),
    },
    "payment": {
        "paymentExecutions": Many(
            {
                "paymentMethod": WORD,
                "paymentAmount": MONEY,
                "acquirerId": Personal("payment.acquirerId"),
                "cardBrand": WORD,
                "authorizationCode": Personal("payment.authorizationCode"),
            }
        )
    },
    "tax": {
        "taxRegistrations": Many(
            {
                "entityType": CODE,
                "legalName": Personal("tax.legalName"),
                "taxRegistrationType": CODE,
                "taxRegistrationNumber": Personal("tax.number"),
                "taxRegistrationAddress": _address("tax"),
                "taxRegistrationAttributes": Many({"key": CODE, "value": Personal("tax.attribute")}),
            }
        ),
        "taxInvoicing": {"buyerInvoicePreference": CODE, "invoiceStatus": CODE},
    },
    "fulfillment": {
        "fulfillmentStatus": CODE,
        "fulfilledBy": CODE,
        "fulfillmentServiceLevel": CODE,
        "shipByWindow": WINDOW,
        "deliverByWindow": WINDOW,
        "labelPrintingWindow": WINDOW,
        "promiseCalculationInputs": {
            "transitTime": {"dataSource": CODE, "details": {"carrier": LINE, "shippingService": LINE}}
        },
    },
    "orderItems": Many(ITEM),
    "packages": Many(PACKAGE),
    "fulfillmentOrders": Many({"fulfillmentOrderId": ID}),
}
