"""Looking after a file store: verifying it, and finishing what killed processes left behind."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..errors import KeyDestroyed, KeyMissing, KeyStoreError, KeyStoreUnsafe
from ..posix import TEMPORARY, opened, publish, read_all, store_errors, temporary_name
from . import keyfile


class FileUpkeep:
    """The part of :class:`~.file.FileKeyStore` that checks and cleans up."""

    def check(self) -> None:
        """Verify place, permissions, marker, ledgers, the master key and every key, and that the store can be written.

        :raises KeyStoreUnsafe: it lies or is open where it must not
        :raises KeyStoreError: damaged, read-only, or holding unfinished destructions that could not be finished
        """
        self.check_parts()
        self.wrapping.check()
        with store_errors(None):
            for key_id, _path in self._files():
                with suppress(KeyMissing, KeyDestroyed):  # went away while we were looking
                    self.read(key_id)

    def check_parts(self) -> None:
        with store_errors(None):
            self._directory.check()
            if self._directory.read_marker() != self.store_id:
                raise KeyStoreError("it was exchanged for another key store while in use")
            self._tombstones.check()
            self.subjects.check()
            self.revoked.check()
            self.recover()
            probe = temporary_name(self._keys)
            with self._directory.mutation():
                publish(probe.with_suffix(".probe"), b"probe", probe)
                os.unlink(probe.with_suffix(".probe"))

    def identity(self) -> None:
        return None

    def tidy(self) -> None:
        self.recover()

    def recover(self) -> int:
        """Finish what killed processes left: bury dead keys, remove buried ones (also such as came back with a restored
        copy of the store), drop unpublished temporary files.

        :returns: how many files were dealt with
        """
        with store_errors(None):
            if not any(self._leftovers()):
                return 0
            with self._directory.mutation():  # under the lock nobody is working: every leftover is an orphan
                found = list(self._leftovers())
                for path, key_id in found:
                    if key_id or os.lstat(path).st_nlink == 1:  # a second link is the key's own name: killed in publish
                        self._overwrite(path)
                    if key_id:
                        self._bury(key_id, "interrupted")
                    self._unlink(path)
                return len(found)

    def _leftovers(self) -> Iterator[tuple[Path, str | None]]:
        for name in self._names():
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
