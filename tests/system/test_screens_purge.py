"""The purge on the officers' screens: what is due, the button, the certificate on paper, the keys that wait."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from playwright.sync_api import Page, expect

from support.figures import figure

from .screens import Office

#: Somebody is due today, somebody else was erased early and still lies in dumps.
DUE = """
from datetime import timedelta
from odoo.addons.pii_retention import calendar, purge

real_day = calendar.day_at
calendar.day_at = lambda moment, zone: real_day(moment, zone) - timedelta(days=1)  # it is yesterday
today = env.company._pii_day() + timedelta(days=1)
due, early, stays = env["pii.subject"]._seal_many([
    {"company_id": env.company.id, "origin": "shop", "reference": f"402-1111111-000000{number}", "country_id": False,
     "start": today - timedelta(days=days),
     "values": {"operational": {"name": "Somebody Planted", "street": "Hidden Street 4"}}}
    for number, days in ((1, 30), (2, 10), (3, 10))])
env["ir.attachment"].create({"name": "label.pdf", "raw": b"%PDF-1.4", "res_model": "pii.subject", "res_id": due.id})
assert due.sudo().deadline == today
purge.forget(env, early.ids, "cancelled")
result = due.id
"""


def test_an_officer_purges_and_prints_the_certificate(office: Office, sit_down: Callable[..., Page], tmp_path) -> None:
    office.database.allow_log(
        r"not allowed to access '(Purge|Certificate of Erasure|Rotation of a Day's Key)'",  # the clerk, below
        r"wkhtmltopdf: The switch --(header|footer)-html",
        r"UPDATE \"discuss_channel_member\"",  # Odoo's own: two tabs of one user
    )
    due = office.database.python(DUE)
    page = sit_down("officer")
    page.goto(f"{office.server.url}/odoo/pii-certificates")
    expect(page.locator(".o_list_view")).to_contain_text("Under way")
    page.goto(f"{office.server.url}/odoo/pii-purges")
    expect(page.locator(".o_view_nocontent")).to_contain_text("Nothing was due yet")
    page.screenshot(path=office.pictures / "purge-empty.png", full_page=True)

    page.get_by_role("button", name="Purge Now").click()
    dialog = page.locator(".modal")
    expect(dialog.locator("[name=subject_count]")).to_have_text("1")
    expect(dialog.locator("[name=key_count]")).to_have_text("1")
    expect(dialog.locator("[name=file_count]")).to_have_text("1")
    expect(dialog.locator("[name=rotation_count]")).to_have_text("1")
    office.picture(page, "purge-now")
    dialog.get_by_role("button", name="Purge Now").click()
    expect(page.locator(".o_form_view")).to_contain_text("Certificate")
    expect(page.locator(".o_statusbar_status .o_arrow_button_current")).to_have_text("Done")
    page.screenshot(path=office.pictures / "purge-run.png", full_page=True)

    page.goto(f"{office.server.url}/odoo/pii-rotations")
    expect(page.locator(".o_data_row")).to_contain_text("Done")
    page.screenshot(path=office.pictures / "purge-rotations.png", full_page=True)
    page.goto(f"{office.server.url}/odoo/pii-certificates")
    expect(page.locator(".o_data_row")).to_have_count(2)
    page.screenshot(path=office.pictures / "purge-certificates.png", full_page=True)
    page.locator(".o_data_row", has_text="On the day").locator("td[name=name]").click()
    expect(page.locator(".o_form_view")).to_contain_text("Cryptographic Erase")
    page.screenshot(path=office.pictures / "purge-certificate.png", full_page=True)
    page.get_by_role("button", name="Verify").click()
    expect(page.locator(".o_notification")).to_contain_text("Genuine")
    with page.expect_download() as download:
        page.get_by_role("button", name="Print").click()
    path = tmp_path / "certificate.pdf"
    download.value.save_as(path)
    subprocess.run(["pdftoppm", "-r", "70", "-png", path, office.pictures / "purge-certificate-page"], check=True)
    pages = len(list(office.pictures.glob("purge-certificate-page*.png")))
    figure("certificate_pages", pages, "pages", 1)
    assert pages == 1

    page.goto(office.url("pii.subject", due))
    expect(page.locator(".o_form_view")).to_contain_text("Its day had come")
    expect(page.locator("[name=certificate_id]")).to_contain_text("ERASURE/")

    # whoever works in the warehouse sees nothing of it
    clerk = sit_down("warehouse")
    for address in ("pii-purges", "pii-certificates", "pii-rotations"):
        clerk.goto(f"{office.server.url}/odoo/{address}")
        expect(clerk.locator(".o_data_row")).to_have_count(0)
