"""Places where keys live."""

from .base import KeyEntry, KeyStore, Tombstones
from .file import FileKeyStore
from .pgconnection import IDENTITY, DatabaseIdentity
from .postgres import PostgresKeyStore

__all__ = [
    "IDENTITY",
    "DatabaseIdentity",
    "FileKeyStore",
    "KeyEntry",
    "KeyStore",
    "PostgresKeyStore",
    "Tombstones",
]
