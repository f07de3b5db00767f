"""Amazon's Swagger 2.0 models as strict validators: what is not in the model is wrong.

The models are Amazon's own files (``SPAPI_MODELS``, else ``shared/spapi-models`` beside the checkout); they are no
part of this repository.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from jsonschema import Draft4Validator, FormatChecker

_REPO = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("SPAPI_MODELS") or _REPO.parent / "shared" / "spapi-models")
MODELS = ("orders_2026-01-01", "ordersV0", "sellers", "tokens_2021-03-01")

# In Amazon's SDK of October 2026, not yet in the models of August: allowed, and nothing else.
_MONEY = {"$ref": "#/definitions/Money"}
_TEXT = {"type": "string"}
NEWER: dict[tuple[str, str], dict[str, Any]] = {
    ("orders_2026-01-01", "AssociatedOrderItem"): {"asin": _TEXT, "purchasePrice": _MONEY},
    ("orders_2026-01-01", "OrderFulfillment"): {
        "promiseCalculationInputs": {
            "type": "object",
            "properties": {
                "transitTime": {
                    "type": "object",
                    "properties": {
                        "dataSource": _TEXT,
                        "details": {"type": "object", "properties": {"carrier": _TEXT, "shippingService": _TEXT}},
                    },
                }
            },
        }
    },
}

formats = FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def _date_time(value: object) -> bool:
    return not isinstance(value, str) or bool(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value)
    )


@formats.checks("date", raises=ValueError)
def _date(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value))


def available() -> bool:
    """Whether the models are here."""
    return all((FOLDER / f"{name}.json").is_file() for name in MODELS)


def _close(schema: Any) -> Any:
    """Forbid what is not declared, everywhere. The models never compose with allOf, so this is safe."""
    if isinstance(schema, dict):
        if "allOf" in schema:
            raise ValueError("this model composes with allOf: closing it here would refuse what it allows")
        if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
        for value in schema.values():
            _close(value)
    elif isinstance(schema, list):
        for value in schema:
            _close(value)
    return schema


class Model:
    """One of Amazon's files."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.document = json.loads((FOLDER / f"{name}.json").read_text())
        definitions = copy.deepcopy(self.document["definitions"])
        for (model, definition), fields in NEWER.items():
            if model == name:
                definitions[definition]["properties"] |= fields
        self.definitions = _close(definitions)

    def validator(self, schema: dict[str, Any]) -> Draft4Validator:
        """A validator for a schema that refers to this model."""
        whole = {**_close(copy.deepcopy(schema)), "definitions": self.definitions}
        return Draft4Validator(whole, format_checker=formats)


@functools.cache
def models() -> tuple[Model, ...]:
    """All models that our operations need."""
    return tuple(Model(name) for name in MODELS)


def find(method: str, path: str) -> tuple[Model, str, dict[str, Any]]:
    """(model, path template, operation) for a request. ``LookupError`` if Amazon has no such operation."""
    for model in models():
        for template, operations in model.document["paths"].items():
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path) and method.lower() in operations:
                return model, template, operations[method.lower()]
    raise LookupError(f"{method} {path} is no operation of Amazon's models")


def _parameters(model: Model, template: str, operation: dict[str, Any]) -> list[dict[str, Any]]:
    shared = model.document["paths"][template].get("parameters", [])
    found = []
    for parameter in [*shared, *operation.get("parameters", [])]:
        if "$ref" in parameter:
            parameter = model.document["parameters"][parameter["$ref"].rsplit("/", 1)[1]]
        found.append(parameter)
    return found


def check_request(method: str, path: str, query: str, body: str) -> list[str]:
    """What is wrong with a request, as sentences; [] if nothing."""
    model, template, operation = find(method, path)
    parameters = _parameters(model, template, operation)
    problems = _check_query(model, [p for p in parameters if p["in"] == "query"], query)
    schemas = [p for p in parameters if p["in"] == "body"]
    if schemas:
        validator = model.validator(schemas[0]["schema"])
        problems += [f"body: {error.json_path} {error.message}" for error in validator.iter_errors(json.loads(body))]
    elif body:
        problems.append("body: there should be none")
    return problems


def _check_query(model: Model, declared: list[dict[str, Any]], query: str) -> list[str]:
    problems = []
    by_name = {parameter["name"]: parameter for parameter in declared}
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in given:
            problems.append(f"query: {name} is repeated")
        given[name] = value
    for name, value in given.items():
        if name not in by_name:
            problems.append(f"query: {name} is not in the model")
            continue
        parameter = by_name[name]
        validator = model.validator({k: v for k, v in parameter.items() if k in _SCHEMA_WORDS})
        problems += [f"query: {name} {error.message}" for error in validator.iter_errors(_typed(parameter, value))]
    problems += [f"query: {name} is missing" for name, p in by_name.items() if p.get("required") and name not in given]
    return problems


_SCHEMA_WORDS = ("type", "items", "enum", "format", "minimum", "maximum", "minItems", "maxItems", "pattern")


def _typed(parameter: dict[str, Any], value: str) -> Any:
    if parameter["type"] == "array":
        if parameter.get("collectionFormat", "csv") != "csv":
            raise ValueError(f"a list sent as {parameter['collectionFormat']}: Amazon's models know csv only")
        return value.split(",")
    if parameter["type"] == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    return value


def check_response(method: str, path: str, status: int, body: bytes) -> list[str]:
    """What is wrong with an answer, as sentences; [] if nothing."""
    model, _template, operation = find(method, unquote(path) if "%" in path else path)
    declared = operation["responses"].get(str(status))
    if declared is None:
        return [f"status {status} is not in the model"]
    schema = declared.get("schema")
    if schema is None or status == 204:
        return [] if not body else [f"status {status} has no body in the model"]
    validator = model.validator(schema)
    return [f"{error.json_path} {error.message}" for error in validator.iter_errors(json.loads(body))]
