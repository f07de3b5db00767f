"""Everything the sandbox keeps, in one place that operations and the control API share."""

from __future__ import annotations

from .accounts import Accounts
from .clock import Clock
from .db import Database
from .faults import Faults
from .journal import Journal
from .notifications import Notifications
from .operations import Registry
from .orders import Orders
from .throttle import Throttle


class World:
    """The state file and the parts that read and write it. Used from one thread."""

    def __init__(self, path: str, seed: int) -> None:
        self.db = Database(path)
        self.accounts = Accounts(self.db)
        self.notifications = Notifications(self.db)
        self.orders = Orders(self.db, self.notifications.note)
        self.throttle = Throttle(self.db)
        self.faults = Faults(self.db)
        self.journal = Journal(self.db)
        self.registry = Registry()
        self.clock = Clock()
        with self.db.transaction():
            if not self.db.get("seed"):
                self._begin(seed)
            self.clock.offset = int(self.db.get("offset", "0"))

    def _begin(self, seed: int) -> None:
        self.db.put("seed", seed)
        self.db.put("offset", 0)
        self.clock.offset = 0
        self.accounts.seed()
        self.db.signing_key()

    @property
    def seed(self) -> int:
        """The seed of orders that are generated without one."""
        return int(self.db.get("seed"))

    def reset(self, seed: int | None = None) -> None:
        """Wipe everything to the defaults; page tokens and access tokens of before are worth nothing."""
        with self.db.transaction():
            kept = self.seed if seed is None else seed
            self.db.wipe()
            self._begin(kept)

    def set_time(self, instant: int) -> None:
        """Move the clock (ms); the offset survives a restart."""
        with self.db.transaction():
            self.clock.set(instant)
            self.db.put("offset", self.clock.offset)

    def live(self, limit: int = -1) -> int:
        """Let up to `limit` orders whose time has come move on; returns how many changed."""
        now = self.clock.now()
        if self.db.row("SELECT 1 FROM orders WHERE due <= ? LIMIT 1", now) is None:
            return 0
        with self.db.transaction():
            return self.orders.advance(now, limit)

    def close(self) -> None:
        """Close the state file."""
        self.db.close()
