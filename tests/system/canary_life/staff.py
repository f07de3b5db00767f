"""The people of the shop, who sign in in a browser; what they need before they may see anybody."""

from __future__ import annotations

import secrets
from typing import Any

from support import people
from support.odoo import Database, OdooServer
from support.people import Answer, Person, RpcError

from .printer import Printer

VAULT = "pii_retention.group_"
PEOPLE = {
    "warehouse": ["stock.group_stock_user", "amazon_spapi_connector.group_user", f"{VAULT}fulfilment"],
    "accountant": [
        "account.group_account_invoice",
        "sales_team.group_sale_salesman_all_leads",
        "amazon_spapi_connector.group_user",
        "base.group_partner_manager",
        "base.group_allow_export",
        f"{VAULT}fiscal",
    ],
    **dict.fromkeys(
        ("care", "hotline", "helpdesk"),
        ["sales_team.group_sale_salesman_all_leads", "base.group_partner_manager", f"{VAULT}customer_care"],
    ),
    "officer": [f"{VAULT}privacy_officer"],
    "boss": ["base.group_system"],
}
SLIP = "stock.report_deliveryslip"

#: The carrier's entry in the register, its delivery methods, and the address that documents load their styles from.
SET_UP = """
from odoo import fields
env["ir.config_parameter"].set_param("report.url", url)
env["ir.config_parameter"].set_param("web.base.url", url)
env["ir.config_parameter"].set_param("troubles.service", service)
recipient = env["pii.recipient"].create({
    "name": "Troubled Parcels", "kind": "carrier", "country_id": env.ref("base.it").id, "agreement": "DPA 1",
    "contact": "office@example.org", "scope_ids": [(0, 0, {"purpose": "label", "operational": True})],
})
recipient.action_assess()
recipient.action_activate()
product = env["product.product"].create({"name": "Parcel", "type": "service", "list_price": 5})
carriers = env["delivery.carrier"].create([
    {"name": name, "product_id": product.id, "delivery_type": "troubled", "tracking_url": name,
     "pii_recipient_id": recipient.id, "debug_logging": True}
    for name in ("works", "fails")
])
# in a small shop a look-up opens many by coincidence, and how many depends on the day's key
env.ref("pii_retention.limit_customer_service").write({"per_hour": 500, "per_day": 500})
env.ref("pii_retention.alert_rule_customer_care").threshold = 500
result = carriers.ids
"""


def hire(database: Database) -> None:
    """Make the users; their roles ask the officer for grants."""
    database.python(people.MAKE, people=PEOPLE)


def sign_in(server: OdooServer) -> dict[str, Person]:
    """Everybody's session."""
    return {login: Person(server, login, timeout=240).login() for login in PEOPLE}


def first_day(staff: dict[str, Person], printer: Printer) -> dict[str, int]:
    """The officer approves the roles and releases the printers that the administrator has set up.

    :return: ids of the printers ``documents`` and ``labels``
    """
    officer, boss = staff["officer"], staff["boss"]
    people.without_second_factor(officer)
    assert len(people.approve_requests(officer)) >= 3
    printers = {}
    for name, uri in (("documents", printer.uri), ("labels", printer.labels)):
        # Debian's wkhtmltopdf draws one document at a time
        (printers[name],) = boss.call("pii.printer", "create", [{"name": name, "uri": uri, "documents_per_part": 1}])
        officer.call("pii.printer", "action_release", [printers[name]])
    return printers


def print_slips(person: Person, pickings: list[int], printer_id: int, report: str = SLIP) -> dict[str, Any]:
    """Print documents of deliveries as the web client does, and return how the job stands at the end."""
    state = person.call("ir.actions.report", "pii_print_prepare", report, pickings, printer_id=printer_id)
    assert state["kind"] == "job", state
    job = state["job_id"]
    while state.get("more", True):
        state = person.call("pii.print.job", "print_next", [job])
    return state


def upload(person: Person, model: str, record_id: int, name: str, content: bytes) -> int:
    """Upload a file into a record's chatter as the web client does; return the attachment's id."""
    border = secrets.token_hex(16)
    form = {"thread_model": model, "thread_id": str(record_id), "csrf_token": person.csrf()}
    parts = [
        f'--{border}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in form.items()
    ]
    head = f'--{border}\r\nContent-Disposition: form-data; name="ufile"; filename="{name}"\r\n'
    parts += [head.encode(), b"Content-Type: application/octet-stream\r\n\r\n", content, b"\r\n"]
    body = b"".join(parts) + f"--{border}--\r\n".encode()
    answer = person.fetch("/mail/attachment/upload", body, {"content-type": f"multipart/form-data; boundary={border}"})
    assert answer.status == 200, answer.text[:500]
    return answer.json()["data"]["attachment_id"]


def refused(act: Any, *args: Any, **kwargs: Any) -> bool:
    """Tell whether a call ended in an error of the server."""
    try:
        answer = act(*args, **kwargs)
    except RpcError:
        return True
    if isinstance(answer, Answer):
        return answer.status >= 400 or answer.body.startswith(b'{"jsonrpc"') and b'"error"' in answer.body
    return False
