"""What a row of the access log costs, at a thousand rows and at a million; nothing here is asserted about time."""

from __future__ import annotations

from support.figures import figure

SIZES = (1_000, 10_000, 100_000, 1_000_000)
ROUNDS = 200

FILL = """
from datetime import date
from odoo.addons.pii_retention import keys
from odoo.addons.pii_retention.access_log import base, writer

if env["pii.subject"].search_count([]) < 100:
    env["pii.subject"]._seal_many([
        {"company_id": env.company.id, "origin": "bench", "reference": f"b-{number}", "country_id": False,
         "start": date.today(), "values": {"operational": {"name": "Somebody"}}} for number in range(100)])
    env["pii.access.log"]._append(env["pii.subject"].search([], limit=1), "label", "opened")
    cr.commit()
# rows as the log writes them, with seals made up: appending reads the head alone
cr.execute(
    '''WITH head AS (SELECT number FROM pii_log_head)
       INSERT INTO pii_access_log (id, at, user_ref, company_ref, subject_uuid, reference, classes, purpose, reason,
              channel, session, address, outcome, grant_ref, document, previous_mac, mac)
       SELECT n, (now() AT TIME ZONE 'UTC') - make_interval(secs => (%(rows)s - n) * 31), 2 + n %% 40, 1,
              gen_random_uuid()::text, '402-' || n, 'operational', 'label', 'print the labels', 'web',
              substr(md5(n::text), 1, 16), '192.0.2.7', 'opened', n %% 300, 'stock.report_deliveryslip',
              md5((n - 1)::text) || md5((n - 1)::text), md5(n::text) || md5(n::text)
         FROM head, generate_series(head.number + 1, %(rows)s) AS n''', {"rows": rows})
cr.execute('''UPDATE pii_log_head SET (number, mac) = (SELECT id, mac FROM pii_access_log ORDER BY id DESC LIMIT 1)''')
cr.commit()
cr.execute("SELECT count(*) FROM pii_access_log")
result = cr.fetchone()[0]
"""

MEASURE = """
import time
log = env["pii.access.log"]
subjects = env["pii.subject"].search([], limit=100)
said = {"classes": ("operational",), "reason": "print the labels", "grant_ref": 7, "document": "stock.picking,7"}

def median(some, rounds):
    log._append(some, "label", "opened", **said)
    spent = []
    for number in range(rounds):
        start = time.perf_counter()
        log._append(some, "label", "opened", **said)
        spent.append(time.perf_counter() - start)
    return 1000 * sorted(spent)[rounds // 2]

result = {"one": median(subjects[:1], rounds), "hundred": median(subjects, rounds // 10)}
cr.execute('''EXPLAIN (ANALYZE, FORMAT JSON) SELECT count(*) FROM pii_access_log
               WHERE user_ref = 7 AND at > (now() AT TIME ZONE 'UTC') - interval '1 hour' ''')
result["count"] = cr.fetchone()[0][0]["Execution Time"]
"""

CHECK = """
import resource, time
from odoo.addons.pii_retention.access_log import checking
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
found = checking.check(env)
result = {"seconds": time.perf_counter() - start, "rows": found.rows, "findings": len(found.findings),
          "mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}
"""


def test_a_row_costs_the_same_at_a_million_rows(odoo_db):
    for size in SIZES:
        assert odoo_db.python(FILL, rows=size, timeout=600) >= size
        found = odoo_db.python(MEASURE, rounds=ROUNDS, timeout=600)
        name = f"1e{len(str(size)) - 1}"
        figure(f"log_append_ms_{name}", found["one"], "ms", "<=2")
        figure(f"log_append_ms_a_row_of_100_{name}", found["hundred"] / 100, "ms", "<=2")
        figure(f"log_limit_count_ms_{name}", found["count"], "ms")
    found = odoo_db.python(CHECK, timeout=1200)
    assert found["rows"] >= SIZES[-1]
    assert found["findings"], "the made-up rows must not pass"
    figure("log_check_seconds_1e6", found["seconds"], "s")
    figure("log_check_mb_more_1e6", found["mb"], "MB", "<=50")
