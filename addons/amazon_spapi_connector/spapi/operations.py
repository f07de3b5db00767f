"""The operations we call, as data: where they are, what they cost, what they need.

Rates (requests a second) and bursts are those of Amazon's models; the real ones of a seller may differ and arrive
with ``x-amzn-RateLimit-Limit`` (see :mod:`.quota`). Adding an operation is adding a row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    :param rate: tokens a second of its bucket; `burst` the bucket's size.
    :param required: the key that a success must have at the top level, `required_type` its JSON type; "" for an
        operation that answers 204 without a body.
    :param personal: the request carries personal data, so Amazon's error text is not quoted.
    :param scope: the LWA scope of a grantless operation, else "".
    """

    name: str
    method: str
    path: str
    rate: float
    burst: float
    required: str = ""
    required_type: type = dict
    personal: bool = False
    scope: str = ""

    @property
    def writes(self) -> bool:
        """Whether the operation changes something at Amazon."""
        return self.method != "GET"

    def url_path(self, path_params: Mapping[str, str] | None = None) -> str:
        """The path with its parameters percent-encoded. Raises ``ValueError`` for a missing or empty one."""
        given = dict(path_params or {})
        names = _PLACEHOLDER.findall(self.path)
        if set(names) != set(given) or not all(isinstance(given[name], str) and given[name] for name in names):
            raise ValueError(f"{self.name} needs the path parameters {names}")
        if any(value in (".", "..") for value in given.values()):
            raise ValueError(f"{self.name}: not a path parameter")
        return _PLACEHOLDER.sub(lambda match: quote(given[match.group(1)], safe=""), self.path)


_ALL = (
    Operation("searchOrders", "GET", "/orders/2026-01-01/orders", 0.0056, 20, "orders", list),
    Operation("getOrder", "GET", "/orders/2026-01-01/orders/{orderId}", 0.5, 30, "order"),
    Operation("confirmShipment", "POST", "/orders/v0/orders/{orderId}/shipmentConfirmation", 2, 10),
    Operation(
        "getMarketplaceParticipations", "GET", "/sellers/v1/marketplaceParticipations", 0.016, 15, "payload", list
    ),
    Operation("getAccount", "GET", "/sellers/v1/account", 0.016, 15, "payload"),
    Operation(
        "createRestrictedDataToken",
        "POST",
        "/tokens/2021-03-01/restrictedDataToken",
        1,
        10,
        "restrictedDataToken",
        str,
    ),
)

OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in _ALL}
"""By name."""
