"""Sealed personal data and the keys that die on their day. Pure Python, no Odoo; start at :class:`Keyring`."""

from .envelope import looks_sealed
from .errors import (
    CannotOpen,
    CryptoError,
    InvalidName,
    KeyDestroyed,
    KeyMissing,
    KeyStoreError,
    KeyStoreUnsafe,
    KeyUnavailable,
    MalformedToken,
    TamperedData,
    WrongKey,
)
from .keyids import KeyId, archive_key_id, day_key_id, parse_key_id, secret_key_id
from .keyring import Keyring
from .ledger import Ledger, Tombstone
from .secret import Secret
from .stores import FileKeyStore, KeyStore

__all__ = [
    "CannotOpen",
    "CryptoError",
    "FileKeyStore",
    "InvalidName",
    "KeyDestroyed",
    "KeyId",
    "KeyMissing",
    "KeyStore",
    "KeyStoreError",
    "KeyStoreUnsafe",
    "KeyUnavailable",
    "Keyring",
    "Ledger",
    "MalformedToken",
    "Secret",
    "TamperedData",
    "Tombstone",
    "WrongKey",
    "archive_key_id",
    "day_key_id",
    "looks_sealed",
    "parse_key_id",
    "secret_key_id",
]
