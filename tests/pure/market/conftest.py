"""Shared by the market's tests: sample orders, Amazon's model as a judge, and comparisons that never print a person."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft4Validator, FormatChecker

from sandbox.market import CASES, MARKETPLACES, Market

ROOT = Path(__file__).resolve().parents[3]
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2026, 11, 20, tzinfo=UTC)
PER_CASE_AND_MARKETPLACE = 5

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_checker = FormatChecker(formats=())


@_checker.checks("date-time")
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or bool(_DATE_TIME.fullmatch(value))


def _possible_values(description: str) -> list[str]:
    """Amazon types many enumerations as plain strings and lists the values in the description only."""
    _, found, text = description.partition("**Possible values**")
    return re.findall(r"`([A-Z][A-Z_0-9]*)`", text.partition("**Note**")[0]) if found else []


def _strict(node: object) -> object:
    """Forbid properties that the model does not name; turn described values into an enum."""
    if isinstance(node, list):
        return [_strict(child) for child in node]
    if not isinstance(node, dict):
        return node
    made = {key: _strict(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict) and "type" in node:
        made["additionalProperties"] = False
    values = _possible_values(node["description"]) if isinstance(node.get("description"), str) else []
    if values and node.get("type") == "string":
        made["enum"] = values
    elif values and node.get("type") == "array":
        made["items"] = {**made["items"], "enum": values}
    return made


@pytest.fixture(scope="session")
def faults_in() -> Callable[[dict], list[str]]:
    """``faults_in(order)``: where an order breaks Amazon's model, as ``path: rule``, without its values."""
    folder = Path(os.environ.get("SPAPI_MODELS") or ROOT.parent / "shared" / "spapi-models")
    path = folder / "orders_2026-01-01.json"
    if not path.is_file():
        pytest.skip("Amazon's model orders_2026-01-01.json is not here; name its folder in SPAPI_MODELS")
    definitions = _strict(json.loads(path.read_text())["definitions"])
    schema = {"$ref": "#/definitions/Order", "definitions": definitions}
    validator = Draft4Validator(schema, format_checker=_checker)
    return lambda order: [f"{error.json_path}: {error.validator}" for error in validator.iter_errors(order)]


class Private(dict):
    """A dict whose content no traceback and no failing example prints."""

    def __repr__(self) -> str:
        return f"<{self.get('orderId', 'hidden')}>"


def private(order: dict) -> Private:
    """The order with every dict in it hidden."""
    return json.loads(json.dumps(order), object_hook=Private)


@pytest.fixture(scope="session")
def samples() -> dict[str, list[dict]]:
    """Orders of every case in every marketplace: ``{case: orders}``."""
    market = Market(7)
    return {
        case: [
            private(order)
            for place, key in enumerate(MARKETPLACES)
            for order in market.generate(
                PER_CASE_AND_MARKETPLACE, [key], BEGIN, END, case, start=1000 * number + 10 * place
            )
        ]
        for number, case in enumerate(CASES)
    }


@pytest.fixture(scope="session")
def every_sample(samples: dict[str, list[dict]]) -> list[dict]:
    return [order for orders in samples.values() for order in orders]


@pytest.fixture(scope="session")
def digest() -> Callable[[object], str]:
    """``digest(data)``: equal for equal JSON, and safe to print when it is not."""
    return lambda data: hashlib.sha256(json.dumps(data, ensure_ascii=False).encode()).hexdigest()[:16]
