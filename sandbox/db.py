"""The state file: one SQLite database in WAL mode, so that it survives a kill and a second process may read it.

Everything runs on the event loop's thread and every request is one transaction; nothing here awaits, so a
transaction is never interleaved with another.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS apps (
    client_id TEXT PRIMARY KEY, application_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, secret TEXT NOT NULL,
    roles TEXT NOT NULL, token_lifetime INTEGER NOT NULL, redirect_uris TEXT NOT NULL, draft INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sellers (
    seller TEXT PRIMARY KEY, name TEXT NOT NULL, region TEXT NOT NULL, marketplaces TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS grants (
    refresh_token TEXT PRIMARY KEY, client_id TEXT NOT NULL, seller TEXT NOT NULL, revoked INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS codes (
    code TEXT PRIMARY KEY, client_id TEXT NOT NULL, seller TEXT NOT NULL, redirect_uri TEXT NOT NULL,
    expires INTEGER NOT NULL, used INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, client_id TEXT NOT NULL, seller TEXT, scope TEXT, resources TEXT,
    expires INTEGER NOT NULL, revoked INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    seller TEXT NOT NULL, order_id TEXT NOT NULL, marketplace TEXT, status TEXT, fulfilled_by TEXT,
    created INTEGER NOT NULL, updated INTEGER NOT NULL, live INTEGER NOT NULL, due INTEGER, body TEXT NOT NULL,
    PRIMARY KEY (seller, order_id));
CREATE INDEX IF NOT EXISTS orders_updated ON orders (seller, updated, order_id);
CREATE INDEX IF NOT EXISTS orders_created ON orders (seller, created, order_id);
CREATE INDEX IF NOT EXISTS orders_due ON orders (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS buckets (
    seller TEXT NOT NULL, client_id TEXT NOT NULL, operation TEXT NOT NULL, tokens REAL NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (seller, client_id, operation));
CREATE TABLE IF NOT EXISTS plans (operation TEXT PRIMARY KEY, rate REAL, burst REAL, factor REAL);
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT, operation TEXT NOT NULL, kind TEXT NOT NULL, times INTEGER,
    after INTEGER NOT NULL, params TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
    query TEXT NOT NULL, headers TEXT NOT NULL, body TEXT NOT NULL, status INTEGER NOT NULL,
    request_id TEXT NOT NULL, operation TEXT, seller TEXT, fault TEXT);
CREATE INDEX IF NOT EXISTS journal_operation ON journal (operation);
"""
TABLES = ("meta", "apps", "sellers", "grants", "codes", "tokens", "orders", "buckets", "plans", "faults", "journal")


class Database:
    """A connection in autocommit mode with explicit transactions.

    Commits are safe against ``kill -9`` of the process (WAL, synchronous=NORMAL), not against a power cut.
    """

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=NORMAL")
        self.connection.execute("PRAGMA busy_timeout=5000")
        self.connection.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction; an exception rolls it back. Nested use joins the outer one."""
        if self.connection.in_transaction:
            yield
            return
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run one statement with positional values."""
        return self.connection.execute(sql, values)

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self.connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        return self.connection.execute(sql, values).fetchone()

    def get(self, key: str, default: str = "") -> str:
        """A value of the `meta` table."""
        row = self.row("SELECT value FROM meta WHERE key = ?", key)
        return row["value"] if row else default

    def put(self, key: str, value: object) -> None:
        """Set a value of the `meta` table."""
        self.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, str(value))

    def signing_key(self) -> bytes:
        """The key that signs pagination tokens: random per state, so that a token outlives a restart."""
        key = self.get("signing_key")
        if not key:
            key = secrets.token_hex(32)
            self.put("signing_key", key)
        return bytes.fromhex(key)

    def wipe(self) -> None:
        """Empty every table; ids of faults and journal rows go on counting."""
        for table in TABLES:
            self.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the constant above

    def close(self) -> None:
        """Close the file; the WAL is folded into it."""
        self.connection.close()
