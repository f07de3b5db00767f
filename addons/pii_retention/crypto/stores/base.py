"""What a key store must do; whoever holds one need not know where the keys lie."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from ..anchors import Anchor
from ..ledger import Tombstone
from ..operations import Operation
from ..secret import Secret
from ..wrapping.base import Wrapping
from .pgconnection import DatabaseIdentity


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A live key as an inventory shows it.

    :param created: UTC, seconds (``…Z``); empty if unreadable
    :param label: what it is wrapped with (:mod:`..wrapping`); empty if unreadable
    :param problem: why it cannot be read; empty if nothing seems wrong. Nothing was unwrapped to find out
    """

    key_id: str
    created: str
    label: str
    problem: str = ""


class Tombstones(Protocol):
    """An append-only register of dead ids (``ledger.Ledger`` is one)."""

    def append(self, entry_id: str, day: date, reason: str) -> bool:
        """Bury an id durably; False if it was buried before."""

    def append_many(self, entries: Iterable[tuple[str, date, str]]) -> int:
        """Bury many ids durably, ``(id, day, reason)`` each; returns how many were not buried before.

        Idempotent: a call that was interrupted has buried some of them, and is repeated.
        """

    def contains(self, entry_id: str) -> bool:
        """Whether an id is buried; raises rather than answer False when it cannot know."""

    def buried(self, entry_ids: Iterable[str]) -> set[str]:
        """Those of ``entry_ids`` that are buried, asked at once."""

    def entries(self) -> Iterator[Tombstone]:
        """All tombstones in the order they were written."""

    def mark(self) -> str:
        """How far the register has come, as a text of less than 200 characters."""

    def since(self, mark: str) -> Iterator[Tombstone]:
        """The tombstones written after ``mark``, ``""`` being the beginning.

        :raises LedgerOutdated: this register never came to that mark
        """


class Anchors(Protocol):
    """Fixed points of logs that live in the database, kept with the keys (``anchors.FileAnchors`` is one).

    ``name`` is a log (``a-z 0-9 -``, at most 64 characters), ``value`` printable ASCII of at most 400 characters. A
    store of several nodes keeps two tables: one of anchors (name, at, value; rows are only ever added) and one of
    heads (name primary key, number, value; written with an upsert, asynchronous commit is enough).
    """

    def append(self, name: str, value: str) -> None:
        """Add an anchor durably; what was added is never changed or removed."""

    def entries(self, name: str) -> Sequence[Anchor]:
        """All anchors of a log in the order they were written; none for a name never used."""

    def names(self) -> Sequence[str]:
        """The logs that have anchors, sorted."""

    def advance(self, name: str, number: int, value: str, *, force: bool = False) -> None:
        """Remember how far a log has come, cheaply (once per log entry) and not necessarily durably.

        A lower ``number`` than the one remembered is ignored unless forced.
        """

    def furthest(self, name: str) -> tuple[int, str] | None:
        """What :meth:`advance` remembered last, None if it never was called."""


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

    revoked: Tombstones
    """Revoked grants, kept beside the keys so that nobody who can edit the database brings them back."""

    anchors: Anchors
    """Fixed points of the access log, out of reach of whoever can edit the database."""

    wrapping: Wrapping
    """The master key."""

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

    def newest(self, key_id: str) -> str:
        """The newest generation of the bucket that lives or was buried; the first one if there is none."""

    def entries(self, prefix: str = "") -> Sequence[KeyEntry]:
        """As :meth:`list`, with what can be told without opening the keys; a damaged key is an entry, not an error."""

    def rewrap(self, key_id: str, label: str | None = None) -> bool:
        """Wrap one key with the current master key; False if there was nothing to do.

        :param label: the current label of the wrapping, if known
        """

    def operations(self, count: int) -> Sequence[Operation]:
        """The newest ``count`` operations on keys, newest first."""

    def identity(self) -> DatabaseIdentity | None:
        """Which database this store is; None if it is none."""

    def tidy(self) -> None:
        """Remove what destroyed and re-wrapped keys, or interrupted calls, left behind."""

    def check_parts(self) -> None:
        """Verify everything but the keys themselves and the master key: place, permissions, ledgers, writability."""

    def check(self) -> None:
        """Verify the whole store: place, permissions, every key, the ledgers; raises on the first finding."""
