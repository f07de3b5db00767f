"""Keys in a PostgreSQL database of their own do what every store has to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pii_retention.crypto import (
    PostgresKeyStore,
)

from support.key_stores import ONE, StoreContract

from .cluster import KeyCluster


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
