"""Sealing: AES-256-GCM, a self-describing container, and a context that the ciphertext cannot leave.

*Algorithm* (NIST SP 800-38D): 256-bit key, 96-bit nonce from the operating system's generator for every call (also
after a fork), 128-bit tag. Keys are per subject and class (see ``keyring``), which keeps each far below the 2**32
messages that random nonces allow.

*Context*: the additional authenticated data is the length-prefixed sequence
``container version ‖ domain ‖ subject UUID ‖ class ‖ item ‖ key id``. Whoever can write to the database can therefore
not move one customer's ciphertext to another customer, class, company or key.

*No trial decryption*: the container names its key; GCM does not commit to a key, so keys are never tried in turn.

Text container (rows of the database), ASCII::

    v1.<key id>.<base64url(check(8) ‖ nonce(12) ‖ ciphertext ‖ tag(16))>

Binary container (files)::

    "PIIS" ‖ 0x01 ‖ length of key id, 2 bytes big-endian ‖ key id ‖ check(8) ‖ nonce(12) ‖ ciphertext ‖ tag(16)

``check`` is 64 bits derived from the *stored* key, by which a restored or mixed-up key store (:class:`WrongKey`) is
told from a changed value (:class:`TamperedData`). It is not secret and is not trusted: a value opens only if GCM
accepts it and the check agrees.
"""

import os
from dataclasses import dataclass
from hmac import compare_digest
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .encoding import b64url_decode, b64url_encode, length_prefixed
from .errors import InvalidName, MalformedToken, TamperedData, WrongKey
from .keyids import check_class, check_domain, check_uuid, parse_key_id
from .secret import Secret

NONCE_BYTES = 12
TAG_BYTES = 16
CHECK_BYTES = 8
MAX_PLAINTEXT_BYTES = 2**31 - 2**16  # the primitive takes at most 2**31 - 1 bytes in one call

_TEXT_VERSION = "v1"
_TEXT_CONTEXT = "pii/text/v1"
_FILE_MAGIC = b"PIIS\x01"
_FILE_CONTEXT = "pii/file/v1"
_BODY_MIN = CHECK_BYTES + NONCE_BYTES + TAG_BYTES
_MAX_KEY_ID = 128


@dataclass(frozen=True, slots=True)
class Aad:
    """The context a value is sealed for; all fields are validated on construction.

    ``item`` tells apart several values of one subject and class (for a file: the attachment's own UUID or name), so
    that a label cannot be passed off as an invoice of the same buyer. It is authenticated, not stored.

    :raises InvalidName: if a field is malformed, or the key id belongs to another company than ``domain``
    """

    domain: str
    subject_uuid: str | UUID
    cls: str
    key_id: str
    item: str = ""

    def __post_init__(self) -> None:
        check_domain(self.domain)
        check_class(self.cls)
        object.__setattr__(self, "subject_uuid", check_uuid(self.subject_uuid))
        if not isinstance(self.item, str):
            raise InvalidName("The item of a sealed value is a text.")
        if parse_key_id(self.key_id).domain != self.domain:
            raise InvalidName("The key belongs to another company than the value: one key never serves two companies.")

    def encode(self, container: str) -> bytes:
        """The authenticated bytes for a container format."""
        return length_prefixed(container, self.domain, str(self.subject_uuid), self.cls, self.item, self.key_id)


class Sealed(NamedTuple):
    """A container taken apart, nothing verified yet. ``body`` is ``check ‖ nonce ‖ ciphertext ‖ tag``."""

    key_id: str
    body: memoryview


def check_value(stored_key: Secret, key_id: str) -> bytes:
    """8 bytes by which a container recognises the stored key it was sealed under; reveals nothing about the key."""
    return stored_key.derive("pii/check/v1", key_id).expose()[:CHECK_BYTES]


def seal(key: Secret, plaintext: bytes, aad: Aad, *, check: bytes) -> str:
    """Seal ``plaintext`` into a text token.

    :param key: the key of this subject and class (``Keyring.subject_key``)
    :param check: 8 bytes that identify the stored key ``aad.key_id`` (:func:`check_value`)
    """
    return f"{_TEXT_VERSION}.{aad.key_id}.{b64url_encode(_encrypt(key, plaintext, aad, _TEXT_CONTEXT, check))}"


def open(key: Secret, token: str, aad: Aad, *, check: bytes) -> bytes:
    """Open a text token that was sealed for exactly this context.

    :raises MalformedToken: not a token, or of an unknown version
    :raises TamperedData: altered, or sealed for another context
    :raises WrongKey: sealed with another key than ``key``
    """
    return _decrypt(key, parse(token), aad, _TEXT_CONTEXT, check)


def seal_bytes(key: Secret, plaintext: bytes, aad: Aad, *, check: bytes) -> bytes:
    """Seal a file into a binary container; arguments as :func:`seal`. Holds about 3 copies of the file in memory."""
    name = aad.key_id.encode("ascii")
    header = _FILE_MAGIC + len(name).to_bytes(2, "big") + name
    return _encrypt(key, plaintext, aad, _FILE_CONTEXT, check, header)


def open_bytes(key: Secret, sealed: bytes, aad: Aad, *, check: bytes) -> bytes:
    """Open a binary container; errors as :func:`open`."""
    return _decrypt(key, parse_bytes(sealed), aad, _FILE_CONTEXT, check)


def parse(token: str) -> Sealed:
    """Take a text token apart without a key.

    :raises MalformedToken: if it is not one
    """
    version, _dot, rest = token.partition(".") if isinstance(token, str) else ("", "", "")
    if version != _TEXT_VERSION:
        raise MalformedToken("its version is unknown to this release")
    key_id, _dot, text = rest.partition(".")
    try:
        parse_key_id(key_id)
        body = b64url_decode(text)
    except ValueError:
        body = b""
    if len(body) < _BODY_MIN:
        raise MalformedToken("it is truncated or wrongly encoded")
    return Sealed(key_id, memoryview(body))


def parse_bytes(sealed: bytes) -> Sealed:
    """Take a binary container apart without a key and without copying it.

    :raises MalformedToken: if it is not one
    """
    view = memoryview(sealed)
    magic = len(_FILE_MAGIC)
    if bytes(view[:magic]) != _FILE_MAGIC:
        raise MalformedToken("it does not begin like a sealed file, or its version is unknown to this release")
    size = int.from_bytes(view[magic : magic + 2], "big")
    start = magic + 2 + size
    try:
        key_id = bytes(view[magic + 2 : start]).decode("ascii") if size <= _MAX_KEY_ID else ""
        parse_key_id(key_id)
    except ValueError:
        key_id = ""
    if not key_id or len(view) - start < _BODY_MIN:
        raise MalformedToken("the sealed file is truncated or its header is damaged")
    return Sealed(key_id, view[start:])


def looks_sealed(value: str | bytes) -> bool:
    """Whether a value is one of our containers by its form (no key needed); never raises."""
    try:
        parse(value) if isinstance(value, str) else parse_bytes(value)
    except (MalformedToken, TypeError):
        return False
    return True


def _nonce() -> bytes:
    """96 random bits from the kernel: no state in the process, hence none that a fork could share."""
    return os.urandom(NONCE_BYTES)


def _encrypt(key: Secret, plaintext: bytes, aad: Aad, container: str, check: bytes, header: bytes = b"") -> bytes:
    if len(check) != CHECK_BYTES:
        raise ValueError(f"A check value is {CHECK_BYTES} bytes.")
    if len(plaintext) > MAX_PLAINTEXT_BYTES:
        raise ValueError(f"A value of more than {MAX_PLAINTEXT_BYTES} bytes cannot be sealed in one piece.")
    nonce = _nonce()
    ciphertext = AESGCM(key.expose()).encrypt(nonce, plaintext, aad.encode(container))
    return b"".join((header, check, nonce, ciphertext))


def _decrypt(key: Secret, sealed: Sealed, aad: Aad, container: str, check: bytes) -> bytes:
    body = sealed.body
    found = body[:CHECK_BYTES]
    nonce, ciphertext = bytes(body[CHECK_BYTES : CHECK_BYTES + NONCE_BYTES]), body[CHECK_BYTES + NONCE_BYTES :]
    plaintext = None
    try:
        if sealed.key_id == aad.key_id:
            plaintext = AESGCM(key.expose()).decrypt(nonce, ciphertext, aad.encode(container))
    except InvalidTag:
        pass
    same_key = compare_digest(found, check)
    if plaintext is not None and same_key:
        return plaintext
    # Both disagree: another key. Only one does: the right key, so somebody changed the value or its check.
    opened = plaintext is not None
    del plaintext  # error reporters print the local variables of the frames they see
    if opened or same_key or sealed.key_id != aad.key_id:
        raise TamperedData(aad.key_id)
    raise WrongKey(aad.key_id)
