"""What is destroyed leaves nothing behind, and registers are only added to."""

from __future__ import annotations

import multiprocessing
import threading
from contextlib import closing
from datetime import date

import psycopg2
import pytest
from pii_retention.crypto import (
    KeyDestroyed,
    Keyring,
    KeyStoreError,
    KeyStoreUnsafe,
    PostgresKeyStore,
)
from pii_retention.crypto.stores import pgrows

from support import figures
from support.key_stores import BOTH, KEY_ID, KEY_IDS, SUBJECT

from .cluster import KeyCluster

fork = multiprocessing.get_context("fork")
KEY_DAY = date(2026, 12, 21)


def test_a_key_that_is_just_being_destroyed_is_not_made(
    keys_cluster: KeyCluster, database: str, store: PostgresKeyStore
) -> None:
    outcome: list[object] = []

    def create() -> None:
        try:
            outcome.append(store.create(KEY_ID))
        except KeyDestroyed as error:
            outcome.append(error)

    with closing(psycopg2.connect(keys_cluster.dsn(database))) as destroying, destroying.cursor() as cursor:
        pgrows.lock(cursor, KEY_ID)
        cursor.execute("INSERT INTO pii_keys.tombstone (id, day, reason) VALUES (%s, %s, 'x')", (KEY_ID, KEY_DAY))
        thread = threading.Thread(target=create)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive() and not outcome, "it did not wait for the other one's decision"
        destroying.commit()
        thread.join(30)
    assert len(outcome) == 1 and isinstance(outcome[0], KeyDestroyed)
    with keys_cluster.cursor(database) as cursor:
        cursor.execute("SELECT count(*) FROM pii_keys.key")
        assert cursor.fetchone() == (0,)


def test_a_destroyed_key_leaves_the_files_of_the_table(
    keys_cluster: KeyCluster, database: str, store: PostgresKeyStore, capsys
) -> None:
    kept = store.create(KEY_IDS[20])
    for key_id in KEY_IDS[:10]:
        store.create(key_id)
    with keys_cluster.cursor(database) as cursor:
        cursor.execute("SELECT key_id, record FROM pii_keys.key")
        records = {key_id: bytes(record) for key_id, record in cursor.fetchall()}
    needles = [records[key_id][-160:] for key_id in KEY_IDS[:10]]
    before = keys_cluster.bytes_of(database)
    assert all(needle in before for needle in needles), "the scan would not find a key"
    for key_id in KEY_IDS[:10]:
        store.destroy(key_id, "deadline")
    after = keys_cluster.bytes_of(database)
    assert not [needle for needle in needles if needle in after]
    assert records[KEY_IDS[20]][-160:] in after and store.read(KEY_IDS[20]) == kept
    with capsys.disabled():
        figures.figure("destroyed_keys_scanned_for", len(needles), "keys")


def test_the_old_wrapping_leaves_the_files_of_the_table(
    keys_cluster: KeyCluster, database: str, dsn: str, store: PostgresKeyStore
) -> None:
    store.create(KEY_ID)
    with keys_cluster.cursor(database) as cursor:
        cursor.execute("SELECT record FROM pii_keys.key")
        old = bytes(cursor.fetchone()[0])[-160:]
    assert old in keys_cluster.bytes_of(database)
    assert Keyring(PostgresKeyStore(dsn, wrapping=BOTH)).rewrap().finished
    assert old not in keys_cluster.bytes_of(database)


def test_tidying_that_fails_is_repeated(keys_cluster: KeyCluster, database: str, store: PostgresKeyStore) -> None:
    store.create(KEY_ID)
    with keys_cluster.cursor(database, "odoo") as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT count(*) FROM pii_keys.key")  # a reader that does not let go
        store._connection._parameters["options"] += " -c lock_timeout=200"
        store._connection._drop()
        assert store.destroy(KEY_ID, "deadline") is True  # the key is dead all the same
        with pytest.raises(KeyStoreError, match="in time"):
            store.check()
        cursor.execute("COMMIT")
    store.check()
    assert [line.operation for line in store.operations(5) if line.outcome == "failed"] == ["tidy"]


def test_restored_rows_die_again(keys_cluster: KeyCluster, database: str, store: PostgresKeyStore) -> None:
    store.create(KEY_ID)
    with keys_cluster.cursor(database) as cursor:
        cursor.execute("SELECT record FROM pii_keys.key")
        record = cursor.fetchone()[0]
        store.destroy(KEY_ID, "deadline")
        cursor.execute("INSERT INTO pii_keys.key (key_id, record) VALUES (%s, %s)", (KEY_ID, record))
        assert not store.exists(KEY_ID) and store.list() == [] and store.entries() == []
        with pytest.raises(KeyDestroyed):
            store.read(KEY_ID)
        store.check()
        cursor.execute("SELECT count(*) FROM pii_keys.key")
        assert cursor.fetchone() == (0,)


def test_registers_are_only_added_to(keys_cluster: KeyCluster, database: str, store: PostgresKeyStore) -> None:
    store.create(KEY_ID)
    store.destroy(KEY_ID, "deadline")
    store.subjects.append(SUBJECT, KEY_DAY, "deadline")
    store.anchors.append("log", "x")
    tried = 0
    with keys_cluster.cursor(database, "odoo") as cursor:
        for table in ("tombstone", "subject", "operation", "anchor"):
            for statement in ("DELETE FROM pii_keys.{}", "TRUNCATE pii_keys.{}", "UPDATE pii_keys.{} SET position = 7"):
                with pytest.raises(psycopg2.Error):
                    cursor.execute(statement.format(table))
                tried += 1
            cursor.execute(f"SELECT count(*) FROM pii_keys.{table}")
            assert cursor.fetchone()[0]
    assert tried == 12


def test_rights_of_others_are_refused(keys_cluster: KeyCluster, database: str, store: PostgresKeyStore) -> None:
    store.check()
    with keys_cluster.cursor(database) as cursor:
        cursor.execute("CREATE ROLE reporting_keys")
        try:
            for grantee in ("reporting_keys", "PUBLIC"):
                cursor.execute(f"GRANT SELECT ON pii_keys.key TO {grantee}")
                with pytest.raises(KeyStoreUnsafe, match="other roles"):
                    store.check()
                cursor.execute(f"REVOKE SELECT ON pii_keys.key FROM {grantee}")
            store.check()
        finally:
            cursor.execute("DROP ROLE reporting_keys")


def test_no_statement_with_a_key_waits_in_the_log(keys_cluster: KeyCluster, store: PostgresKeyStore) -> None:
    """A failing statement is logged with its parameters: what it could carry is wrapped."""
    raw = store.create(KEY_ID).expose()
    assert store.destroy(KEY_ID, "deadline")
    log = (keys_cluster.data.parent / "server.log").read_bytes()
    assert raw not in log and raw.hex().encode() not in log
