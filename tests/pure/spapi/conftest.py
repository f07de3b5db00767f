"""A sandbox for this folder's tests, and clients that talk to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from amazon_spapi_connector.spapi.auth import Credentials, TokenStore  # noqa: E402
from amazon_spapi_connector.spapi.client import SpapiClient  # noqa: E402
from amazon_spapi_connector.spapi.pool import HttpPool, Timeouts  # noqa: E402

from support.sandbox import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, Sandbox  # noqa: E402

FAST = Timeouts(connect=5, read=5, total=20)


@pytest.fixture(scope="session")
def amazon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A running sandbox, shared by the tests of this folder."""
    with Sandbox(tmp_path_factory.mktemp("amazon"), seed=7) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(amazon: Sandbox) -> Sandbox:
    """The sandbox, as new."""
    amazon.control("POST", "reset", {"seed": 7})
    amazon.control("DELETE", "journal")
    return amazon


class Talk:
    """A client with everything a test looks at."""

    def __init__(self, sandbox: Sandbox, **credentials: str) -> None:
        self.records = []
        self.pool = HttpPool(timeouts=FAST)
        self.tokens = TokenStore(self.pool)
        self.credentials = Credentials(
            credentials.get("client_id", CLIENT_ID),
            credentials.get("client_secret", CLIENT_SECRET),
            credentials.get("refresh_token", REFRESH_TOKEN),
            sandbox.token_url,
        )
        self.client = self.make(sandbox.url)

    def make(self, endpoint: str, **options) -> SpapiClient:
        """Another client with the same tokens."""
        options = {"observer": self.records.append, "pool": self.pool, "tokens": self.tokens, **options}
        return SpapiClient(self.credentials, endpoint=endpoint, **options)


@pytest.fixture
def talk(sandbox: Sandbox) -> Iterator[Talk]:
    """A client with its own token store and connections."""
    talking = Talk(sandbox)
    yield talking
    talking.pool.close()
