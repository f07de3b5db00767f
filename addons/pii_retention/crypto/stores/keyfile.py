"""How a store writes one key: versioned, naming its key, checksummed; and what it looks like once it is dead.

One JSON object and a line feed, ASCII, fields in this order::

    {"format": "pii-key", "v": 1, "key_id": "day/acme/2026-12-21", "wrap": "none",
     "created": "2026-11-21T08:00:00Z", "key": "<base64url>", "sum": "<SHA-256 hex of all before>"}

``wrap`` is the label of :mod:`..wrapping` that says what opens ``key``; ``none`` means that the bytes are the key
itself. ``sum`` finds truncation and disk errors; it is no protection against an attacker, which is the business of the
wrapping. The file store keeps one file per key, the PostgreSQL store one row.

A key file that was overwritten with zero bytes is *dead*: the state between erasing a key and burying its id.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from ..encoding import b64url_decode, b64url_encode
from ..errors import KeyDestroyed, KeyStoreError
from ..wrapping.base import Wrapped

_FORMAT, _VERSION = "pii-key", 1
_LABEL = re.compile(r"[a-z0-9][\x21-\x7e]{0,299}")


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A stored key. ``created``: when the key was made, UTC, seconds (``…Z``); re-wrapping keeps it."""

    key_id: str
    wrapped: Wrapped
    created: str


def now() -> str:
    """The time as stores write it: UTC, seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def encode(key_id: str, wrapped: Wrapped, created: str | None = None) -> bytes:
    """What to store for a key.

    :param created: default: now
    """
    fields = {
        "format": _FORMAT,
        "v": _VERSION,
        "key_id": key_id,
        "wrap": wrapped.label,
        "created": created or now(),
        "key": b64url_encode(wrapped.blob),
    }
    return json.dumps({**fields, "sum": _checksum(fields)}).encode("ascii") + b"\n"


def decode(data: bytes, key_id: str) -> KeyRecord:
    """The stored key in what should hold ``key_id``.

    :raises KeyDestroyed: it is dead
    :raises KeyStoreError: truncated, damaged, of an unknown format, or another key's
    """
    if is_dead(data):
        raise KeyDestroyed(key_id)
    try:
        fields = json.loads(data)
    except ValueError:
        fields = None
    if not isinstance(fields, dict) or not data.endswith(b"\n"):
        raise KeyStoreError("its file is truncated or damaged; restore it from a copy of the key store", key_id)
    if fields.get("format") != _FORMAT or fields.get("v") != _VERSION:
        raise KeyStoreError("its file has a format that this release does not know", key_id)
    if fields.pop("sum", None) != _checksum(fields):
        raise KeyStoreError("its file is damaged (checksum); restore it from a copy of the key store", key_id)
    if fields.get("key_id") != key_id:
        raise KeyStoreError("its file holds the key of another id; somebody renamed or copied it", key_id)
    try:
        if _LABEL.fullmatch(fields["wrap"]):
            wrapped = Wrapped(fields["wrap"], b64url_decode(fields["key"]))
            return KeyRecord(key_id, wrapped, str(fields.get("created", "")))
    except (KeyError, TypeError, ValueError):
        pass
    raise KeyStoreError("its file holds no key", key_id)


def is_dead(data: bytes) -> bool:
    """Whether the content is that of a destroyed key."""
    return bool(data) and not data.strip(b"\0")


def _checksum(fields: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(fields).encode("ascii")).hexdigest()
