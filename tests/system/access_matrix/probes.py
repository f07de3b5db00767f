"""What is tried: through each method and page that could show a record, at each model that could hold personal data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from json import loads
from typing import Any

from support.people import Answer

from .roles import Role

#: Every model that holds a customer, points to one, or tells about one.
MODELS = (
    "res.partner",
    "pii.subject",
    "sale.order",
    "sale.order.line",
    "stock.picking",
    "stock.move",
    "account.move",
    "account.move.line",
    "spapi.order",
    "spapi.order.line",
    "ir.attachment",
    "mail.message",
    "pii.access.log",
    "pii.grant",
)
#: Those behind which a person stands most directly: all methods are tried on them, the plain ones on the others.
CORE = ("res.partner", "pii.subject", "sale.order", "stock.picking", "account.move", "spapi.order", "ir.attachment")
#: Where a field could be reached from a record, as export paths and search terms name it.
PATHS = {
    "res.partner": ("",),
    "pii.subject": ("partner_ids",),
    "sale.order": ("partner_id", "partner_shipping_id", "partner_invoice_id"),
    "sale.order.line": ("order_partner_id",),
    "stock.picking": ("partner_id",),
    "stock.move": ("partner_id",),
    "account.move": ("partner_id", "partner_shipping_id"),
    "account.move.line": ("partner_id",),
    "spapi.order": ("sale_order_id.partner_id",),
}
PERSONAL = ("name", "complete_name", "display_name", "company_name", "street", "street2", "zip", "city", "phone")
PERSONAL += ("email", "email_normalized", "phone_sanitized", "vat", "contact_address", "comment")
STORED = tuple(name for name in PERSONAL if name != "contact_address")
#: Readable by administrators only, which would fail a whole read.
_CLOSED = ("voice_ids", "rtc_session_ids")


@dataclass(frozen=True)
class Probe:
    """One question and its answers.

    :param label: channel and object
    :param ask: returns the answers
    :param found: for an oracle, which answer is a leak even without a canary in it
    """

    label: str
    ask: Callable[[], Answer]
    found: Callable[[Answer], bool] | None = None


@dataclass(frozen=True)
class Target:
    """Whom it is tried on: ``ids`` by model, the planted ``values`` by field, tokens of the customer's own links."""

    ids: dict[str, list[int]]
    values: dict[str, str]
    tokens: dict[str, str]


def fields_of(role: Role, model: str) -> dict[str, dict[str, Any]]:
    """What fields the role is told of; what a stranger would guess when nothing."""
    answer = role.call(model, "fields_get", None, attributes=["type", "store", "relation"])
    try:
        data = loads(answer.body)
    except ValueError:
        return {}
    found = data.get("result", data) if isinstance(data, dict) else {}
    return found if isinstance(found.get("id"), dict) else {}


def methods(role: Role, target: Target, fields: dict[str, dict[str, dict[str, Any]]], brief: bool) -> Iterator[Probe]:
    """Through methods, as many as RPC reaches.

    :param fields: what the role is told of each model's fields
    :param brief: the plain methods on the core models alone
    """
    for model in CORE if brief else MODELS:
        known = fields.get(model) or {name: {"type": "char"} for name in ("display_name", *PERSONAL[:3])}
        yield from _methods(role, target, model, known, brief)


def _methods(role: Role, target: Target, model: str, known: dict[str, dict[str, Any]], brief: bool) -> Iterator[Probe]:
    ids = target.ids.get(model, [])
    domain = [["id", "in", ids]] if ids else []
    plain = [name for name, field in known.items() if field["type"] != "binary" and name not in _CLOSED]
    through = {"fields": {name: {} for name in ("display_name", "name", "street", "city", "email")}}
    spec: dict[str, Any] = {name: {} for name in plain}
    spec |= {name: through for name in plain if known[name].get("relation") == "res.partner"}
    paths = [f"{path}/{name}".lstrip("/").replace(".", "/") for path in PATHS.get(model, ()) for name in PERSONAL]
    groups = [name for name in (*STORED, "partner_id", "subject_id", "reference") if known.get(name, {}).get("store")]

    def probe(method: str, for_ids: list[int] | None, label: str = "", found: Any = None, **arguments: Any) -> Probe:
        return Probe(f"{label or method} {model}", lambda: role.call(model, method, for_ids, **arguments), found)

    yield probe("read", ids, fields=plain)
    yield probe("search_read", None, domain=domain, fields=plain, limit=20)
    yield probe("web_read", ids, specification=spec)
    yield probe("name_search", None, name="", domain=domain)
    yield probe("fields_get", None)
    yield probe("export_data", ids, fields_to_export=["id", ".id", "display_name", *paths])
    yield probe("read", ids, "display_name", fields=["display_name"])
    for label, term in _searches(model, target):
        yield probe("search", None, f"search by {label}", returns(ids), domain=term)
    for name in ("name", "email", "phone"):
        yield probe("name_search", None, f"name_search by {name}", returns(ids), name=target.values[name])
    if model == "ir.attachment":
        for name in ("raw", "datas", "db_datas", "index_content", "checksum"):
            yield probe("read", ids, f"read {name}", fields=[name])
    if model == "pii.subject":
        yield from _on_subjects(role, ids)
    if model not in CORE or brief:
        return
    yield probe("web_search_read", None, domain=domain, specification=spec, limit=20)
    yield probe("web_name_search", None, name="", specification={"display_name": {}}, domain=domain)
    for group in groups:
        yield probe(
            "formatted_read_group", None, f"formatted_read_group by {group}",
            domain=domain, groupby=[group], aggregates=["__count"],
        )  # fmt: skip
    first = groups[:1] or ["id"]
    yield probe("web_read_group", None, domain=domain, groupby=first, aggregates=["__count"])
    yield probe("read_group", None, domain=domain, fields=["__count"], groupby=first)
    bar = {"field": "state", "colors": {}}
    yield probe("read_progress_bar", None, domain=domain, group_by=first[0], progress_bar=bar)
    yield probe("search_panel_select_range", None, field_name="partner_id", enable_counters=True)
    values = {"partner_id": target.ids["res.partner"][0], "name": "x"}
    yield probe("onchange", [], values=values, field_names=["partner_id"], fields_spec=spec)
    yield probe("onchange", ids[:1], "onchange of a record", values={}, field_names=[], fields_spec=spec)
    yield probe("get_views", None, views=[[False, "form"], [False, "list"], [False, "search"]])
    yield probe("default_get", None, fields=plain)
    yield probe("copy_data", ids[:1])
    yield probe("get_metadata", ids)
    if model == "res.partner":
        search = {"search": target.values["name"]}
        yield probe("get_mention_suggestions", None, found=returns(ids), **search)
        yield probe("im_search", None, found=returns(ids), name=target.values["name"])
        yield probe("name_create", None, name="Somebody else")


def _on_subjects(role: Role, ids: list[int]) -> Iterator[Probe]:
    model = "pii.subject"
    for name in ("operational_token", "fiscal_token", "content_mac", "name_index", "gift_text", "delivery_note"):
        ask = partial(role.call, model, "read", ids, fields=[name])
        yield Probe(f"read {name} {model}", ask)
    for method in ("reveal", "_open", "_content_mac", "_correct", "_seal_many", "_partner", "pii_purposes"):
        yield Probe(f"call {method} {model}", partial(role.call, model, method, ids, purpose="label"))


def _searches(model: str, target: Target) -> Iterator[tuple[str, list[Any]]]:
    """Searching as an oracle: does a term find the record that holds it?"""
    if model == "ir.attachment":
        yield "index_content", [["index_content", "ilike", target.values["street"]]]
    for path in PATHS.get(model, ())[:1]:
        for name in ("name", "street", "zip", "city", "phone", "email", "vat"):
            field = f"{path}.{name}".lstrip(".")
            yield field, [[field, "ilike", target.values[name]]]


def returns(ids: list[int]) -> Callable[[Answer], bool]:
    """Tell whether an answer names one of the records that were searched for."""

    def found(answer: Answer) -> bool:
        try:
            data = loads(answer.body)
        except ValueError:
            return any(f"<int>{one}</int>" in answer.text for one in ids)
        return "error" not in data and bool(set(ids) & _numbers(data.get("result") if isinstance(data, dict) else data))

    return found


def _numbers(data: Any) -> set[int]:
    if isinstance(data, bool):
        return set()
    if isinstance(data, int):
        return {data}
    if isinstance(data, dict):
        return set().union(*(_numbers(value) for value in data.values()))
    if isinstance(data, list):
        return set().union(*(_numbers(value) for value in data))
    return set()
