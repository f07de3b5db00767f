"""A valid order with every field that the schema knows, made from the schema, and ways to reach each of its places."""

from __future__ import annotations

import copy
from typing import Any

from amazon_spapi_connector.spapi import schema

SAMPLES: dict[str, Any] = {
    "code": "UNSHIPPED",
    "word": "Classic",
    "id": "79039765272157",
    "order_id": "402-1234567-1234567",
    "asin": "B08C1W5N87",
    "country": "IT",
    "currency": "EUR",
    "time": "2026-11-01T10:30:00Z",
    "amount": "12.34",
    "count": 2,
    "number": 1.5,
    "line": "SKU-1",
    "text": "A product",
}
Path = tuple[str | int, ...]


def build(node: Any = schema.ORDER) -> Any:
    """The sample for a node; personal values are plain words."""
    if isinstance(node, dict):
        return {key: build(child) for key, child in node.items()}
    if isinstance(node, schema.Many):
        return [build(node.item), build(node.item)]
    if isinstance(node, schema.Business):
        return SAMPLES[node.kind]
    if isinstance(node, schema.Whole):
        return {"businessHours": []} if node.shape is dict else ["HAS_ACCESS_POINT"]
    return "some value"


def order() -> dict[str, Any]:
    """A whole order that also parses: line ids differ, the marketplace exists."""
    result = build()
    result["salesChannel"]["marketplaceId"] = "APJ6JRA9NG5V4"
    for number, item in enumerate(result["orderItems"]):
        item["orderItemId"] = f"7903976527215{number}"
    return result


def paths(value: Any, here: Path = ()) -> list[Path]:
    """Every place of a value, containers included, but for the root."""
    found: list[Path] = [here] if here else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += paths(item, (*here, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += paths(item, (*here, index))
    return found


def node_at(path: Path) -> Any:
    """The schema's node of a place; None inside of a structure that is sealed whole."""
    node: Any = schema.ORDER
    for step in path:
        if isinstance(node, dict):
            node = node.get(step)
        elif isinstance(node, schema.Many):
            node = node.item
        else:
            return None
    return node


def get(value: Any, path: Path) -> Any:
    """What is at a place."""
    for step in path:
        value = value[step]
    return value


def replaced(value: Any, path: Path, new: Any) -> Any:
    """A copy with something else at a place."""
    result = copy.deepcopy(value)
    get(result, path[:-1])[path[-1]] = new
    return result


def strings(value: Any) -> list[str]:
    """All texts in a value, keys included."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (str(key), *strings(item))]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return []
