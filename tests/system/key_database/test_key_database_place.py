"""Where keys may lie, and how they travel there."""

from __future__ import annotations

import multiprocessing
from datetime import date

import pytest
from pii_retention.crypto import (
    DatabaseIdentity,
    KeyStoreError,
    KeyStoreUnsafe,
    PostgresKeyStore,
    Wrapping,
)
from pii_retention.crypto.stores.pgconnection import PgConnection

from support.key_stores import ONE

from .cluster import KeyCluster

fork = multiprocessing.get_context("fork")
KEY_DAY = date(2026, 12, 21)


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
