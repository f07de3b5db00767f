"""Keys in a PostgreSQL database of their own: the contract of every store, and what only a database can get wrong."""

from __future__ import annotations

import itertools
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import ModuleType

import psycopg2
import pytest

from house.cache import Cache, location, remove
from house.postgres import Cluster, find_binaries

_ADDON = Path(__file__).resolve().parents[2] / "addons" / "pii_retention"
if "pii_retention" not in sys.modules:
    # the addon's folder as a namespace: its pure part is imported without Odoo
    _module = ModuleType("pii_retention")
    _module.__path__ = [str(_ADDON)]
    sys.modules["pii_retention"] = _module

from pii_retention.crypto import (  # noqa: E402
    DatabaseIdentity,
    KeyDestroyed,
    Keyring,
    KeyStoreError,
    KeyStoreUnsafe,
    PostgresKeyStore,
    Wrapping,
)
from pii_retention.crypto.stores import pgrows  # noqa: E402
from pii_retention.crypto.stores.pgconnection import PgConnection  # noqa: E402

from support import figures  # noqa: E402
from support.key_stores import BOTH, KEY_ID, KEY_IDS, ONE, SUBJECT, StoreContract  # noqa: E402

fork = multiprocessing.get_context("fork")
KEY_DAY = date(2026, 12, 21)
_numbers = itertools.count(1)


@dataclass
class KeyCluster:
    """A cluster for key databases, as Odoo's node reaches it."""

    cluster: Cluster
    socket: str
    data: Path

    def dsn(self, database: str, user: str = "odoo") -> str:
        return f"host={self.socket} port=5432 dbname={database} user={user}"

    @contextmanager
    def cursor(self, database: str, user: str = "postgres"):
        with closing(psycopg2.connect(self.dsn(database, user))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor

    def make(self) -> str:
        name = f"keys{next(_numbers)}"
        with self.cursor("postgres") as cursor:
            cursor.execute(f"CREATE DATABASE {name} OWNER odoo")
        return name

    def bytes_of(self, database: str) -> bytes:
        """All that lies in the files of one database."""
        with self.cursor(database) as cursor:
            cursor.execute("CHECKPOINT")
            cursor.execute("SELECT oid FROM pg_database WHERE datname = %s", (database,))
            folder = self.data / "base" / str(cursor.fetchone()[0])
        return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


@pytest.fixture(scope="module")
def keys_cluster() -> Iterator[KeyCluster]:
    folder = Path(tempfile.mkdtemp(prefix="key-pg-", dir="/tmp"))
    folder.chmod(0o755)
    cluster = Cluster(folder, find_binaries(Cache(location())), durable=False, settings={"shared_buffers": "32MB"})
    try:
        server = cluster.start()
        yield KeyCluster(cluster, server.host, folder / "data")
    finally:
        cluster.stop()
        remove(folder)


@pytest.fixture
def database(keys_cluster: KeyCluster) -> str:
    return keys_cluster.make()


@pytest.fixture
def dsn(keys_cluster: KeyCluster, database: str) -> str:
    return keys_cluster.dsn(database)


@pytest.fixture
def store(dsn: str) -> PostgresKeyStore:
    return PostgresKeyStore.initialise(dsn, wrapping=ONE)


class TestPostgresStore(StoreContract):
    @pytest.fixture
    def opener(self, dsn: str) -> Callable[..., PostgresKeyStore]:
        PostgresKeyStore.initialise(dsn, wrapping=ONE)
        return lambda wrapping, **options: PostgresKeyStore(dsn, wrapping=wrapping, **options)

    @pytest.fixture
    def foreign(self, keys_cluster: KeyCluster) -> PostgresKeyStore:
        return PostgresKeyStore.initialise(keys_cluster.dsn(keys_cluster.make()), wrapping=ONE)

    @pytest.fixture
    def everything(self, keys_cluster: KeyCluster, database: str) -> Callable[[], bytes]:
        return lambda: keys_cluster.bytes_of(database)

    @pytest.fixture
    def damage(self, keys_cluster: KeyCluster, database: str) -> Callable[[str], None]:
        def cut(key_id: str) -> None:
            with keys_cluster.cursor(database) as cursor:
                cursor.execute(
                    "UPDATE pii_keys.key SET record = substr(record, 1, 100) WHERE key_id = %s RETURNING 1", (key_id,)
                )
                assert cursor.fetchone()

        return cut


def test_no_store_without_a_master_key(dsn: str) -> None:
    with pytest.raises(KeyStoreUnsafe, match="master key"):
        PostgresKeyStore.initialise(dsn, wrapping=Wrapping())


def test_not_in_odoos_own_database(dsn: str, store: PostgresKeyStore) -> None:
    own = store.identity()
    assert own.cluster.isdigit() and own.database > 0
    for call in (PostgresKeyStore.initialise, PostgresKeyStore):
        with pytest.raises(KeyStoreUnsafe, match="own database"):
            call(dsn, wrapping=ONE, apart_from=[DatabaseIdentity("1", 1), own])
        call(dsn, wrapping=ONE, apart_from=[DatabaseIdentity(own.cluster, own.database + 1)])


def test_a_refused_place_is_left_untouched(keys_cluster: KeyCluster, database: str, dsn: str) -> None:
    with keys_cluster.cursor(database, "odoo") as cursor:
        cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
        (cluster,) = cursor.fetchone()
        cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        here = DatabaseIdentity(cluster, cursor.fetchone()[0])
        with pytest.raises(KeyStoreUnsafe):
            PostgresKeyStore.initialise(dsn, wrapping=ONE, apart_from=[here])
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'pii_keys'")
        assert cursor.fetchone() is None


def test_what_is_no_store(keys_cluster: KeyCluster, dsn: str) -> None:
    with pytest.raises(KeyStoreError, match="initialise it first"):
        PostgresKeyStore(dsn, wrapping=ONE)
    with pytest.raises(KeyStoreError, match="does not exist"):
        PostgresKeyStore(keys_cluster.dsn("missing"), wrapping=ONE)
    with pytest.raises(KeyStoreError, match="cannot be reached"):
        PostgresKeyStore("host=/nowhere dbname=keys", wrapping=ONE)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://odoo:Zx9-canary@db.example.com/keys",
        "host=db.example.com dbname=keys password=Zx9-canary sslmode=require",
        "host=127.0.0.1,db.example.com dbname=keys password=Zx9-canary",
        "postgresql://odoo:Zx9-canary@[/keys",
        "password=Zx9-canary garbage",
        "postgresql://odoo:Zx9-canary@/?host=/nowhere",
        "postgresql://odoo:50%Zx9-canary@127.0.0.1/keys",
        "Zx9-canary",
        "",
    ],
)
def test_dsn_that_will_not_do_and_is_not_shown(dsn: str) -> None:
    with pytest.raises(KeyStoreError) as caught:
        PostgresKeyStore(dsn, wrapping=ONE)
    error: BaseException | None = caught.value
    while error is not None:
        assert "Zx9" not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.mark.parametrize(
    ("where", "refused"),
    [
        ("host=db.example.com", True),
        ("host=db.example.com sslmode=require", True),
        ("host=db.example.com sslmode=prefer", True),
        ("hostaddr=192.0.2.1", True),
        ("host=127.0.0.1,db.example.com", True),
        ("host=db.example.com sslmode=verify-full", False),
        ("host=db.example.com sslmode=verify-ca", False),
        ("host=127.0.0.1", False),
        ("host=localhost", False),
        ("host=/run/postgresql", False),
        ("", False),
    ],
)
def test_keys_travel_over_verified_tls_only(where: str, refused: bool) -> None:
    if refused:
        with pytest.raises(KeyStoreUnsafe, match="sslmode=verify-full"):
            PgConnection(f"{where} dbname=keys")
    else:
        PgConnection(f"{where} dbname=keys")


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
    with keys_cluster.cursor("postgres") as cursor:
        cursor.execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s", (database,))
        return cursor.fetchone()[0]


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


def test_no_statement_with_a_key_waits_in_the_log(keys_cluster: KeyCluster, store: PostgresKeyStore) -> None:
    """A failing statement is logged with its parameters: what it could carry is wrapped."""
    raw = store.create(KEY_ID).expose()
    assert store.destroy(KEY_ID, "deadline")
    log = (keys_cluster.data.parent / "server.log").read_bytes()
    assert raw not in log and raw.hex().encode() not in log


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
