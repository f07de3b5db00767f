"""Tombstones, the log of operations and the anchors of the access log, as tables beside the keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple
from datetime import UTC, date

from ..anchors import Anchor, check_name, check_value
from ..errors import LedgerOutdated
from ..ledger import OUTDATED, Tombstone, check_entry, parse_mark
from ..operations import Operation
from .keyfile import now
from .pgconnection import PgConnection

_APPEND = {
    "tombstone": "INSERT INTO pii_keys.tombstone (id, day, reason) "
    "SELECT * FROM unnest(%s::text[], %s::date[], %s::text[]) ON CONFLICT DO NOTHING",
    "subject": "INSERT INTO pii_keys.subject (id, day, reason) "
    "SELECT * FROM unnest(%s::text[], %s::date[], %s::text[]) ON CONFLICT DO NOTHING",
    "revoked": "INSERT INTO pii_keys.revoked (id, day, reason) "
    "SELECT * FROM unnest(%s::text[], %s::date[], %s::text[]) ON CONFLICT DO NOTHING",
}
#: Rows of one statement, which the database has to end in time.
_AT_ONCE = 20_000
_CONTAINS = {
    "tombstone": "SELECT 1 FROM pii_keys.tombstone WHERE id = %s",
    "subject": "SELECT 1 FROM pii_keys.subject WHERE id = %s",
    "revoked": "SELECT 1 FROM pii_keys.revoked WHERE id = %s",
}
_ENTRIES = {
    "tombstone": "SELECT id, day, at, reason FROM pii_keys.tombstone ORDER BY position",
    "subject": "SELECT id, day, at, reason FROM pii_keys.subject ORDER BY position",
    "revoked": "SELECT id, day, at, reason FROM pii_keys.revoked ORDER BY position",
}
_BURIED = {
    "tombstone": "SELECT id FROM pii_keys.tombstone WHERE id = ANY(%s)",
    "subject": "SELECT id FROM pii_keys.subject WHERE id = ANY(%s)",
    "revoked": "SELECT id FROM pii_keys.revoked WHERE id = ANY(%s)",
}
_LAST = {
    "tombstone": "SELECT position, id FROM pii_keys.tombstone ORDER BY position DESC LIMIT 1",
    "subject": "SELECT position, id FROM pii_keys.subject ORDER BY position DESC LIMIT 1",
    "revoked": "SELECT position, id FROM pii_keys.revoked ORDER BY position DESC LIMIT 1",
}
# a row may become visible after a later one: what was written shortly before the mark is read again
_SINCE = {
    "tombstone": "SELECT id, day, at, reason, position FROM pii_keys.tombstone WHERE position > %s ORDER BY position",
    "subject": "SELECT id, day, at, reason, position FROM pii_keys.subject WHERE position > %s ORDER BY position",
    "revoked": "SELECT id, day, at, reason, position FROM pii_keys.revoked WHERE position > %s ORDER BY position",
}
_OVERLAP = 10_000


class PgLedger:
    """A :class:`~.base.Tombstones` in a table.

    :param table: ``tombstone``, ``subject`` or ``revoked``
    """

    def __init__(self, connection: PgConnection, table: str) -> None:
        self._connection = connection
        self._append, self._contains, self._entries = _APPEND[table], _CONTAINS[table], _ENTRIES[table]
        self._buried, self._last, self._since = _BURIED[table], _LAST[table], _SINCE[table]

    def append(self, entry_id: str, day: date, reason: str) -> bool:
        return self.append_many([(entry_id, day, reason)]) == 1

    def append_many(self, entries: Iterable[tuple[str, date, str]]) -> int:
        rows = list(entries)
        for entry_id, _day, reason in rows:
            check_entry(entry_id, reason)
        added = 0
        for start in range(0, len(rows), _AT_ONCE):
            columns = [list(column) for column in zip(*rows[start : start + _AT_ONCE], strict=True)]

            def work(cursor, columns=columns):
                cursor.execute(self._append, columns)
                return cursor.rowcount

            added += self._connection.run(work)
        return added

    def contains(self, entry_id: str) -> bool:
        def work(cursor):
            cursor.execute(self._contains, (entry_id,))
            return cursor.fetchone() is not None

        return self._connection.run(work)

    def entries(self) -> Iterator[Tombstone]:
        def work(cursor):
            cursor.execute(self._entries)
            return cursor.fetchall()

        for entry_id, day, at, reason in self._connection.run(work):
            yield Tombstone(entry_id, day.isoformat(), at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), reason)

    def buried(self, entry_ids: Iterable[str]) -> set[str]:
        wanted = list(entry_ids)

        def work(cursor):
            cursor.execute(self._buried, (wanted,))
            return {entry_id for (entry_id,) in cursor.fetchall()}

        return self._connection.run(work) if wanted else set()

    def mark(self) -> str:
        def work(cursor):
            cursor.execute(self._last)
            return cursor.fetchone() or (0, "")

        position, last = self._connection.run(work)
        return f"{position}:{last}"

    def since(self, mark: str) -> Iterator[Tombstone]:
        position, last = parse_mark(mark)

        def work(cursor):
            cursor.execute(self._since, (max(0, position - _OVERLAP),))
            return cursor.fetchall()

        rows = self._connection.run(work)
        if position and (position, last) not in {(row[4], row[0]) for row in rows}:
            raise LedgerOutdated(OUTDATED)
        for entry_id, day, at, reason, _position in rows:
            yield Tombstone(entry_id, day.isoformat(), at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), reason)


class PgOperationLog:
    """A :class:`~..operations.OperationLog` in a table."""

    def __init__(self, connection: PgConnection) -> None:
        self._connection = connection

    def append(self, operation: Operation) -> None:
        self._connection.run(lambda cursor: self.write(cursor, operation))

    @staticmethod
    def write(cursor, operation: Operation) -> None:
        """Add the line in a transaction that does other things too."""
        cursor.execute(
            "INSERT INTO pii_keys.operation (at, operation, key_id, outcome, detail, actor) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            astuple(operation),
        )

    def last(self, count: int) -> list[Operation]:
        def work(cursor):
            cursor.execute(
                "SELECT at, operation, key_id, outcome, detail, actor FROM pii_keys.operation "
                "ORDER BY position DESC LIMIT %s",
                (count,),
            )
            return [Operation(*row) for row in cursor.fetchall()]

        return self._connection.run(work)


class PgAnchors:
    """A :class:`~.base.Anchors` in two tables."""

    def __init__(self, connection: PgConnection) -> None:
        self._connection = connection

    def append(self, name: str, value: str) -> None:
        row = (check_name(name), now(), check_value(value))
        self._connection.run(
            lambda cursor: cursor.execute("INSERT INTO pii_keys.anchor (name, at, value) VALUES (%s, %s, %s)", row)
        )

    def entries(self, name: str) -> list[Anchor]:
        def work(cursor):
            cursor.execute("SELECT at, value FROM pii_keys.anchor WHERE name = %s ORDER BY position", (name,))
            return [Anchor(*row) for row in cursor.fetchall()]

        check_name(name)
        return self._connection.run(work)

    def names(self) -> list[str]:
        def work(cursor):
            cursor.execute("SELECT DISTINCT name FROM pii_keys.anchor ORDER BY name")
            return [name for (name,) in cursor.fetchall()]

        return self._connection.run(work)

    def advance(self, name: str, number: int, value: str, *, force: bool = False) -> None:
        def work(cursor):
            cursor.execute("SET LOCAL synchronous_commit = off")  # once per line of the log; it may lag, never lie
            cursor.execute(
                "INSERT INTO pii_keys.head AS h (name, number, value) VALUES (%s, %s, %s) "
                "ON CONFLICT (name) DO UPDATE SET number = excluded.number, value = excluded.value "
                "WHERE %s OR h.number <= excluded.number",
                (name, number, value, force),
            )

        check_name(name)
        check_value(value)
        self._connection.run(work)

    def furthest(self, name: str) -> tuple[int, str] | None:
        def work(cursor):
            cursor.execute("SELECT number, value FROM pii_keys.head WHERE name = %s", (name,))
            return cursor.fetchone()

        check_name(name)
        found = self._connection.run(work)
        return found and (int(found[0]), found[1])
