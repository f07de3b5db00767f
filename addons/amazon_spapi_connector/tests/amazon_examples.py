"""The orders that Amazon shows in its own model: the answers of its static sandbox and the examples beside them.

The model is Amazon's own file (folder ``SPAPI_MODELS``, else ``shared/spapi-models`` beside the checkout) and no part
of this repository.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .common import _repository

MODEL = "orders_2026-01-01.json"


def folder() -> Path:
    return Path(os.environ.get("SPAPI_MODELS") or _repository().parent / "shared" / "spapi-models")


def document() -> dict | None:
    """The model, None where it is not."""
    path = folder() / MODEL
    return json.loads(path.read_text()) if path.is_file() else None


def orders(model: dict) -> dict[str, dict]:
    """All orders in the model, by their number."""
    found = []
    for operations in model["paths"].values():
        answer = operations["get"]["responses"]["200"]
        bodies = [*answer.get("examples", {}).values()]
        bodies += [case["response"] for case in answer["x-amzn-api-sandbox"]["static"]]
        for body in bodies:
            found += body["orders"] if "orders" in body else [body["order"]]
    return {order["orderId"]: order for order in found}


def bought_lately(found: dict[str, dict]) -> dict[str, dict]:
    """The same orders with all their times moved alike, by whole days, so that the newest update is of yesterday."""
    newest = max(datetime.fromisoformat(order["lastUpdatedTime"]) for order in found.values())
    shift = timedelta(days=(datetime.now(UTC) - newest).days)

    def move(match: re.Match) -> str:
        return f"{datetime.fromisoformat(match[0]) + shift:%Y-%m-%dT%H:%M:%SZ}"

    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", move, json.dumps(found))
    return json.loads(text)
