"""People at work in a running Odoo: a browser's session without the browser, remote calls, the privacy officer's leave.

database.python(people.MAKE, people={"clerk": ["pii_retention.group_fulfilment"], ...})
with database.serve() as server:
    officer = Person(server, "officer").login()
    without_second_factor(officer)
    approve_requests(officer)
    clerk = Person(server, "clerk").login()
    clerk.call("pii.subject", "search_read", [], ["reference"])
    clerk.get("/report/html/stock.report_deliveryslip/1").status
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import re
import struct
import time
import urllib.error
import urllib.parse
import urllib.request
import xmlrpc.client
from dataclasses import dataclass
from http.cookiejar import Cookie, CookieJar
from json import dumps, loads
from typing import Any

from .odoo import OdooServer

#: Script for ``Database.python``: users by login with the xml ids of their groups; ``{login: id}`` comes back.
#: ``people`` is ``{login: [group, ...]}``, an empty list for a plain employee. Passwords are ``password_of(login)``.
MAKE = """
from odoo.fields import Command
result = {}
for login, groups in people.items():
    user = env["res.users"].with_context(no_reset_password=True).create({
        "name": login, "login": login, "email": login + "@staff.example.com", "password": login + "-Pw-1234567",
        "group_ids": [Command.set([env.ref(group).id for group in groups or ["base.group_user"]])],
    })
    result[login] = user.id
"""

#: Script: a second factor for users. ``logins`` is a list, ``secret`` a base32 string; see ``Person.login``.
SECOND_FACTOR = """
for user in env["res.users"].search([("login", "in", logins)]):
    user.totp_secret = secret
"""
TOTP_SECRET = base64.b32encode(b"second-factor-of-a-test").decode()

_calls = itertools.count(1)


def password_of(login: str) -> str:
    """The password that ``MAKE`` gives a user."""
    return f"{login}-Pw-1234567"


class RpcError(Exception):
    """The server refused a call; ``name`` is the exception's full name, the text its message."""

    def __init__(self, name: str, message: str, debug: str = "") -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message
        self.debug = debug


@dataclass(frozen=True)
class Answer:
    """What the server said: status, header fields in lower case, body, and where redirects led."""

    status: int
    headers: dict[str, str]
    body: bytes
    url: str = ""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON."""
        return loads(self.body)


class Person:
    """One user and his browser; nobody without ``login``.

    :param server: the running Odoo
    :param login: None for a visitor
    :param password: default: what ``MAKE`` gives
    :param timeout: seconds for one call
    """

    def __init__(
        self, server: OdooServer, login: str | None = None, password: str | None = None, timeout: float = 120
    ) -> None:
        self.server = server
        self.url = server.url
        self.database = server.database
        self.login_name = login
        self.password = password or (password_of(login) if login else "")
        self.timeout = timeout
        self.uid: int | None = None
        self.cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    # === SESSION === #

    def login(self, totp_secret: str | None = None) -> Person:
        """Sign in, with the second factor if ``totp_secret`` (base32) is given. :raises RpcError: wrong password."""
        params = {"db": self.database, "login": self.login_name, "password": self.password}
        self.uid = self.json("/web/session/authenticate", params)["uid"]
        if totp_secret:
            page = self.get("/web/login/totp").text
            token = re.search(r'name="csrf_token" value="([^"]+)"', page)
            if token is None:
                raise RpcError("login", "the server asks for no second factor")
            self.post("/web/login/totp", {"csrf_token": token[1], "totp_token": f"{totp(totp_secret):06d}"})
            self.uid = self.json("/web/session/get_session_info", {})["uid"]
        if not self.uid:
            raise RpcError("login", f"{self.login_name} is not signed in: is a second factor asked for?")
        return self

    @property
    def session_id(self) -> str:
        """The session's cookie, empty without one."""
        return next((cookie.value or "" for cookie in self.cookies if cookie.name == "session_id"), "")

    def steal(self, session_id: str) -> Person:
        """Come with somebody's session cookie."""
        cookie = Cookie(
            *(0, "session_id", session_id, None, False, "127.0.0.1", False, False, "/", True, False, None, True),
            *(None, None, {}),
        )
        self.cookies.set_cookie(cookie)
        return self

    # === BROWSER === #

    def fetch(
        self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None, method: str | None = None
    ) -> Answer:
        """One request; an answer of any status comes back, nothing is raised for 4xx and 5xx."""
        request = urllib.request.Request(self.url + path, body, headers or {}, method=method)
        try:
            with self._opener.open(request, timeout=self.timeout) as found:
                return _answer(found)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error)

    def get(self, path: str, **headers: str) -> Answer:
        """GET a path."""
        return self.fetch(path, headers=headers)

    def post(self, path: str, form: dict[str, str]) -> Answer:
        """POST a form; the path may need ``csrf_token`` in it, see ``csrf``."""
        return self.fetch(path, urllib.parse.urlencode(form).encode())

    def csrf(self) -> str:
        """A token for ``post``, as Odoo's web client gets it."""
        found = re.search(r'csrf_token: "([^"]+)"', self.get("/odoo").text)
        if found is None:
            raise RpcError("csrf", "the web client shows no token: is the person signed in?")
        return found[1]

    def rpc(self, path: str, params: dict[str, Any]) -> Answer:
        """POST JSON-RPC parameters and return the raw answer."""
        body = dumps({"jsonrpc": "2.0", "method": "call", "id": next(_calls), "params": params}).encode()
        return self.fetch(path, body, {"content-type": "application/json"})

    def json(self, path: str, params: dict[str, Any]) -> Any:
        """POST JSON-RPC parameters and return the result. :raises RpcError: the server refuses."""
        answer = self.rpc(path, params)
        try:
            data = answer.json()
        except ValueError:
            raise RpcError(f"http {answer.status}", answer.text[:200]) from None
        if "error" in data:
            found = data["error"]["data"]
            raise RpcError(found["name"], found["message"], found.get("debug", ""))
        return data.get("result")

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a model's method as the web client does. :raises RpcError: refused."""
        return self.json(f"/web/dataset/call_kw/{model}/{method}", _call(model, method, args, kwargs))

    def raw_call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Answer:
        """As ``call``, but whatever comes back."""
        return self.rpc(f"/web/dataset/call_kw/{model}/{method}", _call(model, method, args, kwargs))

    # === REMOTE CALLS WITHOUT A SESSION === #

    def api_key(self, name: str = "test") -> str:
        """Make an API key of this person, who confirms with the password as the screen asks. Needs ``login``."""
        wizard = self.call("res.users.apikeys.description", "create", [{"name": name, "duration": "1"}])
        shown = self.call("res.users.apikeys.description", "make_key", wizard)
        if shown["res_model"] == "res.users.identitycheck":
            context = {"password": self.password}
            shown = self.call("res.users.identitycheck", "run_check", [shown["res_id"]], context=context)
        return shown["context"]["default_key"]

    def json2(self, key: str, model: str, method: str, **arguments: Any) -> Answer:
        """Call a method through ``/json/2`` with a bearer's key."""
        headers = {"authorization": f"bearer {key}", "content-type": "application/json"}
        return self.fetch(f"/json/2/{model}/{method}", dumps(arguments).encode(), headers)

    def xmlrpc(self, password: str, model: str, method: str, *args: Any, **kwargs: Any) -> Answer:
        """Call a method through XML-RPC with a password or a key; ``uid`` must be known."""
        params = (self.database, self.uid, password, model, method, args, kwargs)
        body = xmlrpc.client.dumps(params, "execute_kw", allow_none=True).encode()
        return self.fetch("/xmlrpc/2/object", body, {"content-type": "text/xml"})

    def jsonrpc(self, password: str, model: str, method: str, *args: Any, **kwargs: Any) -> Answer:
        """Call a method through the external JSON-RPC with a password or a key."""
        params = [self.database, self.uid, password, model, method, args, kwargs]
        return self.rpc("/jsonrpc", {"service": "object", "method": "execute_kw", "args": params})


def _answer(found: Any) -> Answer:
    headers = {name.lower(): value for name, value in found.headers.items()}
    return Answer(found.status, headers, found.read(), found.url)


def _call(model: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"model": model, "method": method, "args": list(args), "kwargs": kwargs}


def totp(secret: str, at: float | None = None) -> int:
    """The six digits that an authenticator shows (RFC 6238, SHA-1, 30 s). ``secret`` is base32."""
    counter = struct.pack(">Q", int((time.time() if at is None else at) / 30))
    mac = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    offset = mac[-1] & 0xF
    return (struct.unpack_from(">I", mac, offset)[0] & 0x7FFFFFFF) % 10**6


# === THE PRIVACY OFFICER === #


#: Script: put figures of the policy in force as two officers do in their browsers. ``figures`` is ``{name: value}``.
AGREE = """
from odoo.addons.pii_retention import channel
from odoo.fields import Command

browser, Users = channel.caller, env["res.users"].with_context(no_reset_password=True, active_test=False)
officers = Users.create([
    {
        "name": name, "login": f"{name}-{Users.search_count([])}", "email": name + "@staff.example.com",
        "company_id": env.company.id, "company_ids": [Command.set(env["res.company"].search([]).ids)],
        "group_ids": [Command.set([env.ref("pii_retention.group_privacy_officer").id])],
    }
    for name in ("asks", "agrees")
])
try:
    for policy in env["pii.policy"].search([]):
        for name, value in figures.items():
            if policy.company_id._pii_figure(name) == value:
                continue
            for officer in officers:
                channel.caller = lambda officer=officer: channel.Caller(channel.WEB, officer.id)
                scope = dict(allowed_company_ids=policy.company_id.ids)
                if officer == officers[0]:
                    change = policy.with_user(officer).with_context(**scope)._ask(name, value, "set up of a test")
                elif change.state == "requested":
                    change.with_user(officer).with_context(**scope).action_approve()
finally:
    channel.caller = browser
officers.active = False
"""


def without_second_factor(officer: Person) -> None:
    """Let two officers switch the demand for a second factor off, as the policy allows: it has tests of its own."""
    officer.server.home.python(AGREE, figures={"mfa_required": False})


def approve_requests(officer: Person, login: str | None = None) -> list[int]:
    """Let the officer approve what is requested, of everybody or of one user; return the grants' ids."""
    domain: list[Any] = [["state", "=", "requested"]]
    if login:
        domain.append(["user_id.login", "=", login])
    grants = officer.call("pii.grant", "search", domain)
    if grants:
        officer.call("pii.grant", "action_approve", grants)
    return grants


def revoke_grants(officer: Person, login: str) -> list[int]:
    """Let the officer revoke all that a user has; return the grants' ids."""
    domain = [["user_id.login", "=", login], ["state", "in", ["requested", "approved"]]]
    grants = officer.call("pii.grant", "search", domain)
    if grants:
        officer.call("pii.grant", "action_revoke", grants)
    return grants
