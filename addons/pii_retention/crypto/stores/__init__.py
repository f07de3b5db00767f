"""Places where keys live."""

from .base import KeyStore, Tombstones
from .file import FileKeyStore

__all__ = ["FileKeyStore", "KeyStore", "Tombstones"]
