"""The work of ``odoo-bin pii_watch``."""

from __future__ import annotations

import sys

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry

from . import watchdog


def main(database: str) -> int:
    """Look, tell the officers, print what is wrong, and return the exit code."""
    registry = Registry(database)
    if "pii.proof" not in registry:
        sys.stderr.write(f"The addon pii_retention is not installed in {database}.\n")
        return 1
    # this process was not there when the jobs were due, but the server was
    watchdog.was_always_there()
    with registry.cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        wrong = watchdog.look(env)
    for found in wrong:
        sys.stderr.write(f"{found.cause}: {found.text}\n")
    return 1 if wrong else 0
