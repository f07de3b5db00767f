"""Pagination tokens: signed, bound to the caller and the search, good for 24 hours."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

from . import jsontext
from .clock import DAY
from .errors import invalid

LIFETIME = DAY


def _signature(key: bytes, payload: bytes, binding: str) -> bytes:
    return hmac.new(key, payload + b"\0" + binding.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()[:16]


def issue(key: bytes, state: dict[str, Any], binding: str, now: int) -> str:
    """An opaque token for `state`; `binding` names caller and parameters, and is not part of the token."""
    payload = jsontext.encode({**state, "issued": now})
    return base64.urlsafe_b64encode(_signature(key, payload, binding) + payload).decode().rstrip("=")


def redeem(key: bytes, token: str, binding: str, now: int) -> dict[str, Any]:
    """The state of a token, or 400 if it was changed, is used with other parameters, or is older than a day."""
    wrong = invalid("The pagination token is invalid, or the other parameters differ from those it was issued for.")
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise wrong from None
    signature, payload = raw[:16], raw[16:]
    # A changed last character of base64 may decode to the same bytes; only the form we issued is accepted.
    canonical = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    if canonical != token or not hmac.compare_digest(signature, _signature(key, payload, binding)):
        raise wrong
    state: dict[str, Any] = jsontext.loads(payload)
    if now - state["issued"] >= LIFETIME:
        raise invalid("The pagination token has expired.")
    return state
