"""Keys in a directory of their own, outside the database, the filestore and their backups.

::

    <store>/                 0700, owned by the user that runs the server
        keystore.json        marks a key store, holds its id: an unmounted volume is not mistaken for an empty store
        keys/                one 0600 file per live key, "/" of the id written as "~"
        tombstones.jsonl     destroyed keys
        subjects.jsonl       erased data subjects
        revoked.jsonl        revoked grants
        operations.jsonl     what was done with keys
        anchors/             fixed points of the access log
        lock                 held while a key is created or destroyed

*Create* writes a temporary file, syncs it, and links it to its name: a key appears whole or not at all, and the first
of several processes wins. *Destroy* overwrites the file with zeros and syncs (from here on the key is gone, also on a
full disk), then buries the id, then removes the file; whatever interrupts it, the id stays dead and the next call
finishes. *Re-wrap* puts a new file in the place of the old one and then overwrites the old one.

Overwriting in place reaches the medium on ordinary file systems. Copy-on-write file systems, snapshots and flash wear
levelling may keep old blocks: put the store on a small encrypted volume without snapshots, and keep backups of it for
at most 72 hours (NIST SP 800-88: cryptographic erase counts only if every copy of the key goes).
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from ..anchors import FileAnchors
from ..errors import InvalidName, KeyDestroyed, KeyMissing, KeyStoreError
from ..keyids import in_scope, parse_key_id
from ..ledger import Ledger
from ..operations import CREATE, DESTROY, DONE, INITIALISE, READ, FileOperationLog
from ..posix import (
    LOCK_SECONDS,
    opened,
    private_file,
    publish,
    read_all,
    store_errors,
    supersede,
    sync_directory,
    temporary_name,
    write_all,
)
from ..secret import Secret
from ..wrapping.base import Wrapping
from . import keyfile
from .base import KeyEntry
from .common import CommonStore
from .directory import ANCHORS, MARKER, OPERATIONS, REVOKED, SUBJECTS, TOMBSTONES, StoreDirectory
from .fileupkeep import FileUpkeep

_SUFFIX = ".key"


class FileKeyStore(FileUpkeep, CommonStore):
    """A :class:`~.base.KeyStore` in a directory.

    :param path: the store, made once by :meth:`initialise`
    :param forbidden: directories in which no key may lie: data directory, filestore, database cluster, backup targets
    :param store_id: the id the caller expects (None: any)
    :param lock_seconds: how long to wait for another process
    :param wrapping: the master key; default: none
    :param actor: tells who is at work, for the log of operations
    :raises KeyStoreUnsafe: inside or around a forbidden directory, foreign owner, loose permissions, symbolic links
    :raises KeyStoreError: not a key store, another store than expected, or unreadable
    """

    exists_is_cheap = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        forbidden: Sequence[str | os.PathLike[str]] = (),
        store_id: str | None = None,
        lock_seconds: float = LOCK_SECONDS,
        wrapping: Wrapping | None = None,
        actor: Callable[[], str] | None = None,
    ) -> None:
        super().__init__(wrapping, actor)
        self._directory = StoreDirectory(path, forbidden, lock_seconds)
        self._directory.check()
        self.store_id = self._directory.read_marker()
        if store_id is not None and store_id != self.store_id:
            raise KeyStoreError("this is another key store than the one this database was set up with")
        root = self._directory.root
        self._keys = self._directory.keys
        self._tombstones = Ledger(root / TOMBSTONES, lock_seconds=lock_seconds)
        self.subjects = Ledger(root / SUBJECTS, lock_seconds=lock_seconds)
        # stores made by earlier releases have none yet
        self.revoked = Ledger.create(root / REVOKED, lock_seconds=lock_seconds)
        self.anchors = FileAnchors(root / ANCHORS, lock_seconds=lock_seconds)
        self._log = FileOperationLog(root / OPERATIONS, root / MARKER, lock_seconds=lock_seconds)
        with suppress(KeyStoreError):  # reads are right without it; check() reports what stays undone
            self.recover()

    def __repr__(self) -> str:
        return f"FileKeyStore({str(self._directory.root)!r})"

    @classmethod
    def initialise(
        cls,
        path: str | os.PathLike[str],
        *,
        forbidden: Sequence[str | os.PathLike[str]] = (),
        wrapping: Wrapping | None = None,
        actor: Callable[[], str] | None = None,
    ) -> "FileKeyStore":
        """Make the store, or complete and open an existing one; safe to call from several processes at once.

        A deliberate act at installation: a server that made a missing store by itself would start with an empty one,
        and without tombstones, whenever the volume is not mounted.

        :raises KeyStoreUnsafe: see the class; also if the directory holds anything that is not a key store's
        """
        made = StoreDirectory(path, forbidden, LOCK_SECONDS).make()
        store = cls(path, forbidden=forbidden, wrapping=wrapping, actor=actor)
        if made:
            store._note(INITIALISE, "", DONE, store.store_id)
        return store

    # === KEYS === #

    def create(self, key_id: str) -> Secret:
        path = self._path(key_id)
        with self._logged(CREATE, key_id), store_errors(key_id):
            if not path.exists():
                if self._tombstones.contains(key_id):
                    raise KeyDestroyed(key_id)
                data = self._new(key_id)
                with self._directory.mutation():
                    if self._tombstones.contains(key_id):
                        raise KeyDestroyed(key_id)
                    if not path.exists():
                        label = keyfile.decode(data, key_id).wrapped.label
                        self._log.append(self._line(CREATE, key_id, DONE, label))
                        publish(path, data, temporary_name(self._keys))
        return self.read(key_id)  # what is stored opens: known before anything is sealed with it

    def read(self, key_id: str) -> Secret:
        self._path(key_id)
        with self._logged(READ, key_id), store_errors(key_id):
            data = self._load(key_id)
            if data is None:
                self._directory.check()
                if self._tombstones.contains(key_id):  # destroyed between the two looks
                    raise KeyDestroyed(key_id)
                raise KeyMissing(key_id)
            return self._open(data, key_id)

    def destroy(self, key_id: str, reason: str) -> bool:
        path = self._path(key_id)
        with self._logged(DESTROY, key_id), store_errors(key_id), self._directory.mutation():
            lived = self._overwrite(path)
            try:
                buried = self._bury(key_id, reason)
            except KeyStoreError as error:
                done = "the key is erased, but" if path.exists() else "there was no key to erase, and"
                text = f"{done} its tombstone is not written yet ({error.reason}); repeat"
                raise KeyStoreError(text, key_id) from None
            self._unlink(path)
            if lived or buried:
                self._note(DESTROY, key_id, DONE, reason)
            return lived

    def exists(self, key_id: str) -> bool:
        # asked before each use of a key: a text is cheaper than a path
        path = f"{self._keys}/{self._file_name(key_id)}"
        with store_errors(key_id):
            if self._tombstones.contains(key_id):
                return False
            try:
                os.lstat(path)
            except FileNotFoundError:
                self._directory.check()
                return False
            return True

    def destroyed(self, key_id: str) -> bool:
        self._path(key_id)
        return self._tombstones.contains(key_id)

    def list(self, prefix: str = "") -> list[str]:
        with store_errors(None):
            return sorted(
                key_id
                for key_id, _path in self._files()
                if in_scope(key_id, prefix) and not self._tombstones.contains(key_id)
            )

    def entries(self, prefix: str = "") -> Sequence[KeyEntry]:
        found = []
        for key_id in self.list(prefix):
            try:
                with store_errors(key_id):
                    data = self._load(key_id)
                    if data is not None and not keyfile.is_dead(data):
                        found.append(self._entry(key_id, data))
            except KeyDestroyed:
                continue
            except KeyStoreError as error:
                found.append(KeyEntry(key_id, "", "", error.reason))
        return found

    def _load(self, key_id: str) -> bytes | None:
        """As the base says. A file that was exchanged while it was read (re-wrapped) is read again."""
        path = self._path(key_id)
        if self._tombstones.contains(key_id):
            raise KeyDestroyed(key_id)
        while True:
            try:
                with private_file(path, os.O_RDONLY, "its file") as fd:
                    data = read_all(fd)
                    if os.path.samestat(os.fstat(fd), os.lstat(path)):
                        return data
            except FileNotFoundError:
                return None

    def _exchange(self, key_id: str, before: bytes, after: bytes) -> bool:
        path = self._path(key_id)
        with store_errors(key_id), self._directory.mutation():
            try:
                if self._load(key_id) != before:
                    return False
            except KeyDestroyed:
                return False
            supersede(path, after, temporary_name(self._keys), "its file")
            return True

    def _overwrite(self, path: Path) -> bool:
        """Zero the file in place; True if it held anything else. Needs no free space."""
        try:
            with opened(path, os.O_RDWR, "its file") as fd:  # loose permissions must not keep a key alive
                data = read_all(fd)
                if keyfile.is_dead(data):
                    return False
                write_all(fd, bytes(max(len(data), 1)))
                return True
        except FileNotFoundError:
            return False

    def _bury(self, key_id: str, reason: str) -> bool:
        return self._tombstones.append(key_id, datetime.now(UTC).date(), reason)

    def _unlink(self, path: Path) -> None:
        with suppress(FileNotFoundError):
            os.unlink(path)
        sync_directory(self._keys)

    def _file_name(self, key_id: str) -> str:
        parse_key_id(key_id)
        return key_id.replace("/", "~") + _SUFFIX

    def _path(self, key_id: str) -> Path:
        return self._keys / self._file_name(key_id)

    def _files(self) -> Iterator[tuple[str, Path]]:
        for name in self._names():
            key_id = name.removesuffix(_SUFFIX).replace("~", "/")
            with suppress(InvalidName):
                if name.endswith(_SUFFIX) and parse_key_id(key_id):
                    yield key_id, self._keys / name

    def _names(self) -> Sequence[str]:
        try:
            return os.listdir(self._keys)
        except FileNotFoundError:
            self._directory.check()  # says what is missing
            raise
