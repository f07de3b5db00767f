"""What a purge leaves in PostgreSQL's files, read as they lie on the disk: dead rows are removed, noise may stay."""

from __future__ import annotations

from pathlib import Path

from support.figures import figure
from support.odoo import Database

SUBJECTS = 600

SETTING = """
from datetime import timedelta
company = env.company
today = company._pii_day()
env["pii.subject"]._seal_many([
    {"company_id": company.id, "origin": "disk", "reference": f"d-{number}", "country_id": False,
     "start": today - timedelta(days=29 if number < count // 2 else 3),
     "values": {"operational": {"name": f"Person Quorvelli {number}", "street": f"Street {number}"},
                "fiscal": {"name": f"Person Quorvelli {number}"}}}
    for number in range(count)])
cr.commit()
cr.execute("SELECT deadline <= %s, uuid, operational_token FROM pii_subject WHERE origin = 'disk'",
           [today + timedelta(days=1)])
rows = cr.fetchall()
result = {"due": {uuid: token for due, uuid, token in rows if due},
          "stays": {uuid: token for due, uuid, token in rows if not due}}
cr.execute("UPDATE ir_cron SET active = false")
cr.execute("UPDATE ir_cron SET active = true, nextcall = now() - interval '1 minute' WHERE id = %s",
           [env.ref("pii_retention.cron_purge").id])
cr.commit()
"""

TOMORROW = """
from datetime import timedelta
from odoo.addons.pii_retention import calendar
real_day = calendar.day_at
calendar.day_at = lambda moment, zone: real_day(moment, zone) + timedelta(days=1)
"""

#: As Odoo's schedule does it: with a transaction of its own that is open for as long as the job takes.
HOUR = (
    TOMORROW
    + """
from odoo import sql_db
cron = env.ref("pii_retention.cron_purge")
cr.commit()
with sql_db.db_connect(cr.dbname).cursor() as own:
    IrCron = type(env["ir.cron"])
    job = IrCron._acquire_one_job(own, cron.id, include_not_ready=True)
    IrCron._process_job(own, job)
cr.commit()
result = env["pii.purge.run"].search([]).read(["state", "subject_count", "problem"])
"""
)

OPEN = """
from odoo.addons.pii_retention import keys
from odoo.addons.pii_retention.crypto import CryptoError
keyring, domain, opened = keys.keyring(env), env.company._pii_domain(), 0
for uuid, token in tokens.items():
    try:
        opened += bool(keyring.open_record(domain, uuid, "operational", token))
    except CryptoError:
        pass
result = opened
"""

DEAD = "SELECT n_dead_tup, n_live_tup FROM pg_stat_all_tables WHERE relname = 'pii_subject'"


def _found(data: Path, folder: str, needles: list[str]) -> int:
    """How many of these are in any file of the folder."""
    left = {needle.encode() for needle in needles}
    count = len(left)
    for path in sorted((data / folder).rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            left -= {needle for needle in left if needle in content}
    return count - len(left)


def test_dead_rows_are_removed_and_what_the_disk_still_holds_opens_for_nobody(fresh_cluster):
    database = Database(fresh_cluster.place, fresh_cluster.template, fresh_cluster.run, "disk")
    sealed = database.python(SETTING, count=SUBJECTS)
    due, stays = sealed["due"], sealed["stays"]
    server, data = fresh_cluster.place.server, fresh_cluster.data
    assert database.python(OPEN, tokens=due) == len(due) == SUBJECTS // 2, "a check that cannot see"
    server.psql("CHECKPOINT", database.name, True)
    ends = [token[-24:] for token in due.values()]
    # in the log, the header of a page may cut one in two
    assert _found(data, "base", ends) == len(ends), "it reads no tables"
    assert _found(data, "pg_wal", ends) > 0.9 * len(ends), "it reads no log"
    (run,) = database.python(HOUR)
    assert (run["state"], run["subject_count"]) == ("done", len(due)), run
    database.python(HOUR)  # the next hour, when no transaction is older than the purge
    server.psql("CHECKPOINT", database.name, True)
    dead, live = map(int, database.psql(DEAD)[0].split("|"))
    assert live >= SUBJECTS
    figure("purge_dead_rows_left", dead, "rows", 0)
    assert dead == 0, "the dead rows of the purge were not removed"
    for folder in ("base", "pg_wal"):
        figure(f"purge_ciphertext_left_in_{folder}", _found(data, folder, ends), "values")
        # in clear it was never there
        assert _found(data, folder, ["Person Quorvelli"]) == 0
    assert database.python(OPEN, tokens=due) == 0, "what the disk may still hold opens"
    figure("purge_ciphertext_that_opens", 0, "values", 0)
    assert database.python(OPEN, tokens=stays) == len(stays)
