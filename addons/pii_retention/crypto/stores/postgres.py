"""Keys in a PostgreSQL database of their own, for several Odoo nodes.

*A database of its own*: another one than Odoo's (refused), best in another cluster, whose backups are not Odoo's. Keys
are always wrapped: what a statement carries may end in the server's log, and what a table held in its WAL.

*Create* inserts under a lock on the id: the first of several processes wins. *Destroy* overwrites the row, deletes it
and buries the id in one transaction; then the table is written anew (``VACUUM FULL``), because a deleted row stays in
the table's file. WAL segments keep old rows until they are recycled, archived ones for ever: an archive of the key
database must not outlive 72 hours. Replicas follow by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from ..errors import KeyDestroyed, KeyMissing, KeyStoreError, KeyStoreUnsafe
from ..keyids import in_scope, parse_key_id
from ..ledger import check_entry
from ..operations import CREATE, DESTROY, DONE, INITIALISE, READ, TIDY
from ..secret import Secret
from ..wrapping.base import Wrapping
from . import pgrows
from .base import KeyEntry
from .common import CommonStore
from .keyfile import decode
from .pgconnection import DatabaseIdentity, PgConnection
from .pgregisters import PgAnchors, PgLedger, PgOperationLog


class PostgresKeyStore(CommonStore):
    """A :class:`~.base.KeyStore` in a PostgreSQL database.

    :param dsn: libpq connection string or URL of the key database
    :param wrapping: the master key; there has to be one
    :param apart_from: databases that must not be this one: Odoo's
    :param store_id: the id the caller expects (None: any)
    :param actor: tells who is at work, for the log of operations
    :raises KeyStoreUnsafe: one of ``apart_from``, no master key, or a network connection without verified TLS
    :raises KeyStoreError: not a key store, another one than expected, or out of reach
    """

    exists_is_cheap = False

    def __init__(
        self,
        dsn: str,
        *,
        wrapping: Wrapping,
        apart_from: Sequence[DatabaseIdentity] = (),
        store_id: str | None = None,
        actor: Callable[[], str] | None = None,
    ) -> None:
        super().__init__(wrapping, actor)
        self._connection = PgConnection(dsn)
        self._apart_from = tuple(apart_from)
        self._check_place()
        self.store_id = self._connection.run(pgrows.read_marker)
        # stores made by earlier releases lack a register
        self._connection.run(pgrows.complete)
        if store_id is not None and store_id != self.store_id:
            raise KeyStoreError("this is another key store than the one this database was set up with")
        self._tombstones = PgLedger(self._connection, "tombstone")
        self.subjects = PgLedger(self._connection, "subject")
        self.revoked = PgLedger(self._connection, "revoked")
        self.anchors = PgAnchors(self._connection)
        self._log = PgOperationLog(self._connection)

    def __repr__(self) -> str:
        return f"PostgresKeyStore({self._connection!r})"

    @classmethod
    def initialise(
        cls,
        dsn: str,
        *,
        wrapping: Wrapping,
        apart_from: Sequence[DatabaseIdentity] = (),
        actor: Callable[[], str] | None = None,
    ) -> PostgresKeyStore:
        """Make the tables in an existing database, or complete and open what is there; any number of nodes at once."""

        maker = cls.__new__(cls)
        CommonStore.__init__(maker, wrapping, None)
        maker._connection, maker._apart_from = PgConnection(dsn), tuple(apart_from)
        maker._check_place()
        made = maker._connection.run(pgrows.make)
        store = cls(dsn, wrapping=wrapping, apart_from=apart_from, actor=actor)
        if made:
            store._note(INITIALISE, "", DONE, store.store_id)
        return store

    def identity(self) -> DatabaseIdentity:
        """Which database of which cluster this is."""

        return self._connection.run(pgrows.identity)

    # === KEYS === #

    def create(self, key_id: str) -> Secret:
        parse_key_id(key_id)
        with self._logged(CREATE, key_id):
            if self._load(key_id) is None:
                data = self._new(key_id)
                line = self._line(CREATE, key_id, DONE, decode(data, key_id).wrapped.label)

                def work(cursor):
                    pgrows.lock(cursor, key_id)
                    if pgrows.is_buried(cursor, key_id):
                        raise KeyDestroyed(key_id)
                    cursor.execute(
                        "INSERT INTO pii_keys.key (key_id, record) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                        (key_id, data),
                    )
                    if cursor.rowcount:
                        self._log.write(cursor, line)

                self._connection.run(work)
        return self.read(key_id)  # what is stored opens: known before anything is sealed with it

    def read(self, key_id: str) -> Secret:
        parse_key_id(key_id)
        with self._logged(READ, key_id):
            data = self._load(key_id)
            if data is None:
                raise KeyMissing(key_id)
            return self._open(data, key_id)

    def destroy(self, key_id: str, reason: str) -> bool:
        parse_key_id(key_id)
        check_entry(key_id, reason)
        line = self._line(DESTROY, key_id, DONE, reason)

        def work(cursor):
            pgrows.lock(cursor, key_id)
            # in place where the row allows it; VACUUM FULL does the rest
            cursor.execute(
                "UPDATE pii_keys.key SET record = decode(repeat('00', octet_length(record)), 'hex') WHERE key_id = %s",
                (key_id,),
            )
            cursor.execute("DELETE FROM pii_keys.key WHERE key_id = %s", (key_id,))
            lived = cursor.rowcount == 1
            cursor.execute(
                "INSERT INTO pii_keys.tombstone (id, day, reason) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (key_id, datetime.now(UTC).date(), reason),
            )
            if lived or cursor.rowcount:
                self._log.write(cursor, line)
            if lived:
                pgrows.note_remains(cursor)
            return lived

        with self._logged(DESTROY, key_id):
            lived = self._connection.run(work)
        if lived:
            with suppress(KeyStoreError):  # the key is gone; check() reports and repeats what stays undone
                self.tidy()
        return lived

    def exists(self, key_id: str) -> bool:
        parse_key_id(key_id)
        with self._logged(READ, key_id), suppress(KeyDestroyed):
            return self._load(key_id) is not None
        return False

    def destroyed(self, key_id: str) -> bool:
        parse_key_id(key_id)
        return self._tombstones.contains(key_id)

    def newest(self, key_id: str) -> str:
        parsed = parse_key_id(key_id)
        first = str(type(parsed)(parsed.kind, parsed.domain, parsed.bucket))

        def work(cursor):
            # "0" follows "/" in ASCII, and the columns are compared by bytes
            cursor.execute(
                "SELECT key_id FROM pii_keys.key WHERE key_id > %(low)s AND key_id < %(high)s "
                "UNION SELECT id FROM pii_keys.tombstone WHERE id > %(low)s AND id < %(high)s",
                {"low": f"{first}/", "high": f"{first}0"},
            )
            return {row[0] for row in cursor.fetchall()}

        used, newest = self._connection.run(work), parse_key_id(first)
        while str(newest.next()) in used:
            newest = newest.next()
        return str(newest)

    def list(self, prefix: str = "") -> list[str]:
        return [key_id for key_id, _record in self._rows(prefix)]

    def entries(self, prefix: str = "") -> Sequence[KeyEntry]:
        return [self._entry(key_id, record) for key_id, record in self._rows(prefix)]

    # === UPKEEP === #

    def tidy(self) -> None:
        """Write the table anew if rows were destroyed or exchanged, so that its file forgets them."""

        with self._logged(TIDY, ""):
            if self._connection.run(pgrows.has_remains):
                # cleared first: what is destroyed meanwhile sets it again
                self._connection.run(pgrows.clear_remains)
                try:
                    self._connection.run(pgrows.vacuum, autocommit=True)
                except KeyStoreError:
                    with suppress(KeyStoreError):
                        self._connection.run(pgrows.note_remains)
                    raise

    def check(self) -> None:
        """Verify place, access rights, every key, and that the store can be written.

        :raises KeyStoreUnsafe: in Odoo's database, or open to other roles
        :raises KeyStoreError: damaged, read-only, or out of reach
        """
        self.check_parts()
        self.wrapping.check()
        for key_id in self.list():
            with suppress(KeyMissing, KeyDestroyed):  # went away while we were looking
                self.read(key_id)

    def check_parts(self) -> None:
        self._check_place()
        if self._connection.run(pgrows.read_marker) != self.store_id:
            raise KeyStoreError("it was exchanged for another key store while in use")
        if self._connection.run(pgrows.foreign_grants):
            raise KeyStoreUnsafe("other roles were given rights on its tables; revoke them: the owner alone needs any")
        self._connection.run(pgrows.bury_restored)
        self.tidy()

    # === INSIDE === #

    def _load(self, key_id: str) -> bytes | None:
        def work(cursor):
            cursor.execute(
                "SELECT EXISTS (SELECT 1 FROM pii_keys.tombstone WHERE id = %(id)s), "
                "(SELECT record FROM pii_keys.key WHERE key_id = %(id)s)",
                {"id": key_id},
            )
            return cursor.fetchone()

        dead, record = self._connection.run(work)
        if dead:
            raise KeyDestroyed(key_id)
        return None if record is None else bytes(record)

    def _exchange(self, key_id: str, before: bytes, after: bytes) -> bool:
        def work(cursor):
            pgrows.lock(cursor, key_id)
            cursor.execute(
                "UPDATE pii_keys.key SET record = %s WHERE key_id = %s AND record = %s", (after, key_id, before)
            )
            if cursor.rowcount:
                pgrows.note_remains(cursor)
                return True
            return False

        return self._connection.run(work)

    def _rows(self, prefix: str) -> list[tuple[str, bytes]]:
        def work(cursor):
            cursor.execute(
                "SELECT key_id, record FROM pii_keys.key AS k WHERE starts_with(key_id, %s) AND NOT EXISTS "
                "(SELECT 1 FROM pii_keys.tombstone AS t WHERE t.id = k.key_id) ORDER BY key_id",
                (prefix.rstrip("/"),),
            )
            return [(key_id, bytes(record)) for key_id, record in cursor.fetchall()]

        return [row for row in self._connection.run(work) if in_scope(row[0], prefix)]

    def _check_place(self) -> None:
        if not self.wrapping.protects:
            raise KeyStoreUnsafe("keys in a database have to be wrapped: configure a master key")
        if self._apart_from and self.identity() in self._apart_from:
            raise KeyStoreUnsafe("it must not live in Odoo's own database: dumps of the data would hold keys")
