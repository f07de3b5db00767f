"""Dumps of a month of orders, restored after their buyers were purged: nobody comes back, by any means.

The processes' clock is moved (``Database.ahead``), nothing else: the purge, the keys and the restored databases find
the day themselves.
"""

from __future__ import annotations

import itertools
import shutil
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from canary import Scanner, as_plant, make_canaries

from support import people
from support.figures import figure
from support.odoo import Database
from support.people import Person, RpcError

from . import scenario
from .canary_life import staff
from .canary_life.printer import Printer

ORDERS = 100
DUMPS = (1, 10, 29)
PURGE = 31
#: With these, people ask at their screens and print; with all of them, everything else is tried.
ASKED = {("present", 10), ("backup", 29)}
#: A backup of the keys may be 72 hours old.
KEYS_DAY = PURGE - 3
VAULT = "pii_retention.group_"
STAFF = {
    "warehouse": ["stock.group_stock_user", "amazon_spapi_connector.group_user", f"{VAULT}fulfilment"],
    "accountant": ["account.group_account_invoice", "sales_team.group_sale_salesman_all_leads", f"{VAULT}fiscal"],
    "care": ["sales_team.group_sale_salesman_all_leads", f"{VAULT}customer_care"],
    "officer": [f"{VAULT}privacy_officer"],
    "auditor": [f"{VAULT}auditor"],
    "boss": ["base.group_system"],
}
PURPOSES = ("label", "invoice", "customer_service", "incident")

#: Some deliveries go out, some invoices are posted, files of the buyers are there; nothing waits to be shipped.
FIRST_DAY = """
sales = env["sale.order"].search([("partner_id.pii_subject_id", "!=", False)], order="id")
for move in sales[:10].picking_ids.move_ids:
    move.quantity = move.product_uom_qty
    move.picked = True
sales[:10].picking_ids.with_context(skip_backorder=True, skip_sms=True).button_validate()
sales.order_line.product_id.invoice_policy = "order"
env.invalidate_all()
moves = sales[:5]._create_invoices(grouped=True)
moves.action_post()
subjects = env["pii.subject"].search([("state", "=", "live")], order="id")
files = env["ir.attachment"].create([
    {"name": "letter.txt", "raw": ("letter of " + canary).encode(), "res_model": "res.partner",
     "res_id": subject._partner().id}
    for subject, canary in zip(subjects[:10], canaries)
])
subjects._record("shipped")
# another company of the same database, under whose domain nothing of this one may ever open
env["res.company"].create({"name": "Another"})._pii_domain()
result = {"subjects": len(subjects), "deadlines": sorted({str(day) for day in subjects.mapped("deadline")}),
          "files": len(files.filtered("pii_subject_id")), "sales": sales.ids, "today": str(env.company._pii_day())}
"""

#: Books, stock and sales of everything that was there before the purge.
REPORTS = """
models = {
    "sale.report": (["product_id", "country_id", "partner_id"], ["price_subtotal:sum", "product_uom_qty:sum"]),
    "sale.order": (["partner_id", "state"], ["amount_untaxed:sum", "amount_total:sum"]),
    "account.invoice.report": (["product_id", "country_id", "partner_id"], ["price_subtotal:sum", "quantity:sum"]),
    "account.move.line": (["account_id", "partner_id"], ["debit:sum", "credit:sum", "amount_residual:sum"]),
    "stock.move.line": (["product_id", "location_dest_id", "state"], ["quantity:sum"]),
    "stock.quant": (["product_id", "location_id"], ["quantity:sum"]),
}
result = {model: repr(env[model].formatted_read_group([], *args)) for model, args in models.items()}
"""

#: What runs by itself each day.
DAY = """
for model, method in (("pii.subject", "_cron_clock"), ("pii.purge.run", "_cron_purge"), ("pii.proof", "_cron_proof"),
                      ("pii.backup", "_cron_check")):
    if model in env and hasattr(env[model], method):
        getattr(env[model], method)()
        cr.commit()
cr.execute("SELECT state, count(*) FROM pii_subject GROUP BY state")
result = {"states": dict(cr.fetchall()), "today": str(env.company._pii_day()),
          "runs": [(run.state, run.problem) for run in env["pii.purge.run"].search([])]}
"""

#: Every sealed value of a database, as whoever holds a dump of it finds them.
SEALED = """
SELECT json_build_object('uuid', uuid, 'operational', operational_token, 'fiscal', fiscal_token,
                         'quarantine', quarantine_token,
                         'indexes', concat_ws(' ', name_index, email_index, phone_index))
  FROM pii_subject
"""
FILES = """
SELECT json_build_object('name', a.store_fname, 'uuid', s.uuid, 'cls', a.pii_class, 'item', a.pii_item)
  FROM ir_attachment a JOIN pii_subject s ON s.id = a.pii_subject_id WHERE a.store_fname IS NOT NULL
"""

#: Opens what it can with every key of the store, whoever they serve. ``rows`` and ``sealed_files`` as above, ``folder``
#: holds the files, ``persons`` are the planted buyers.
OPEN = """
import json, os
from odoo.addons.pii_retention import files as sealing, indexing, keys
from odoo.addons.pii_retention.crypto import CryptoError

keyring, _configured = keys.unbound(env)
own_domain = env.company.pii_domain
domains = [company.pii_domain for company in env["res.company"].search([])]
live = [key for key in keyring.list() if key.startswith(("day/", "archive/"))]
tried = opened = opened_files = matches = looked_up = foreign = foreign_tried = 0

def opens(work):
    try:
        return bool(work())
    except CryptoError:
        return False

for row in map(json.loads, rows):
    for cls in ("operational", "fiscal", "quarantine"):
        for token in filter(None, (row[cls] or "").split("\\n")):
            own = keyring.key_id_of(token)
            head, _dot, rest = token.partition(".")
            rest = rest.partition(".")[2]
            for key in {own, *live}:
                for domain in domains:
                    there = opens(lambda: keyring.open_record(domain, row["uuid"], cls, f"{head}.{key}.{rest}"))
                    tried += 1
                    opened += there
                    foreign_tried += domain != own_domain
                    foreign += there and domain != own_domain
for row in map(json.loads, sealed_files):
    path = os.path.join(folder, row["name"])
    if os.path.exists(path):
        content = open(path, "rb").read()
        tried += 1
        opened_files += opens(
            lambda: keyring.open_file(
                own_domain, row["uuid"], sealing._crypto_class(row["cls"]), content, item=row["item"] or ""))
entries = {entry for row in map(json.loads, rows) for entry in row["indexes"].split()}
company = env.company
for key in live:
    if key.startswith("day/" + company.pii_domain):
        for person in persons:
            content = {"operational": {name: person[name] for name in ("name", "email", "phone")}}
            columns = indexing.columns_for(indexing.mac_of(keyring, key), company, content, "IT")
            found = {entry for value in columns.values() if value for entry in value.split()}
            looked_up += len(found)
            matches += len(found & entries)
result = {"tried": tried, "opened": opened, "files": opened_files, "looked_up": looked_up, "matches": matches,
          "foreign": foreign, "foreign_tried": foreign_tried, "keys": len(live), "store": keyring.store_id}
"""

WORKS = """
sales = env["sale.order"].search([("client_order_ref", "!=", False)], order="id")
sale = sales[-1]
move = sale._create_invoices()
move.action_post()
refund = move._reverse_moves([{"ref": "credit note by reference"}])
refund.action_post()
cr.execute("SELECT count(*) FROM pii_subject WHERE state <> 'erased' OR coalesce(operational_token, fiscal_token,"
           " quarantine_token, content_mac, name_index, email_index, phone_index) IS NOT NULL")
held = cr.fetchone()[0]
result = {"sales": len(sales), "names": sorted(set(sales.partner_id.mapped("name")))[:3], "posted": move.state,
          "refund": refund.state, "held": held, "pickings": sales[20:22].picking_ids.ids, "sale": sales[20].id,
          "buyers": sales[20].partner_id.pii_subject_id.ids,
          "files": env["ir.attachment"].search_count([("pii_subject_id", "!=", False), ("id", "!=", False)]),
          "subjects": env["pii.subject"].search_count([])}
"""

#: Documents load their styles from the server.
URLS = """
for name in ("report.url", "web.base.url"):
    env["ir.config_parameter"].set_param(name, url)
"""

AGAIN = """
env["spapi.cursor"].search([]).unlink()
gone = env["spapi.order"].search([])[-20:].mapped("amazon_order_id")
env["spapi.order"].search([("amazon_order_id", "in", gone)]).unlink()
account = env["spapi.account"].search([], limit=1)
account.import_since = since
cr.commit()
env["spapi.account"]._cron_import_orders(force=True)
cr.execute("SELECT count(*) FROM pii_subject WHERE coalesce(operational_token, fiscal_token, quarantine_token)"
           " IS NOT NULL")
held = cr.fetchone()[0]
orders = env["spapi.order"].search([])
again = orders.filtered(lambda order: order.amazon_order_id in gone)
# whoever cancels leaves no buyer at all behind
nobody = orders.filtered(lambda order: order.person_erased or not order.subject_id)
result = {"orders": len(orders), "again": len(again), "nobody": len(nobody), "held": held,
          "how": sorted({f"{order.status} {order.state} {order.person_erased}" for order in again}),
          "state": account.state, "problems": sorted(set(filter(None, orders.mapped("problem_code"))))}
"""

#: All three in one process: {"opened": …, "works": …, "again": …}.
ALL = "\n".join(
    (
        OPEN,
        "found = result",
        WORKS,
        "works = result",
        AGAIN,
        'result = {"opened": found, "works": works, "again": result}',
    )
)


@pytest.fixture
def place(fresh_cluster):
    database = Database(fresh_cluster.place, fresh_cluster.template, fresh_cluster.run, "restore")
    yield database
    database.drop()


def _open(database: Database, of: dict[str, Any], folder: Path, persons: list[dict[str, str]]) -> dict[str, Any]:
    return database.python(OPEN, rows=of["rows"], sealed_files=of["files"], folder=str(folder), persons=persons)


def _sealed(database: Database) -> dict[str, list[str]]:
    return {"rows": database.psql(SEALED), "files": database.psql(FILES)}


def _values(person) -> dict[str, str]:
    return {field: canary.value for field, canary in person.items()}


def _hire(database: Database) -> None:
    """Everybody has a role, and the officer's leave."""
    database.python(people.MAKE, people=STAFF)
    with database.serve() as server:
        officer = Person(server, "officer").login()
        people.without_second_factor(officer)
        people.approve_requests(officer)


def _ask(database: Database, of: dict[str, Any], secrets: list[str], folder: Path) -> list[int]:
    """Everybody asks for everybody, and a slip is printed; ``[asked, answers with any value, documents printed]``."""
    asked = seen = 0
    subjects, pickings = of["buyers"], of["pickings"]
    records = [("stock.picking", pickings[0]), ("sale.order", of["sale"]), ("pii.subject", subjects[0])]
    with Printer(folder) as printer, database.serve() as server:
        database.python(URLS, url=server.url)
        crew = {login: Person(server, login, timeout=240).login() for login in STAFF}
        for person in crew.values():
            for (model, record), purpose in itertools.product(records, PURPOSES):
                for subject in subjects:
                    params = {"subject_id": subject, "model": model, "id": record, "purpose": purpose}
                    asked += 1
                    try:
                        answer = person.json("/pii/reveal", {**params, "reason": "a test of restored backups"})
                    except RpcError as error:
                        answer = {"values": [], "message": str(error)}
                    text = str(answer)
                    seen += any(item.get("value") for item in answer["values"]) or any(s in text for s in secrets)
        vals = {"name": "documents", "uri": printer.uri, "documents_per_part": 1}
        (table,) = crew["boss"].call("pii.printer", "create", [vals])
        crew["officer"].call("pii.printer", "action_release", [table])
        staff.print_slips(crew["warehouse"], pickings, table)
        printed = len(printer.documents())
    return [asked, seen, printed]


def test_whoever_was_purged_is_in_no_dump(place: Database, sandbox, fresh_cluster, tmp_path: Path):
    began = time.monotonic()
    persons = make_canaries(seed=71, n=5)
    canaries = [canary for person in persons for canary in person.values()]
    plain = [_values(person) for person in persons]
    secrets = [value for person in plain for value in person.values() if len(value) > 5]
    ids = sandbox.generate(scenario.MARKETPLACES, ORDERS, case="fbm_unshipped", seed=9)
    for number, person in enumerate(persons):
        sandbox.control("POST", "plant", {"orders": ids[number :: len(persons)], "values": as_plant(person)})
    scenario.unthrottled(sandbox)
    scenario.connect(place, sandbox)
    scenario.add_products(place, sandbox)
    assert place.python(scenario.IMPORT)["state"] == "connected"
    place.allow_log(r"is a copy", r"The access log's head stood", r"odoo\.http: ", r"pii_retention\.alarms: ")
    first = place.python(FIRST_DAY, canaries=secrets)
    assert (first["subjects"], first["files"]) == (ORDERS, 10), first
    _hire(place)
    # what is looked for can be found: today everything opens
    control = _open(place, _sealed(place), place.place.filestore(place.name), plain)
    assert control["opened"] >= 2 * ORDERS and control["files"] == 10 and control["matches"] > 0, control
    assert control["foreign_tried"] >= 2 * ORDERS and not control["foreign"], control
    figure("other_company_tried", control["foreign_tried"], "openings")
    figure("other_company_opened", control["foreign"], "openings", 0)

    dumps: dict[int, tuple[Path, Path]] = {}
    for day in sorted({*DUMPS, KEYS_DAY}):
        place.ahead = timedelta(days=day)
        after = place.python(DAY)
        assert after["states"] == {"live": ORDERS}, (day, after)
        if day == KEYS_DAY:
            shutil.copytree(place.keys, tmp_path / "keys")
        else:
            dumps[day] = place.dump(tmp_path / f"day{day}.sql"), place.copy_files(tmp_path / f"files{day}")

    place.ahead = timedelta(days=PURGE)
    before = place.python(REPORTS)
    after = place.python(DAY)
    assert after["states"] == {"erased": ORDERS}, after
    assert all(len(report) > 100 for report in before.values()), before
    reports = place.python(REPORTS)
    changed = [model for model in before if reports[model] != before[model]]
    figure("purged_reports", len(before), "reports")
    figure("purged_reports_changed", len(changed), "reports", 0)
    assert not changed

    # === nothing is left of them here === #
    server = fresh_cluster.place.server
    server.psql("VACUUM ANALYZE", place.name, True)
    scanner = Scanner(canaries)
    dsn = f"host={server.host} port={server.port} user={server.superuser} dbname={place.name}"
    scanner.scan_database(dsn, "db")
    scanner.scan_cluster(fresh_cluster.data, "cluster", dsn)
    scanner.scan_tree(place.data_dir, "data", exclude=place.stock_files())
    scanner.scan_tree(place.keys, "keys")
    figure("purged_canary_places", scanner.report.places, "places")
    figure("purged_canary_hits", len(scanner.report.findings), "places", 0)
    assert not scanner.report.findings, scanner.report.findings[:5]

    # === each dump, with the present keys and with those of three days ago === #
    since = time.strftime("%Y-%m-%d 00:00:00", time.gmtime(time.time() - 25 * 86400))
    totals = dict.fromkeys(
        ("restored", "tried", "opened", "again", "asked", "seen", "printed", "scanned", "hits", "works"), 0
    )
    for label, stored in (("present", place.keys), ("backup", tmp_path / "keys")):
        for day, (dump, files) in dumps.items():
            keys = tmp_path / f"keys-{label}-{day}"
            shutil.copytree(stored, keys)
            restored = place.restore(dump, f"{label}{day}", files, keys)
            restored.allow_log(
                r"is a copy",
                r"The access log's head stood",
                r"odoo\.http: ",
                r"The purge of company",
                r"no longer valid",
            )
            try:
                sealed = _sealed(restored)
                folder = restored.place.filestore(restored.name)
                copies = tmp_path / f"folder-{label}-{day}"
                shutil.copytree(folder, copies)
                options = ["--moved"] + (["--date-is-right"] if label == "backup" else [])
                done = restored.odoo("pii_post_restore", *options)
                assert done.returncode == 0, (label, day, done.stdout, done.stderr)
                of = {"rows": sealed["rows"], "sealed_files": sealed["files"], "folder": str(copies), "persons": plain}
                done = restored.python(ALL, since=since, **of)
                found, works, again = done["opened"], done["works"], done["again"]
                totals["restored"] += len(sealed["rows"])
                totals["tried"] += found["tried"] + found["looked_up"]
                totals["opened"] += found["opened"] + found["files"] + found["matches"]
                assert not found["opened"] + found["files"] + found["matches"], (label, day, found)
                assert (works["posted"], works["refund"], works["held"]) == ("posted", "posted", 0), works
                assert works["sales"] == ORDERS and works["files"] == 0, works
                assert all(name.startswith("Amazon ") for name in works["names"]), works
                totals["works"] += 1
                assert again["orders"] == again["nobody"] == ORDERS and not again["held"], repr(again)
                totals["again"] += again["again"]
                if (label, day) in ASKED:
                    asked, seen, printed = _ask(restored, works, secrets, tmp_path / f"printer-{label}")
                    totals["asked"] += asked
                    totals["seen"] += seen
                    totals["printed"] += printed
                    assert not seen and printed == len(works["pickings"]), (label, day, seen, printed)
                    # in mails, attachments, the printer's queue, or wherever else
                    scanner = Scanner(canaries)
                    scanner.scan_database(dsn.replace(f"dbname={place.name}", f"dbname={restored.name}"), "db")
                    scanner.scan_tree(restored.data_dir, "data", exclude=restored.stock_files())
                    scanner.scan_tree(tmp_path / f"printer-{label}", "printer")
                    totals["scanned"] += scanner.report.places
                    totals["hits"] += len(scanner.report.findings)
                    assert not scanner.report.findings, scanner.report.findings[:5]
            finally:
                restored.drop()
                shutil.rmtree(keys)
    for name, value in totals.items():
        figure(f"restore_{name}", value, "counted", 0 if name in ("opened", "seen", "hits") else None)
    figure("restore_seconds", time.monotonic() - began, "s", "<=300")
