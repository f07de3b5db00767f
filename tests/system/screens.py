"""The office that the tests of the screens sit in: people, records, and how to look at a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from canary import Scanner, make_canaries
from playwright.sync_api import BrowserContext, Locator, Page, expect

from support.odoo import Database, OdooServer
from support.people import AGREE

SECONDS = 60
SHORT = 3
FIGURES = {"mfa_required": False, "reveal_seconds": SECONDS}
REASON = "Parcel came back undelivered"
PEOPLE = {
    "warehouse": ["stock.group_stock_user", "pii_retention.group_fulfilment"],
    "accountant": ["account.group_account_invoice", "pii_retention.group_fiscal"],
    "care": ["sales_team.group_sale_salesman_all_leads", "pii_retention.group_customer_care"],
    "seller": ["sales_team.group_sale_salesman_all_leads"],
    "officer": ["pii_retention.group_privacy_officer", "sales_team.group_sale_salesman_all_leads"],
    "contacts": ["base.group_partner_manager", "pii_retention.group_fulfilment"],
}

SET_UP = """
from datetime import date
from odoo.fields import Command

company = env.company
users = {
    login: env["res.users"].with_context(no_reset_password=True).create({
        "name": login.capitalize(), "login": login, "password": login + "-Pw-1234567",
        "group_ids": [Command.set([env.ref(group).id for group in groups])],
    })
    for login, groups in people.items()
}
product = env["product.product"].create({"name": "Lamp", "type": "consu", "is_storable": True, "list_price": 20})
env["stock.quant"]._update_available_quantity(
    product, env["stock.warehouse"].search([("company_id", "=", company.id)], limit=1).lot_stock_id, 50)
operational = ("name", "company_name", "street", "street2", "zip", "city", "phone", "email", "gift_text",
               "delivery_note")
fiscal = ("name", "company_name", "street", "street2", "zip", "city", "vat")
subjects = env["pii.subject"]._seal_many([
    {
        "company_id": company.id, "origin": "shop", "reference": f"402-7654321-000000{number}",
        "country_id": env.ref("base.de").id, "start": date.today(),
        "values": {"operational": {key: person[key] for key in operational},
                   "fiscal": {key: person[key] for key in fiscal}},
    }
    for number, person in enumerate(persons)
])
sales = env["sale.order"].create([
    {"partner_id": partner.id, "order_line": [Command.create({"product_id": product.id, "product_uom_qty": 1})]}
    for partner in subjects._ensure_partners()
])
sales.action_confirm()
product.invoice_policy = "order"
moves = env["account.move"].union(*(sale._create_invoices() for sale in sales))
moves.action_post()
plain = env["sale.order"].create({
    "partner_id": env["res.partner"].create({"name": "Ordinary Customer"}).id,
    "order_line": [Command.create({"product_id": product.id, "product_uom_qty": 1})],
})
result = [
    {
        "subject": subject.id, "partner": sale.partner_id.id, "sale": sale.id, "picking": sale.picking_ids.id,
        "move": sale.invoice_ids.id, "plain": plain.id,
    }
    for subject, sale in zip(subjects, sales)
]
"""

REVOKE = "env['pii.grant'].search([('user_id', '=', env.uid), ('state', '=', 'approved')]).action_revoke()"
ERASE = "s = env['pii.subject'].browse(subject); s.write(s._erased_columns())"

#: Everything in a page that could hold a text, as one string; ``places`` counts what was looked at.
RESIDUE = """async () => {
    const found = [], push = (what) => found.push(typeof what === "string" ? what : JSON.stringify(what));
    push(document.documentElement.outerHTML);
    for (const field of document.querySelectorAll("input, textarea, select")) push(field.value || "");
    for (const store of [localStorage, sessionStorage]) {
        for (const key of Object.keys(store)) push(key + "=" + store.getItem(key));
    }
    for (const { name, version } of await indexedDB.databases()) {
        const db = await new Promise((resolve, reject) => {
            const request = indexedDB.open(name, version);
            request.onsuccess = () => resolve(request.result);
            request.onerror = () => reject(request.error);
        });
        for (const store of db.objectStoreNames) {
            const rows = await new Promise((resolve) => {
                const request = db.transaction(store).objectStore(store).getAll();
                request.onsuccess = () => resolve(request.result);
            });
            for (const row of rows) {
                push(row);
                for (const part of Object.values(row || {})) {
                    if (part instanceof ArrayBuffer) push(new TextDecoder().decode(part));
                }
            }
        }
        db.close();
    }
    for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) push(request.url + (await (await cache.match(request)).text()));
    }
    for (const entry of performance.getEntries()) push(entry.toJSON());
    push(history.state || "");
    push(document.cookie);
    push(window.name);
    push(location.href + document.title);
    push(String(getSelection()));
    return { places: found.length, text: found.join("\\n") };
}"""


@dataclass
class Office:
    """The database with its server, the planted persons and the records of each."""

    database: Database
    server: OdooServer
    people: list[dict[str, str]]
    records: list[dict[str, int]]
    pictures: Path

    def url(self, model: str, record_id: int) -> str:
        return f"{self.server.url}/odoo/{model}/{record_id}"

    def picture(self, page: Page, name: str) -> None:
        """Keep a screenshot with the run's logs."""
        page.wait_for_timeout(400)  # Odoo fades dialogs in
        page.screenshot(path=self.pictures / f"{name}.png")

    def scanner(self, number: int) -> Scanner:
        plants = make_canaries(seed=77, n=len(self.people))
        return Scanner(plants[number].values())

    def texts(self, number: int) -> list[str]:
        return [text for text in self.people[number].values() if text]


def call(context: BrowserContext, url: str, model: str, method: str, *args: Any) -> Any:
    """Call a method with the session of a browser."""
    answer = context.request.post(
        f"{url}/web/dataset/call_kw/{model}/{method}",
        data={"params": {"model": model, "method": method, "args": list(args), "kwargs": {}}},
    ).json()
    assert "error" not in answer, answer["error"]["data"]["message"]
    return answer.get("result")


@contextmanager
def seconds(office: Office, number: int) -> Iterator[None]:
    """Let values stay for so many seconds."""
    office.database.python(AGREE, figures={"reveal_seconds": number})
    yield
    office.database.python(AGREE, figures={"reveal_seconds": SECONDS})


def card(page: Page) -> Locator:
    return page.locator(".o_pii_card")


def dialog(page: Page) -> Locator:
    return page.locator(".o_pii_reveal")


def values(page: Page) -> Locator:
    return dialog(page).locator(".o_pii_value")


def open_dialog(page: Page, url: str, button: str = "Reveal") -> None:
    page.goto(url)
    card(page).get_by_role("button", name=button).click()
    expect(dialog(page)).to_be_visible()


def reveal(page: Page, url: str) -> None:
    open_dialog(page, url)
    page.get_by_label("Reason").fill(REASON)
    dialog(page).get_by_role("button", name="Reveal").click()
    expect(values(page).first).to_be_visible()


def residue(office: Office, page: Page, number: int, label: str) -> int:
    """Look through everything the page could keep; return how many places it was."""
    found = page.evaluate(RESIDUE)
    scanner = office.scanner(number)
    scanner.scan_bytes(found["text"].encode(), label)
    assert scanner.report.clean, scanner.report.table()
    return found["places"]


def heap(context: BrowserContext, page: Page) -> str:
    """Every string that the page's program still reaches, after a garbage collection."""
    session = context.new_cdp_session(page)
    parts: list[str] = []
    session.on("HeapProfiler.addHeapSnapshotChunk", lambda event: parts.append(event["chunk"]))
    session.send("HeapProfiler.enable")
    session.send("HeapProfiler.collectGarbage")
    session.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    session.detach()
    return "\n".join(json.loads("".join(parts))["strings"])
