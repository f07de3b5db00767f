"""What a key store must do; whoever holds one need not know where the keys lie."""

from datetime import date
from typing import Protocol

from ..secret import Secret


class Tombstones(Protocol):
    """An append-only register of dead ids (``ledger.Ledger`` is one)."""

    def append(self, entry_id: str, day: date, reason: str) -> bool:
        """Bury an id durably; False if it was buried before."""

    def contains(self, entry_id: str) -> bool:
        """Whether an id is buried; raises rather than answer False when it cannot know."""


class KeyStore(Protocol):
    """Random 256-bit keys by id, each of which can be destroyed for ever.

    Every method may be called from many processes at once and raises :class:`~..errors.KeyStoreError` when the store
    fails; an id is validated first (:class:`~..errors.InvalidName`).
    """

    store_id: str
    """Identifies this store (a UUID), so that a database can notice when it is given another one."""

    exists_is_cheap: bool
    """True if :meth:`exists` costs microseconds (a ``stat``), False if it is a network round trip."""

    subjects: Tombstones
    """Erased data subjects, kept beside the keys so that no restored database can bring them back."""

    def create(self, key_id: str) -> Secret:
        """The key, made if there is none. Of several callers at once the first one's key wins and all get it.

        :raises KeyDestroyed: the id was used and destroyed
        """

    def read(self, key_id: str) -> Secret:
        """The key.

        :raises KeyMissing: never created
        :raises KeyDestroyed: destroyed
        """

    def destroy(self, key_id: str, reason: str) -> bool:
        """Erase the key and bury its id; idempotent, and finishes what an interrupted call began.

        :returns: True if there was a live key
        """

    def exists(self, key_id: str) -> bool:
        """Whether :meth:`read` would find a live key; an unreachable store raises instead of answering False."""

    def destroyed(self, key_id: str) -> bool:
        """Whether the id is buried."""

    def list(self, prefix: str = "") -> list[str]:
        """Ids of live keys equal to or below ``prefix`` (whole segments), sorted."""

    def check(self) -> None:
        """Verify the whole store: place, permissions, every key, the ledgers; raises on the first finding."""
