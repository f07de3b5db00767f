"""Where a master key may be asked for over the network: https, or this machine."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from ..errors import KeyStoreUnsafe


def check_url(url: str) -> SplitResult:
    """Take the URL of a service apart.

    :raises KeyStoreUnsafe: neither https nor http on a loopback address, or with a user name or password in it
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not host or parts.username is not None or parts.password is not None:
        raise KeyStoreUnsafe("the address of the master key's service is not a plain URL such as https://host:8200")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise KeyStoreUnsafe("the master key's service has to be reached over https (http only on this machine)")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
