"""Replacing a master key: every key is wrapped again, nothing that was sealed is touched.

A run can be interrupted anywhere and started again: each key is exchanged as a whole, and what carries the current
label is passed over. Until the last key is done, the old master key has to stay configured among the previous ones.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import KeyStoreError, KeyStoreUnsafe, MasterKeyUnavailable
from .stores.base import KeyStore


@dataclass(slots=True)
class Rewrapping:
    """How far a run came.

    :param total: live keys in the store when the run began
    :param done: wrapped again by this run
    :param current: carried the current master key already, or were destroyed meanwhile
    :param left: not looked at: the time was up, or the master key's service stopped answering
    :param failed: key id → why it could not be wrapped again; it is as it was
    :param stopped: why the run ended early, empty if it did not
    """

    total: int = 0
    done: int = 0
    current: int = 0
    left: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    stopped: str = ""

    @property
    def finished(self) -> bool:
        """Whether every key carries the current master key, so that the old one may be taken away."""
        return not self.left and not self.failed and not self.stopped


def rewrap_all(
    store: KeyStore, *, seconds: float | None = None, progress: Callable[[Rewrapping], None] | None = None
) -> Rewrapping:
    """Wrap every key of ``store`` with the current master key.

    A damaged key does not keep the others from being wrapped; a service that does not answer ends the run.

    :param seconds: stop after so long; at least one key is done
    :param progress: called after each key
    :raises KeyStoreError: the store cannot be listed, or the current master key not be used
    """
    until = None if seconds is None else time.monotonic() + seconds
    label = store.wrapping.current_label()
    key_ids = [entry.key_id for entry in store.entries() if entry.label != label]
    run = Rewrapping(total=len(store.list()), left=len(key_ids))
    run.current = run.total - run.left
    try:
        for key_id in key_ids:
            try:
                if store.rewrap(key_id, label):
                    run.done += 1
                else:
                    run.current += 1
            except (MasterKeyUnavailable, KeyStoreUnsafe) as error:
                run.stopped = error.reason
                break
            except KeyStoreError as error:
                run.failed[key_id] = error.reason
            run.left -= 1
            if progress:
                progress(run)
            if until is not None and run.left and time.monotonic() > until:
                break
    finally:
        if run.done:
            store.tidy()
    return run
