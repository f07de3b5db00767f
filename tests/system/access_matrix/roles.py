"""Who tries: a visitor, employees with and without leave, those whose leave ended, machines with a key."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from support.odoo import Database, OdooServer
from support.people import MAKE, Answer, Person, RpcError, approve_requests, revoke_grants, without_second_factor

VAULT = "pii_retention.group_"
#: What a person needs to see all the documents of a shop, without any role of the vault.
WORK = [
    "sales_team.group_sale_salesman_all_leads",
    "stock.group_stock_user",
    "account.group_account_invoice",
    "amazon_spapi_connector.group_user",
    "base.group_partner_manager",
    "base.group_allow_export",
]
PEOPLE: dict[str, list[str]] = {
    "portal": ["base.group_portal"],
    "employee": [],
    "sales": WORK,
    "settings": [*WORK, "base.group_system", "amazon_spapi_connector.group_manager", "mail.group_mail_template_editor"],
    "fulfilment": [*WORK, f"{VAULT}fulfilment"],
    "fiscal": [*WORK, f"{VAULT}fiscal"],
    "care": [*WORK, f"{VAULT}customer_care"],
    "incident": [*WORK, f"{VAULT}incident"],
    "officer": [*WORK, f"{VAULT}privacy_officer"],
    "auditor": [*WORK, f"{VAULT}auditor"],
    "machine": [*WORK, f"{VAULT}fulfilment"],
    "revoked": [*WORK, f"{VAULT}fulfilment"],
    "expired": [*WORK, f"{VAULT}fulfilment"],
    "archived": [*WORK, f"{VAULT}fulfilment"],
    "ungranted": [*WORK, f"{VAULT}fulfilment"],
}
#: Whose standing grants the officer approves.
GRANTED = ("fulfilment", "fiscal", "care", "machine", "revoked", "archived")
#: Who sees the same screens as *fulfilment* does, only never the customer.
_BRIEF = (
    *("fiscal", "care", "incident", "officer", "auditor"),
    *("employee", "revoked", "expired", "archived", "ungranted"),
)
#: For how long a grant is asked for that is to be over soon: longer where asking and approving took all of it.
_SECONDS = (4, 30, 120)

Call = Callable[..., Answer]


@dataclass
class Role:
    """One row of the matrix.

    :param name: as it is printed
    :param person: whose session it is; for remote calls, whose key or password
    :param call: ``call(model, method, ids or None, **arguments)`` through the role's door
    :param browser: whether pages can be fetched with this role's session too
    :param brief: whether the plain probes will do, because another role shows the same screens
    """

    name: str
    person: Person
    call: Call
    browser: bool = True
    brief: bool = False


def _by_session(person: Person) -> Call:
    def call(model: str, method: str, ids: list[int] | None, **arguments: Any) -> Answer:
        return person.raw_call(model, method, *([] if ids is None else [ids]), **arguments)

    return call


def _by_json2(person: Person, key: str) -> Call:
    def call(model: str, method: str, ids: list[int] | None, **arguments: Any) -> Answer:
        return person.json2(key, model, method, **({} if ids is None else {"ids": ids}), **arguments)

    return call


def _by_rpc(send: Callable[..., Answer], password: str) -> Call:
    def call(model: str, method: str, ids: list[int] | None, **arguments: Any) -> Answer:
        return send(password, model, method, *([] if ids is None else [ids]), **arguments)

    return call


def make_people(database: Database) -> dict[str, int]:
    """Make the users; their roles ask the officer for grants."""
    return database.python(MAKE, people=PEOPLE)


def sign_in(server: OdooServer, first: Callable[[dict[str, Person]], None]) -> tuple[Person, dict[str, Person]]:
    """Return the officer and everybody's session before anything of theirs ended.

    :param first: called while grants are approved and the second factor is still asked for
    """
    people = {login: Person(server, login).login() for login in PEOPLE}
    officer = people["officer"]
    for login in GRANTED:
        assert approve_requests(officer, login), login
    first(people)
    without_second_factor(officer)
    return officer, people


def all_roles(server: OdooServer, officer: Person, people: dict[str, Person], subject_id: int) -> list[Role]:
    """Give and take leave until each person is what the name says, and return the rows of the matrix.

    :param subject_id: the customer about whom the incident team may ask
    """
    # for incidents there is no standing grant, each one is asked for
    people["incident"].call("pii.subject", "request_access", [subject_id], "incident", "parcel reported stolen")
    assert approve_requests(officer, "incident")
    _let_expire(officer, people["expired"])
    revoke_grants(officer, "revoked")
    people["settings"].call("res.users", "write", [people["archived"].uid], {"active": False})
    machine = people["machine"]
    key = machine.api_key()
    visitor = Person(server)
    visitor.get("/web/login")
    roles = [Role("visitor", visitor, _by_session(visitor))]
    roles += [
        Role(login, people[login], _by_session(people[login]), brief=login in _BRIEF)
        for login in PEOPLE
        if login != "machine"
    ]
    roles += [
        Role("key: json/2", machine, _by_json2(machine, key), browser=False),
        Role("key: xml-rpc", machine, _by_rpc(machine.xmlrpc, key), browser=False, brief=True),
        Role("key: json-rpc", machine, _by_rpc(machine.jsonrpc, key), browser=False, brief=True),
        Role("password: xml-rpc", machine, _by_rpc(machine.xmlrpc, machine.password), browser=False, brief=True),
    ]
    return roles


def _let_expire(officer: Person, person: Person) -> None:
    """Replace the standing request of a person by an approved grant that is over in a moment."""
    domain = [["user_id", "=", person.uid], ["state", "=", "requested"]]
    officer.call("pii.grant", "action_refuse", officer.call("pii.grant", "search", domain))
    for seconds in _SECONDS:
        end = datetime.now(UTC) + timedelta(seconds=seconds)
        request = {
            "purpose": "label",
            "kind": "temporary",
            "reason": "parcels of this morning",
            "date_end": end.strftime("%Y-%m-%d %H:%M:%S"),
        }
        try:
            person.call("pii.grant", "create", [request])
            assert approve_requests(officer, person.login_name)
            break
        except RpcError:
            if seconds == _SECONDS[-1]:
                raise
    while datetime.now(UTC) <= end + timedelta(seconds=1):
        time.sleep(0.2)
