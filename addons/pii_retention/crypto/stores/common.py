"""What all stores have in common: keys go in and out wrapped, and every operation leaves a line in the log."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ..errors import KeyStoreError, KeyUnavailable
from ..keyids import parse_key_id
from ..operations import DONE, FAILED, REWRAP, Operation, OperationLog, Quietly, printable
from ..secret import KEY_BYTES, Secret
from ..wrapping.base import Wrapping
from .base import KeyEntry
from .keyfile import KeyRecord, decode, encode, now


class CommonStore(ABC):
    """Base of the stores: subclasses say how rows or files are read and written.

    :param wrapping: the master key; default: none
    :param actor: tells who is at work, for the log: a short text without personal data
    """

    wrapping: Wrapping
    _log: OperationLog

    def __init__(self, wrapping: Wrapping | None, actor: Callable[[], str] | None) -> None:
        self.wrapping = wrapping or Wrapping()
        self._actor = actor or (lambda: "")
        self._quietly = Quietly()

    # === TO BE WRITTEN BY EACH STORE === #

    @abstractmethod
    def exists(self, key_id: str) -> bool:
        """Whether the key lives."""

    @abstractmethod
    def destroyed(self, key_id: str) -> bool:
        """Whether the id is buried."""

    @abstractmethod
    def _load(self, key_id: str) -> bytes | None:
        """What is stored for a key, None if nothing is; raises :class:`KeyDestroyed` if it is buried."""

    @abstractmethod
    def _exchange(self, key_id: str, before: bytes, after: bytes) -> bool:
        """Replace what is stored for a key, if it still is ``before`` (and not buried); True if it was."""

    # === WRAPPED KEYS === #

    def _new(self, key_id: str) -> bytes:
        """What to store for a new random key. Asks the master key's service, hence never called under a lock."""
        return encode(key_id, self.wrapping.wrap(key_id, Secret(secrets.token_bytes(KEY_BYTES))))

    def _open(self, data: bytes, key_id: str) -> Secret:
        return self.wrapping.unwrap(key_id, decode(data, key_id).wrapped)

    def rewrap(self, key_id: str, label: str | None = None) -> bool:
        """Wrap a key with the current master key. The key itself stays the same, and so does all that it sealed.

        :param label: what the master key's label is now (:meth:`Wrapping.current_label`), if it was asked already
        :returns: False if there was nothing to do: wrapped already, destroyed, or another process was faster
        :raises KeyStoreError: the key cannot be opened or wrapped, or the store not be written; it is as it was
        """
        parse_key_id(key_id)
        with self._logged(REWRAP, key_id), suppress(KeyUnavailable):
            label = label or self.wrapping.current_label()
            data = self._load(key_id)
            if data is None:
                return False
            record = decode(data, key_id)
            if record.wrapped.label == label:
                return False
            secret = self.wrapping.unwrap(key_id, record.wrapped)
            wrapped = self.wrapping.wrap(key_id, secret)
            if self.wrapping.unwrap(key_id, wrapped) != secret:
                raise KeyStoreError("the new master key does not give the key back; nothing was changed")
            if self._exchange(key_id, data, encode(key_id, wrapped, record.created)):
                self._note(REWRAP, key_id, DONE, f"{record.wrapped.label} -> {wrapped.label}")
                return True
        return False

    def newest(self, key_id: str) -> str:
        """The newest generation of the bucket that lives or was buried; the first one if there is none."""
        parsed = parse_key_id(key_id)
        newest = following = type(parsed)(parsed.kind, parsed.domain, parsed.bucket)
        while True:
            following = following.next()
            if not self.exists(str(following)) and not self.destroyed(str(following)):
                return str(newest)
            newest = following

    @staticmethod
    def _entry(key_id: str, data: bytes) -> KeyEntry:
        """What can be told about a key without opening it."""
        try:
            record: KeyRecord = decode(data, key_id)
        except KeyStoreError as error:
            return KeyEntry(key_id, "", "", error.reason)
        return KeyEntry(key_id, record.created, record.wrapped.label)

    # === LOG === #

    def operations(self, count: int) -> list[Operation]:
        """The newest ``count`` lines of the log, newest first."""
        return list(self._log.last(count))

    def _line(self, operation: str, key_id: str, outcome: str, detail: str) -> Operation:
        try:
            actor = self._actor()
        except Exception:  # whoever describes the caller must not keep a key from being destroyed
            actor = "unknown"
        return Operation(now(), operation, key_id, outcome, printable(detail), printable(actor))

    def _note(self, operation: str, key_id: str, outcome: str, detail: str) -> None:
        """Log without insisting: what was done is done, and a failure is reported anyway."""
        with suppress(KeyStoreError):
            self._log.append(self._line(operation, key_id, outcome, detail))

    @contextmanager
    def _logged(self, operation: str, key_id: str) -> Iterator[None]:
        """Name the key in errors of the store and log them; a key that is merely missing or destroyed is no failure."""
        try:
            yield
        except KeyStoreError as error:
            if key_id and not error.key_id:
                error = type(error)(error.reason, key_id)
            if not self._quietly.again(operation, key_id, error.reason):
                self._note(operation, key_id, FAILED, error.reason)
            raise error from None
