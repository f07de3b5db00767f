"""The warehouse at its screens: the protected customer's card and the reveal dialog, in a real browser.

What is asked again and again: is a value on the screen only while it may be, and is nothing of it left behind?
"""

from __future__ import annotations

import html
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from support.browser import FLAGS, log_in
from support.figures import figure

from .screens import REASON, RESIDUE, SHORT, Office, card, dialog, heap, open_dialog, residue, reveal, seconds, values


def test_a_delivery_shows_the_recipient_for_a_while_and_keeps_nothing(
    office: Office, browser: Browser, tmp_path: Path
) -> None:
    """The whole life of one reveal, in a browser that has a profile on disk."""
    number, records = 0, office.records[0]
    profile = tmp_path / "profile"
    context = browser.browser_type.launch_persistent_context(
        profile,
        executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
        args=list(FLAGS),
        viewport={"width": 1280, "height": 860},
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.pages[0]
    headers: list[str] = []
    page.on(
        "response",
        lambda r: headers.append(r.headers.get("cache-control", "")) if r.url.endswith("/pii/reveal") else None,
    )
    log_in(page, office.server.url, "warehouse", "warehouse-Pw-1234567")
    try:
        page.goto(office.url("stock.picking", records["picking"]))
        expect(card(page)).to_contain_text("Shop 402-7654321-0000000")
        expect(card(page)).to_contain_text("Ship the order")
        office.picture(page, "warehouse-1-delivery")
        with seconds(office, SHORT):
            open_dialog(page, page.url)
            expect(dialog(page).get_by_role("button", name="Reveal")).to_be_disabled()
            page.get_by_label("Reason").fill(REASON)
            office.picture(page, "warehouse-2-question")
            dialog(page).get_by_role("button", name="Reveal").click()
            expect(values(page).first).to_be_visible()
            started = time.monotonic()
            while_open = page.evaluate(RESIDUE)["text"]
            page.screenshot(path=office.pictures / "warehouse-3-values.png")
            expect(dialog(page)).to_have_count(0, timeout=(SHORT + 10) * 1000)
            lasted = time.monotonic() - started
        assert lasted <= SHORT + 5
        for key in ("name", "street", "zip", "city", "phone", "email", "delivery_note", "gift_text"):
            assert office.people[number][key] in html.unescape(while_open), f"{key} was not shown"
        assert office.people[number]["vat"] not in while_open
        assert "no-store" in headers[-1]
        places = residue(office, page, number, "page")
        memory = office.scanner(number)
        memory.scan_bytes(heap(context, page).encode(), "memory of the page")
        # not "clean": Odoo's own pictures are in there, cut into pieces that nobody can read
        assert not memory.report.findings, memory.report.table()
        page.reload()
        expect(card(page)).to_be_visible()
        places += residue(office, page, number, "page after a reload")
    finally:
        context.close()
    on_disk = office.scanner(number)
    on_disk.scan_tree(profile, "profile")
    assert on_disk.report.clean, on_disk.report.table()
    figure("reveal_screen_places", places + memory.report.places + on_disk.report.places, "places")
    figure("reveal_screen_hits", 0, "places", 0)
    figure("reveal_screen_seconds", lasted, "s", f"<={SHORT + 5}")


def test_nothing_is_selected_copied_or_dragged(office: Office, sit_down: Callable[..., Page]) -> None:
    """By accident: a triple click, everything marked and copied, a drag, the menu of the right button."""
    page = sit_down("warehouse", permissions=["clipboard-read", "clipboard-write"])
    reveal(page, office.url("stock.picking", office.records[0]["picking"]))
    page.evaluate("navigator.clipboard.writeText('before')")
    page.evaluate("window.prevented = []")
    page.evaluate(
        """for (const name of ["copy", "cut", "dragstart", "contextmenu"]) {
            addEventListener(name, (event) => event.defaultPrevented && prevented.push(name));
        }"""
    )
    taken = []
    for line in range(values(page).count()):
        values(page).nth(line).click(click_count=3)
        taken.append(page.evaluate("String(getSelection())"))
        page.keyboard.press("Control+C")
        taken.append(page.evaluate("navigator.clipboard.readText()"))
    page.keyboard.press("Control+A")
    page.keyboard.press("Control+C")
    taken.append(page.evaluate("String(getSelection())") + page.evaluate("navigator.clipboard.readText()"))
    values(page).first.click(button="right")
    values(page).first.dispatch_event("dragstart")
    assert page.evaluate("prevented.includes('contextmenu') && prevented.includes('dragstart')")
    assert not any(text in found for text in office.texts(0) for found in taken)
    assert office.people[0]["street"] in heap(page.context, page), "a search of the memory that sees nothing"
    # in the inputs of a correction one can mark, but not take away
    dialog(page).get_by_role("button", name="Correct").click()
    page.get_by_label("Street", exact=True).select_text()
    page.keyboard.press("Control+C")
    page.keyboard.press("Control+X")
    assert office.people[0]["street"] not in page.evaluate("navigator.clipboard.readText()")
    expect(page.get_by_label("Street", exact=True)).to_have_value(office.people[0]["street"])


def test_each_way_out_closes_at_once(office: Office, sit_down: Callable[..., Page]) -> None:
    """Another tab, Escape, printing, Back, leaving the record: the values are gone before anything else happens."""
    page = sit_down("warehouse")
    url = office.url("stock.picking", office.records[0]["picking"])
    ways = {
        "another tab": lambda: page.evaluate(
            """() => {
                Object.defineProperty(document, "hidden", { value: true, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }"""
        ),
        "escape": lambda: page.keyboard.press("Escape"),
        "printing": lambda: page.evaluate("() => { dispatchEvent(new Event('beforeprint')); }"),
        "leaving the page": lambda: page.evaluate("() => { dispatchEvent(new Event('pagehide')); }"),
        "back": page.go_back,
        "the button": lambda: dialog(page).locator("footer").get_by_role("button", name="Close").click(),
        "the cross": lambda: dialog(page).get_by_role("button", name="Close").first.click(),
    }
    for name, leave in ways.items():
        page.goto(f"{office.server.url}/odoo")
        reveal(page, url)
        leave()
        expect(dialog(page), f"{name} did not close it").to_have_count(0)
        residue(office, page, 0, name)
    figure("reveal_screen_exits", len(ways), "ways")


def test_an_answer_that_comes_too_late_is_not_kept(office: Office, sit_down: Callable[..., Page]) -> None:
    """Closed while the server was still at work."""
    page = sit_down("warehouse")
    answered: list[str] = []

    def hold(route: Any) -> None:
        response = route.fetch()
        page.keyboard.press("Escape")
        expect(dialog(page)).to_have_count(0)
        answered.append(response.text())
        route.fulfill(response=response)

    open_dialog(page, office.url("stock.picking", office.records[0]["picking"]))
    page.get_by_label("Reason").fill(REASON)
    page.route("**/pii/reveal", hold)
    dialog(page).get_by_role("button", name="Reveal").click()
    until = time.monotonic() + 30
    while not answered and time.monotonic() < until:
        page.wait_for_timeout(100)  # the answer is held in here
    page.wait_for_timeout(500)
    assert any(office.people[0]["street"] in text for text in answered)
    expect(dialog(page)).to_have_count(0)
    residue(office, page, 0, "too late")
    assert office.people[0]["street"] not in heap(page.context, page)


def test_a_correction_goes_through_the_dialog(office: Office, sit_down: Callable[..., Page]) -> None:
    """The new street is on the next reveal, and the chatter knows only that there is one."""
    page = sit_down("warehouse")
    url = office.url("stock.picking", office.records[1]["picking"])
    typed = "Neuxwaldgasse 8"
    reveal(page, url)
    dialog(page).get_by_role("button", name="Correct").click()
    expect(page.get_by_label("Street", exact=True)).to_have_value(office.people[1]["street"])
    page.get_by_label("Street", exact=True).fill(typed)
    page.get_by_label("Phone").fill("12")
    office.picture(page, "warehouse-4-correct")
    dialog(page).get_by_role("button", name="Save").click()
    expect(dialog(page)).to_contain_text("phone number")
    office.picture(page, "warehouse-5-doubt")
    page.get_by_label("Phone").fill("+49 30 901820")
    dialog(page).get_by_role("button", name="Save anyway").click()
    expect(dialog(page)).to_have_count(0)
    expect(page.locator(".o-mail-Chatter")).to_contain_text("corrected in the vault: Street, Phone")
    office.picture(page, "warehouse-6-corrected")
    assert typed not in page.evaluate(RESIDUE)["text"]
    residue(office, page, 1, "after a correction")
    reveal(page, url)
    assert typed in values(page).all_inner_texts()
    page.keyboard.press("Escape")
    messages = office.database.psql("SELECT body FROM mail_message WHERE body LIKE '%corrected in the vault%'")
    assert messages and not any(typed in body for body in messages)


def test_a_phone_in_the_warehouse(office: Office, sit_down: Callable[..., Page]) -> None:
    """The card and the dialog on a narrow screen, nothing wider than it."""
    page = sit_down("warehouse", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    reveal(page, office.url("stock.picking", office.records[0]["picking"]))
    office.picture(page, "mobile-2-values")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    office.picture(page, "mobile-1-delivery")
    assert card(page).bounding_box()["width"] <= 390
