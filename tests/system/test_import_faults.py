"""Every fault of the sandbox ends in a retry, a visible error or a quarantined payload; no order is lost."""

from __future__ import annotations

import pytest

from support.figures import figure

from . import scenario

#: kind -> what the person sees: True, the account names an error after the run; False, it healed by itself
FAULTS = {
    "throttle_body": True,
    "throttle_empty": True,
    "error_500": True,
    "error_503_html": True,
    "timeout": True,
    "reset": True,
    "slow": False,
    "truncated_json": True,
    "not_json_200": True,
    "empty_200": True,
    "unknown_fields": False,
    "moving_order": False,
    "repeated_page": True,
    "expired_token": False,
}

STATE = """
account = env["spapi.account"].search([], limit=1)
cursors = env["spapi.cursor"].search([("account_id", "=", account.id)])
result = {
    "state": account.state, "last_error": account.last_error or "", "request": account.last_error_request_id,
    "retry_at": account.retry_at, "orders": env["spapi.order"].search([]).mapped("amazon_order_id"),
    "unknown": env["spapi.order"].search_count([("has_unknown_fields", "=", True)]),
    "cursors": {c.search_code: [str(c.last_updated_after), bool(c.page_token)] for c in cursors},
    "triggers": env["ir.cron.trigger"].search_count([]),
}
"""

RESET = """
env["spapi.order"].search([]).unlink()
env["spapi.cursor"].search([]).unlink()
env["spapi.account"].search([]).write(
    {"last_error": False, "retry_at": False, "failure_count": 0, "state": "connected"})
env["spapi.quota"].search([]).unlink()
"""

IMPORT_ONCE = scenario.IMPORT + STATE

IMPORT_UNTIL_WELL = (
    """
for attempt in range(6):
    env["spapi.account"].search([]).write({"retry_at": False})
    # after a 429 the ledger lets nothing through for minutes: they have passed
    env["spapi.quota"].search([]).unlink()
    cr.commit()
    env["spapi.account"]._cron_import_orders(force=True)
    if not env["spapi.account"].search([], limit=1).last_error:
        break
attempts = attempt + 1
"""
    + STATE
    + """
result["attempts"] = attempts
"""
)


@pytest.fixture(scope="module")
def scene(odoo_db_module, sandbox_module):
    """An account with 230 orders at Amazon, three pages, and no products: storing is what is tested."""
    sandbox_module.generate(scenario.MARKETPLACES, 230, case="fbm_unshipped", seed=3)
    scenario.unthrottled(sandbox_module)
    scenario.connect(odoo_db_module, sandbox_module)
    odoo_db_module.python("env['ir.config_parameter'].set_param('amazon_spapi_connector.read_timeout', '3')")
    return odoo_db_module, sandbox_module


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_on_the_second_page_loses_nothing(scene, kind):
    database, sandbox = scene
    expected = {order["orderId"] for order in sandbox.orders()}
    database.python(RESET)
    sandbox.control("DELETE", "faults")
    sandbox.fault("searchOrders", kind, times=1, after=1, params={"seconds": 6 if kind == "timeout" else 1})
    first = database.python(IMPORT_ONCE)
    if FAULTS[kind]:
        assert first["last_error"], "a person must see what happened"
        assert "Traceback" not in first["last_error"] and "Error(" not in first["last_error"]
        assert first["cursors"]["unshipped"][0] < first["retry_at"], first
        assert len(first["orders"]) < len(expected) or not first["cursors"]["unshipped"][1]
        assert first["retry_at"] and first["triggers"], "it must come back by itself"
    second = database.python(IMPORT_UNTIL_WELL)
    assert not second["last_error"], second["last_error"]
    assert sorted(second["orders"]) == sorted(expected)
    if kind == "unknown_fields":
        assert second["unknown"], "unknown fields are kept and flagged"
    figure(f"fault_{kind}_attempts", second["attempts"], "runs")


def test_a_fault_that_stays_ends_the_run_and_moves_no_cursor(scene):
    database, sandbox = scene
    database.python(RESET)
    sandbox.control("DELETE", "faults")
    sandbox.forget_journal()
    sandbox.fault("searchOrders", "error_500", times=1000)
    before = database.python(STATE)
    after = database.python(IMPORT_ONCE)
    assert after["last_error"]
    assert not after["orders"]
    calls = sandbox.counts().get("searchOrders", 0)
    assert calls <= 4, f"{calls} calls in one run against a broken server"
    assert all(not token for _moment, token in after["cursors"].values())
    assert before["orders"] == after["orders"]
    sandbox.control("DELETE", "faults")


def test_revoked_consent_is_told_to_the_admin_and_healed_by_a_new_token(scene):
    database, sandbox = scene
    sandbox.control("DELETE", "faults")
    sandbox.control("POST", "sellers/A1SANDBOXSELLER/revoke")
    database.python(RESET)
    seen = database.python(
        IMPORT_ONCE
        + "\nresult['activities'] = env['mail.activity'].search_count([('res_model', '=', 'spapi.account')])"
    )
    assert seen["state"] in ("revoked", "error"), seen
    assert seen["last_error"] and seen["activities"]
    calls = sandbox.counts()
    database.python(IMPORT_ONCE)
    assert sandbox.counts().get("searchOrders") == calls.get("searchOrders"), "a revoked account is left alone"
    sandbox.control("POST", "sellers/A1SANDBOXSELLER/grant")


def test_wrong_credentials_are_one_clear_sentence(scene):
    database, sandbox = scene
    sandbox.control("DELETE", "faults")
    text = database.python(
        """
        from odoo.exceptions import UserError
        account = env["spapi.account"].search([], limit=1)
        account.write({"client_secret": "wrong"})
        cr.commit()
        try:
            account.action_test_connection()
            result = ""
        except UserError as error:
            result = str(error)
        """
    )
    assert text and "wrong" not in text and "Traceback" not in text
