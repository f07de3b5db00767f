"""Runs inside Odoo (see ``odoo_script.py``): scripts and styles of the web client are made, as its tests make them."""

result = len(env["ir.qweb"]._pregenerate_assets_bundles())  # noqa: F821
