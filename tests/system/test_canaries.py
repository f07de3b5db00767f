"""A whole life of 100 orders with planted buyers, then every place where plain Odoo would have left them.

The control order in the same database is an ordinary contact; the same scanner must find it nearly everywhere it
is not allowed to find the others.
"""

from __future__ import annotations

import os
import threading
import time
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from json import dumps, loads
from pathlib import Path

import pytest
from canary import Scanner, as_plant, make_canaries

from support.figures import figure
from support.odoo import Database

from . import scenario

ORDERS = 100
PDFS = 6
MEMORY = Path("/dev/shm")

PEOPLE = """
from odoo.fields import Command

def user(login, *groups):
    return env["res.users"].with_context(no_reset_password=True).create({
        "name": login, "login": login, "password": login + "-Pw-1234567",
        "group_ids": [Command.set([env.ref(group).id for group in groups])],
    })

user("warehouse", "stock.group_stock_user", "amazon_spapi_connector.group_user", "pii_retention.group_fulfilment")
user("accountant", "account.group_account_invoice", "sales_team.group_sale_salesman_all_leads",
     "amazon_spapi_connector.group_user", "pii_retention.group_fiscal", "base.group_partner_manager",
     "base.group_allow_export")
env["ir.config_parameter"].set_param("report.url", url)
env["ir.config_parameter"].set_param("web.base.url", url)
"""

SHIP_AND_INVOICE = """
sales = env["sale.order"].search([("partner_id.pii_subject_id", "!=", False)], order="id")
pickings = sales.picking_ids
for picking in pickings:
    for move in picking.move_ids:
        move.quantity = move.product_uom_qty
        move.picked = True
pickings.with_context(skip_backorder=True, skip_sms=True).button_validate()
sales.order_line.filtered("product_id").product_id.invoice_policy = "order"
env.invalidate_all()
moves = sales._create_invoices(grouped=True)
moves.action_post()
result = {"sales": sales.ids, "pickings": pickings.ids, "moves": moves.ids,
          "done": pickings.mapped("state"), "posted": moves.mapped("state")}
"""

SEND = """
moves = env["account.move"].browse(ids)
for move in moves:  # Debian's wkhtmltopdf draws one document at a time
    env["account.move.send"]._generate_and_send_invoices(
        move, sending_methods=[], extra_edis=set(), invoice_edi_format=False)
result = moves.mapped("invoice_pdf_report_id").ids
"""

RENDER_ALL = """
reports = env["ir.actions.report"]
out = b""
for start in range(0, len(ids), 25):
    out += reports._render_qweb_html(report, ids[start:start + 25])[0]
result = out.decode()
"""

CONTROL = """
partner = env["res.partner"].create({
    "name": v["name"], "company_name": v["company_name"], "street": v["street"], "street2": v["street2"],
    "zip": v["zip"], "city": v["city"], "phone": v["phone"], "email": v["email"], "country_id": env.ref("base.it").id,
    "comment": v["gift_text"], "ref": v["vat"],
})
product = env["product.product"].search([("default_code", "!=", False)], limit=1)
sale = env["sale.order"].create({
    "partner_id": partner.id, "note": v["delivery_note"],
    "order_line": [(0, 0, {"product_id": product.id, "product_uom_qty": 1, "price_unit": 10})],
})
sale.action_confirm()
move = sale._create_invoices()
move.action_post()
env["account.move.send"]._generate_and_send_invoices(
    move, sending_methods=[], extra_edis=set(), invoice_edi_format=False)
env["ir.attachment"].create({"name": "address.txt", "raw": "\\n".join(v.values()), "mimetype": "text/plain",
                             "res_model": "res.partner", "res_id": partner.id})
import logging
logging.getLogger("odoo.addons.control").info("parcel for %s, %s", v["name"], v["street"])
result = move.invoice_pdf_report_id.id
"""

CONCURRENT_WRITES = """
# what Odoo logs in full at default settings: failing statements, with the values that were being written
import logging
from odoo.tools import mute_logger
partner = env["res.partner"].search([("pii_subject_id", "!=", False)], limit=1)
subject = partner.pii_subject_id
for attempt in range(3):
    with env.registry.cursor() as other:
        cr.execute("SELECT 1 FROM res_partner WHERE id = %s", [partner.id])
        theirs = env(cr=other)["res.partner"].browse(partner.id)
        theirs.write({"ref": f"other {attempt}"})
        theirs.flush_recordset()
        other.commit()
    try:
        partner.write({"ref": f"mine {attempt}", **values})
        env.flush_all()
        cr.commit()
    except Exception as error:
        cr.rollback()
# and a module that tries to write what it sees inside a reveal
for statement in ("UPDATE res_partner SET street = %s WHERE id = %s", "INSERT INTO ir_logging (name, message, id) "
                  "VALUES (%s, %s, -1)"):
    try:
        with subject.with_user(env.ref("base.user_admin")).reveal("label") as opened:
            real = opened["res.partner"].browse(partner.id)
            opened.cr.execute(statement, [real.street, real.name if "INSERT" in statement else real.id])
    except Exception as error:
        cr.rollback()
        logging.getLogger("odoo.addons.some.module").exception("could not store: %s", error)
"""


class Web:
    """A logged-in user's browser, without the browser."""

    def __init__(self, url: str, database: str, login: str) -> None:
        self.url = url
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        params = {"db": database, "login": login, "password": f"{login}-Pw-1234567"}
        assert self.json("/web/session/authenticate", params)["uid"]

    def json(self, path: str, params: dict) -> object:
        body = dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()
        request = urllib.request.Request(self.url + path, body, {"content-type": "application/json"})
        with self._opener.open(request, timeout=120) as answer:
            data = loads(answer.read())
        if "error" in data:
            raise RuntimeError(data["error"]["data"]["message"])
        return data["result"]

    def call(self, model: str, method: str, *args: object, **kwargs: object) -> object:
        params = {"model": model, "method": method, "args": args, "kwargs": kwargs}
        return self.json(f"/web/dataset/call_kw/{model}/{method}", params)

    def get(self, path: str) -> bytes:
        with self._opener.open(self.url + path, timeout=180) as answer:
            return answer.read()


@pytest.fixture
def place(fresh_cluster, tmp_path):
    """A database on a cluster of its own, whose processes keep their temporary files in one folder."""
    database = Database(fresh_cluster.place, fresh_cluster.template, fresh_cluster.run, "canary")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(temporary)
    yield database, temporary
    if before is None:
        del os.environ["TMPDIR"]
    else:
        os.environ["TMPDIR"] = before
    database.drop()


def _people():
    *buyers, corrected, control = make_canaries(seed=41, n=5)
    return buyers, corrected, control


def _values(person) -> dict[str, str]:
    return {field: canary.value for field, canary in person.items()}


def _plant(sandbox, buyers) -> list[str]:
    ids = sandbox.generate(scenario.MARKETPLACES, ORDERS, case="fbm_unshipped", seed=5)
    for number, person in enumerate(buyers):
        sandbox.control("POST", "plant", {"orders": ids[number :: len(buyers)], "values": as_plant(person)})
    return ids


def _shows(scanner: Scanner, content: bytes, label: str, *fields: str) -> None:
    """The document was really revealed: without this, an empty page would pass for a protected one."""
    scanner.scan_bytes(content, label)
    missing = set(fields) - scanner.report.fields(label)
    assert not missing, f"{label} does not show {sorted(missing)}"


def test_no_buyer_is_anywhere_in_clear(place, sandbox, fresh_cluster, tmp_path):
    database, temporary = place
    buyers, corrected, control = _people()
    _plant(sandbox, buyers)
    scenario.unthrottled(sandbox)
    scenario.connect(database, sandbox)
    scenario.add_products(database, sandbox)
    # what the kill and the deliberate failures below make Odoo say
    database.allow_log(r"odoo\.sql_db.*bad query", r"odoo\.addons\.some\.module", r"odoo\.http", r"wkhtmltopdf")
    documents = Scanner(canary for person in (*buyers, corrected) for canary in person.values())

    with database.serve() as server:
        database.python(PEOPLE, url=server.url)
        answer = database.python(scenario.IMPORT)
        assert answer["state"] == "connected", answer
        done = database.python(SHIP_AND_INVOICE)
        assert len(done["sales"]) == len(done["pickings"]) == len(done["moves"]) == ORDERS
        assert set(done["done"]) == {"done"} and set(done["posted"]) == {"posted"}

        warehouse = Web(server.url, database.name, "warehouse")
        accountant = Web(server.url, database.name, "accountant")
        for picking in done["pickings"][:PDFS]:
            slip = warehouse.get(f"/report/pdf/stock.report_deliveryslip/{picking}")
        _shows(documents, slip, "slip", "name", "street", "city", "delivery_note", "gift_text")
        for move in done["moves"][:PDFS]:
            invoice = accountant.get(f"/report/pdf/account.report_invoice_with_payments/{move}")
        _shows(documents, invoice, "invoice", "name", "street", "city")
        slips = database.python(
            RENDER_ALL, login="warehouse", report="stock.report_deliveryslip", ids=done["pickings"], timeout=600
        )
        _shows(documents, slips.encode(), "all slips", "name", "street", "zip", "city")
        invoices = database.python(
            RENDER_ALL, login="accountant", report="account.report_invoice_with_payments", ids=done["moves"]
        )
        _shows(documents, invoices.encode(), "all invoices", "name", "street", "zip", "city", "vat")
        # stored documents: sealed in the filestore, opened through the gate
        stored = database.python(SEND, login="accountant", ids=done["moves"][:PDFS], timeout=600)
        _shows(documents, accountant.get(f"/web/content/{stored[0]}"), "stored invoice", "name", "street")

        # the screens: lists, forms, searches by a buyer's name, an address typed by hand
        partners = accountant.call("sale.order", "search_read", [["id", "in", done["sales"]]], ["partner_id"])
        partner = partners[0]["partner_id"][0]
        person = _values(buyers[0])
        screen = accountant.call("res.partner", "web_read", [partner], specification={"name": {}, "street": {}})
        screen = [screen, accountant.call("res.partner", "name_search", person["name"])]
        screen.append(accountant.call("res.partner", "export_data", [partner], ["name", "street", "phone"]))
        screens = Scanner(canary for one in (*buyers, corrected) for canary in one.values())
        # the search term itself is echoed by nothing
        screens.scan_bytes(dumps(screen).encode(), "screens")
        assert screens.report.clean, screens.report.table()
        typed = _values(corrected)
        accountant.call(
            "res.partner",
            "write",
            [partner],
            {key: typed[key] for key in ("name", "street", "street2", "zip", "city", "phone", "email", "vat")},
        )
        database.python(
            "env.ref('pii_retention.group_fulfilment').user_ids += env.ref('base.user_admin')\n" + CONCURRENT_WRITES,
            values={key: typed[key] for key in ("name", "street", "phone", "email")},
        )

        # killed while it draws a slip: the next start sweeps what was left
        drawing = threading.Thread(target=_ignore_errors, args=(warehouse, done["pickings"][-1]))
        drawing.start()
        _wait_for_rendering()
        server.kill()
        drawing.join()

    control_pdf = None
    with database.serve() as server:
        database.python("env['ir.config_parameter'].set_param('report.url', url)", url=server.url)
        control_pdf = database.python(CONTROL, v=_values(control), timeout=300)
        Web(server.url, database.name, "warehouse").get("/web/health")
    assert control_pdf
    server_of = fresh_cluster.place.server
    server_of.psql("VACUUM ANALYZE", database.name, True)
    dumps_folder = tmp_path / "dumps"
    dumps_folder.mkdir()
    database.dump(dumps_folder / "plain.sql")

    sealed = Scanner(canary for person in (*buyers, corrected) for canary in person.values())
    unprotected = Scanner(control.values())
    started = time.monotonic()
    dsn = f"host={server_of.host} port={server_of.port} user={server_of.superuser} dbname={database.name}"
    for scanner in (sealed, unprotected):
        scanner.scan_database(dsn, "db")
        scanner.scan_cluster(fresh_cluster.data, "cluster", dsn)
        scanner.scan_file(fresh_cluster.log, "postgresql log")
        scanner.scan_tree(database.data_dir, "data")
        scanner.scan_file(database.log, "odoo log")
        scanner.scan_tree(database.keys, "keys")
        scanner.scan_tree(temporary, "temporary")
        scanner.scan_tree(dumps_folder, "dump")
        for folder in MEMORY.glob("odoo-pii-*"):
            scanner.scan_tree(folder, "memory")
    figure("canary_places_scanned", sealed.report.places, "places")
    figure("canary_bytes_scanned", sealed.report.bytes, "bytes")
    figure("canary_needles", sealed.report.needles, "needles")
    figure("canary_hits", len(sealed.report.findings), "places", 0)
    figure("canary_control_places", len(unprotected.report.findings), "places")
    figure("canary_seconds", time.monotonic() - started, "s")
    for where in (
        "db/public.res_partner",
        "db/pg_catalog.pg_statistic",
        "cluster/base",
        "cluster/pg_wal",
        "odoo log",
        "data/filestore",
        "dump",
    ):
        assert unprotected.report.fields(where), f"the control order was not found in {where}: the scan cannot see"
    assert unprotected.report.fields() == set(control), "not every field of the control order was found"
    assert sealed.report.clean, sealed.report.table()


def _ignore_errors(web: Web, picking: int) -> None:
    try:
        web.get(f"/report/pdf/stock.report_deliveryslip/{picking}")
    except (OSError, urllib.error.URLError):
        pass


def _wait_for_rendering(seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if any(MEMORY.glob("odoo-pii-*/report.body.tmp.*")):
            return
        time.sleep(0.005)
    raise AssertionError("no document was drawn in the private folder")
