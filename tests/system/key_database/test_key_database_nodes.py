"""Several nodes, connections that go away, and what it costs."""

from __future__ import annotations

import multiprocessing
import threading
import time
from datetime import date

import pytest
from pii_retention.crypto import (
    Keyring,
    KeyStoreError,
    PostgresKeyStore,
)

from support import figures
from support.key_stores import KEY_ID, KEY_IDS, ONE, SUBJECT

from .cluster import KeyCluster

fork = multiprocessing.get_context("fork")
KEY_DAY = date(2026, 12, 21)


def test_another_store_is_noticed(dsn: str, store: PostgresKeyStore) -> None:
    assert PostgresKeyStore(dsn, wrapping=ONE, store_id=store.store_id).store_id == store.store_id
    with pytest.raises(KeyStoreError, match="another key store"):
        PostgresKeyStore(dsn, wrapping=ONE, store_id="00000000-0000-4000-8000-000000000000")
    assert PostgresKeyStore.initialise(dsn, wrapping=ONE).store_id == store.store_id


def _initialise(dsn: str, barrier, queue) -> None:
    barrier.wait()
    store = PostgresKeyStore.initialise(dsn, wrapping=ONE)
    queue.put((store.store_id, store.create(KEY_ID).expose()))


def test_eight_nodes_make_one_store(dsn: str) -> None:
    barrier, queue = fork.Barrier(8), fork.Queue()
    workers = [fork.Process(target=_initialise, args=(dsn, barrier, queue), daemon=True) for _ in range(8)]
    for worker in workers:
        worker.start()
    answers = {queue.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join()
    assert len(answers) == 1


def _terminate(keys_cluster: KeyCluster, database: str) -> int:
    """End every session of the database and return how many there were, when they are gone."""
    with keys_cluster.cursor("postgres") as cursor:
        cursor.execute(
            "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND backend_type = 'client backend'",
            (database,),
        )
        ended = [pid for pid, _ended in cursor.fetchall()]
        left = True
        while left:  # one may be counted still when its client knows already that it is over
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)", (ended,))
            (left,) = cursor.fetchone()
        return len(ended)


def test_a_lost_connection_is_made_again(keys_cluster: KeyCluster, database: str, store: PostgresKeyStore) -> None:
    key = store.create(KEY_ID)
    for call in (
        lambda: store.read(KEY_ID) == key,
        lambda: store.create(KEY_IDS[0]),
        lambda: store.destroyed(KEY_ID) is False,
        lambda: store.destroy(KEY_IDS[0], "deadline"),
        lambda: store.subjects.append(SUBJECT, KEY_DAY, "deadline"),
        lambda: store.tidy() is None,
    ):
        assert _terminate(keys_cluster, database) == 1
        assert call()
    store.check()


def test_a_database_that_goes_away_is_a_clear_error(keys_cluster: KeyCluster, database: str, dsn: str) -> None:
    store = PostgresKeyStore.initialise(dsn, wrapping=ONE)
    ring = Keyring(store, ttl=0)
    ring.create(KEY_ID)
    token = ring.seal_record("acme", KEY_ID, SUBJECT, "operational", {"name": "x"})
    with keys_cluster.cursor("postgres") as cursor:
        cursor.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
    _terminate(keys_cluster, database)
    for call in (
        lambda: ring.open_record("acme", SUBJECT, "operational", token),
        lambda: ring.seal_record("acme", KEY_ID, SUBJECT, "operational", {"name": "y"}),
        lambda: ring.ensure(KEY_IDS[0]),
        lambda: ring.destroy(KEY_ID, "deadline"),
        lambda: ring.exists(KEY_ID),
        lambda: ring.destroyed(KEY_ID),
        ring.list,
        ring.check,
        lambda: ring.subjects.contains(SUBJECT),
    ):
        with pytest.raises(KeyStoreError, match=r"cannot be reached|connection was lost|terminating"):
            call()
    with keys_cluster.cursor("postgres") as cursor:
        cursor.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
    assert ring.open_record("acme", SUBJECT, "operational", token) == {"name": "x"}
    assert ring.list() == [KEY_ID]  # nothing of what failed was half done


def _use(store: PostgresKeyStore, queue) -> None:
    queue.put([store.read(key_id).expose() for key_id in KEY_IDS[:5]])


def test_a_forked_process_takes_a_connection_of_its_own(store: PostgresKeyStore) -> None:
    keys = [store.create(key_id).expose() for key_id in KEY_IDS[:5]]
    for _ in range(3):
        queue = fork.Queue()
        worker = fork.Process(target=_use, args=(store, queue), daemon=True)
        worker.start()
        assert [store.read(key_id).expose() for key_id in KEY_IDS[:5]] == keys
        assert queue.get(timeout=30) == keys
        worker.join()
        assert worker.exitcode == 0
        assert store.read(KEY_IDS[0]).expose() == keys[0]  # its end did not end ours


def test_threads_share_a_store(store: PostgresKeyStore) -> None:
    failures = []

    def work(number: int) -> None:
        try:
            for key_id in KEY_IDS:
                assert store.create(key_id) == store.read(key_id)
        except Exception as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and store.list() == KEY_IDS


def test_cost(store: PostgresKeyStore, capsys) -> None:
    ring = Keyring(store)
    key_id = ring.ensure(KEY_ID)
    token = ring.seal_record("acme", key_id, SUBJECT, "operational", {"name": "x" * 200})
    start = time.perf_counter()
    for _ in range(200):
        ring.ensure(KEY_ID)
    ensure = (time.perf_counter() - start) / 200
    start = time.perf_counter()
    for _ in range(500):
        ring.open_record("acme", SUBJECT, "operational", token)
    opened = (time.perf_counter() - start) / 500
    with capsys.disabled():
        figures.figure("postgres_store_ensure", round(ensure * 1e6), "us")
        figures.figure("postgres_store_open_record", round(opened * 1e6), "us")


def test_a_read_only_database_makes_no_keys(keys_cluster: KeyCluster, database: str, store: PostgresKeyStore) -> None:
    key = store.create(KEY_ID)
    with keys_cluster.cursor("postgres") as cursor:
        cursor.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    _terminate(keys_cluster, database)
    assert store.read(KEY_ID) == key
    for call in (lambda: store.create(KEY_IDS[0]), lambda: store.destroy(KEY_ID, "deadline"), store.check):
        with pytest.raises(KeyStoreError, match="read-only"):
            call()
    assert store.read(KEY_ID) == key and not store.exists(KEY_IDS[0])
