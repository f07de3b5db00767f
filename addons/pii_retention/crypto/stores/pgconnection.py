"""The connection of one process to the key database: opened when needed, again when lost, never shared after a fork."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from threading import RLock
from typing import Any, NamedTuple, TypeVar

from ..errors import KeyStoreError, KeyStoreUnsafe

_T = TypeVar("_T")
_CONNECT_SECONDS = 10
_SETTINGS = {
    "statement_timeout": "20s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
    "search_path": "pg_catalog",
    "client_min_messages": "error",
    "synchronous_commit": "on",
}
_VERIFIED = ("verify-full", "verify-ca")
_FATAL = re.compile(r"FATAL: +([^\n]{1,200})")
_PROBLEMS = {
    "Connection refused": "nobody listens there",
    "No such file or directory": "nobody listens on its socket",
    "could not translate host name": "its host name is not known",
    "timeout expired": "it did not answer in time",
    "SSL": "TLS could not be established; check sslmode, sslrootcert and the server's certificate",
    "certificate": "its certificate is not trusted; check sslrootcert",
    "no password supplied": "it asks for a password and the DSN has none",
}


class DatabaseIdentity(NamedTuple):
    """One database of one PostgreSQL cluster, replicas of it included.

    :param cluster: ``system_identifier`` that initdb gave the cluster
    :param database: oid of the database in it
    """

    cluster: str
    database: int


#: Asks a database who it is; any role may. Also put to Odoo's own database, to tell the two apart.
IDENTITY = (
    "SELECT (SELECT system_identifier::text FROM pg_catalog.pg_control_system()), "
    "(SELECT oid::bigint FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
)


class PgConnection:
    """One connection per process, used by one thread at a time.

    :param dsn: libpq connection string or URL. A host elsewhere needs ``sslmode=verify-full`` (or ``verify-ca``)
    :raises KeyStoreError: psycopg2 is missing, or the DSN is malformed; it is never shown
    :raises KeyStoreUnsafe: another host without verified TLS
    """

    def __init__(self, dsn: str) -> None:
        try:
            import psycopg2  # noqa: PLC0415 - only who keeps keys in PostgreSQL needs it
            from psycopg2.extensions import parse_dsn  # noqa: PLC0415
        except ImportError:
            raise KeyStoreError("keys in PostgreSQL need psycopg2: pip install psycopg2-binary") from None
        self._library = psycopg2
        parameters: dict[str, str] | None = None
        try:
            parameters = parse_dsn(dsn)
        except psycopg2.Error:
            pass
        if not parameters or "dbname" not in parameters:
            # outside of the handler: libpq's message repeats the DSN, password included
            raise KeyStoreError("its DSN cannot be read; it should read postgresql://user@host:5432/database?sslmode=…")
        _check_transport(parameters)
        options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        self._parameters: dict[str, Any] = {
            "connect_timeout": _CONNECT_SECONDS,
            "keepalives_idle": 30,
            "tcp_user_timeout": 20_000,
            "application_name": "odoo key store",
            **parameters,
            "options": f"{parameters.get('options', '')} {options}".strip(),
        }
        self._mutex = RLock()
        self._connection: Any = None
        self._pid = 0
        self._inherited: list[Any] = []

    def __repr__(self) -> str:
        where = self._parameters.get("host", "local socket")
        return f"PostgreSQL database {self._parameters['dbname']!r} at {where}"

    def run(self, work: Callable[[Any], _T], *, autocommit: bool = False) -> _T:
        """Call ``work(cursor)`` in a transaction and return its result; once more if the connection was lost meanwhile.

        ``work`` therefore has to be repeatable: it may have been committed before the connection broke.

        :param autocommit: without a transaction (for ``VACUUM``)
        :raises KeyStoreError: the database cannot be reached or refused
        """
        with self._mutex:
            while True:
                fresh = self._connect()
                try:
                    self._connection.autocommit = autocommit
                    if autocommit:
                        with self._connection.cursor() as cursor:
                            return work(cursor)
                    with self._connection, self._connection.cursor() as cursor:
                        return work(cursor)
                except (self._library.OperationalError, self._library.InterfaceError) as error:
                    lost = self._connection.closed
                    reason = self._explain(error)
                    self._drop()
                    if fresh or not lost:
                        raise KeyStoreError(reason) from None
                except self._library.Error as error:
                    raise KeyStoreError(self._explain(error)) from None

    def _connect(self) -> bool:
        """Make sure of a connection of this process; True if it is a new one."""
        if self._connection is not None and self._pid != os.getpid():
            self._inherited.append(self._connection)  # closing it would end the parent's session
            self._connection = None
        if self._connection is not None and not self._connection.closed:
            return False
        try:
            self._connection = self._library.connect(**self._parameters)
        except self._library.Error as error:
            reason = self._explain(error)
        else:
            self._pid = os.getpid()
            return True
        self._connection = None
        raise KeyStoreError(f"its database cannot be reached ({reason}); nothing was changed, try again later")

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        try:
            connection.close()
        except self._library.Error:
            pass

    def _explain(self, error: Any) -> str:
        """What happened, in words of our own: libpq's may hold parts of the DSN, PostgreSQL's parts of a statement."""
        code = getattr(error, "pgcode", None) or ""
        text = str(error)
        if code in ("3F000", "42P01"):
            return "the database holds no key store; initialise it first"
        if code == "42501":
            return "its role may not do this; the role that made the store owns it"
        if code == "53100":
            return "there is no space left on its disk; nothing was stored, free some space"
        if code in ("25006", "25P02"):
            return "its database is read-only (a standby?); configure the primary"
        if code in ("57014", "55P03"):
            return "its database did not answer in time, or another process holds the key"
        if code:
            return f"its database refused (SQLSTATE {code})"
        if found := _FATAL.search(text):
            return found[1].strip().rstrip(".")
        for phrase, meaning in _PROBLEMS.items():
            if phrase in text:
                return meaning
        return "the connection was lost"


def _check_transport(parameters: dict[str, str]) -> None:
    hosts = (parameters.get("host") or parameters.get("hostaddr") or "").split(",")
    remote = [host for host in hosts if host and not host.startswith(("/", "@")) and not _is_loopback(host)]
    if remote and parameters.get("sslmode") not in _VERIFIED:
        raise KeyStoreUnsafe("keys travel to its database over the network: add sslmode=verify-full to its DSN")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
