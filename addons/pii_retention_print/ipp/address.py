"""Which addresses a printer may have: a document with a person's address never crosses a network in clear by accident.

``ipps://`` is encrypted and may lead anywhere. ``ipp://`` may lead to this machine (a CUPS server there), and, where
that was allowed for the printer, to the private networks of RFC 1918, RFC 4193 and link-local ones; never beyond.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_PORT = 631


class AddressError(Exception):
    """The address is refused; ``code`` is one of malformed, scheme, credentials, encryption, public."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Address:
    """A printer's URI, taken apart."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def uri(self) -> str:
        """The URI with its port, as IPP wants it in ``printer-uri``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @property
    def tls(self) -> bool:
        """Is the connection encrypted?"""
        return self.scheme == "ipps"


def parse(text: str) -> Address:
    """Take a printer's URI apart.

    :raises AddressError: malformed, scheme or credentials
    """
    try:
        parts = urlsplit((text or "").strip())
        port = parts.port or DEFAULT_PORT
    except ValueError:
        raise AddressError("malformed") from None
    if parts.scheme not in ("ipp", "ipps"):
        raise AddressError("scheme")
    if parts.username or parts.password:
        raise AddressError("credentials")
    host = parts.hostname or ""
    if not host or parts.query or parts.fragment or any(mark.isspace() or mark in "\\%" for mark in host + parts.path):
        raise AddressError("malformed")
    return Address(parts.scheme, host, port, parts.path or "/")


def is_local(ip: str) -> bool:
    """Is this IP address on this machine?"""
    return ipaddress.ip_address(ip.partition("%")[0]).is_loopback


def is_internal(ip: str) -> bool:
    """Does this IP address belong to a private network (or to this machine)?"""
    address = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    private = (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8"),
        *("fc00::/7", "fe80::/10", "::1/128"),
    )
    return any(
        address in network for network in map(ipaddress.ip_network, private) if network.version == address.version
    )


def check(address: Address, allow_network: bool) -> None:
    """Refuse what is certain before any name is resolved; :func:`check_ip` has the last word.

    :raises AddressError: encryption or public
    """
    if address.tls:
        return
    try:
        check_ip(address, str(ipaddress.ip_address(address.host)), allow_network)
    except ValueError:
        if address.host != "localhost" and not allow_network:
            raise AddressError("encryption") from None


def check_ip(address: Address, ip: str, allow_network: bool) -> None:
    """Refuse to speak in clear to an IP address that is neither this machine nor allowed.

    :raises AddressError: encryption (allowing the network would help) or public (nothing but TLS would)
    """
    if address.tls or is_local(ip):
        return
    if not is_internal(ip):
        raise AddressError("public")
    if not allow_network:
        raise AddressError("encryption")
