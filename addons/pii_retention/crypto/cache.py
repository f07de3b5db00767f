"""Keys kept in the memory of one process for a short while."""

import time
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple, NoReturn

from .secret import Secret

_MAX_KEYS = 1024


class CachedKey(NamedTuple):
    """A stored key, its check value (8 bytes), and when it was read (seconds of the cache's clock)."""

    secret: Secret
    check: bytes
    read_at: float


class KeyCache:
    """At most 1024 keys, none older than ``ttl`` seconds.

    :param clock: seconds that only grow
    """

    def __init__(self, ttl: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl = ttl
        self._clock = clock
        self._lock = Lock()
        self._keys: dict[str, CachedKey] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A cache of keys is not copied, pickled or sent to another process.")

    def now(self) -> float:
        return self._clock()

    def get(self, key_id: str) -> CachedKey | None:
        """The key, unless it is older than the time to live."""
        with self._lock:
            found = self._keys.get(key_id)
            if found and not 0 <= self._clock() - found.read_at < self._ttl:
                found = self._keys.pop(key_id) and None
            return found

    def put(self, key_id: str, secret: Secret, check: bytes, read_at: float) -> CachedKey:
        """Keep a key.

        :param read_at: the clock *before* the store was asked, so that the time to live covers the reading too
        """
        entry = CachedKey(secret, check, read_at)
        with self._lock:
            if len(self._keys) >= _MAX_KEYS:
                self._keys.clear()
            self._keys[key_id] = entry
        return entry

    def drop(self, key_id: str | None = None) -> None:
        """Forget one key, or all."""
        with self._lock:
            if key_id is None:
                self._keys.clear()
            else:
                self._keys.pop(key_id, None)
