"""What every key store has to do, as tests that run over each of them."""

import pytest

from .life import LifeContract
from .processes import ProcessesContract
from .values import BOTH, KEY_ID, KEY_IDS, ONE, SUBJECT
from .wrapping import WrappingContract

__all__ = ["BOTH", "KEY_ID", "KEY_IDS", "ONE", "SUBJECT", "StoreContract"]


class StoreContract(LifeContract, WrappingContract, ProcessesContract):
    """Subclasses have a fixture ``opener``: a function that opens the store of this test with a given wrapping."""

    @pytest.fixture
    def store(self, opener):
        return opener(ONE)
