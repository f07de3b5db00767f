"""What can go wrong with keys and sealed data, one class per thing a caller can do about it.

::

    CryptoError
    ├── InvalidName        a key id, domain, subject or class that is not well-formed (also a ValueError)
    ├── MalformedToken     not a sealed value at all, or of a version this release does not know
    ├── KeyUnavailable     the key id is well-formed, but no key can be had
    │   ├── KeyMissing         never created here, or lost: look for it
    │   └── KeyDestroyed       destroyed on purpose: the data is gone for good
    ├── CannotOpen         there is a key, but it does not open this value
    │   ├── WrongKey           the store holds another key than the one that sealed
    │   └── TamperedData       the value was changed, or belongs to another subject, class or company
    └── KeyStoreError      the store itself failed (disk, lock, damaged file)
        ├── KeyStoreUnsafe       the store is reachable by somebody it must not be reachable by
        ├── LedgerOutdated       the ledger of erased subjects lacks what was written into it: restore the newest copy
        ├── MasterKeyUnavailable whoever holds the master key does not answer or refuses: try again later
        └── MasterKeyWrong       the master key at hand does not open this key: configure the right one

No message ever holds plaintext, key bytes or text taken from an unvalidated input: a buyer's name passed by mistake
where a key id was expected must not end in a log. Every class survives pickling (job queues move exceptions
between processes).
"""


class CryptoError(Exception):
    """Base of all errors of this package."""


class InvalidName(CryptoError, ValueError):
    """A key id, company domain, subject UUID, class or reason is not well-formed; the text says which and the rule."""


class MalformedToken(CryptoError):
    """The value is not one of ours: truncated, wrongly encoded, or sealed by an unknown (newer) version."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"This is not a sealed value that can be read: {self.reason}."


class _KeyedError(CryptoError):
    """An error about one key; ``key_id`` is public and holds no personal data."""

    template = "{key_id}"

    def __init__(self, key_id: str) -> None:
        super().__init__(key_id)
        self.key_id = key_id

    def __str__(self) -> str:
        return self.template.format(key_id=self.key_id)


class KeyUnavailable(_KeyedError):
    """There is no key under this id, for whichever reason."""


class KeyMissing(KeyUnavailable):
    """No key and no tombstone: the key was never created in this store, or the store lost it."""

    template = (
        "Key '{key_id}' is not in the key store and was never destroyed there. Check that this instance uses the key "
        "store that belongs to its database; if the key is lost, the data sealed with it cannot be read."
    )


class KeyDestroyed(KeyUnavailable):
    """The key was destroyed on purpose; its tombstone forbids ever creating it again."""

    template = (
        "Key '{key_id}' was destroyed. The data sealed with it is erased in every copy and backup, and no key may be "
        "created under this id again."
    )


class CannotOpen(_KeyedError):
    """The key exists but does not open this value."""


class WrongKey(CannotOpen):
    """The stored key is not the key that sealed the value (its check value differs, see ``envelope``)."""

    template = (
        "The key stored as '{key_id}' is not the key that sealed this value. Check that this instance uses the key "
        "store that belongs to its database, and that the value was not replaced."
    )


class TamperedData(CannotOpen):
    """The right key refuses the value: it was altered, or moved to another subject, class, item or company."""

    template = (
        "The value sealed with key '{key_id}' was altered, or it belongs to another subject, class or company. "
        "Treat this as a security event and compare the row with a backup."
    )


class KeyStoreError(CryptoError):
    """The key store could not do what was asked; nothing half-done is visible to readers.

    :param reason: a sentence without final period, free of secrets and personal data
    :param key_id: the key that was worked on, if one was
    """

    def __init__(self, reason: str, key_id: str | None = None) -> None:
        super().__init__(reason, key_id)
        self.reason = reason
        self.key_id = key_id

    def __str__(self) -> str:
        return f"Key store, key '{self.key_id}': {self.reason}." if self.key_id else f"Key store: {self.reason}."


class KeyStoreUnsafe(KeyStoreError):
    """The store lies where it must not lie, or others than its owner can reach it; the store refuses to work."""


class LedgerOutdated(KeyStoreError):
    """The ledger of erased subjects is an older copy, or another one, than the one that was seen before."""


class MasterKeyUnavailable(KeyStoreError):
    """The master key cannot be used now: its service is down, sealed or refuses us, its file or variable is gone."""


class MasterKeyWrong(KeyStoreError):
    """The key is wrapped with another master key than those configured, or the wrapped key was altered or moved."""
