"""The IPP client of the printing addon without Odoo, and a printer process to try it on."""

from __future__ import annotations

import datetime
import ipaddress
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from printer_box import Device

_REPO = Path(__file__).resolve().parents[3]
_NAME = "pii_retention_print"

if _NAME not in sys.modules:
    _module = ModuleType(_NAME)
    _module.__path__ = [str(_REPO / "addons" / _NAME)]
    sys.modules[_NAME] = _module


@pytest.fixture(scope="session")
def _device() -> Iterator[Device]:
    device = Device()
    yield device
    device.stop()


@pytest.fixture
def device(_device: Device) -> Device:
    """A printer without jobs and faults."""
    _device.call("POST", "reset")
    return _device


@pytest.fixture(scope="session")
def tls_device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Device, str]]:
    """A printer over TLS with a certificate that nobody vouches for, and its fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "printer")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    device = Device("--certificate", str(folder / "certificate.pem"), "--key", str(folder / "key.pem"))
    yield device, certificate.fingerprint(hashes.SHA256()).hex()
    device.stop()
