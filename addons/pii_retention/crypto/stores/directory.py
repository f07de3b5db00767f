"""The directory of the file store: its layout, its marker, its lock, and who may reach it."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from ..errors import KeyStoreError, KeyStoreUnsafe
from ..ledger import Ledger
from ..placement import check_placement
from ..posix import (
    TEMPORARY,
    check_private,
    locked,
    private_file,
    publish,
    read_all,
    store_errors,
    sync_directory,
    temporary_name,
)
from . import keyfile

MARKER, KEYS, LOCK, TOMBSTONES, SUBJECTS = "keystore.json", "keys", "lock", "tombstones.jsonl", "subjects.jsonl"
REVOKED, ANCHORS, OPERATIONS = "revoked.jsonl", "anchors", "operations.jsonl"
_OWN = {MARKER, KEYS, LOCK, TOMBSTONES, SUBJECTS, REVOKED, ANCHORS, OPERATIONS}


class StoreDirectory:
    """A directory that holds, or shall hold, a key store.

    :param forbidden: directories in which no key may lie
    :param lock_seconds: how long to wait for another process
    """

    def __init__(
        self, path: str | os.PathLike[str], forbidden: Sequence[str | os.PathLike[str]], lock_seconds: float
    ) -> None:
        self.root = Path(os.path.realpath(path))
        self.keys = self.root / KEYS
        self._forbidden = tuple(os.fspath(entry) for entry in forbidden)
        self._lock_seconds = lock_seconds

    def make(self) -> bool:
        """Make what is missing; True if the store was not there before.

        :raises KeyStoreUnsafe: a forbidden place, loose permissions, or a directory that holds anything else
        """
        root = self.root
        check_placement(root, self._forbidden)
        with store_errors(None):
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            check_private(os.lstat(root), "its directory")
            foreign = [name for name in os.listdir(root) if name not in _OWN and not name.startswith(TEMPORARY)]
            if foreign:
                raise KeyStoreUnsafe("its directory already holds other files; give it a directory of its own")
            self.keys.mkdir(mode=0o700, exist_ok=True)
            publish(root / LOCK, b"", temporary_name(root))
            Ledger.create(root / TOMBSTONES)
            Ledger.create(root / SUBJECTS)
            Ledger.create(root / REVOKED)
            marker = {"format": "pii-key-store", "v": 1, "id": str(uuid4()), "created": keyfile.now()}
            made = publish(root / MARKER, json.dumps(marker).encode("ascii") + b"\n", temporary_name(root))
            sync_directory(root.parent)
        return made

    def check(self) -> None:
        """Verify place, owner and permissions.

        :raises KeyStoreUnsafe: it lies or is open where it must not
        :raises KeyStoreError: it is not there
        """
        check_placement(self.root, self._forbidden)
        with store_errors(None):
            try:
                check_private(os.lstat(self.root), "its directory")
                check_private(os.lstat(self.keys), "its keys directory")
            except FileNotFoundError:
                raise KeyStoreError(
                    "its directory is not there or holds no key store; mount its volume, or initialise a new store"
                ) from None

    def read_marker(self) -> str:
        """The id of the store.

        :raises KeyStoreError: not a key store, or damaged
        """
        with store_errors(None):
            try:
                with private_file(self.root / MARKER, os.O_RDONLY, MARKER) as fd:
                    marker = json.loads(read_all(fd))
                if marker["format"] == "pii-key-store" and marker["v"] == 1:
                    return str(UUID(marker["id"]))
            except FileNotFoundError:
                raise KeyStoreError("the directory is not a key store; initialise it first") from None
            except (ValueError, TypeError, KeyError, AttributeError):
                pass
            raise KeyStoreError(f"{MARKER} is damaged or of an unknown version")

    @contextmanager
    def mutation(self) -> Iterator[None]:
        """Hold the lock of the store: one process at a time creates, destroys or re-wraps."""
        with ExitStack() as stack:
            try:
                fd = stack.enter_context(private_file(self.root / LOCK, os.O_RDWR, "its lock"))
            except FileNotFoundError:
                self.check()
                raise KeyStoreError("its lock is gone; initialise the store again, existing keys are kept") from None
            stack.enter_context(locked(fd, self._lock_seconds))
            yield
