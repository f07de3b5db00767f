"""The file store does what every store has to do."""

import pytest
from pii_retention.crypto import FileKeyStore

from support.key_stores import ONE, StoreContract


class TestFileStore(StoreContract):
    @pytest.fixture
    def opener(self, store_path):
        FileKeyStore.initialise(store_path, wrapping=ONE)
        return lambda wrapping, **options: FileKeyStore(store_path, wrapping=wrapping, **options)

    @pytest.fixture
    def foreign(self, tmp_path):
        return FileKeyStore.initialise(tmp_path / "foreign", wrapping=ONE)

    @pytest.fixture
    def everything(self, store_path):
        """A function that returns all bytes the store keeps."""
        return lambda: b"".join(path.read_bytes() for path in sorted(store_path.rglob("*")) if path.is_file())

    @pytest.fixture
    def damage(self, store_path):
        def cut(key_id):
            path = store_path / "keys" / (key_id.replace("/", "~") + ".key")
            path.write_bytes(path.read_bytes()[:-20])

        return cut
