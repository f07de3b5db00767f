"""The one class to use: seal, open, create, destroy.

::

    keyring = Keyring(FileKeyStore("/var/lib/keys/acme", forbidden=["/var/lib/odoo"]))
    key_id = keyring.ensure(day_key_id("acme", date(2026, 12, 21)))
    token = keyring.seal_record("acme", key_id, subject_uuid, "operational", {"name": "…", "phone": "…"})
    keyring.open_record("acme", subject_uuid, "operational", token)
    keyring.destroy(key_id, "deadline")      # every copy of the token, in every backup, is noise from here on

**How long a destroyed key can still be served.** Keys are kept in memory for ``ttl`` seconds (60). Before a kept key
is used, a store whose ``exists`` is cheap (files: two ``stat`` calls) is asked whether the key still lives, so a
destruction by any process takes effect at the next use everywhere. Stores that need a round trip are asked once per
``ttl``, which is then the bound. The clock starts before the store is read, so reading time does not extend it. A key
is unwrapped (by the master key's service, if there is one) at most once per ``ttl`` and process.
"""

import hmac
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn
from uuid import UUID

from . import envelope
from .cache import CachedKey, KeyCache
from .envelope import Aad
from .errors import InvalidName
from .keyids import check_class, check_uuid, parse_key_id
from .operations import Operation
from .record import decode_record, encode_record
from .rewrapping import Rewrapping, rewrap_all
from .secret import Secret
from .stores.base import Anchors, KeyEntry, KeyStore, Tombstones
from .stores.pgconnection import DatabaseIdentity

_LABEL = re.compile(r"[a-z][a-z0-9_]*(?:/[a-z0-9_]+)*")
_MAX_LABEL = 64
_RESERVED_LABELS = {"subject", "check"}  # other derivations of the stored key, see _derive and envelope.check_value


class Keyring:
    """Keys of one store, and what is sealed with them. Share one per process; safe for threads.

    All methods may raise :class:`KeyStoreError` (the store failed) and :class:`InvalidName` (a malformed argument, or a
    key of another company). Those that need a key raise :class:`KeyMissing` or :class:`KeyDestroyed`; those that open
    raise :class:`MalformedToken`, :class:`WrongKey` or :class:`TamperedData`.

    :param ttl: seconds for which a key is kept in memory; 0 keeps none
    :param pad_to: records are filled up to a multiple of so many bytes
    :param clock: seconds that only grow
    """

    def __init__(
        self, store: KeyStore, *, ttl: float = 60.0, pad_to: int = 64, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._pad_to = pad_to
        self._cache = KeyCache(ttl, clock)

    def __repr__(self) -> str:
        return f"<Keyring of {self._store!r}, {len(self._cache)} keys in memory>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A keyring is not copied, pickled or sent to another process; make one there.")

    # === RECORDS AND FILES === #

    def seal_record(
        self, domain: str, key_id: str, subject_uuid: str | UUID, cls: str, record: Mapping[str, str], *, item: str = ""
    ) -> str:
        """Seal a record (field name → text) into a text token of about 4/3 of its padded length plus 70 characters."""
        aad = Aad(domain, subject_uuid, cls, key_id, item)
        data = encode_record(record, self._pad_to)
        stored = self._stored(key_id)
        return envelope.seal(_subject_key(stored, aad), data, aad, check=stored.check)

    def open_record(
        self, domain: str, subject_uuid: str | UUID, cls: str, token: str, *, item: str = ""
    ) -> dict[str, str]:
        """The record in a token that was sealed for exactly this company, subject, class and item."""
        return decode_record(self._open_text(domain, subject_uuid, cls, token, item))

    def seal_file(
        self, domain: str, key_id: str, subject_uuid: str | UUID, cls: str, data: bytes, *, item: str = ""
    ) -> bytes:
        """Seal a file; 45 bytes plus the key id longer than ``data``. ``item`` should name the file (its own UUID).

        :raises ValueError: above 2 GiB
        """
        aad = Aad(domain, subject_uuid, cls, key_id, item)
        stored = self._stored(key_id)
        return envelope.seal_bytes(_subject_key(stored, aad), data, aad, check=stored.check)

    def open_file(self, domain: str, subject_uuid: str | UUID, cls: str, sealed: bytes, *, item: str = "") -> bytes:
        """The file in a container that was sealed for exactly this company, subject, class and item."""
        aad = Aad(domain, subject_uuid, cls, envelope.parse_bytes(sealed).key_id, item)
        stored = self._stored(aad.key_id)
        return envelope.open_bytes(_subject_key(stored, aad), sealed, aad, check=stored.check)

    def reseal_record(
        self, domain: str, key_id: str, subject_uuid: str | UUID, cls: str, token: str, *, item: str = ""
    ) -> str:
        """The same record under another key: a later deadline, or the next generation of a bucket.

        The old token stays readable until *its* key dies; a deadline may therefore only be moved to a later day.
        """
        aad = Aad(domain, subject_uuid, cls, key_id, item)
        stored = self._stored(key_id)
        data = self._open_text(domain, subject_uuid, cls, token, item)
        return envelope.seal(_subject_key(stored, aad), data, aad, check=stored.check)

    def reseal_file(
        self, domain: str, key_id: str, subject_uuid: str | UUID, cls: str, sealed: bytes, *, item: str = ""
    ) -> bytes:
        """As :meth:`reseal_record`, for a file."""
        data = self.open_file(domain, subject_uuid, cls, sealed, item=item)
        return self.seal_file(domain, key_id, subject_uuid, cls, data, item=item)

    @staticmethod
    def key_id_of(sealed: str | bytes) -> str:
        """The key a token or sealed file says it needs; not yet verified by anything."""
        return (envelope.parse(sealed) if isinstance(sealed, str) else envelope.parse_bytes(sealed)).key_id

    def subject_key(self, key_id: str, subject_uuid: str | UUID, cls: str) -> Secret:
        """The key of one subject and class (HKDF-SHA-256 of the stored key). Other uses must derive from it."""
        return _derive(self._stored(key_id), key_id, check_uuid(subject_uuid), check_class(cls))

    # === AUTHENTICATION === #

    def mac(self, key_id: str, data: bytes, *, label: str) -> bytes:
        """HMAC-SHA-256 (32 bytes) of ``data`` under a key of its own: HKDF(stored key, ``pii/<label>/v1`` ‖ key id).

        It seals a log (``label="log"`` under a log key) and makes a blind index (``label="blind/<field>"`` under a day
        key: once the key is destroyed, the index is as random as the ciphertext). The caller truncates if it wants to,
        and compares with :func:`hmac.compare_digest`.

        :param label: what the key is for; two labels give unrelated keys. Groups of a-z0-9_ joined by ``/``, which
            start with a letter, at most 64 characters; ``subject`` and ``check`` are taken
        """
        return hmac.digest(self.mac_key(key_id, label=label).expose(), data, "sha256")

    def mac_key(self, key_id: str, *, label: str) -> Secret:
        """The key of :meth:`mac`, for many digests in a row: keep it no longer than the batch."""
        if len(label) > _MAX_LABEL or not _LABEL.fullmatch(label) or label in _RESERVED_LABELS:
            raise InvalidName("The label of a key is groups of a-z, 0-9 and _ joined by /, and not subject or check.")
        return self._stored(key_id).secret.derive(f"pii/{label}/v1", key_id)

    # === KEYS === #

    def create(self, key_id: str) -> None:
        """Make the key if there is none; any number of processes may do so at once.

        :raises KeyDestroyed: the id is buried
        """
        if not self._living(key_id):
            read_at = self._cache.now()
            self._keep(key_id, self._store.create(key_id), read_at)

    def ensure(self, key_id: str) -> str:
        """The id to seal with in this bucket: its newest generation, the first one being made if there is none.

        :param key_id: any generation of the bucket
        :raises KeyDestroyed: the newest generation is buried: the bucket's day has come, nothing may be sealed into it
        """
        newest = self._store.newest(key_id)
        self.create(newest)
        return newest

    def create_successor(self, key_id: str) -> str:
        """Make the generation after ``key_id`` (or find it made by an interrupted run) and return its id.

        For an early erasure: create the successor, re-seal the *other* subjects of the bucket under it, destroy
        ``key_id``. From the first step on, :meth:`ensure` answers with the successor. Whoever seals at the same time
        must be kept out by the caller (a database lock on the bucket), or lands under the key that is about to die.

        :raises KeyDestroyed: the successor is buried already
        """
        successor = str(parse_key_id(key_id).next())
        self.create(successor)
        return successor

    def destroy(self, key_id: str, reason: str) -> bool:
        """Erase one key for ever; idempotent.

        :param reason: a code for the tombstone: ``deadline``, ``early_erasure``, ``company_left``, …
        :returns: True if there was a live key
        :raises KeyStoreError: the text says whether the key is erased already; repeat the call
        """
        try:
            return self._store.destroy(key_id, reason)
        finally:
            self._cache.drop(key_id)

    def exists(self, key_id: str) -> bool:
        """Whether the key lives, asked of the store and not of the memory."""
        return self._store.exists(key_id)

    def destroyed(self, key_id: str) -> bool:
        """Whether the id is buried."""
        return self._store.destroyed(key_id)

    def list(self, prefix: str = "") -> list[str]:
        """Live keys equal to or below ``prefix``, sorted; ``day/acme`` does not cover ``day/acme2/…``."""
        return self._store.list(prefix)

    def entries(self, prefix: str = "") -> Sequence[KeyEntry]:
        """As :meth:`list`, with age and wrapping of each key and what is wrong with it; opens none."""
        return self._store.entries(prefix)

    def operations(self, count: int) -> Sequence[Operation]:
        """The newest ``count`` lines of the log of what was done with keys, newest first."""
        return self._store.operations(count)

    def rewrap(
        self, *, seconds: float | None = None, progress: Callable[[Rewrapping], None] | None = None
    ) -> Rewrapping:
        """Wrap every key with the current master key, or with the first one it gets; may be interrupted and repeated.

        :param seconds: stop after so long
        :param progress: called after each key
        """
        return rewrap_all(self._store, seconds=seconds, progress=progress)

    def current_label(self) -> str:
        """What newly wrapped keys carry (:attr:`KeyEntry.label`); ``none`` without a master key."""
        return self._store.wrapping.current_label()

    def place(self) -> DatabaseIdentity | None:
        """Which database holds the keys; None if they do not lie in one."""
        return self._store.identity()

    def check(self) -> None:
        """Verify store, master key and every key; raises on the first finding."""
        self._store.check()

    def forget(self) -> None:
        """Drop all keys from memory (they are read again on next use)."""
        self._cache.drop()

    @property
    def subjects(self) -> Tombstones:
        """Erased data subjects, kept beside the keys: ``append(uuid, day, reason)``, ``contains(uuid)``."""
        return self._store.subjects

    @property
    def revoked(self) -> Tombstones:
        """Revoked grants, kept beside the keys: as :attr:`subjects`."""
        return self._store.revoked

    @property
    def anchors(self) -> Anchors:
        """Fixed points of the access log, kept beside the keys."""
        return self._store.anchors

    @property
    def store_id(self) -> str:
        """Identifies the store; remember it in the database to notice another one."""
        return self._store.store_id

    def _open_text(self, domain: str, subject_uuid: str | UUID, cls: str, token: str, item: str) -> bytes:
        aad = Aad(domain, subject_uuid, cls, envelope.parse(token).key_id, item)
        stored = self._stored(aad.key_id)
        return envelope.open(_subject_key(stored, aad), token, aad, check=stored.check)

    def _stored(self, key_id: str) -> CachedKey:
        if found := self._living(key_id):
            return found
        read_at = self._cache.now()
        return self._keep(key_id, self._store.read(key_id), read_at)

    def _living(self, key_id: str) -> CachedKey | None:
        """The key from memory, unless it is too old or was destroyed."""
        found = self._cache.get(key_id)
        if found and (not self._store.exists_is_cheap or self._store.exists(key_id)):
            return found
        self._cache.drop(key_id)
        return None

    def _keep(self, key_id: str, secret: Secret, read_at: float) -> CachedKey:
        return self._cache.put(key_id, secret, envelope.check_value(secret, key_id), read_at)


def _subject_key(stored: CachedKey, aad: Aad) -> Secret:
    return _derive(stored, aad.key_id, str(aad.subject_uuid), aad.cls)


def _derive(stored: CachedKey, key_id: str, subject_uuid: str, cls: str) -> Secret:
    return stored.secret.derive("pii/subject/v1", key_id, subject_uuid, cls)
