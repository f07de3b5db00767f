"""Runs inside Odoo (see ``odoo_script.py``): what the browsers of the tests would otherwise meet again in each copy."""

# OdooBot greets a new user in a window of its own, which on a small screen lies over what a test wants to touch
env["ir.default"].set("res.users", "odoobot_state", "disabled")  # noqa: F821
env["res.users"].with_context(active_test=False).search([]).odoobot_state = "disabled"  # noqa: F821
# else the first page of each copy makes its scripts and styles, and Odoo's own runner makes all before its first test
result = len(env["ir.qweb"]._pregenerate_assets_bundles())  # noqa: F821
