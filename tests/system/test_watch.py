"""Scheduled work that stands still, noticed from outside of Odoo: no server runs here, and nobody signs in."""

from __future__ import annotations

from support.figures import figure
from support.odoo import Database

JOBS = """
from odoo.addons.pii_retention import watchdog
env["pii.proof"]._cron_proof()
result = [job.label for job in watchdog.jobs(env)]
"""


def test_the_machines_own_scheduler_notices(odoo_db: Database) -> None:
    odoo_db.allow_log(r"Scheduled work of the vault")
    jobs = odoo_db.python(JOBS)
    odoo_db.psql("UPDATE ir_cron SET active = true, nextcall = (now() AT TIME ZONE 'UTC') + interval '10 minutes'")
    well = odoo_db.odoo("pii_watch")
    assert well.returncode == 0, well.stderr
    odoo_db.psql("UPDATE ir_cron SET nextcall = (now() AT TIME ZONE 'UTC') - interval '4 hours'")
    late = odoo_db.odoo("pii_watch")
    assert late.returncode == 1
    assert "max_cron_threads" in late.stderr
    noticed = [job for job in jobs if job in late.stderr]
    assert noticed == jobs, late.stderr
    assert odoo_db.psql("SELECT cause FROM pii_alert WHERE kind = 'watch' AND state = 'new'") == ["many_late"]
    again = odoo_db.odoo("pii_watch")
    assert again.returncode == 1, "as long as it is so"
    assert odoo_db.psql("SELECT count(*) FROM pii_alert WHERE kind = 'watch'") == ["1"], "told once"
    figure("watch_jobs_noticed_from_outside", len(noticed), "jobs", f"={len(jobs)}")
