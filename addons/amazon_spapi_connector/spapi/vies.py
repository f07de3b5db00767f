"""VIES, the Commission's register of VAT numbers: is this number valid today? Pure, no Odoo.

One question a number, nothing but the number; the name and address that some member states answer with are dropped
unread. Any failure is "no answer", never an error: VIES is away often, and a member state's part of it more often.
"""

from __future__ import annotations

import json
import os
from urllib.parse import urlsplit

import httpx

from .pool import quiet_loggers

ADDRESS = "https://ec.europa.eu/taxation_customs/vies/rest-api/check-vat-number"
"""The Commission's REST service (VIES on-the-Web, technical information)."""
VARIABLE = "SPAPI_VIES_URL"
"""Environment variable with another address. Not in the database: whoever writes there must not choose who gets
numbers."""
MAX_BYTES = 64 * 1024
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def address() -> str:
    """Where VIES is. :raises ValueError: another address that is not encrypted and not on this machine"""
    url = os.environ.get(VARIABLE) or ADDRESS
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ValueError(f"{VARIABLE} must be an https address.")
    return url


def ask(client: httpx.Client, country: str, digits: str) -> bool | None:
    """Whether the number is valid; None without an answer.

    :param country: two letters as VIES has them (EL, XI)
    """
    try:
        with client.stream("POST", address(), json={"countryCode": country, "vatNumber": digits}) as response:
            body = b""
            for piece in response.iter_bytes():
                body += piece
                if len(body) > MAX_BYTES:
                    return None
            answer = json.loads(body) if response.status_code == 200 else None
    except (httpx.HTTPError, ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    # A member state that is away answers with userError and valid = false: that is no "no".
    error = answer.get("userError") or answer.get("errorWrappers") or answer.get("actionSucceed") is False
    if error and error not in ("VALID", "INVALID"):
        return None
    valid = answer.get("valid", answer.get("isValid"))
    return valid if isinstance(valid, bool) else None


def client(seconds: float) -> httpx.Client:
    """A client for a few questions; each takes `seconds` at most between two pieces of an answer."""
    quiet_loggers()
    return httpx.Client(timeout=httpx.Timeout(seconds), follow_redirects=False, trust_env=True)
