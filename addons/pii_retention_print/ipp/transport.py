"""One IPP request: pyipp within bounds of time, address and trust."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import hashlib
import logging
import socket
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp.resolver import ThreadedResolver
from pyipp import IPP
from pyipp import exceptions as pyipp_errors
from pyipp.enums import IppOperation

from .address import Address, AddressError, check, check_ip, parse
from .errors import PrinterError

# at its debug level pyipp logs each attribute of each answer
logging.getLogger("pyipp").setLevel(logging.WARNING)

USER = "odoo"

_STATUS = {
    0x0401: "not_authorized",
    0x0402: "not_authorized",
    0x0403: "not_authorized",
    0x0404: "not_possible",
    0x0406: "gone",
    0x0407: "gone",
    0x040A: "format",
    0x0501: "unsupported",
    0x0502: "busy",
    0x0505: "busy",
    0x0506: "not_accepting",
    0x0507: "busy",
}
_HTTP = {401: "not_authorized", 403: "not_authorized", 404: "gone", 503: "busy"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a printer is and how to speak to it.

    :param uri: ``ipp://`` or ``ipps://``
    :param allow_network: an unencrypted connection may lead to a private network, not to this machine only
    :param fingerprint: SHA-256 of the one certificate to accept (hex, colons allowed); else authorities decide
    :param connect_seconds: until the connection stands
    :param total_seconds: for one request, the document included
    """

    uri: str
    allow_network: bool = False
    fingerprint: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    connect_seconds: float = 5.0
    total_seconds: float = 60.0


class _Client(IPP):
    """pyipp with the attributes of an operation in the order that RFC 8011 4.1.5 asks for."""

    def _message(self, operation: IppOperation, msg: dict[str, Any]) -> dict[str, Any]:
        message = super()._message(operation, msg)
        found = message["operation-attributes-tag"]
        first = ("attributes-charset", "attributes-natural-language", "printer-uri", "job-id")
        message["operation-attributes-tag"] = {name: found[name] for name in first if name in found} | found
        return message


class _Resolver(ThreadedResolver):
    """Looks names up and refuses those that lead where the document may not go."""

    def __init__(self, address: Address, allow_network: bool) -> None:
        super().__init__()
        self._address = address
        self._allow_network = allow_network

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> Any:
        found = await super().resolve(host, port, family)
        for entry in found:
            try:
                check_ip(self._address, entry["host"], self._allow_network)
            except AddressError as error:
                raise PrinterError("address", error.code) from None
        return found


async def _refuse_redirect(*_arguments: Any) -> None:
    raise PrinterError("moved")


def _trust(endpoint: Endpoint, address: Address) -> Any:
    """Return what aiohttp is to make of the printer's certificate."""
    if not address.tls:
        return True
    if not endpoint.fingerprint:
        return ssl.create_default_context()
    try:
        return aiohttp.Fingerprint(bytes.fromhex(endpoint.fingerprint.replace(":", "").strip()))
    except ValueError:
        raise PrinterError("certificate", "fingerprint") from None


def _authorization(endpoint: Endpoint) -> dict[str, str]:
    if not endpoint.username or not endpoint.password:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{endpoint.username}:{endpoint.password}".encode()).decode()}


def _address(endpoint: Endpoint) -> Address:
    try:
        address = parse(endpoint.uri)
        check(address, endpoint.allow_network)
    except AddressError as error:
        raise PrinterError("address", error.code) from None
    return address


def execute(
    endpoint: Endpoint,
    operation: IppOperation,
    wanted: dict[str, Any],
    job: dict[str, Any] | None = None,
    content: bytes | None = None,
) -> dict[str, Any]:
    """Carry out one operation and return pyipp's parsed answer.

    :raises PrinterError:
    """
    message: dict[str, Any] = {"operation-attributes-tag": {"requesting-user-name": USER, **wanted}}
    if job:
        message["job-attributes-tag"] = job
    if content is not None:
        message["data"] = content
    address = _address(endpoint)
    try:
        return run(_execute(endpoint, address, operation, message, (2, 0)), endpoint)
    except pyipp_errors.IPPVersionNotSupportedError:
        return run(_execute(endpoint, address, operation, message, (1, 1)), endpoint)


def run(work: Coroutine[Any, Any, Any], endpoint: Endpoint) -> Any:
    """Run ``work`` to its end in this thread, within the endpoint's time, and translate what goes wrong."""
    bounded = _bounded(work, endpoint.total_seconds)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(bounded)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, bounded).result()


async def _bounded(work: Coroutine[Any, Any, Any], seconds: float) -> Any:
    try:
        # pyipp's own limit ends with the headers of the answer
        async with asyncio.timeout(seconds):
            return await work
    except (PrinterError, pyipp_errors.IPPVersionNotSupportedError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it was, its text stays here
        raise _translated(error) from None


async def _execute(
    endpoint: Endpoint, address: Address, operation: IppOperation, message: dict[str, Any], version: tuple[int, int]
) -> dict[str, Any]:
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse_redirect)
    trust = _trust(endpoint, address)
    connector = aiohttp.TCPConnector(
        resolver=_Resolver(address, endpoint.allow_network), use_dns_cache=False, force_close=True
    )
    timeout = aiohttp.ClientTimeout(total=endpoint.total_seconds, sock_connect=endpoint.connect_seconds)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        trust_env=False,
        trace_configs=[trace],
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=_authorization(endpoint),
    ) as session:
        client = _Client(
            address.uri,
            session=session,
            verify_ssl=trust,
            request_timeout=endpoint.total_seconds,  # type: ignore[arg-type]
            user_agent="Odoo",
            ipp_version=version,
        )
        return await client.execute(operation, message)


async def fingerprint_of(endpoint: Endpoint) -> str:
    """Return the fingerprint of the certificate at the endpoint's address, whoever vouches for it."""
    address = _address(endpoint)
    if not address.tls:
        raise PrinterError("tls")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent; a person compares the fingerprint with the printer's display
    _reader, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    try:
        content = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
    digest = hashlib.sha256(content).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def _translated(error: BaseException) -> PrinterError:
    """Return what an exception of pyipp, aiohttp or the socket means."""
    details = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
    if isinstance(error, pyipp_errors.IPPConnectionError) and error.__cause__ is not None:
        return _translated(error.__cause__)
    if isinstance(error, pyipp_errors.IPPConnectionUpgradeRequired):
        return PrinterError("tls", "upgrade")
    if isinstance(error, pyipp_errors.IPPResponseError):
        status = details.get("status-code", 0)
        return PrinterError(_HTTP.get(status, "not_ipp" if status < 500 else "refused"), f"HTTP {status}")
    if isinstance(error, pyipp_errors.IPPParseError):
        return PrinterError("not_ipp")
    if isinstance(error, pyipp_errors.IPPError):
        status = details.get("status-code", 0)
        return PrinterError(_STATUS.get(status, "refused"), f"0x{status & 0xFFFF:04x}")
    return _translated_network(error)


def _translated_network(error: BaseException) -> PrinterError:
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch)):
        return PrinterError("certificate")
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return PrinterError("tls")
    if isinstance(error, (aiohttp.ClientConnectorDNSError, socket.gaierror)):
        return PrinterError("unresolved")
    if isinstance(error, (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, ConnectionRefusedError)):
        return PrinterError("unreachable")
    if isinstance(error, (asyncio.TimeoutError, TimeoutError)):
        return PrinterError("timeout")
    if isinstance(error, (aiohttp.ClientError, OSError)):
        return PrinterError("interrupted")
    return PrinterError("not_ipp", type(error).__name__)
