"""Packer, administrator and officer at their screens: slips go to the printer, never into the browser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from canary import make_canaries
from playwright.sync_api import Browser, Page, expect

from house import REPO
from house.process import child_env
from support.browser import log_in
from support.figures import figure
from support.odoo import Database, OdooServer
from support.people import AGREE

PEOPLE = {
    "packer": ["stock.group_stock_user", "pii_retention.group_fulfilment"],
    "officer": ["pii_retention.group_privacy_officer"],
    "boss": ["base.group_system", "stock.group_stock_manager"],
}
COUNT = 3

SET_UP = """
from datetime import date
from odoo.fields import Command

company = env.company
for login, groups in people.items():
    env["res.users"].with_context(no_reset_password=True).create({
        "name": login.capitalize(), "login": login, "password": login + "-Pw-1234567",
        "group_ids": [Command.set([env.ref(group).id for group in groups])],
    })
product = env["product.product"].create({"name": "Lamp", "type": "consu", "is_storable": True, "list_price": 20})
warehouse = env["stock.warehouse"].search([("company_id", "=", company.id)], limit=1)
env["stock.quant"]._update_available_quantity(product, warehouse.lot_stock_id, 50)
keys = ("name", "company_name", "street", "street2", "zip", "city", "phone", "email", "gift_text", "delivery_note")
subjects = env["pii.subject"]._seal_many([
    {
        "company_id": company.id, "origin": "shop", "reference": f"402-7654321-000000{number}",
        "country_id": env.ref("base.de").id, "start": date.today(),
        "values": {"operational": {key: person[key] for key in keys}},
    }
    for number, person in enumerate(persons)
])
sales = env["sale.order"].create([
    {"partner_id": partner.id, "order_line": [Command.create({"product_id": product.id, "product_uom_qty": 1})]}
    for partner in subjects._ensure_partners()
])
sales.action_confirm()
env.ref("stock.action_report_delivery").pii_purpose = "label"
result = sales.picking_ids.ids
"""


class Printer:
    """The local printer as a process of its own."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "sandbox.printer", "--port", "0"]
        self.process = subprocess.Popen(command, cwd=REPO, env=child_env(), stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.uri = self.process.stdout.readline().split()[-1]
        self.base = self.uri.removesuffix("/ipp/print")

    def call(self, method: str, path: str, body: Any = None) -> bytes:
        request = urllib.request.Request(
            f"{self.base.replace('ipp', 'http', 1)}/control/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def jobs(self) -> list[dict[str, Any]]:
        return json.loads(self.call("GET", "jobs"))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@dataclass
class Shop:
    """The database with its server, the printer and the deliveries."""

    server: OdooServer
    printer: Printer
    pickings: list[int]
    values: list[str]
    pictures: Path
    browser: Browser
    seats: dict[str, Page] = field(default_factory=dict)

    def page(self, login: str) -> Page:
        """The page of a person, who signs in once."""
        if login in self.seats:
            return self.seats[login]
        page = self.seats[login] = self.browser.new_context(viewport={"width": 1280, "height": 860}).new_page()
        page.downloads = []  # type: ignore[attr-defined]
        page.on("download", lambda found: page.downloads.append(found))  # type: ignore[attr-defined]
        log_in(page, self.server.url, login, f"{login}-Pw-1234567")
        return page

    def picture(self, page: Page, name: str) -> None:
        page.wait_for_timeout(400)
        page.screenshot(path=self.pictures / f"{name}.png")

    def check_clean(self, page: Page) -> None:
        """Nothing of a customer is on the page."""
        text = page.content()
        assert not [value for value in self.values if value in text]

    def go(self, page: Page, path: str) -> None:
        page.goto(f"{self.server.url}/odoo/{path}")
        page.wait_for_selector(".o_action_manager .o_view_controller, .o_action_manager .o_form_view")


@pytest.fixture(scope="module")
def shop(odoo_db_module: Database, browser: Browser) -> Iterator[Shop]:
    plants = make_canaries(seed=78, n=COUNT)
    people = [{key: canary.value for key, canary in person.items()} for person in plants]
    pickings = odoo_db_module.python(AGREE + SET_UP, figures={"mfa_required": False}, people=PEOPLE, persons=people)
    pictures = odoo_db_module.folder.parent / "screens-printing"
    pictures.mkdir(exist_ok=True)
    odoo_db_module.allow_log(r"bad query: .*discuss_channel_member")
    printer = Printer()
    try:
        with odoo_db_module.serve() as server:
            values = [value for person in people for value in person.values() if len(value) > 3]
            yield Shop(server, printer, pickings, values, pictures, browser)
    finally:
        printer.stop()


def print_slips(page: Page, shop: Shop, count: int) -> None:
    """Select deliveries in the list and print their slips from the print menu."""
    shop.go(page, "action-stock.action_picking_tree_outgoing")
    page.wait_for_selector(".o_list_view .o_data_row")
    for number in range(count):
        page.locator(".o_data_row .o_list_record_selector input").nth(number).check()
    page.get_by_role("button", name="Print").click()
    page.get_by_role("menuitem", name="Delivery Slip").click()


def test_without_a_printer_the_packer_is_told(shop: Shop) -> None:
    page = shop.page("officer")
    requests = page.context.request.post(
        f"{shop.server.url}/web/dataset/call_kw",
        data={
            "params": {"model": "pii.grant", "method": "search", "args": [[["state", "=", "requested"]]], "kwargs": {}}
        },
    ).json()["result"]
    page.context.request.post(
        f"{shop.server.url}/web/dataset/call_kw",
        data={"params": {"model": "pii.grant", "method": "action_approve", "args": [requests], "kwargs": {}}},
    )
    page = shop.page("packer")
    print_slips(page, shop, 1)
    expect(page.locator(".o_notification")).to_contain_text("ask your administrator")
    shop.picture(page, "no-printer")
    assert not page.downloads  # type: ignore[attr-defined]


def test_the_administrator_sets_a_printer_up_and_the_officer_releases_it(shop: Shop) -> None:
    page = shop.page("boss")
    shop.go(page, "action-pii_retention_print.pii_printer_action/new")
    page.locator("[name=name] input").fill("Packing table 2")
    page.locator("[name=uri] input").fill(shop.printer.uri)
    shop.picture(page, "new-printer")
    page.locator(".o_form_button_save").click()
    page.get_by_role("button", name="Ask Printer").click()
    expect(page.locator("[name=make_model]")).to_contain_text("Sandbox Printer")
    shop.picture(page, "administrator")
    assert page.get_by_role("button", name="Release", exact=True).count() == 0
    url = page.url
    page = shop.page("officer")
    page.goto(url)
    page.get_by_role("button", name="Release", exact=True).click()
    page.get_by_role("button", name="Ok").click()
    expect(page.locator("[name=released_by_id]")).to_contain_text("Officer")
    shop.picture(page, "released")
    page.get_by_role("button", name="Test Page").click()
    expect(page.locator(".o_notification")).to_contain_text("Packing table 2")
    shop.picture(page, "test-page")


def test_the_packer_prints_from_the_list(shop: Shop) -> None:
    shop.printer.call("POST", "reset")
    page = shop.page("packer")
    print_slips(page, shop, 1)
    expect(page.locator(".o_notification")).to_contain_text("1 of 1 documents", timeout=60_000)
    shop.picture(page, "printed")
    (job,) = shop.printer.jobs()
    content = shop.printer.call("GET", f"jobs/{job['id']}/documents/0")
    assert content.startswith(b"%PDF-") and job["documents"][0]["format"] == "application/pdf"
    assert not page.downloads  # type: ignore[attr-defined]
    shop.check_clean(page)
    figure("slip_pdf_bytes", len(content), "bytes")


def test_a_batch_shows_its_progress_and_stops_on_demand(shop: Shop) -> None:
    # a part of one document is the default, so that there is something to stop between two
    shop.printer.call("POST", "reset")
    page = shop.page("packer")
    print_slips(page, shop, COUNT)
    expect(page.locator(".modal .progress-bar")).to_be_visible(timeout=60_000)
    shop.picture(page, "progress")
    expect(page.locator(".o_notification")).to_contain_text(f"{COUNT} of {COUNT} documents", timeout=60_000)
    assert len(shop.printer.jobs()) == COUNT
    shop.printer.call("POST", "queues/office/faults", {"kind": "busy"})
    print_slips(page, shop, COUNT)
    expect(page.locator(".modal")).to_contain_text("is busy", timeout=60_000)
    shop.picture(page, "busy")
    page.locator(".modal").get_by_role("button", name="Cancel").click()
    expect(page.locator(".o_notification").last).to_contain_text(f"Cancelled after 0 of {COUNT}", timeout=60_000)
    shop.printer.call("DELETE", "queues/office/faults")
    assert not page.downloads  # type: ignore[attr-defined]


def test_a_failed_job_is_printed_again(shop: Shop) -> None:
    shop.printer.call("POST", "reset")
    shop.printer.call("POST", "queues/office/faults", {"kind": "not-accepting"})
    page = shop.page("packer")
    print_slips(page, shop, 1)
    expect(page.locator(".o_notification")).to_contain_text("takes no jobs", timeout=60_000)
    page.locator(".o_notification").get_by_role("button", name="Show Job").click()
    page.wait_for_selector(".o_form_view")
    shop.picture(page, "job-failed")
    shop.printer.call("DELETE", "queues/office/faults")
    page.get_by_role("button", name="Print Again").first.click()
    expect(page.locator(".o_notification").last).to_contain_text("1 of 1 documents", timeout=60_000)
    shop.picture(page, "job-again")
    assert len([job for job in shop.printer.jobs() if job["documents"]]) == 1


def test_a_typed_address_of_the_report_is_refused(shop: Shop) -> None:
    page = shop.page("packer")
    for kind in ("pdf", "html", "text"):
        answer = page.context.request.get(
            f"{shop.server.url}/report/{kind}/stock.report_deliveryslip/{shop.pickings[0]}"
        )
        assert answer.status == 403 and re.search("goes to a printer", answer.text())
    page.goto(f"{shop.server.url}/my/picking/pdf/{shop.pickings[0]}")
    shop.check_clean(page)
    assert not page.downloads  # type: ignore[attr-defined]
    for name in ("pii_printer_rule_action", "pii_print_job_action"):
        page = shop.page("boss")
        shop.go(page, f"action-pii_retention_print.{name}")
        shop.picture(page, name)
