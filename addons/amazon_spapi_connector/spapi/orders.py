"""An order's payload, taken apart before anything of it is stored: business, personal, unknown.

The split is by allow-list (:mod:`.schema`): a field that is not known, or a business field whose value is not of its
kind, goes to `unknown`, which is sealed like personal data. Nothing is dropped; a JSON ``null`` counts as absent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from . import schema
from .order_model import (
    Amount,
    Association,
    Breakdown,
    Line,
    Order,
    OrderDataError,
    Package,
    Problem,
    Window,
)
from .order_parser import parse_order
from .personal import PERSONAL_KEYS, Collected, collect
from .values import clean_text

__all__ = [
    "PERSONAL_KEYS",
    "Amount",
    "Association",
    "Breakdown",
    "Line",
    "Order",
    "OrderDataError",
    "Package",
    "Problem",
    "SplitOrder",
    "Window",
    "clean_json",
    "merge",
    "parse_order",
    "quarantine_payload",
    "split_order",
]

_MAX_DEPTH = 40
"""Amazon nests seven levels; what is deeper than this is kept as JSON text."""


@dataclass(frozen=True, slots=True)
class SplitOrder:
    """An order in its parts. Shows nothing of them when printed.

    :param order_id: "" if the payload has no usable one: then everything belongs in quarantine.
    :param business: JSON to store in clear. A ``None`` in it stands where a value of a wrong kind was taken out.
    :param personal: ``{"operational": {…}, "fiscal": {…}}``, texts by the keys of :data:`PERSONAL_KEYS`;
        a class without data is absent.
    :param unknown: JSON pointer (RFC 6901) → value, to be sealed as `quarantine`.
    :param issues: what was odd, in words that hold no value of the payload.
    """

    order_id: str
    business: dict[str, Any] = field(repr=False)
    personal: dict[str, dict[str, str]] = field(repr=False)
    unknown: dict[str, Any] = field(repr=False)
    issues: tuple[Problem, ...] = ()


def split_order(payload: Any) -> SplitOrder:
    """Take an order of Amazon apart. Never raises for data, however broken."""
    splitter = _Splitter()
    business = splitter.node(payload, schema.ORDER, "", "") if isinstance(payload, dict) else None
    if business is None:
        splitter.set_aside("", payload, "order", "not_an_order", "The order is not an object.")
        business = {}
    order_id = business.get("orderId") if isinstance(business, dict) else None
    return SplitOrder(
        order_id=order_id or "",
        business=business,
        personal=collect(splitter.collected, business),
        unknown=splitter.unknown,
        issues=tuple(splitter.issues),
    )


def quarantine_payload(unknown: dict[str, Any]) -> dict[str, str]:
    """The vault's `quarantine` class for `unknown`: ``{"payload": json}``, or {} if there is nothing."""
    if not unknown:
        return {}
    return {"payload": json.dumps(unknown, ensure_ascii=False, sort_keys=True)}


def clean_json(value: Any) -> Any:
    """JSON `value` as it can be stored and written as JSON again, however deeply it is nested."""
    return _clean(value)[0]


def merge(personal: dict[str, dict[str, str]], unknown: dict[str, Any]) -> dict[str, dict[str, str]]:
    """All that has to be sealed, by retention class: the personal classes, and `quarantine` if there is one."""
    result = {name: dict(values) for name, values in personal.items() if values}
    if unknown:
        result["quarantine"] = quarantine_payload(unknown)
    return result


def _clean(value: Any, depth: int = 0) -> tuple[Any, bool]:
    """`value` with all its texts cleaned, keys included, and whether anything changed."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, (list, dict)) and depth >= _MAX_DEPTH:
        return clean_text(_as_text(value))
    if isinstance(value, list):
        items = [_clean(item, depth + 1) for item in value]
        return [item for item, _ in items], any(changed for _, changed in items)
    if isinstance(value, dict):
        result: dict[str, Any] = {}
        changed = False
        for key, item in value.items():
            new_key, key_changed = clean_text(str(key))
            new_item, item_changed = _clean(item, depth + 1)
            while new_key in result:  # two keys that differ only in what was removed
                new_key += "_"
            result[new_key] = new_item
            changed = changed or key_changed or item_changed
        return result, changed
    return value, False


def _as_text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply to be kept)"


def _pointer(parent: str, key: str | int) -> str:
    return f"{parent}/{str(key).replace('~', '~0').replace('/', '~1')}"


class _Splitter:
    """Walks payload and schema together. `pointer` is exact and goes to the vault, `path` is made of schema names
    and indexes only and may be shown."""

    def __init__(self) -> None:
        self.collected: list[Collected] = []
        self.unknown: dict[str, Any] = {}
        self.issues: list[Problem] = []

    def set_aside(self, pointer: str, value: Any, path: str, code: str, message: str) -> None:
        cleaned, changed = _clean(value)
        key = clean_text(pointer)[0]
        while key in self.unknown:  # two pointers that differ only in what was removed
            key += "~"
        self.unknown[key] = cleaned
        self.issues.append(Problem(code, path, message))
        if changed:
            self._changed(path)

    def node(self, value: Any, node: schema.Node, pointer: str, path: str) -> Any:
        """The business part of `value`, None if there is none."""
        if isinstance(node, dict):
            return self._object(value, node, pointer, path)
        if isinstance(node, schema.Many):
            return self._array(value, node, pointer, path)
        if isinstance(node, schema.Business):
            return self._business(value, node, pointer, path)
        return self._personal(value, node, pointer, path)

    def _object(self, value: Any, fields: dict[str, Any], pointer: str, path: str) -> Any:
        if not isinstance(value, dict):
            return self._wrong(value, pointer, path)
        result: dict[str, Any] = {}
        for key, item in value.items():
            child = _pointer(pointer, key)
            if key not in fields:
                if item is not None:
                    self.set_aside(
                        child, item, path or "order", "unknown_field", "A field that is not known was set aside."
                    )
                continue
            if item is None:
                continue
            taken_out = len(self.unknown)
            part = self.node(item, fields[key], child, f"{path}.{key}" if path else key)
            if part is not None:
                result[key] = part
            elif len(self.unknown) > taken_out and not isinstance(fields[key], (schema.Personal, schema.Whole)):
                result[key] = None
        return result  # an empty object still says that something was there

    def _array(self, value: Any, node: schema.Many, pointer: str, path: str) -> Any:
        if not isinstance(value, list):
            return self._wrong(value, pointer, path)
        result = []
        for index, item in enumerate(value):
            # Position is kept (None for what was taken out whole), so that paths stay true.
            result.append(
                None if item is None else self.node(item, node.item, _pointer(pointer, index), f"{path}[{index}]")
            )
        return result

    def _business(self, value: Any, node: schema.Business, pointer: str, path: str) -> Any:
        if isinstance(value, str):
            value, changed = clean_text(value)
            if changed:
                self._changed(path)
        if node.accepts(value):
            return value
        if value == "":
            return None
        return self._wrong(value, pointer, path)

    def _personal(self, value: Any, node: schema.Personal | schema.Whole, pointer: str, path: str) -> Any:
        if isinstance(node, schema.Whole):
            fits = isinstance(value, node.shape)
        else:
            fits = isinstance(value, str) or (isinstance(value, (int, float)) and not isinstance(value, bool))
        if not fits:
            return self._wrong(value, pointer, path)
        value, changed = _clean(value)
        if changed:
            self._changed(path)
        if isinstance(node, schema.Personal) and node.unless and schema.KINDS[node.unless](value):
            return value
        self.collected.append(Collected(node.role, path, value))
        return None

    def _wrong(self, value: Any, pointer: str, path: str) -> None:
        self.set_aside(pointer, value, path, "wrong_value", "A value of an unexpected kind was set aside.")

    def _changed(self, path: str) -> None:
        self.issues.append(
            Problem("unstorable_characters", path, "Characters that cannot be stored were removed or replaced.")
        )
