"""What Odoo evaluates for a person: mail templates, composers, server actions, exports made by an administrator."""

from __future__ import annotations

from collections.abc import Iterator
from json import loads
from typing import Any

from support.people import Answer, Person

from .probes import PERSONAL, Probe, Target
from .roles import Role

_PATHS = [f"object.partner_id.{name}" for name in PERSONAL]
_CODE = "raise UserError(str([record[n] for n in ['display_name']] + [record.partner_id.sudo()[n] for n in %r]))"


def prepare(settings: Person) -> dict[str, int]:
    """Let the administrator make a mail template and a server action that show all of an order's customer."""
    model = settings.call("ir.model", "search", [["model", "=", "sale.order"]])[0]
    template = {
        "name": "All of the customer",
        "model_id": model,
        "subject": " ".join("{{ " + path + " }}" for path in _PATHS[:4]),
        "body_html": "".join(f'<p t-out="{path}"/>' for path in _PATHS),
    }
    action = {
        "name": "Show the customer",
        "model_id": model,
        "state": "code",
        "code": _CODE % (list(PERSONAL),),
    }
    return {
        "template": settings.call("mail.template", "create", [template])[0],
        "action": settings.call("ir.actions.server", "create", [action])[0],
    }


def machinery(role: Role, target: Target, made: dict[str, int]) -> Iterator[Probe]:
    """The template previewed and composed, the action run, each by its own method and through the web client's."""
    sale = target.ids["sale.order"][0]

    def preview() -> Answer:
        values = {"mail_template_id": made["template"], "resource_ref": f"sale.order,{sale}"}
        return _made(role, "mail.template.preview", values, ["subject", "body_html", "email_to", "partner_ids"])

    def compose(mode: str) -> Answer:
        values = {"template_id": made["template"], "model": "sale.order", "res_ids": repr([sale])}
        values |= {"composition_mode": mode}
        return _made(role, "mail.compose.message", values, ["subject", "body", "partner_ids"])

    def run() -> Answer:
        context = {"active_model": "sale.order", "active_id": sale, "active_ids": [sale]}
        return role.call("ir.actions.server", "run", [made["action"]], context=context)

    yield Probe("mail.template.preview", preview)
    for mode in ("comment", "mass_mail"):
        yield Probe(f"mail.compose.message {mode}", lambda mode=mode: compose(mode))
    yield Probe("ir.actions.server run", run)
    if role.browser:
        context = {"active_model": "sale.order", "active_id": sale, "active_ids": [sale]}
        params: dict[str, Any] = {"action_id": made["action"], "context": context}
        yield Probe("/web/action/run", lambda: role.person.rpc("/web/action/run", params))


def _made(role: Role, model: str, values: dict[str, Any], names: list[str]) -> Answer:
    """Make a record of a wizard and read it; the refusal if it cannot be made."""
    answer = role.call(model, "create", None, vals_list=[values])
    try:
        data = loads(answer.body)
    except ValueError:
        return answer
    ids = data.get("result") if isinstance(data, dict) else data
    return role.call(model, "read", ids, fields=names) if ids else answer
