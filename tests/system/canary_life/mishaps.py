"""What goes wrong while a person's data is in memory."""

from __future__ import annotations

import threading
import time
import urllib.error
from pathlib import Path

from support.odoo import OdooServer
from support.people import Person

from .staff import print_slips
from .work import Shop

MEMORY = Path("/dev/shm")
BROKEN_INVOICES = ("troubles.broken_value", "troubles.broken_key", "troubles.broken_method")
#: Ends in an error after it was opened, or only says something about it.
QUIET = {"log_lines", "warned", "commit", "hold", "orm_flush"}

CONCURRENT_WRITES = """
# what Odoo logs in full at default settings: failing statements, with the values that were being written
import logging
partner = env["res.partner"].search([("pii_subject_id", "!=", False)], limit=1)
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
        logging.getLogger("odoo.addons.troubles").exception("could not store: %s", error)
"""


def troubles(shop: Shop) -> int:
    """Ask for each of the foreign addon's pages, over both doors; return how many reveals ended in an error."""
    warehouse = shop.staff["warehouse"]
    before = shop.errors
    picking = shop.done["pickings"][2]
    for name in warehouse.get("/troubles").json():
        if name == "hold":
            continue
        for act, args in (
            (warehouse.get, (f"/troubles/{name}/{picking}",)),
            (warehouse.json, ("/troubles/rpc", {"name": name, "picking_id": picking})),
        ):
            if name in QUIET:
                try:
                    act(*args)
                except Exception:
                    shop.errors += 1
            else:
                shop.fails(act, *args)
    return shop.errors - before


def reports(shop: Shop) -> None:
    """Documents that fail in the middle, on the screen, as a file and on the way to the printer."""
    accountant, warehouse = shop.staff["accountant"], shop.staff["warehouse"]
    move, pickings = shop.done["moves"][2], shop.done["pickings"][2:4]
    for name in BROKEN_INVOICES:
        for converter in ("html", "pdf", "text"):
            shop.fails(accountant.get, f"/report/{converter}/{name}/{move}")
    shop.fails(print_slips, warehouse, pickings, shop.printers["documents"], "troubles.broken_slip")


def carriers(shop: Shop) -> None:
    """A label is bought; another carrier fails with the address in what it says."""
    warehouse, accountant = shop.staff["warehouse"], shop.staff["accountant"]
    works, fails = shop.carriers
    first, second, third = shop.done["pickings"][3:6]
    shop.database.python("env['stock.picking'].browse(ids).carrier_id = carrier", ids=[first], carrier=works)
    shop.database.python("env['stock.picking'].browse(ids).carrier_id = carrier", ids=[second, third], carrier=fails)
    warehouse.call("stock.picking", "send_to_shipper", [first])
    for picking in (second, third):
        shop.fails(warehouse.call, "stock.picking", "send_to_shipper", [picking])
    # who may not ship for the customer may not ask what it costs either
    wizard = accountant.raw_call("choose.delivery.carrier", "create", {"order_id": shop.done["sales"][3]})
    assert wizard.status == 200


def serialization(shop: Shop) -> None:
    """Two transactions write the same contact, one of them a person's data."""
    values = {key: shop.values(0)[key] for key in ("name", "street", "phone", "email")}
    shop.database.python(CONCURRENT_WRITES, values=values)
    shop.errors += 3


def kill_in_the_middle(shop: Shop, server: OdooServer) -> None:
    """``kill -9`` while a document is drawn and while another request holds a person open."""
    warehouse = shop.staff["warehouse"]
    pickings = shop.done["pickings"]
    second = Person(server, "warehouse").login()
    jobs = [
        threading.Thread(target=_ignore_errors, args=(second.get, f"/troubles/hold/{pickings[4]}")),
        threading.Thread(
            target=_ignore_errors, args=(print_slips, warehouse, pickings[-9:], shop.printers["documents"])
        ),
    ]
    for job in jobs:
        job.start()
    _wait(lambda: b"holding a parcel" in shop.database.log.read_bytes(), "nothing was held open")
    drawn = f"odoo-pii-*-{server.process.pid}/report.body.tmp.*"
    _wait(lambda: any(MEMORY.glob(drawn)), "no document was drawn in the private folder")
    server.kill()
    for job in jobs:
        job.join()


def _ignore_errors(act, *args) -> None:
    try:
        act(*args)
    except (OSError, urllib.error.URLError, AssertionError):
        pass


def _wait(ready, what: str, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)
