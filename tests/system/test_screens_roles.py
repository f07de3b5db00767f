"""The other roles at their screens, and what the dialog says when something goes wrong."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from .screens import ERASE, REASON, REVOKE, Office, card, dialog, open_dialog, residue, reveal, values


def test_an_invoice_shows_what_a_document_needs(office: Office, sit_down: Callable[..., Page]) -> None:
    page = sit_down("accountant")
    reveal(page, office.url("account.move", office.records[0]["move"]))
    shown = "".join(values(page).all_inner_texts())
    person = office.people[0]
    assert person["vat"] in shown
    assert person["name"] in shown
    assert person["phone"] not in shown
    assert person["gift_text"] not in shown
    office.picture(page, "accountant-2-values")
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    office.picture(page, "accountant-1-invoice")


def test_customer_care_breaks_the_glass(office: Office, sit_down: Callable[..., Page]) -> None:
    """What no grant covers: asked for, or opened at once with everybody told."""
    page = sit_down("care")
    url = office.url("sale.order", office.records[2]["sale"])
    page.goto(url)
    expect(card(page)).to_be_visible()
    office.picture(page, "care-1-order")
    open_dialog(page, url)
    dialog(page).get_by_role("button", name="Request access").click()
    page.get_by_label("Answer an authority").check()
    page.get_by_label("Reason").fill("Request of the police")
    page.get_by_label("For how many hours").fill("2")
    office.picture(page, "care-2-request")
    dialog(page).get_by_role("button", name="Send request").click()
    expect(dialog(page)).to_contain_text("with the privacy officers")
    office.picture(page, "care-3-requested")
    page.keyboard.press("Escape")
    assert office.database.psql(
        "SELECT kind, state FROM pii_grant WHERE purpose = 'legal_request' ORDER BY id DESC LIMIT 1"
    ) == ["temporary|requested"]
    open_dialog(page, url)
    dialog(page).get_by_role("button", name="Request access").click()
    dialog(page).get_by_role("button", name="Break the glass").click()
    page.get_by_label("Examine a security incident").check()
    page.get_by_label("Reason").fill("Stolen parcels, police waits")
    office.picture(page, "care-4-glass")
    dialog(page).get_by_role("button", name="Break the glass and reveal").click()
    expect(values(page).first).to_be_visible()
    assert office.people[2]["vat"] in "".join(values(page).all_inner_texts())
    expect(dialog(page).get_by_role("button", name="Correct")).to_have_count(0)
    page.keyboard.press("Escape")
    assert office.database.psql("SELECT kind, state FROM pii_grant WHERE purpose = 'incident'") == [
        "break_glass|approved"
    ]


def test_a_seller_without_role_sees_that_there_is_somebody(office: Office, sit_down: Callable[..., Page]) -> None:
    page = sit_down("seller")
    page.goto(office.url("sale.order", office.records[0]["sale"]))
    expect(card(page)).to_contain_text("Your role does not need it")
    expect(card(page).get_by_role("button")).to_have_count(0)
    office.picture(page, "seller-1-order")
    residue(office, page, 0, "seller")
    page.goto(office.url("sale.order", office.records[0]["plain"]))
    expect(page.get_by_role("combobox", name="Customer")).to_have_value("Ordinary Customer")
    page.wait_for_timeout(500)
    expect(card(page)).to_have_count(0)
    office.picture(page, "seller-2-ordinary")


def test_an_officer_sees_no_more_than_a_seller(office: Office, sit_down: Callable[..., Page]) -> None:
    page = sit_down("officer")
    page.goto(office.url("sale.order", office.records[0]["sale"]))
    expect(card(page)).to_be_visible()
    expect(card(page).get_by_role("button", name="Reveal")).to_have_count(0)
    office.picture(page, "officer-1-order")


def test_the_contact_has_its_card(office: Office, sit_down: Callable[..., Page]) -> None:
    page = sit_down("contacts")
    page.goto(office.url("res.partner", office.records[0]["partner"]))
    expect(card(page)).to_be_visible()
    office.picture(page, "contacts-1-contact")
    residue(office, page, 0, "contact")


# === WHAT GOES WRONG === #


def test_refusals_say_what_to_do(office: Office, sit_down: Callable[..., Page]) -> None:
    page = sit_down("warehouse")
    open_dialog(page, office.url("stock.picking", office.records[0]["picking"]))
    page.get_by_label("Reason").fill("parcel")
    dialog(page).get_by_role("button", name="Reveal").click()
    expect(dialog(page).get_by_role("alert")).to_contain_text("at least 2 different words")
    office.picture(page, "warehouse-7-refused")
    page.get_by_label("Reason").fill(REASON)
    dialog(page).get_by_role("button", name="Reveal").click()
    expect(values(page).first).to_be_visible()


def test_revoked_while_the_dialog_is_open(office: Office, sit_down: Callable[..., Page]) -> None:
    """The refusal comes with the way to a new grant; who has lost the role has no glass to break."""
    page = sit_down("contacts")
    open_dialog(page, office.url("res.partner", office.records[0]["partner"]))
    office.database.python(REVOKE, login="contacts")
    page.get_by_label("Reason").fill(REASON)
    dialog(page).get_by_role("button", name="Reveal").click()
    expect(dialog(page).get_by_role("alert")).to_contain_text("You have no role")
    expect(dialog(page).get_by_role("button", name="Send request")).to_be_visible()
    expect(dialog(page).get_by_role("button", name="Break the glass")).to_have_count(0)
    office.picture(page, "contacts-2-revoked")
    residue(office, page, 0, "revoked")


def test_erased_while_the_dialog_is_open(office: Office, sit_down: Callable[..., Page]) -> None:
    page = sit_down("warehouse")
    open_dialog(page, office.url("stock.picking", office.records[3]["picking"]))
    office.database.python(ERASE, subject=office.records[3]["subject"])
    page.get_by_label("Reason").fill(REASON)
    dialog(page).get_by_role("button", name="Reveal").click()
    expect(dialog(page)).to_contain_text("is erased")
    office.picture(page, "warehouse-8-erased")
    page.keyboard.press("Escape")
    expect(card(page)).to_contain_text("Documents show the pseudonym")
    office.picture(page, "warehouse-9-erased-card")
