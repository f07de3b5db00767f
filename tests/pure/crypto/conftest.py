"""Fixtures of the crypto tests: a key store in a temporary directory, a keyring on it."""

import pytest
from pii_retention.crypto import FileKeyStore, Keyring

from support import figures


@pytest.fixture
def store_path(tmp_path):
    return tmp_path / "keys"


@pytest.fixture
def store(store_path):
    return FileKeyStore.initialise(store_path)


@pytest.fixture
def keyring(store):
    return Keyring(store)


@pytest.fixture
def figure(capsys):
    """``figure(name, value, unit)`` prints one measured figure past pytest's capture."""

    def show(name, value, unit):
        with capsys.disabled():
            figures.figure(name, value, unit)

    return show
