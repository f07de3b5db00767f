"""Pages and routes: what a browser can fetch."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from typing import Any

from support.people import Person

from .probes import PATHS, STORED, Probe, Target, returns

#: What a browser says when a person types an address.
_TYPED = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none", "Sec-Fetch-User": "?1"}
REPORTS = {
    "sale.order": ("sale.report_saleorder", "sale.report_saleorder_raw"),
    "stock.picking": ("stock.report_deliveryslip",),
    "account.move": ("account.report_invoice", "account.report_invoice_with_payments"),
}


def pages(person: Person, target: Target, token: str, brief: bool) -> Iterator[Probe]:
    """Through pages and routes.

    :param token: the session's own against forged forms, empty when it has none
    :param brief: leave out those that show the same whoever asks
    """
    yield from _documents(person, target, token)
    yield from _screens(person, target, token)
    yield from _vault(person, target)
    if not brief:
        yield from _pictures(person, target)
        yield from _portal(person, target)


def _get(person: Person, path: str, label: str = "", **headers: str) -> Probe:
    return Probe(f"GET {label or path}", lambda: person.get(path, **headers))


def _json(person: Person, path: str, label: str, **params: Any) -> Probe:
    return Probe(f"{path} {label}".strip(), lambda: person.rpc(path, params))


def _documents(person: Person, target: Target, token: str) -> Iterator[Probe]:
    for model, names in REPORTS.items():
        some = ",".join(map(str, target.ids[model]))
        for name in names:
            for converter in ("html", "text"):
                yield _get(person, f"/report/{converter}/{name}/{some}", f"/report/{converter}/{name}")
    for one in target.ids["ir.attachment"]:
        yield _get(person, f"/web/content/{one}", "/web/content/<file>")
        yield _get(person, f"/web/content/{one}?download=1", "/web/content/<file>?download")
        yield _get(person, f"/web/image/{one}", "/web/image/<file>")
        yield _get(person, f"/web/content/ir.attachment/{one}/raw", "/web/content/ir.attachment/<id>/raw")
    form = {"file_ids": ",".join(map(str, target.ids["ir.attachment"])), "zip_name": "a.zip", "csrf_token": token}
    yield Probe("POST /mail/attachment/zip", lambda: person.post("/mail/attachment/zip", form))
    file = target.ids["ir.attachment"][3]
    yield _get(person, f"/account/download_invoice_attachments/{file}", "/account/download_invoice_attachments")
    sale, move = target.ids["sale.order"][0], target.ids["account.move"][0]
    link = target.tokens[str(sale)]
    for kind in ("html", "text"):
        yield _get(person, f"/my/orders/{sale}?access_token={link}&report_type={kind}", f"/my/orders/<id> as {kind}")
        yield _get(person, f"/my/invoices/{move}?report_type={kind}", f"/my/invoices/<id> as {kind}")


def _screens(person: Person, target: Target, token: str) -> Iterator[Probe]:
    for model in ("res.partner", "sale.order", "stock.picking", "account.move"):
        one = target.ids[model][0]
        thread = {"thread_model": model, "thread_id": one}
        for path in ("messages", "recipients"):
            yield _json(person, f"/mail/thread/{path}", model, **thread)
        suggested = "/mail/thread/recipients/get_suggested_recipients"
        yield _json(person, suggested, model, **thread, partner_ids=[])
        wanted = {**thread, "request_list": ["followers", "attachments", "activities", "suggestedRecipients"]}
        yield _json(person, "/mail/data", model, fetch_params=[["mail.thread", wanted], "init_messaging"])
        yield _get(person, f"/json/1/m-{model}/{one}", f"/json/1/m-{model}/<id>", **_TYPED)
        for kind in ("csv", "xlsx"):
            yield _export(person, target, model, kind, token)
        bus = {"channels": [f"{model}_{one}"], "last": 0, "is_first_poll": True}
        yield _json(person, "/websocket/peek_notifications", model, **bus)
    yield _json(person, "/discuss/search", "", term=target.values["name"])


def _vault(person: Person, target: Target) -> Iterator[Probe]:
    subjects, sale = target.ids["pii.subject"], target.ids["sale.order"][0]
    if not subjects:
        return
    for model in ("res.partner", "sale.order", "stock.picking", "account.move"):
        yield _json(person, "/pii/card", model, model=model, id=target.ids[model][0])
    asked = {"subject_id": subjects[0], "model": "sale.order", "id": sale, "reason": "the customer called us"}
    for purpose in ("label", "invoice", "customer_service", "legal_request", "incident", "import_decision", "nonsense"):
        yield _json(person, "/pii/reveal", purpose, **asked, purpose=purpose)
    for field in ("name", "email", "phone"):
        search = {"field": field, "value": target.values[field], "purpose": "customer_service", "reason": "called in"}
        yield Probe(f"/pii/lookup {field}", lambda search=search: person.rpc("/pii/lookup", search), returns(subjects))


def _pictures(person: Person, target: Target) -> Iterator[Probe]:
    for one in target.ids["ir.attachment"][:2]:
        yield _get(person, f"/mail/attachment/pdf_first_page/{one}", "/mail/attachment/pdf_first_page")
        yield _get(person, f"/web/image/ir.attachment/{one}/thumbnail", "/web/image/<file>/thumbnail")
    for one in target.ids["res.partner"]:
        for name in ("avatar_128", "image_1920", "street", "name"):
            for route in ("image", "content"):
                yield _get(person, f"/web/{route}/res.partner/{one}/{name}", f"/web/{route}/res.partner/<id>/{name}")
    for one in target.ids["pii.subject"]:
        yield _get(person, f"/web/content/pii.subject/{one}/operational_token", "/web/content/pii.subject/<id>/token")


def _portal(person: Person, target: Target) -> Iterator[Probe]:
    sale = target.ids["sale.order"][0]
    link = target.tokens[str(sale)]
    for path in ("/my/orders", "/my/quotes", "/my/invoices", "/my/account"):
        yield _get(person, path)
    for query in ("", f"?access_token={link}"):
        yield _get(person, f"/my/orders/{sale}{query}", f"/my/orders/<id>{query and ' with the token'}")
    yield _get(person, f"/my/orders/{sale}/download_edi?access_token={link}", "/my/orders/<id>/download_edi")
    thread = {"thread_model": "sale.order", "thread_id": sale, "token": link, "fetch_params": {}}
    yield _json(person, "/mail/chatter_fetch", "", **thread)
    for model in ("res.partner", "sale.order", "stock.picking", "account.move"):
        one = target.ids[model][0]
        yield _get(person, f"/odoo/m-{model}/{one}", f"/odoo/m-{model}/<id>")
        yield _get(person, f"/mail/view?model={model}&res_id={one}", f"/mail/view {model}")


def _export(person: Person, target: Target, model: str, kind: str, token: str) -> Probe:
    path = PATHS[model][0]
    names = [f"{path}/{name}".lstrip("/") for name in STORED]
    data = {
        "model": model,
        "fields": [{"name": name, "label": name, "type": "char"} for name in names],
        "ids": target.ids[model],
        "domain": [],
        "import_compat": False,
        "context": {},
        "groupby": [],
    }
    form = {"data": dumps(data), "csrf_token": token}
    return Probe(f"POST /web/export/{kind} {model}", lambda: person.post(f"/web/export/{kind}", form))
