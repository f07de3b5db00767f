"""What the PostgreSQL store does in a transaction, one function each; all take a cursor."""

from __future__ import annotations

from uuid import uuid4

from ..errors import KeyStoreError
from .pgconnection import IDENTITY, DatabaseIdentity
from .pgschema import FOREIGN_GRANTS, SCHEMA, TRIGGERS, VERSION

_MAKING = 5_077_201_118_001  # advisory locks: making the store, and one per key id
_KEYS = 507_720_111


def make(cursor) -> bool:
    """Make what is missing of the tables; True if there was no store before."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
    cursor.execute(SCHEMA)
    cursor.execute(TRIGGERS)
    cursor.execute(
        "INSERT INTO pii_keys.store (id, version) VALUES (%s, %s) ON CONFLICT DO NOTHING", (str(uuid4()), VERSION)
    )
    return cursor.rowcount == 1


def complete(cursor) -> None:
    """Make the tables that a store of an earlier release does not have."""
    cursor.execute("SELECT to_regclass('pii_keys.revoked') IS NULL")
    if cursor.fetchone()[0]:
        make(cursor)


def read_marker(cursor) -> str:
    """The id of the store.

    :raises KeyStoreError: no store, or of an unknown version
    """
    cursor.execute("SELECT id::text, version FROM pii_keys.store")
    found = cursor.fetchone()
    if not found:
        raise KeyStoreError("the database holds no key store; initialise it first")
    if found[1] != VERSION:
        raise KeyStoreError("the database holds a key store of a version that this release does not know")
    return found[0]


def identity(cursor) -> DatabaseIdentity:
    """Which database of which cluster this is."""
    cursor.execute(IDENTITY)
    return DatabaseIdentity(*cursor.fetchone())


def lock(cursor, key_id: str) -> None:
    """Let one transaction at a time decide about a key id; held until its end."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (_KEYS, key_id))


def is_buried(cursor, key_id: str) -> bool:
    """Whether the id has a tombstone."""
    cursor.execute("SELECT 1 FROM pii_keys.tombstone WHERE id = %s", (key_id,))
    return cursor.fetchone() is not None


def foreign_grants(cursor) -> int:
    """How many rights others than the owner have on the tables."""
    cursor.execute(FOREIGN_GRANTS)
    return cursor.fetchone()[0]


def bury_restored(cursor) -> None:
    """Delete keys that came back with a restored copy of the table; also fails where nothing can be written."""
    cursor.execute(
        "DELETE FROM pii_keys.key AS k USING pii_keys.tombstone AS t WHERE t.id = k.key_id RETURNING k.key_id"
    )
    remains = bool(cursor.fetchall())
    cursor.execute("UPDATE pii_keys.store SET remains = remains OR %s", (remains,))


def has_remains(cursor) -> bool:
    """Whether destroyed or exchanged rows may still lie in the table's file."""
    cursor.execute("SELECT remains FROM pii_keys.store")
    return cursor.fetchone()[0]


def note_remains(cursor) -> None:
    """Remember that the table has to be written anew."""
    cursor.execute("UPDATE pii_keys.store SET remains = true")


def clear_remains(cursor) -> None:
    """Forget it."""
    cursor.execute("UPDATE pii_keys.store SET remains = false")


def vacuum(cursor) -> None:
    """Write the table anew; not inside a transaction."""
    cursor.execute("VACUUM (FULL) pii_keys.key")
