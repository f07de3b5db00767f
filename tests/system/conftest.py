"""Fixtures of the tests that sit at the screens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from canary import make_canaries
from playwright.sync_api import Browser, Page, expect

from support.browser import log_in
from support.odoo import Database
from support.people import AGREE

from .screens import FIGURES, PEOPLE, SET_UP, Office, call

# Playwright's own five seconds are too few for a machine that is busy with other tests; what a click may take by
# default it may take to be seen as well. Less than screens.SECONDS, after which values go by themselves.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def office(odoo_db_module: Database, browser: Browser) -> Iterator[Office]:
    people = [{field: canary.value for field, canary in person.items()} for person in make_canaries(seed=77, n=4)]
    records = odoo_db_module.python(AGREE + SET_UP, figures=FIGURES, people=PEOPLE, persons=people)
    pictures = odoo_db_module.folder.parent / "screens-vault"
    pictures.mkdir(exist_ok=True)
    # refusals are what some of these tests are about
    odoo_db_module.allow_log(r"odoo\.http: (You have no role|State the reason|No grant|The personal data)")
    # Odoo's own greeting, when a new user's two first requests write the same row
    odoo_db_module.allow_log(r"bad query: .*discuss_channel_member")
    with odoo_db_module.serve() as server:
        context = browser.new_context()
        page = context.new_page()
        log_in(page, server.url, "officer", "officer-Pw-1234567")
        requests = call(context, server.url, "pii.grant", "search", [["state", "=", "requested"]])
        call(context, server.url, "pii.grant", "action_approve", requests)
        context.close()
        yield Office(odoo_db_module, server, people, records, pictures)


@pytest.fixture
def sit_down(office: Office, browser: Browser) -> Iterator[Callable[..., Page]]:
    """``sit_down(login)``: a page of that user in a browser of his own."""
    contexts = []

    def sit(login: str, **options: Any) -> Page:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 860}} | options))
        contexts.append(context)
        page = context.new_page()
        log_in(page, office.server.url, login, f"{login}-Pw-1234567")
        return page

    yield sit
    for context in contexts:
        context.close()
