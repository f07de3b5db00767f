"""Keys in a directory of their own, outside the database, the filestore and their backups.

::

    <store>/                 0700, owned by the user that runs the server
        keystore.json        marks a key store, holds its id: an unmounted volume is not mistaken for an empty store
        keys/                one 0600 file per live key, "/" of the id written as "~"
        tombstones.jsonl     destroyed keys
        subjects.jsonl       erased data subjects
        lock                 held while a key is created or destroyed

*Create* writes a temporary file, syncs it, and links it to its name: a key appears whole or not at all, and the first
of several processes wins. *Destroy* overwrites the file with zeros and syncs (from here on the key is gone, also on a
full disk), then buries the id, then removes the file; whatever interrupts it, the id stays dead and the next call
finishes.

Overwriting in place reaches the medium on ordinary file systems. Copy-on-write file systems, snapshots and flash wear
levelling may keep old blocks: put the store on a small encrypted volume without snapshots, and keep backups of it for
at most 72 hours (NIST SP 800-88: cryptographic erase counts only if every copy of the key goes).
"""

import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from ..errors import InvalidName, KeyDestroyed, KeyMissing, KeyStoreError, KeyStoreUnsafe
from ..keyids import in_scope, parse_key_id
from ..ledger import Ledger
from ..posix import (
    LOCK_SECONDS,
    TEMPORARY,
    check_private,
    locked,
    opened,
    private_file,
    publish,
    read_all,
    store_errors,
    sync_directory,
    temporary_name,
    write_all,
)
from ..secret import KEY_BYTES, Secret
from . import keyfile
from .placement import check_placement

_MARKER, _KEYS, _LOCK, _TOMBSTONES, _SUBJECTS = "keystore.json", "keys", "lock", "tombstones.jsonl", "subjects.jsonl"
_SUFFIX = ".key"


class FileKeyStore:
    """A :class:`~.base.KeyStore` in a directory.

    :param path: the store, made once by :meth:`initialise`
    :param forbidden: directories in which no key may lie: data directory, filestore, database cluster, backup targets
    :param store_id: the id the caller expects (None: any)
    :param lock_seconds: how long to wait for another process
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
    ) -> None:
        self._root = Path(os.path.realpath(path))
        self._keys = self._root / _KEYS
        self._forbidden = tuple(os.fspath(entry) for entry in forbidden)
        self._lock_seconds = lock_seconds
        self._check_directories()
        self.store_id = self._read_marker()
        if store_id is not None and store_id != self.store_id:
            raise KeyStoreError("this is another key store than the one this database was set up with")
        self._tombstones = Ledger(self._root / _TOMBSTONES, lock_seconds=lock_seconds)
        self.subjects = Ledger(self._root / _SUBJECTS, lock_seconds=lock_seconds)
        with suppress(KeyStoreError):  # reads are right without it; check() reports what stays undone
            self.recover()

    def __repr__(self) -> str:
        return f"FileKeyStore({str(self._root)!r})"

    @classmethod
    def initialise(
        cls, path: str | os.PathLike[str], *, forbidden: Sequence[str | os.PathLike[str]] = ()
    ) -> "FileKeyStore":
        """Make the store, or complete and open an existing one; safe to call from several processes at once.

        A deliberate act at installation: a server that made a missing store by itself would start with an empty one,
        and without tombstones, whenever the volume is not mounted.

        :raises KeyStoreUnsafe: see the class; also if the directory holds anything that is not a key store's
        """
        root = Path(os.path.realpath(path))
        check_placement(root, forbidden)
        own = {_MARKER, _KEYS, _LOCK, _TOMBSTONES, _SUBJECTS}
        with store_errors(None):
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            check_private(os.lstat(root), "its directory")
            foreign = [name for name in os.listdir(root) if name not in own and not name.startswith(TEMPORARY)]
            if foreign:
                raise KeyStoreUnsafe("its directory already holds other files; give it a directory of its own")
            (root / _KEYS).mkdir(mode=0o700, exist_ok=True)
            publish(root / _LOCK, b"", temporary_name(root))
            Ledger.create(root / _TOMBSTONES)
            Ledger.create(root / _SUBJECTS)
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            marker = {"format": "pii-key-store", "v": 1, "id": str(uuid4()), "created": now}
            publish(root / _MARKER, json.dumps(marker).encode("ascii") + b"\n", temporary_name(root))
            sync_directory(root.parent)
        return cls(root, forbidden=forbidden)

    # === KEYS === #

    def create(self, key_id: str) -> Secret:
        path = self._path(key_id)
        with store_errors(key_id):
            if not path.exists():
                with self._mutation():
                    if self._tombstones.contains(key_id):
                        raise KeyDestroyed(key_id)
                    data = keyfile.encode(key_id, Secret(secrets.token_bytes(KEY_BYTES)))
                    publish(path, data, temporary_name(self._keys))
        return self.read(key_id)

    def read(self, key_id: str) -> Secret:
        path = self._path(key_id)
        with store_errors(key_id):
            if self._tombstones.contains(key_id):
                raise KeyDestroyed(key_id)
            try:
                with private_file(path, os.O_RDONLY, "its file") as fd:
                    data = read_all(fd)
            except FileNotFoundError:
                data = None
            if data is None:
                self._check_directories()
                if self._tombstones.contains(key_id):  # destroyed between the two looks
                    raise KeyDestroyed(key_id)
                raise KeyMissing(key_id)
            return keyfile.decode(data, key_id)

    def destroy(self, key_id: str, reason: str) -> bool:
        path = self._path(key_id)
        with store_errors(key_id), self._mutation():
            lived = self._overwrite(path)
            try:
                self._bury(key_id, reason)
            except KeyStoreError as error:
                done = "the key is erased, but" if path.exists() else "there was no key to erase, and"
                reason = f"{done} its tombstone is not written yet ({error.reason}); repeat"
                raise KeyStoreError(reason, key_id) from None
            self._unlink(path)
            return lived

    def exists(self, key_id: str) -> bool:
        path = self._path(key_id)
        with store_errors(key_id):
            if self._tombstones.contains(key_id):
                return False
            try:
                os.lstat(path)
            except FileNotFoundError:
                self._check_directories()
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

    # === UPKEEP === #

    def check(self) -> None:
        """Verify place, permissions, marker, ledgers and every key file, and that the store can be written.

        :raises KeyStoreUnsafe: it lies or is open where it must not
        :raises KeyStoreError: damaged, read-only, or holding unfinished destructions that could not be finished
        """
        with store_errors(None):
            self._check_directories()
            if self._read_marker() != self.store_id:
                raise KeyStoreError("it was exchanged for another key store while in use")
            self._tombstones.check()
            self.subjects.check()
            self.recover()
            for key_id, _path in self._files():
                with suppress(KeyMissing, KeyDestroyed):  # went away while we were looking
                    self.read(key_id)
            probe = temporary_name(self._keys)
            with self._mutation():
                publish(probe.with_suffix(".probe"), b"probe", probe)
                os.unlink(probe.with_suffix(".probe"))

    def recover(self) -> int:
        """Finish what killed processes left: bury dead keys, remove buried ones (also such as came back with a restored
        copy of the store), drop unpublished temporary files.

        :returns: how many files were dealt with
        """
        with store_errors(None):
            if not any(self._leftovers()):
                return 0
            with self._mutation():  # under the lock nobody is working: every leftover is an orphan
                found = list(self._leftovers())
                for path, key_id in found:
                    if key_id:
                        self._overwrite(path)
                        self._bury(key_id, "interrupted")
                    self._unlink(path)
                return len(found)

    def _leftovers(self) -> Iterator[tuple[Path, str | None]]:
        for name in os.listdir(self._keys):
            if name.startswith(TEMPORARY):
                yield self._keys / name, None
        for key_id, path in self._files():
            try:
                with opened(path, os.O_RDONLY, "its file") as fd:
                    dead = keyfile.is_dead(read_all(fd))
            except (FileNotFoundError, KeyStoreUnsafe):
                dead = False
            if dead or self._tombstones.contains(key_id):
                yield path, key_id

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

    def _bury(self, key_id: str, reason: str) -> None:
        self._tombstones.append(key_id, datetime.now(UTC).date(), reason)

    def _unlink(self, path: Path) -> None:
        with suppress(FileNotFoundError):
            os.unlink(path)
        sync_directory(self._keys)

    def _path(self, key_id: str) -> Path:
        parse_key_id(key_id)
        return self._keys / (key_id.replace("/", "~") + _SUFFIX)

    def _files(self) -> Iterator[tuple[str, Path]]:
        for name in os.listdir(self._keys):
            key_id = name.removesuffix(_SUFFIX).replace("~", "/")
            with suppress(InvalidName):
                if name.endswith(_SUFFIX) and parse_key_id(key_id):
                    yield key_id, self._keys / name

    def _check_directories(self) -> None:
        check_placement(self._root, self._forbidden)
        with store_errors(None):
            try:
                check_private(os.lstat(self._root), "its directory")
                check_private(os.lstat(self._keys), "its keys directory")
            except FileNotFoundError:
                raise KeyStoreError(
                    "its directory is not there or holds no key store; mount its volume, or initialise a new store"
                ) from None

    def _read_marker(self) -> str:
        with store_errors(None):
            try:
                with private_file(self._root / _MARKER, os.O_RDONLY, _MARKER) as fd:
                    marker = json.loads(read_all(fd))
                if marker["format"] == "pii-key-store" and marker["v"] == 1:
                    return str(UUID(marker["id"]))
            except FileNotFoundError:
                raise KeyStoreError("the directory is not a key store; initialise it first") from None
            except (ValueError, TypeError, KeyError, AttributeError):
                pass
            raise KeyStoreError(f"{_MARKER} is damaged or of an unknown version")

    @contextmanager
    def _mutation(self) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                fd = stack.enter_context(private_file(self._root / _LOCK, os.O_RDWR, "its lock"))
            except FileNotFoundError:
                self._check_directories()
                raise KeyStoreError("its lock is gone; initialise the store again, existing keys are kept") from None
            stack.enter_context(locked(fd, self._lock_seconds))
            yield
