"""Copies of a database: foreign to the keys of the original, and harmless once neutralized by Odoo's own command."""

from __future__ import annotations

from pathlib import Path

import pytest
from canary import Scanner, as_plant, make_canaries

from support.figures import figure
from support.odoo import Database

from . import scenario

ORDERS = 4

SEALED_FILE = """
subject = env["pii.subject"].search([("operational_token", "!=", False)], limit=1)
partner = subject._partner()
file = env["ir.attachment"].create({
    "name": "letter.txt", "raw": b"for the buyer, about the order", "res_model": "res.partner", "res_id": partner.id,
})
assert file.pii_subject_id == subject
# what somebody typed goes with the customer in the original; no purge comes to a copy
sale = env["sale.order"].search([("partner_id", "=", partner.id)], limit=1)
sale.message_post(body=f"{typed} has called", message_type="comment")
sale.activity_schedule("mail.mail_activity_data_call", summary=typed, user_id=env.ref("base.user_admin").id)
env["pii.backup"].create({"name": "of the original", "made_on": "2026-01-01", "is_own": True}).activity_schedule(
    "pii_retention.activity_backup", user_id=env.ref("base.user_admin").id)
env["pii.grant"].create({
    "user_id": env.ref("base.user_admin").id, "purpose": "label", "kind": "temporary", "reason": "a copy to come",
})
result = {"file": file.store_fname, "uuid": subject.uuid, "token": subject.operational_token}
"""

#: Every way to the people and to Amazon; says what each came to.
TRY = """
from odoo.addons.amazon_spapi_connector import calling
from odoo.addons.pii_retention import keys
from odoo.exceptions import UserError

account = env["spapi.account"].with_context(active_test=False).search([], limit=1)
subject = env["pii.subject"].search([("state", "=", "live")], limit=1)

def attempt(work):
    try:
        work()
    except UserError as error:
        cr.rollback()
        return str(error)
    return "done"

def reveal():
    with subject.reveal("label"):
        pass

result = {
    "keyring": attempt(lambda: keys.keyring(env)),
    "secret": attempt(lambda: calling.secret_of(account, "client_secret")),
    "reveal": attempt(reveal),
    "seal": attempt(lambda: env["pii.subject"]._seal_many([{
        "company_id": env.company.id, "origin": "shop", "reference": "new", "country_id": False,
        "start": env.company._pii_day(), "values": {"operational": {"name": "New Person"}},
    }])),
    "import": attempt(lambda: env["spapi.account"]._cron_import_orders(force=True)),
}
cr.rollback()
"""

#: How often a text stands where people type.
TYPED = """
SELECT (SELECT count(*) FROM mail_message WHERE position('{0}' in body) > 0)
       + (SELECT count(*) FROM mail_activity WHERE summary = '{0}')
"""

STATE = """
def one(sql):
    cr.execute(sql)
    return cr.fetchone()[0]

result = {
    "tokens": one("SELECT count(*) FROM pii_subject WHERE coalesce(operational_token, fiscal_token, quarantine_token,"
                  " content_mac, name_index, email_index, phone_index) IS NOT NULL"),
    "live": one("SELECT count(*) FROM pii_subject WHERE state <> 'erased'"),
    "files": one("SELECT count(*) FROM ir_attachment WHERE pii_subject_id IS NOT NULL OR pii_class IS NOT NULL"),
    "secrets": one("SELECT count(*) FROM spapi_account WHERE coalesce(client_secret_sealed, refresh_token_sealed,"
                   " quarantine_key_sealed, client_id) IS NOT NULL"),
    "accounts": one("SELECT count(*) FROM spapi_account WHERE active OR endpoint_url NOT LIKE '%neutralized.invalid%'"),
    "grants": one("SELECT count(*) FROM pii_grant WHERE state IN ('requested', 'approved') OR terms_seal IS NOT NULL"),
    "holds": one("SELECT count(*) FROM pii_hold WHERE state IN ('requested', 'approved') OR terms_seal IS NOT NULL"),
    "crons": one("SELECT count(*) FROM ir_cron c JOIN ir_model_data d ON d.model = 'ir.cron' AND d.res_id = c.id"
                 " WHERE c.active AND (d.module LIKE 'pii%' OR d.module LIKE 'amazon%')"),
    "backups": one("SELECT (SELECT count(*) FROM pii_backup)"
                   " + (SELECT count(*) FROM mail_activity WHERE res_model = 'pii.backup')"),
    "printers": one("SELECT count(*) FROM pii_printer WHERE active OR password_sealed IS NOT NULL"),
}
"""

WORKS = """
order = env["sale.order"].search([("client_order_ref", "!=", False)], limit=1)
names = set(env["sale.order"].search([]).partner_id.mapped("name"))
order.order_line.product_id.invoice_policy = "order"
move = order._create_invoices()
move.action_post()
result = {"names": sorted(names), "posted": move.state, "orders": env["sale.order"].search_count([])}
"""


@pytest.fixture(scope="module")
def original(odoo_db_module: Database, sandbox_module):
    people = make_canaries(seed=61, n=2)
    ids = sandbox_module.generate(scenario.MARKETPLACES, ORDERS, case="fbm_unshipped", seed=3)
    for number, person in enumerate(people):
        sandbox_module.control("POST", "plant", {"orders": ids[number::2], "values": as_plant(person)})
    scenario.unthrottled(sandbox_module)
    scenario.connect(odoo_db_module, sandbox_module)
    scenario.add_products(odoo_db_module, sandbox_module)
    assert odoo_db_module.python(scenario.IMPORT)["state"] == "connected"
    typed = people[0]["name"].value
    odoo_db_module.sealed = odoo_db_module.python(SEALED_FILE, typed=typed)
    odoo_db_module.people = people
    odoo_db_module.typed = TYPED.format(typed.replace("'", "''"))
    assert odoo_db_module.psql(odoo_db_module.typed) != ["0"]
    return odoo_db_module


def _requests(sandbox) -> int:
    return sum(sandbox.counts().values())


def test_a_copy_opens_nobody_and_calls_nobody_until_somebody_decides(original, sandbox_module):
    copy = original.clone("copy")
    copy.allow_log(r"is a copy", r"odoo\.addons\.amazon_spapi_connector", r"access log")
    original.allow_log(r"The access log's head stood")
    try:
        before = _requests(sandbox_module)
        said = copy.python(TRY)
        refused = {name: "is a copy" in answer for name, answer in said.items() if name != "import"}
        assert all(refused.values()), said
        assert _requests(sandbox_module) == before, "the copy has called Amazon"
        # the original is not disturbed
        assert original.python(TRY)["secret"] == "done"

        decided = copy.odoo("pii_post_restore", "--moved")
        assert decided.returncode == 0, decided.stderr
        assert "The keys serve this database now" in decided.stdout
        said = copy.python(TRY)
        assert said["keyring"] == said["secret"] == said["seal"] == "done", said
        # and what was the original is the foreign one from now on
        original.allow_log(r"is a copy", r"odoo\.addons\.amazon_spapi_connector")
        assert "is a copy" in original.python(TRY)["secret"]
        figure("copy_refusals", len(refused), "attempts")
    finally:
        # the tests that follow need their original
        back = original.odoo("pii_post_restore", "--moved")
        copy.drop()
    assert back.returncode == 0, back.stderr


def test_a_production_copy_does_not_start_as_staging(original):
    copy = original.clone("staging")
    copy.config = copy.place.config(copy.folder / "odoo.conf", copy.name, copy.keys, {"environment": "staging"})
    copy.allow_log(r"was used as", r"odoo\.addons\.amazon_spapi_connector")
    try:
        assert "was used as “test”" in copy.python(TRY)["keyring"]
        decided = copy.odoo("pii_post_restore", "--moved")
        assert decided.returncode == 1 and "was used as “test”" in decided.stderr
        assert original.python(TRY)["secret"] == "done"
    finally:
        copy.drop()


def test_a_neutralized_copy_holds_nothing(original, sandbox_module, tmp_path: Path):
    copy = original.clone("neutral")
    try:
        sealed = copy.place.filestore(copy.name) / original.sealed["file"]
        assert sealed.exists()
        done = copy.odoo("neutralize")
        assert done.returncode == 0, done.stderr
        state = copy.python(STATE)
        assert not any(state.values()), state
        assert copy.psql(original.typed) == ["0"], "what people typed about customers is in the copy for ever"
        assert not sealed.exists(), "a sealed file is still in the filestore of the copy"
        assert (original.place.filestore(original.name) / original.sealed["file"]).exists()

        before = _requests(sandbox_module)
        # the original's key store is at hand: under new domains nothing of it opens, and new data can be sealed
        said = copy.python(TRY)
        assert said["keyring"] == said["seal"] == "done", said
        assert _requests(sandbox_module) == before
        opened = copy.python(
            """
            from odoo.addons.pii_retention import binding, keys
            from odoo.addons.pii_retention.crypto import CryptoError
            keyring, tried = keys.keyring(env), 0
            for domain in binding.domains(env):
                try:
                    keyring.open_record(domain, uuid, "operational", token)
                    raise AssertionError("a token of the original opened in the copy")
                except CryptoError:
                    tried += 1
            result = tried
            """,
            uuid=original.sealed["uuid"],
            token=original.sealed["token"],
        )
        works = copy.python(WORKS)
        assert works["posted"] == "posted" and works["orders"] == ORDERS, works
        assert all(name.startswith("Amazon ") for name in works["names"]), works
        scanner = Scanner([canary for person in original.people for canary in person.values()])
        scanner.scan_file(copy.dump(tmp_path / "copy.sql"), "dump")
        scanner.scan_tree(copy.data_dir, "data", exclude=copy.stock_files())
        assert not scanner.report.findings
        figure("neutralized_rows_left", sum(state.values()), "rows", 0)
        figure("neutralized_tokens_tried", opened, "domains")
    finally:
        copy.drop()
    assert original.python(TRY)["secret"] == "done"
