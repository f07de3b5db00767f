"""Proof of absence on the officers' screens: the sign that the intake is stopped, the proof, and who may act."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from .screens import Office

BREAK = """
partner = env["res.partner"].search([("pii_subject_id", "!=", False)], limit=1)
cr.execute("UPDATE res_partner SET street = 'x' WHERE id = %s", [partner.id])
env["pii.proof"]._cron_proof()
cr.commit()
result = partner.id
"""
MEND = "cr.execute('UPDATE res_partner SET street = NULL WHERE id = %s', [partner]); cr.commit()"


def sign(page: Page):
    return page.get_by_role("button", name="No new personal data is taken in")


def test_officers_see_that_the_intake_is_stopped_and_free_it(office: Office, sit_down: Callable[..., Page]) -> None:
    office.database.allow_log(r"pii_retention\.alarms: ")
    page = sit_down("officer")
    page.goto(f"{office.server.url}/odoo")
    expect(page.locator(".o_menu_systray")).to_be_visible()
    expect(sign(page)).to_have_count(0)

    partner = office.database.python(BREAK)
    page.goto(f"{office.server.url}/odoo/pii-alerts")
    sign(page).click()
    expect(page.locator(".o_pii_standing_menu")).to_contain_text("found where it must be gone")
    page.locator(".o_pii_standing_menu").get_by_role("button", name="Proof of Absence").click()
    expect(page.locator(".o_list_view")).to_contain_text("Found")
    page.locator(".o_data_row").first.locator("td[name=found]").click()
    expect(page.locator(".o_form_view")).to_contain_text("Personal data was found where it must be gone")
    expect(page.locator("[name=line_ids]")).to_contain_text("anything but the pseudonym")
    page.screenshot(path=office.pictures / "proof-found.png", full_page=True)

    # somebody else sees neither the sign nor the proof
    clerk = sit_down("warehouse")
    clerk.goto(f"{office.server.url}/odoo")
    expect(clerk.locator(".o_menu_systray")).to_be_visible()
    expect(sign(clerk)).to_have_count(0)

    office.database.python(MEND, partner=partner)
    page.get_by_role("button", name="Check Again").first.click()
    expect(page.locator(".o_form_view")).to_contain_text("Everything that had to be gone is gone")
    expect(sign(page)).to_have_count(0)
    page.screenshot(path=office.pictures / "proof-clean.png", full_page=True)
