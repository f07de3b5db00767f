"""A whole life of 100 orders with planted buyers, then every place where plain Odoo would have left them.

People look them up, print, correct, mail and export; files of every kind name them; code fails in every way while
they are in memory; the server is killed with a reveal open. The control order in the same database is an ordinary
contact; the same scanner must find it nearly everywhere it is not allowed to find the others.
"""

from __future__ import annotations

import base64
import os
import time
from dataclasses import replace

import pytest
from canary import Scanner, as_plant, make_canaries

from house import REPO
from support.figures import figure
from support.odoo import Database

from . import scenario
from .canary_life import addon, mishaps, post, staff, work
from .canary_life.papers import papers
from .canary_life.printer import Printer

ORDERS = 100
PDFS = 3
BUYERS = 6
#: A contact's form, two corrections, and whoever is named in the papers that people attach.
TYPED = 4
CONTROL_FIELD = "control "
MEMORY = mishaps.MEMORY
#: Everything that Odoo and the libraries under it can say; also into the database.
LOUD = {
    "log_level": "debug_rpc",
    "log_handler": "requests:DEBUG,urllib3:DEBUG,httpx:DEBUG,httpcore:DEBUG,werkzeug:DEBUG,odoo.http.rpc:DEBUG,"
    "PIL:DEBUG,py.warnings:DEBUG",
    "log_db_level": "info",
}
#: What the failures below make Odoo say.
LOG = (
    *(r"odoo\.(sql_db|http|models|orm|fields|service|tools|registry|modules)", r"odoo\.addons\.(base|mail|web|rpc)"),
    *(r"odoo\.addons\.(troubles|account|pii_retention)", r"foreign\.library|py\.warnings|asyncio|wkhtmltopdf"),
)

SHIP_AND_INVOICE = """
sales = env["sale.order"].search([("partner_id.pii_subject_id", "!=", False)], order="id")
sales = sales.sorted(lambda sale: sale.client_order_ref != first)
pickings = sales.picking_ids.sorted(lambda picking: sales.ids.index(picking.sale_id.id))
for picking in pickings:
    for move in picking.move_ids:
        move.quantity = move.product_uom_qty
        move.picked = True
pickings.with_context(skip_backorder=True, skip_sms=True).button_validate()
sales.order_line.filtered("product_id").product_id.invoice_policy = "order"
env.invalidate_all()
moves = sales._create_invoices(grouped=True)
moves.action_post()
moves = moves.sorted(lambda move: move.invoice_origin != sales[0].name)
result = {"sales": sales.ids, "pickings": pickings.ids, "moves": moves.ids,
          "done": pickings.mapped("state"), "posted": moves.mapped("state")}
"""

CONTROL = """
import base64
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
made = env["ir.attachment"].create([
    {"name": name, "datas": content, "res_model": "res.partner", "res_id": partner.id}
    for name, content in papers.items()
])
import logging
logging.getLogger("odoo.addons.control").info("parcel for %s, %s", v["name"], v["street"])
result = {"pdf": move.invoice_pdf_report_id.id, "papers": dict(zip(made.mapped("name"), made.mapped("store_fname")))}
"""

COUNT = """
SELECT (SELECT count(*) FROM pii_access_log WHERE outcome = 'opened'),
       (SELECT count(*) FROM ir_attachment WHERE pii_subject_id IS NOT NULL),
       (SELECT count(*) FROM pii_disclosure), (SELECT count(*) FROM ir_logging)
"""


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


def _values(person) -> dict[str, str]:
    return {field: canary.value for field, canary in person.items()}


def _plant(sandbox, buyers) -> str:
    """Plant the buyers; return the order of the first one, who has no other: customer care looks few people up."""
    ids = sandbox.generate(scenario.MARKETPLACES, ORDERS, case="fbm_unshipped", seed=5)
    sandbox.control("POST", "plant", {"orders": ids[:1], "values": as_plant(buyers[0])})
    for number, person in enumerate(buyers[1:], 1):
        some = ids[number :: len(buyers) - 1]
        sandbox.control("POST", "plant", {"orders": some, "values": as_plant(person)})
    return ids[0]


def _install(database, folder) -> str:
    """Install the foreign addon beside ours; return the addons path to serve with."""
    folders = [addon.write(folder), REPO / "addons", *database.place.odoo.addons]
    path = ",".join(map(str, folders))
    database.config = database.write_config(database.folder / "odoo.conf", addons_path=path)
    database.place.install(database.config, database.folder / "install.log", "A foreign addon", install=[addon.NAME])
    return path


def test_no_buyer_is_anywhere_in_clear(place, sandbox, fresh_cluster, tmp_path):
    database, temporary = place
    people = make_canaries(seed=41, n=BUYERS + TYPED + 1)
    buyers, typed, control = people[:BUYERS], people[BUYERS:-1], people[-1]
    canaries = [canary for person in (*buyers, *typed) for canary in person.values()]
    first = _plant(sandbox, buyers)
    scenario.unthrottled(sandbox)
    scenario.connect(database, sandbox)
    scenario.add_products(database, sandbox)
    database.allow_log(*LOG)
    answer = database.python(scenario.IMPORT)
    assert answer["state"] == "connected", answer
    done = database.python(SHIP_AND_INVOICE, first=first)
    assert len(done["sales"]) == len(done["pickings"]) == len(done["moves"]) == ORDERS
    assert set(done["done"]) == {"done"} and set(done["posted"]) == {"posted"}
    staff.hire(database)
    options = {**LOUD, "log_db": database.name, "addons_path": _install(database, tmp_path / "addons")}

    clock = _Clock()
    with Printer(tmp_path / "printer") as printer:
        with database.serve(**options) as server:
            carriers = database.python(staff.SET_UP, url=server.url, service=printer.service)
            crew = staff.sign_in(server)
            printers = staff.first_day(crew, printer)
            shop = work.Shop(database, crew, printers, done, typed, canaries, carriers=carriers)
            clock("opened the shop")
            for step in (
                lambda: work.documents(shop, PDFS),
                lambda: work.screens(shop),
                lambda: post.files(shop),
                lambda: post.mails(shop),
                lambda: mishaps.troubles(shop),
                lambda: mishaps.reports(shop),
                lambda: mishaps.carriers(shop),
                lambda: mishaps.serialization(shop),
                lambda: work.export_everything(shop),
                lambda: mishaps.kill_in_the_middle(shop, server),
            ):
                step()
                clock(step.__code__.co_names[1])
        printed = printer.documents()
        for number in (0, -1):
            shop.shows(printed[number], f"printed {number}", "name", "street", "city")

    # the next start sweeps what the killed one left
    with database.serve(addons_path=options["addons_path"]) as server:
        database.python("env['ir.config_parameter'].set_param('report.url', url)", url=server.url)
        made = {name: base64.b64encode(content).decode() for name, content in papers(_values(control)).items()}
        kept = database.python(CONTROL, v=_values(control), papers=made, timeout=300)
        staff.Person(server, "warehouse").get("/web/health")
    clock("control")
    reveals, attachments, disclosures, logged = map(int, database.psql(COUNT)[0].split("|"))
    server_of = fresh_cluster.place.server
    server_of.psql("VACUUM ANALYZE", database.name, True)
    dumps_folder = tmp_path / "dumps"
    dumps_folder.mkdir()
    database.dump(dumps_folder / "plain.sql")

    # one walk finds both: the control's fields have names of their own
    plain = [replace(canary, field=f"{CONTROL_FIELD}{canary.field}") for canary in control.values()]
    scanner = Scanner([*canaries, *plain])
    dsn = f"host={server_of.host} port={server_of.port} user={server_of.superuser} dbname={database.name}"
    started = time.monotonic()
    scanner.scan_database(dsn, "db")
    scanner.scan_cluster(fresh_cluster.data, "cluster", dsn)
    scanner.scan_file(fresh_cluster.log, "postgresql log")
    scanner.scan_tree(database.data_dir, "data", exclude=database.stock_files())
    scanner.scan_file(database.log, "odoo log")
    scanner.scan_tree(database.keys, "keys")
    scanner.scan_tree(temporary, "temporary")
    scanner.scan_tree(dumps_folder, "dump")
    for folder in MEMORY.glob("odoo-pii-*"):
        scanner.scan_tree(folder, "memory")
    report = scanner.report
    hits = [found for found in report.findings if not found.field.startswith(CONTROL_FIELD)]
    clock("scan")
    print(clock.steps)
    figure("canary_places_scanned", report.places, "places")
    figure("canary_bytes_scanned", report.bytes, "bytes")
    figure("canary_needles", report.needles, "needles")
    figure("canary_hits", len(hits), "places", 0)
    figure("canary_reveals", reveals, "openings")
    figure("canary_prints", len(printed), "documents")
    figure("canary_attachments", attachments, "files")
    figure("canary_provoked_errors", shop.errors, "errors")
    figure("canary_disclosures", disclosures, "rows")
    figure("canary_control_places", len(report.findings) - len(hits), "places")
    figure("canary_seconds", time.monotonic() - started, "s")
    for where in (
        "db/public.res_partner",
        "db/pg_catalog.pg_statistic",
        "cluster/base",
        "cluster/pg_wal",
        "odoo log",
        "data/filestore",
        "dump",
        *(f"data/filestore/{database.name}/{name}" for name in kept["papers"].values()),
    ):
        assert _control(report, where), f"the control order was not found in {where}: the scan cannot see"
    assert _control(report) == set(control), "not every field of the control order was found"
    assert logged and disclosures >= 3 and attachments >= 50 and shop.errors >= 100
    assert not report.skipped, report.skipped
    assert not hits, "\n".join(f"{found.place} {found.field} {found.form} {found.excerpt}" for found in hits)


def _control(report, prefix: str = "") -> set[str]:
    """The control order's fields that were found at these places."""
    found = report.fields(prefix)
    return {name.removeprefix(CONTROL_FIELD) for name in found if name.startswith(CONTROL_FIELD)}


class _Clock:
    """How long each step took, for whoever wants to make it faster."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self._last = time.monotonic()

    def __call__(self, name: str) -> None:
        now = time.monotonic()
        self.steps[name], self._last = round(now - self._last, 1), now
        print(name, self.steps[name], flush=True)
