"""Who sees what: every role, through every door, at everything that could hold a customer's personal data.

The same probes are aimed at an ordinary customer in the same database: what finds nothing there could not have found
anything elsewhere either.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field

from canary import Scanner

from support.figures import figure
from support.odoo import Database
from support.people import Person, RpcError

from .access_matrix import machinery, pages, probes, roles, world
from .access_matrix.probes import Probe, Target
from .access_matrix.roles import Role
from .access_matrix.shell import SHELL

_FILE = (
    "GET /web/content/<file>",
    "GET /web/content/<file>?download",
    "GET /web/image/<file>",
    "GET /web/content/ir.attachment/<id>/raw",
)
_INVOICES = tuple(
    f"GET /report/{converter}/{name}" for converter in ("html", "text") for name in pages.REPORTS["account.move"]
)
#: All that is allowed: each must show the customer, and each is a row of the access log. Slips go to a printer.
ALLOWED: dict[str, tuple[str, ...]] = {
    "fulfilment": (*_FILE, "/pii/reveal label"),
    "fulfilment with broken glass": (
        "GET /report/html/stock.report_deliveryslip",
        "GET /report/text/stock.report_deliveryslip",
        "GET /report/pdf/stock.report_deliveryslip",
    ),
    "fiscal": (
        *_INVOICES,
        *_FILE,
        "GET /my/invoices/<id> as html",
        "GET /my/invoices/<id> as text",
        "GET /account/download_invoice_attachments",
        "GET /report/pdf/account.report_invoice",
        "/pii/reveal invoice",
    ),
    "care": (
        "POST /mail/attachment/zip",
        "/pii/reveal customer_service",
        "/pii/lookup name",
        "/pii/lookup email",
        "/pii/lookup phone",
    ),
    "incident": ("/pii/reveal incident",),
}
#: What shows an ordinary customer to anybody who works with orders: it must not have failed for another reason.
MUST_SEE = {
    *(
        f"{method} {model}"
        for method in ("read", "search_read", "web_read", "web_search_read", "export_data")
        for model in ("res.partner", "sale.order", "stock.picking", "account.move")
    ),
    *(f"search by {name} res.partner" for name in ("name", "street", "zip", "city", "phone", "email", "vat")),
    *(f"POST /web/export/{kind} {model}" for kind in ("csv", "xlsx") for model in ("res.partner", "sale.order")),
    *(f"GET /report/html/{name}" for names in pages.REPORTS.values() for name in names),
    *(*_FILE, "POST /mail/attachment/zip", "read raw ir.attachment", "/mail/thread/messages sale.order"),
    *("name_search res.partner", "formatted_read_group by street res.partner", "get_mention_suggestions res.partner"),
    *("GET /my/orders/<id> with the token", "GET /json/1/m-res.partner/<id>", "GET /my/invoices/<id> as html"),
}
#: What is refused on purpose, and what a stranger's questions make Odoo say.
LOG = (
    r"odoo\.(http|models|tools|service)",
    r"odoo\.addons\.(web|rpc|base\.models\.(ir_http|ir_actions))",
    r"py\.warnings.*(read_group is deprecated|Duplicate name)",
)


@dataclass
class Matrix:
    """Counts what was tried and what came of it."""

    database: Database
    leaks: list[str] = field(default_factory=list)
    unlogged: list[str] = field(default_factory=list)
    allowed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    probes: int = 0
    shown: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def opened(self) -> int:
        """How many openings and searches are logged."""
        rows = "SELECT count(*) FROM pii_access_log WHERE outcome IN ('opened', 'empty')"
        return int(self.database.psql(rows)[0])

    def run(self, row: str, todo: list[Probe], scanner: Scanner) -> None:
        """Ask all of one row."""
        started = time.monotonic()
        for probe in todo:
            self.probes += 1
            if not _shows(scanner, f"{row}: {probe.label} ({self.probes})", probe):
                continue
            if probe.label not in ALLOWED.get(row, ()):
                self.leaks.append(f"{row}: {probe.label}")
                continue
            self.allowed[row].add(probe.label)
            self.shown += 1
            before = self.opened()
            probe.ask()
            if self.opened() <= before:
                self.unlogged.append(f"{row}: {probe.label}")
        self.seconds[row] += time.monotonic() - started


def _shows(scanner: Scanner, place: str, probe: Probe) -> bool:
    """Tell whether an answer shows what was planted, as it is or in any disguise."""
    answer = probe.ask()
    before = len(scanner.report.findings)
    scanner.scan_bytes(answer.body, place)
    scanner.scan_bytes(repr(answer.headers).encode(), f"{place} headers")
    return len(scanner.report.findings) > before or bool(probe.found and probe.found(answer))


def _token(person: Person) -> str:
    try:
        return person.csrf()
    except RpcError:
        return ""  # nobody is signed in


def _all(role: Role, target: Target, made: dict[str, int]) -> list[Probe]:
    fields = {model: probes.fields_of(role, model) for model in probes.MODELS}
    todo = list(probes.methods(role, target, fields, role.brief))
    todo += machinery.machinery(role, target, made)
    if role.browser:
        todo += pages.pages(role.person, target, _token(role.person), role.brief)
    return todo


def _before_any_grant(matrix: Matrix, people: dict[str, Person], target: Target, scanner: Scanner) -> None:
    """Before a second factor is waived nobody is shown anything, whatever the role."""
    for login in ("fulfilment", "fiscal", "care"):
        todo = list(pages.pages(people[login], target, _token(people[login]), True))
        matrix.run(f"{login} without second factor", todo, scanner)


def _broken_glass(people: dict[str, Person], target: Target) -> list[Probe]:
    person, picking = people["fulfilment"], target.ids["stock.picking"][0]
    subjects = target.ids["pii.subject"]
    # which of them the delivery is about, the screen tells
    cards = person.json("/pii/card", {"model": "stock.picking", "id": picking})
    assert [card["id"] for card in cards] == [one for one in subjects if one == cards[0]["id"]]
    person.call("pii.subject", "break_glass", [cards[0]["id"]], "label", "printer stands still")
    name = "stock.report_deliveryslip"
    return [
        Probe(f"GET /report/{kind}/{name}", lambda kind=kind: person.get(f"/report/{kind}/{name}/{picking}"))
        for kind in ("html", "text", "pdf")
    ]


def test_nobody_sees_a_customer_without_leave(odoo_db, sandbox):
    place = world.build(odoo_db, sandbox)
    roles.make_people(odoo_db)
    odoo_db.allow_log(*LOG)
    scanner = world.scanner(place.buyers)
    mine = Target(place.protected_ids, world.values(place.buyers[0]), place.tokens)
    theirs = Target(place.control_ids, world.values(place.control), place.tokens)
    matrix = Matrix(odoo_db)
    started = time.monotonic()
    with odoo_db.serve() as server:
        odoo_db.python("env['ir.config_parameter'].set_param('report.url', url)\n"
                       "env['ir.config_parameter'].set_param('web.json.enabled', '1')", url=server.url)  # fmt: skip
        officer, people = roles.sign_in(server, lambda early: _before_any_grant(matrix, early, mine, scanner))
        made = machinery.prepare(people["settings"])
        rows = roles.all_roles(server, officer, people, mine.ids["pii.subject"][0])
        for role in rows:
            matrix.run(role.name, _all(role, mine, made), scanner)
        matrix.run("fulfilment with broken glass", _broken_glass(people, mine), scanner)
        fiscal, move = people["fiscal"], mine.ids["account.move"][0]
        path = "/report/pdf/account.report_invoice"
        for person in ("fiscal", "fulfilment", "sales"):
            ask = [Probe(f"GET {path}", lambda one=people[person]: one.get(f"{path}/{move}"))]
            matrix.run(person, ask, scanner)
        assert fiscal.get(f"{path}/{move}").headers["cache-control"] == "no-store"

        # the same probes, aimed at an ordinary customer by somebody who may see him
        control = world.scanner([place.control])
        sales = next(role for role in rows if role.name == "sales")
        seen = {probe.label for probe in _all(sales, theirs, made) if _shows(control, probe.label, probe)}
    shown = odoo_db.python(SHELL, targets=mine.ids, logins=["fulfilment", "fiscal", "sales", "settings"], timeout=120)
    for label, text in shown.items():
        matrix.probes += 1
        scanner.scan_bytes(text.encode(), f"shell, {label}")
    matrix.leaks += sorted(place for place in scanner.report.places_with() if place.startswith("shell, "))
    scanner.scan_file(odoo_db.log, "odoo log")
    matrix.leaks += [f"the log shows {name}" for name in scanner.report.fields("odoo log")]

    figure("matrix_probes", matrix.probes, "probes", ">=1000")
    figure("matrix_rows", len(matrix.seconds) + 5, "roles")
    figure("matrix_leaks", len(matrix.leaks), "probes", 0)
    figure("matrix_allowed", matrix.shown, "probes")
    figure("matrix_allowed_logged", matrix.shown - len(matrix.unlogged), "probes")
    figure("matrix_control_seen", len(seen), "channels")
    figure("matrix_seconds", time.monotonic() - started, "s", "<=180")
    assert not matrix.leaks, matrix.leaks
    assert not matrix.unlogged, matrix.unlogged
    assert dict(matrix.allowed) == {row: set(labels) for row, labels in ALLOWED.items()}, "what is allowed must show"
    assert matrix.probes >= 1000
    assert len(seen) >= 150, "most probes could not see anybody"
    assert not MUST_SEE - seen, f"these could not see anybody: {sorted(MUST_SEE - seen)}"
