"""Amazon's Swagger 2.0 models as JSON schemas."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import jsonschema

REPO = Path(__file__).resolve().parents[3]
FOLDER = Path(os.environ.get("SPAPI_MODELS") or REPO.parent / "shared" / "spapi-models")


def _strict(schema: Any) -> Any:
    """The same schema, in which an object has no properties but those that are declared."""
    if isinstance(schema, list):
        return [_strict(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    result = {key: _strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        result["properties"] = {name: _strict(value) for name, value in schema["properties"].items()}
        result.setdefault("additionalProperties", False)
    return result


@functools.cache
def _model(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text())


@functools.cache
def _validator(name: str, path: str, method: str, status: int) -> Any:
    model = _model(name)
    response = model["paths"][path][method]["responses"][str(status)]
    definitions = {key: _strict(value) for key, value in model["definitions"].items()}
    schema = {**_strict(response["schema"]), "definitions": definitions}
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


def problems(name: str, path: str, method: str, status: int, body: Any) -> list[str]:
    """Where an answer departs from the model: the way to each value and what is wrong with it."""
    errors = _validator(name, path, method, status).iter_errors(body)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]


def declared_headers(name: str, path: str, method: str, status: int) -> set[str]:
    """The header names, in lower case, that the model declares for a status."""
    response = _model(name)["paths"][path][method]["responses"][str(status)]
    return {header.lower() for header in response.get("headers", {})}
