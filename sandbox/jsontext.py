"""JSON in and out, for orders that may hold anything a hostile marketplace could send (NaN, NUL, lone surrogates)."""

from __future__ import annotations

import json
from typing import Any


def dumps(value: Any) -> str:
    """Compact JSON text; non-ASCII characters stay as they are unless UTF-8 cannot carry them (lone surrogates)."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def encode(value: Any) -> bytes:
    """`dumps` as UTF-8 bytes: the body of an answer."""
    return dumps(value).encode()


loads = json.loads


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396 merge patch: null deletes, objects merge, everything else replaces. Returns a new value."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged
