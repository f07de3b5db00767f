"""Long work on the screen: it moves by itself, is stopped and let go on, and tells its end, without a reload."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from support.browser import log_in
from support.people import MAKE

from . import scenario

PEOPLE = {"manager": ["amazon_spapi_connector.group_manager"]}
#: What a worker has done so far, without one: the screen knows the rows alone.
BEGIN = """
user = env["res.users"].search([("login", "=", "manager")])
one = env["spapi.reconciliation"].with_user(user).create({"account_id": account, "date_from": "2026-01-01"})
one.action_start()
one.sudo().write({"page_count": 1, "order_count": 100})
env["spapi.account"].browse(account).write({"sync_user_id": user.id})
result = one.id
"""
END = """
one = env["spapi.reconciliation"].browse(ids)
one.write({"equal_count": 600, "known_count": 100})
one._end("done")
"""


def test_progress_without_a_button(odoo_db, sandbox, browser: Browser) -> None:
    account = scenario.connect(odoo_db, sandbox)
    odoo_db.python(MAKE, people=PEOPLE)
    record = odoo_db.python(BEGIN, account=account)
    with odoo_db.serve() as server:
        page = browser.new_context(viewport={"width": 1366, "height": 900}).new_page()
        log_in(page, server.url, "manager", "manager-Pw-1234567")
        page.goto(f"{server.url}/odoo/action-amazon_spapi_connector.action_spapi_reconciliation/{record}")
        progress = page.locator("[name=progress]")
        expect(progress).to_contain_text("100 orders read on 1 pages")
        odoo_db.psql(f"UPDATE spapi_reconciliation SET page_count = 7, order_count = 700 WHERE id = {record}")
        expect(progress).to_contain_text("700 orders read on 7 pages", timeout=15_000)
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("button", name="Go on")).to_be_visible()
        assert odoo_db.psql(f"SELECT state FROM spapi_reconciliation WHERE id = {record}") == ["cancelled"]
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
        odoo_db.python(END, ids=record)
        expect(page.locator(".o_notification")).to_contain_text("700 orders compared: 600 equal", timeout=15_000)
        expect(page.get_by_role("button", name="Stop")).to_be_hidden(timeout=15_000)
        expect(page.locator(".alert-success")).to_contain_text("Odoo equals Amazon")

        page.goto(f"{server.url}/odoo/action-amazon_spapi_connector.action_spapi_account/{account}")
        line = page.locator("[name=sync_progress]")
        expect(line).to_contain_text("begins within a minute")
        odoo_db.psql(
            "INSERT INTO spapi_cursor (account_id, search_code, last_updated_after, begun_at, order_count, page_count)"
            f" VALUES ({account}, 'unshipped', now(), now(), 300, 3)"
        )
        expect(line).to_contain_text("300 orders on 3 pages", timeout=15_000)
        page.get_by_role("button", name="Pause import").click()
        expect(page.locator(".alert-warning").filter(has_text="paused")).to_be_visible()
        page.get_by_role("button", name="Sync now").click()
        expect(page.locator(".alert-warning").filter(has_text="paused")).to_be_hidden(timeout=15_000)
