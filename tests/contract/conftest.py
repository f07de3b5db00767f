"""The contract ring: our client and the sandbox, both held against Amazon's own models and SDK."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest

_HERE = Path(__file__).resolve().parent
_REPO = _HERE.parents[1]
for _path in (str(_HERE), str(_REPO)):
    if _path not in sys.path:
        sys.path.insert(0, _path)
if "amazon_spapi_connector" not in sys.modules:
    # The pure part of the addon without its Odoo part.
    _module = ModuleType("amazon_spapi_connector")
    _module.__path__ = [str(_REPO / "addons" / "amazon_spapi_connector")]
    sys.modules["amazon_spapi_connector"] = _module

swagger = importlib.import_module("swagger")


@pytest.fixture(scope="session")
def amazon_models() -> ModuleType:
    """Amazon's models, or a skip that says how to get them."""
    if not swagger.available():
        pytest.skip("Amazon's models are not here; name their folder in SPAPI_MODELS")
    return swagger


@dataclass
class Exchange:
    """A request and its answer."""

    method: str
    path: str
    status: int
    body: bytes = field(repr=False)


@dataclass
class Side:
    """A client that keeps every answer it got."""

    client: object
    exchanges: list[Exchange]


@pytest.fixture(scope="session")
def _amazon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    from support.sandbox import Sandbox

    with Sandbox(tmp_path_factory.mktemp("contract"), seed=11) as running:
        yield running


@pytest.fixture
def sandbox(_amazon):
    """The sandbox, as new."""
    _amazon.control("POST", "reset", {"seed": 11})
    _amazon.control("DELETE", "journal")
    return _amazon


@pytest.fixture
def ours(sandbox) -> Iterator[Side]:
    """Our adapter, listening in on its own answers."""
    from amazon_spapi_connector.spapi.auth import Credentials, TokenStore
    from amazon_spapi_connector.spapi.client import SpapiClient
    from amazon_spapi_connector.spapi.pool import HttpPool

    from support.sandbox import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN

    exchanges: list[Exchange] = []

    class ListeningPool(HttpPool):
        def fetch(self, method, url, **options):
            response = super().fetch(method, url, **options)
            exchanges.append(Exchange(method, urlsplit(url).path, response.status_code, response.content))
            return response

    pool = ListeningPool()
    credentials = Credentials(CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, sandbox.token_url)
    client = SpapiClient(credentials, endpoint=sandbox.url, tokens=TokenStore(pool), pool=pool)
    yield Side(client, exchanges)
    pool.close()
