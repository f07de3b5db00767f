"""Accounts that are locked stay locked: each count is a transaction of its own, in the database and not in a worker."""

from __future__ import annotations

import pytest

from support.figures import figure
from support.odoo import Database, OdooServer
from support.people import Person, RpcError

PASSWORD = "Qw7!zKp34Lm#"
MAKE = """
from odoo.fields import Command
for login, groups in people.items():
    env["res.users"].with_context(no_reset_password=True).create({
        "name": login, "login": login, "email": login + "@staff.example.com", "password": password,
        "group_ids": [Command.set([env.ref(group).id for group in groups])],
    })
"""
PEOPLE = {
    "clerk": ["pii_retention.group_fulfilment"],
    "privacy": ["pii_retention.group_privacy_officer"],
    "plain": ["base.group_user"],
}


@pytest.fixture
def guarded(odoo_db: Database) -> Database:
    """A database with the rules for signing in, and people who keep them."""
    odoo_db.place.install(odoo_db.config, odoo_db.folder / "install.log", "Signing in", install=["dpp_compliance"])
    odoo_db.allow_log(
        r"odoo\.http: Access Denied", r"odoo\.http: Too many failed attempts", r"odoo\.http: Somebody else has set your"
    )
    odoo_db.python(MAKE, people=PEOPLE, password=PASSWORD)
    return odoo_db


def refused(server: OdooServer, login: str, password: str) -> str:
    """The text of a refusal to sign in."""
    with pytest.raises(RpcError) as caught:
        Person(server, login, password).login()
    return str(caught.value)


def test_a_locked_account_outlives_the_server(guarded: Database) -> None:
    tries = 0
    with guarded.serve() as server:
        Person(server, "clerk", PASSWORD).login()
        texts = [refused(server, "clerk", f"guess {number}") for number in range(3)]
        unknown = [refused(server, "nobody.here", f"guess {number}") for number in range(3)]
        tries += 6
        assert texts == unknown, "nobody learns which accounts there are"
        assert "Too many failed attempts" in refused(server, "clerk", PASSWORD)
        assert refused(server, "nobody.here", PASSWORD) == refused(server, "clerk", PASSWORD)
        Person(server, "plain", PASSWORD).login()
    with guarded.serve() as server:
        for number in range(3):
            refused(server, "privacy", f"guess {number}")
        assert "Too many failed attempts" in refused(server, "privacy", PASSWORD), "nobody is left who could unlock"
        unlocked = guarded.odoo("dpp_unlock", "privacy")
        assert unlocked.returncode == 0, unlocked.stderr
        assert guarded.odoo("dpp_unlock", "privacy").returncode == 1
        Person(server, "privacy", PASSWORD).login()
        assert "Too many failed attempts" in refused(server, "clerk", PASSWORD)
        officer = Person(server, "privacy", PASSWORD).login()
        locked = officer.call("dpp.lockout", "search_read", [["is_locked", "=", True]], ["display_name", "failures"])
        assert sorted(row["display_name"] for row in locked) == ["No such account", "clerk"]
        assert {row["failures"] for row in locked} == {3}
        officer.call("dpp.lockout", "action_unlock", [row["id"] for row in locked if row["display_name"] == "clerk"])
        assert Person(server, "clerk", PASSWORD).login().uid
    figure("sign_in_attempts_until_locked", 3, "attempts")


def test_a_password_that_another_has_set_is_changed_first(guarded: Database) -> None:
    guarded.python("env['res.users'].search([('login', '=', 'clerk')]).dpp_must_change = True")
    with guarded.serve() as server:
        clerk = Person(server, "clerk", PASSWORD).login()
        with pytest.raises(RpcError, match="Somebody else has set your password"):
            clerk.call("pii.subject", "search_count", [])
        assert clerk.get("/odoo").url.endswith("/dpp/password")
