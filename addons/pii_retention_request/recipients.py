"""Public keys that a requester supplies, and encryption for them: age, OpenPGP. No Odoo in here.

The libraries are asked as little as possible: they accept keys that have expired or were revoked, so that is decided
here. Their error texts carry stack traces and are never repeated.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import pyrage
import pysequoia
from pysequoia.packet import PacketPile, SignatureType, Tag

AGE, OPENPGP = "age", "openpgp"
#: A key block longer than this is no key.
MAX_LENGTH = 100_000

_BINDINGS = (
    SignatureType.SubkeyBinding,
    SignatureType.DirectKey,
    SignatureType.GenericCertification,
    SignatureType.PersonaCertification,
    SignatureType.CasualCertification,
    SignatureType.PositiveCertification,
)


class RecipientError(Exception):
    """The key is refused; ``code`` is one of ``empty``, ``private``, ``malformed``, ``several``, ``expired``,
    ``revoked``, ``weak``, ``no_encryption``."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Recipient:
    """A public key that data can be encrypted for.

    :ivar kind: :data:`AGE` or :data:`OPENPGP`
    :ivar fingerprint: hexadecimal, in groups of four: of an OpenPGP key its own, of an age key SHA-256 of its text
    :ivar key: the text as it is stored and parsed again
    :ivar expires: aware moment, None for a key that does not
    """

    kind: str
    fingerprint: str
    key: str
    expires: datetime | None = None

    @property
    def suffix(self) -> str:
        """Ending of the name of a file that is encrypted for this key."""
        return ".age" if self.kind == AGE else ".gpg"

    def encrypt(self, data: bytes) -> bytes:
        """Return ``data`` encrypted for the key, binary; nothing touches a disk.

        :raise RecipientError: the library refuses the key
        """
        try:
            if self.kind == AGE:
                return pyrage.encrypt(data, [pyrage.x25519.Recipient.from_str(self.key)])
            certificate = pysequoia.Cert.from_bytes(self.key.encode())
            return pysequoia.encrypt(bytes=data, recipients=[certificate], armor=False)
        except Exception:
            raise RecipientError("no_encryption") from None


def parse(text: str | None, now: datetime | None = None) -> Recipient:
    """Return the one public key in ``text``: an ``age1…`` recipient or an OpenPGP public key block.

    :param now: aware moment at which the key must be valid
    :raise RecipientError: with the reason
    """
    text, now = (text or "").strip(), now or datetime.now(UTC)
    if not text:
        raise RecipientError("empty")
    if len(text) > MAX_LENGTH:
        raise RecipientError("malformed")
    if "AGE-SECRET-KEY-" in text.upper() or "PRIVATE KEY" in text:
        raise RecipientError("private")
    if text.startswith("-----BEGIN PGP"):
        return _openpgp(text, now)
    return _age(text)


def _age(text: str) -> Recipient:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) > 1:
        raise RecipientError("several")
    try:
        key = str(pyrage.x25519.Recipient.from_str(lines[0].lower() if lines else ""))
    except Exception:
        raise RecipientError("malformed") from None
    return Recipient(AGE, _grouped(hashlib.sha256(key.encode()).hexdigest()[:40]), key)


def _openpgp(text: str, now: datetime) -> Recipient:
    try:
        found = pysequoia.Cert.split_bytes(text.encode())
        packets = list(PacketPile.from_bytes(text.encode()))
    except Exception:
        raise RecipientError("malformed") from None
    if len(found) != 1 or text.count("-----BEGIN PGP") != 1:
        raise RecipientError("several" if found else "malformed")
    (certificate,) = found
    if any(packet.tag in (Tag.SecretKey, Tag.SecretSubkey) for packet in packets):
        raise RecipientError("private")
    try:
        # the library's policy refuses algorithms and lengths that are broken (RSA with 1024 bits, DSA, SHA-1)
        is_revoked, ends = certificate.is_revoked, certificate.expiration
    except Exception:
        raise RecipientError("weak") from None
    if is_revoked:
        raise RecipientError("revoked")
    if ends is not None and ends <= now:
        raise RecipientError("expired")
    moments = _encryption_ends(packets)
    if not moments:
        raise RecipientError("no_encryption")
    # without an end of its own a subkey lives as long as the key that it belongs to
    last = max(moments, key=lambda moment: moment or datetime.max.replace(tzinfo=UTC))
    if last is not None and last <= now:
        raise RecipientError("expired")
    expires = min((moment for moment in (ends, last) if moment is not None), default=None)
    recipient = Recipient(OPENPGP, _grouped(certificate.fingerprint), str(certificate), expires)
    recipient.encrypt(b"")
    return recipient


def _encryption_ends(packets) -> list[datetime | None]:
    """Return when each key that may encrypt ends (None: never); revoked subkeys are left out."""
    keys: list[dict] = []
    for packet in packets:
        if packet.tag in (Tag.PublicKey, Tag.PublicSubkey):
            keys.append({"created": packet.key_created, "sub": packet.tag == Tag.PublicSubkey, "at": None})
        elif packet.tag == Tag.Signature and keys:
            _bind(keys[-1], packet)
    return [key.get("ends") for key in keys if key.get("encrypts") and not key.get("revoked")]


def _bind(key: dict, signature) -> None:
    """Remember what the newest binding signature says of the key that it follows."""
    kind = signature.signature_type
    if kind == SignatureType.SubkeyRevocation:
        key["revoked"] = True
    if kind not in _BINDINGS or (kind == SignatureType.SubkeyBinding) != key["sub"]:
        return
    made = signature.signature_created
    if key["at"] is not None and made is not None and made < key["at"]:
        return
    flags, validity = signature.key_flags, signature.key_validity_period
    if flags is None:
        return
    key["at"] = made or key["at"]
    key["encrypts"] = flags.transport_encryption or flags.storage_encryption
    key["ends"] = key["created"] + validity if validity else None


def _grouped(fingerprint: str) -> str:
    text = fingerprint.upper()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
