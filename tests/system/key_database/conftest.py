"""A cluster for the tests of a file, a database for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pii_retention.crypto import (
    PostgresKeyStore,
)

from house.cache import Cache, location, remove
from house.postgres import Cluster, find_binaries
from support.key_stores import ONE

from .cluster import KeyCluster


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
