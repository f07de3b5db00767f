"""Two Odoo processes write the access log at once; one of them is killed: one chain, no gap, nothing to find."""

from __future__ import annotations

import time

from support.figures import figure
from support.odoo import ScriptError

ROWS = 300
PREPARE = """
from datetime import date
env["pii.subject"]._seal_many([
    {"company_id": env.company.id, "origin": "shop", "reference": "100-0000001", "country_id": False,
     "start": date.today(), "values": {"operational": {"name": "Somebody"}}}])
cr.commit()
result = True
"""
APPEND = """
subject = env["pii.subject"].search([], limit=1)
print("begins", flush=True)
for number in range(rows):
    env["pii.access.log"]._append(subject, "label", "opened", document=f"{name} {number}")
result = True
"""
CHECK = """
check = env["pii.log.check"]._run()
cr.execute("SELECT count(*), min(id), max(id), (SELECT number FROM pii_log_head) FROM pii_access_log")
count, first, last, head = cr.fetchone()
cr.execute("SELECT split_part(document, ' ', 1), count(*) FROM pii_access_log GROUP BY 1")
result = {"state": check.state, "findings": check.finding_ids.mapped("display_name"), "count": count, "first": first,
          "last": last, "head": head, "by": dict(cr.fetchall())}
"""


def test_processes_write_one_chain(odoo_db):
    odoo_db.python(PREPARE)
    scripts = [odoo_db.start(APPEND, name=name, rows=ROWS) for name in ("one", "two", "killed")]
    killed = scripts.pop()
    deadline = time.monotonic() + 120
    while b"begins" not in killed.output.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    killed.kill()
    for script in scripts:
        assert script.wait()
    try:
        killed.wait(10)
    except ScriptError:
        pass
    found = odoo_db.python(CHECK)
    assert (found["state"], found["findings"]) == ("clean", [])
    assert found["by"]["one"] == found["by"]["two"] == ROWS
    assert (found["first"], found["last"], found["head"]) == (1, found["count"], found["count"])
    figure("log_rows_by_processes_side_by_side", found["count"], "rows")
