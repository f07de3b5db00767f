"""Documents never cross a network in clear by accident."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pii_retention_print.ipp import address
from pii_retention_print.ipp.address import AddressError


def refusal(uri: str, allow_network: bool) -> str | None:
    try:
        address.check(address.parse(uri), allow_network)
    except AddressError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("uri", "closed", "opened"),
    [
        ("ipps://printer.example/ipp/print", None, None),
        ("ipps://8.8.8.8:631/ipp/print", None, None),
        ("ipp://localhost:631/printers/a", None, None),
        ("ipp://127.0.0.1/x", None, None),
        ("ipp://[::1]:631/x", None, None),
        ("ipp://192.168.1.20/x", "encryption", None),
        ("ipp://[fd00::1]/x", "encryption", None),
        ("ipp://printer.local/x", "encryption", None),
        ("ipp://localhost.example/x", "encryption", None),
        ("ipp://8.8.8.8/x", "public", "public"),
        ("ipp://[2001:db8::1]/x", "public", "public"),
        ("ipp://100.64.0.1/x", "public", "public"),
        ("http://localhost/x", "scheme", "scheme"),
        ("", "scheme", "scheme"),
        ("ipp://", "malformed", "malformed"),
        ("ipp://localhost:0x/x", "malformed", "malformed"),
        ("ipps://host/x?y=1", "malformed", "malformed"),
        ("ipps://ho st/x", "malformed", "malformed"),
        ("ipps://user:pw@host/x", "credentials", "credentials"),
        ("ipp://127.0.0.1@evil.example/x", "credentials", "credentials"),
    ],
)
def test_table(uri: str, closed: str | None, opened: str | None) -> None:
    assert refusal(uri, False) == closed
    assert refusal(uri, True) == opened


@given(st.ip_addresses())
def test_no_address_is_reached_in_clear_but_local_ones_and_allowed_private_ones(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    host = f"[{ip}]" if ip.version == 6 else str(ip)
    if refusal(f"ipp://{host}/x", False) is None:
        assert ip.is_loopback
    if refusal(f"ipp://{host}/x", True) is None:
        assert ip.is_private or ip.is_link_local


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        found = address.parse(text)
    except AddressError:
        return
    assert address.parse(found.uri) == found


def test_the_uri_round_trips_with_its_port() -> None:
    assert address.parse("ipp://[::1]/x").uri == "ipp://[::1]:631/x"
    assert address.parse("ipps://Printer.Example:8631").uri == "ipps://printer.example:8631/"
