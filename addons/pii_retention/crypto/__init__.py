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
    LedgerOutdated,
    MalformedToken,
    MasterKeyUnavailable,
    MasterKeyWrong,
    TamperedData,
    WrongKey,
)
from .keyids import KeyId, archive_key_id, day_key_id, log_key_id, parse_key_id, secret_key_id
from .keyring import Keyring
from .ledger import Ledger, Tombstone
from .operations import Operation
from .rewrapping import Rewrapping
from .secret import Secret
from .stores import IDENTITY, DatabaseIdentity, FileKeyStore, KeyEntry, KeyStore, PostgresKeyStore
from .wrapping import MasterOptions, Wrapping, wrapper_from

__all__ = [
    "CannotOpen",
    "CryptoError",
    "DatabaseIdentity",
    "FileKeyStore",
    "IDENTITY",
    "InvalidName",
    "KeyDestroyed",
    "KeyEntry",
    "KeyId",
    "KeyMissing",
    "KeyStore",
    "KeyStoreError",
    "KeyStoreUnsafe",
    "KeyUnavailable",
    "Keyring",
    "Ledger",
    "LedgerOutdated",
    "MalformedToken",
    "MasterKeyUnavailable",
    "MasterKeyWrong",
    "MasterOptions",
    "Operation",
    "PostgresKeyStore",
    "Rewrapping",
    "Secret",
    "TamperedData",
    "Tombstone",
    "Wrapping",
    "WrongKey",
    "archive_key_id",
    "day_key_id",
    "log_key_id",
    "looks_sealed",
    "parse_key_id",
    "secret_key_id",
    "wrapper_from",
]
