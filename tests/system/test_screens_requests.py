"""A privacy officer at the screens of requests: Amazon's notice to delete, from its arrival to its certificate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from canary import make_canaries
from playwright.sync_api import Browser, Page, expect

from support.browser import log_in
from support.figures import figure
from support.odoo import Database, OdooServer

COUNT = 4
PEOPLE = ("officer", "second")
UNKNOWN = "999-9999999-9999999"
PROOF = "Knew facts of the order that only the buyer knows"

SET_UP = """
from datetime import date
from odoo.fields import Command

for login in people:
    env["res.users"].with_context(no_reset_password=True).create({
        "name": login.capitalize(), "login": login, "password": login + "-Pw-1234567",
        "group_ids": [Command.set([env.ref("pii_retention.group_privacy_officer").id])],
    })
keys = ("name", "street", "zip", "city", "phone", "email")
subjects = env["pii.subject"]._seal_many([
    {
        "company_id": env.company.id, "origin": "shop", "reference": f"402-5550000-000000{number}",
        "country_id": env.ref("base.de").id, "start": date.today(),
        "values": {"operational": {key: person[key] for key in keys}},
    }
    for number, person in enumerate(persons)
])
subjects._ensure_partners()
result = subjects.mapped("reference")
"""
WORK = "env['pii.request']._cron_run()"
ACCESS = """
officer = env["res.users"].search([("login", "=", "officer")])
subject = env["pii.subject"].search([("reference", "=", reference)])
request = env["pii.request"].with_user(officer).create({
    "kind": "data_subject", "right": "access", "subject_ids": [(6, 0, subject.ids)], "requester": "Customer"})
request.action_preview()
result = request.id
"""
OUTCOME = """
subjects = env["pii.subject"].search([("reference", "in", references)])
result = {subject.reference: subject.state for subject in subjects}
"""


@dataclass
class Desk:
    """The database with its server, and the officers who have signed in."""

    database: Database
    server: OdooServer
    references: list[str]
    values: list[str]
    pictures: Path
    browser: Browser
    seats: dict[str, Page] = field(default_factory=dict)

    def page(self, login: str) -> Page:
        if login not in self.seats:
            page = self.seats[login] = self.browser.new_context(viewport={"width": 1366, "height": 900}).new_page()
            log_in(page, self.server.url, login, f"{login}-Pw-1234567")
        return self.seats[login]

    def picture(self, page: Page, name: str) -> None:
        """Keep a screenshot, and look that nobody's data is on the page."""
        page.wait_for_timeout(400)
        page.screenshot(path=self.pictures / f"{name}.png")
        content = page.content()
        assert not [value for value in self.values if value in content]

    def go(self, page: Page, path: str) -> None:
        page.goto(f"{self.server.url}/odoo/{path}")
        page.wait_for_selector(".o_action_manager .o_view_controller")


@pytest.fixture(scope="module")
def desk(odoo_db_module: Database, browser: Browser) -> Iterator[Desk]:
    plants = make_canaries(seed=91, n=COUNT)
    persons = [{key: canary.value for key, canary in person.items()} for person in plants]
    references = odoo_db_module.python(SET_UP, people=PEOPLE, persons=persons)
    pictures = odoo_db_module.folder.parent / "screens-requests"
    pictures.mkdir(exist_ok=True)
    odoo_db_module.allow_log(r"bad query: .*discuss_channel_member")
    odoo_db_module.allow_log(
        r"odoo\.http: (Not known here|This is a private key|Check first who asks|No copy was made)"
    )
    with odoo_db_module.serve() as server:
        values = [value for person in persons for value in person.values() if len(value) > 3]
        yield Desk(odoo_db_module, server, references, values, pictures, browser)


def test_the_screen_teaches_while_there_is_nothing(desk: Desk) -> None:
    page = desk.page("officer")
    desk.go(page, "pii-requests")
    expect(page.locator(".o_view_nocontent")).to_contain_text("Register what arrives the moment it arrives")
    desk.picture(page, "1-empty")


def test_an_amazon_deletion(desk: Desk) -> None:
    page = desk.page("officer")
    desk.go(page, "pii-requests/new")
    page.locator("[name=requester] input").fill("Amazon EU, data protection")
    page.locator("[name=references] textarea").fill("\n".join([*desk.references[:3], UNKNOWN]))
    desk.picture(page, "2-new")
    page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.locator(".alert-warning")).to_contain_text(f"Order {UNKNOWN}")
    page.get_by_role("tab", name="Preview").click()
    expect(page.locator("[name=live_count] span").first).to_have_text("3")
    desk.picture(page, "3-previewed")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    url = page.url

    second = desk.page("second")
    second.goto(url)
    second.get_by_role("button", name="Approve").click()
    second.get_by_role("button", name="Ok").click()
    expect(second.locator(".modal")).to_contain_text(UNKNOWN)
    desk.picture(second, "4-unknown-refused")
    second.locator(".modal").get_by_role("button", name="Close").first.click()
    second.get_by_role("button", name="Nothing Is Held of These").click()
    expect(second.locator(".alert-warning")).to_have_count(0)
    second.get_by_role("button", name="Approve").click()
    second.get_by_role("button", name="Ok").click()
    expect(second.locator(".o_arrow_button_current")).to_have_text("Approved")
    desk.picture(second, "5-approved")

    desk.database.python(WORK)
    page.goto(url)
    expect(page.locator(".o_arrow_button_current")).to_have_text("Done")
    page.get_by_role("tab", name="Decision").click()
    desk.picture(page, "6-done")
    states = desk.database.python(OUTCOME, references=desk.references)
    assert states == {**dict.fromkeys(desk.references[:3], "erased"), desk.references[3]: "live"}
    page.locator("button[name=action_view_items]").click()
    expect(page.locator(".o_list_view .o_data_row")).to_have_count(3)
    desk.picture(page, "7-customers")
    page.go_back()
    page.locator("button[name=action_view_certificates]").click()
    page.wait_for_selector(".o_list_view .o_data_row, .o_form_view")
    desk.picture(page, "8-certificate")
    page.goto(url)
    page.get_by_role("tab", name="Other Copies").click()
    expect(page.locator(".tab-pane.active")).to_contain_text("Keys and registers know of no copy")
    page.get_by_role("button", name="Copies Are Gone").click()
    page.get_by_role("button", name="Ok").click()
    expect(page.locator("[name=copies_state]")).to_contain_text("Gone")
    desk.picture(page, "9-copies")
    figure("requests_erased", sum(state == "erased" for state in states.values()), "customers")


def test_the_certificate_is_a_pdf_without_anybody(desk: Desk) -> None:
    page = desk.page("officer")
    desk.database.python("env['ir.config_parameter'].set_param('report.url', url)", url=desk.server.url)
    answer = page.context.request.get(f"{desk.server.url}/report/pdf/pii_retention_request.report_request/1")
    assert answer.status == 200 and answer.body().startswith(b"%PDF-")
    (desk.pictures / "certificate.pdf").write_bytes(answer.body())


def test_the_board_and_the_list(desk: Desk) -> None:
    page = desk.page("officer")
    desk.go(page, "pii-requests/new")
    page.locator("[name=requester] input").fill("Amazon EU")
    page.locator("[name=references] textarea").fill(desk.references[3])
    page.locator(".o_form_button_save").click()
    expect(page.locator(".o_form_view h1 [name=name]")).to_contain_text("REQ/")
    desk.go(page, "pii-requests")
    expect(page.locator(".o_kanban_record:not(.o_kanban_ghost)").first).to_contain_text("left")
    desk.picture(page, "10-board")
    page.locator(".o_switch_view.o_list").click()
    expect(page.locator(".o_data_row")).to_have_count(1)
    desk.picture(page, "11-list")


def test_a_data_subject_is_known_before_anybody_decides_and_the_decision_can_be_withdrawn(desk: Desk) -> None:
    url = f"{desk.server.url}/odoo/pii-requests/{desk.database.python(ACCESS, reference=desk.references[3])}"
    page, second = desk.page("officer"), desk.page("second")
    second.goto(url)
    second.get_by_role("button", name="Approve").click()
    second.get_by_role("button", name="Ok").click()
    expect(second.locator(".modal")).to_contain_text("Check first who asks")
    second.locator(".modal").get_by_role("button", name="Close").first.click()
    page.goto(url)
    page.locator("[name=identity_method] select, [name=identity_method] input").first.click()
    if page.locator("[name=identity_method] select").count():
        page.locator("[name=identity_method] select").select_option(label=PROOF)
    else:
        page.get_by_role("menuitem", name=PROOF).or_(page.get_by_text(PROOF)).first.click()
    page.locator(".o_form_button_save").click()
    page.get_by_role("button", name="Who Asks Is the Customer").click()
    expect(page.locator("[name=identity_checked_by_id]")).to_contain_text("Officer")
    desk.picture(page, "13-identity")
    second.goto(url)
    second.get_by_role("button", name="Approve").click()
    second.get_by_role("button", name="Ok").click()
    expect(second.locator(".o_arrow_button_current")).to_have_text("Approved")
    page.goto(url)
    page.get_by_role("tab", name="Copy").click()
    expect(page.get_by_role("button", name="With All Files (ZIP)")).to_be_visible()
    desk.picture(page, "14-copy")
    page.get_by_role("button", name="Answered").click()
    expect(page.locator(".modal")).to_contain_text("No copy was made yet")
    page.locator(".modal").get_by_role("button", name="Close").first.click()
    page.get_by_role("tab", name="Decision").click()
    page.locator("[name=decision_note] input").fill("Asked by somebody else")
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_role("button", name="Ok").click()
    expect(page.locator("[name=withdrawn_by_id]")).to_contain_text("Officer")
    desk.picture(page, "15-withdrawn")


def test_a_return_shows_what_its_key_is(desk: Desk) -> None:
    page = desk.page("officer")
    desk.go(page, "pii-requests/new")
    page.locator("[name=kind] select, [name=kind] input").first.click()
    if page.locator("[name=kind] select").count():
        page.locator("[name=kind] select").select_option(label="Amazon: return")
    else:
        page.get_by_role("menuitem", name="Amazon: return").or_(page.get_by_text("Amazon: return")).first.click()
    page.locator("[name=references] textarea").fill(desk.references[3])
    page.get_by_role("tab", name="Return").click()
    page.locator("[name=public_key] textarea").fill("AGE-SECRET-KEY-1QQQQ")
    page.locator(".o_form_button_save").click()
    expect(page.locator(".modal, .o_notification")).to_contain_text("private key")
    desk.picture(page, "12-private-key")
