"""Tokens 2021-03-01: createRestrictedDataToken."""

from __future__ import annotations

import re
from typing import Any

from ..errors import denied, spapi
from ..roles import SHIPPING, TAX_INVOICING, TAX_REMITTANCE
from . import Answer, Call, Operation

LIFETIME = 3600
ELEMENTS = {"buyerInfo", "shippingAddress", "buyerTaxInformation"}
_ORDERS = r"/orders/v0/orders"
_ID = r"(?:\{\w+\}|[^/{}]+)"
# The restricted operations that sellers' applications can have; Orders 2026-01-01 needs no restricted token.
RESTRICTED = [
    ("GET", re.compile(_ORDERS)),
    ("GET", re.compile(rf"{_ORDERS}/{_ID}(/(address|buyerInfo|regulatedInfo|orderItems|orderItems/buyerInfo))?")),
    ("POST", re.compile(r"/mfn/v0/shipments")),
    ("GET", re.compile(rf"/mfn/v0/shipments/{_ID}")),
    ("DELETE", re.compile(rf"/mfn/v0/shipments/{_ID}")),
    ("POST", re.compile(r"/easyShip/2022-03-23/packages/bulk")),
    # A report document must be named: no template here.
    ("GET", re.compile(r"/reports/2021-06-30/documents/[^/{}]+")),
    ("GET", re.compile(rf"/fba/outbound/brazil/v0/shipments/{_ID}")),
]
TAKES_ELEMENTS = re.compile(rf"{_ORDERS}(/{_ID}(/orderItems)?)?")


def _bad(details: str) -> Exception:
    return spapi(400, "InvalidRequest", "Request is missing or has invalid parameters", details)


def _check(resource: Any) -> dict[str, Any]:
    if not isinstance(resource, dict):
        raise _bad("Resource not provided.")
    method, path = resource.get("method"), resource.get("path")
    if not method or not path or not isinstance(path, str):
        raise _bad("Resource not provided.")
    if method not in ("GET", "PUT", "POST", "DELETE"):
        raise _bad("Invalid method.")
    if not any(method == allowed and pattern.fullmatch(path) for allowed, pattern in RESTRICTED):
        raise _bad("The resource is not a restricted resource.")
    elements = resource.get("dataElements")
    if elements is not None:
        if not isinstance(elements, list) or not all(element in ELEMENTS for element in elements):
            raise _bad("Invalid dataElements.")
        if not TAKES_ELEMENTS.fullmatch(path):
            raise _bad("dataElements are not supported for the resource.")
    return {key: resource[key] for key in ("method", "path", "dataElements") if key in resource}


def handle(call: Call) -> Answer:
    """A token for up to 50 restricted resources, valid for an hour."""
    body = call.json()
    resources = body.get("restrictedResources")
    if not isinstance(resources, list) or not resources:
        raise _bad("Resource not provided.")
    if len(resources) > 50:
        raise _bad("At most 50 restricted resources may be provided.")
    checked = [_check(resource) for resource in resources]
    if not call.app.roles & {SHIPPING, TAX_INVOICING, TAX_REMITTANCE}:
        raise denied("The application does not have a restricted role.")
    token = call.world.accounts.new_token(
        call.app.client_id, call.now, LIFETIME, seller=call.seller.seller, resources=checked
    )
    return Answer(body={"restrictedDataToken": token, "expiresIn": LIFETIME})


OPERATION = Operation(
    "tokens_2021-03-01",
    "createRestrictedDataToken",
    "POST",
    "/tokens/2021-03-01/restrictedDataToken",
    handle,
    rate=1,
    burst=10,
)
