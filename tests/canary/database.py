"""Through SQL: every value of every table, detoasted and decompressed by PostgreSQL itself."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from .containers import kind

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from .places import Scanner

_FLUSH = 1 << 22
_OPEN_FROM = 256  # bytes of a text that is looked into on its own (a mail, a document), not with its neighbours
_HEADER = 19

# Types that cannot carry a value of a person: true/false, dates, and the identifiers of PostgreSQL.
_PLAIN = (
    "('bool', 'date', 'time', 'timetz', 'timestamp', 'timestamptz', 'interval',"
    " 'int2', 'int4', 'oid', 'xid', 'xid8', 'cid', 'tid', 'pg_lsn')"
)

_COLUMNS = f"""
    SELECT n.nspname, c.relname, a.attname, t.typname, c.relkind
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid
     WHERE (c.relkind IN ('r', 'm') OR c.relname IN ('pg_stat_activity', 'pg_stat_statements'))
       AND n.nspname <> 'pg_toast' AND c.relname <> 'pg_largeobject' AND t.typname NOT IN {_PLAIN}
     ORDER BY n.nspname, c.relname, a.attnum
"""


def scan_database(scanner: Scanner, dsn: str, place: str) -> None:
    """Read every table, materialized view and system catalogue (``pg_statistic``, comments, definitions), what the
    server remembers of statements, and all large objects; the places are ``place/schema.table.column``.

    :param dsn: libpq connection string of a superuser or of the owner
    :raises psycopg2.OperationalError: no connection
    """
    import psycopg2

    with closing(psycopg2.connect(dsn, application_name="canary-scan", client_encoding="UTF8")) as connection:
        connection.set_session(readonly=True, autocommit=True)
        tables: dict[tuple[str, str], list[tuple[str, str]]] = {}
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0; SET extra_float_digits = 3; SET bytea_output = 'hex'")
            cursor.execute(_COLUMNS)
            for schema, table, column, kind_, _relkind in cursor.fetchall():
                tables.setdefault((schema, table), []).append((column, kind_))
        for (schema, table), columns in tables.items():
            _table(scanner, connection, schema, table, columns, place)
        _large_objects(scanner, connection, place)


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(scanner: Scanner, connection: Connection, schema: str, table: str, columns: list, place: str) -> None:
    import psycopg2

    prefix = scanner.redact(f"{place}/{schema}.{table}")
    names = [name for name, _type in columns]
    wanted = ", ".join(_quote(name) if type_ == "bytea" else f"{_quote(name)}::text" for name, type_ in columns)
    sink = _Sink(scanner, [f"{prefix}.{name}" for name in names], [type_ == "bytea" for _name, type_ in columns])
    scanner.report.places += len(columns)
    try:
        with connection.cursor() as cursor:
            # Binary: no escapes to undo, and bytea as it is.
            cursor.copy_expert(
                f"COPY (SELECT {wanted} FROM {_quote(schema)}.{_quote(table)}) TO STDOUT (FORMAT binary)", sink
            )
    except psycopg2.Error as error:
        scanner.report.skip(prefix, f"cannot be read: {type(error).__name__} {error.pgcode or ''}".strip())
    sink.close()


class _Sink:
    """Takes PostgreSQL's binary COPY stream and hands the values to the scanner, column by column."""

    def __init__(self, scanner: Scanner, places: list[str], binary: list[bool]) -> None:
        self._scanner, self._places, self._binary = scanner, places, binary
        self._buffers = [bytearray() for _ in places]
        self._rest = b""
        self._rows = self._parse()
        next(self._rows)

    def write(self, data: bytes) -> int:
        """Called by psycopg2 with one row or a part of the stream."""
        self._rows.send(data)
        return len(data)

    def close(self) -> None:
        """Search what is still buffered."""
        for index in range(len(self._places)):
            self._flush(index)

    def _parse(self) -> Iterator[None]:
        data = bytearray()

        def missing(count: int) -> bool:
            return len(data) < count

        while missing(_HEADER):
            data += yield
        del data[:_HEADER]
        while True:
            while missing(2):
                data += yield
            (fields,) = struct.unpack_from(">h", data)
            position = 2
            for index in range(max(fields, 0)):
                while missing(position + 4):
                    data += yield
                (length,) = struct.unpack_from(">i", data, position)
                position += 4
                if length > 0:
                    while missing(position + length):
                        data += yield
                    self._value(index, bytes(data[position : position + length]))
                    position += length
            del data[:position]

    def _value(self, index: int, value: bytes) -> None:
        if len(value) >= _OPEN_FROM or (self._binary[index] and kind(value)):
            self._scanner.scan_blob(value, self._places[index])
            return
        buffer = self._buffers[index]
        buffer += value + b"\n"
        if len(buffer) >= _FLUSH:
            self._flush(index)

    def _flush(self, index: int) -> None:
        if self._buffers[index]:
            self._scanner.scan_blob(bytes(self._buffers[index]), self._places[index])
            self._buffers[index] = bytearray()


def _large_objects(scanner: Scanner, connection: Connection, place: str) -> None:
    import psycopg2

    with connection.cursor() as cursor:
        cursor.execute("SELECT oid FROM pg_largeobject_metadata ORDER BY oid")
        for (oid,) in cursor.fetchall():
            label = f"{place}/large object {oid}"
            try:
                cursor.execute("SELECT lo_get(%s)", (oid,))
                scanner.scan_bytes(bytes(cursor.fetchone()[0]), label)
            except psycopg2.Error as error:
                scanner.report.skip(label, f"cannot be read: {type(error).__name__} {error.pgcode or ''}".strip())
