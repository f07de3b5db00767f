"""What a purge of a hundred thousand costs, and how fast its day's key makes all of them unreadable."""

from __future__ import annotations

from support.figures import figure

SUBJECTS = 100_000
FILES = 5_000
MESSAGES = 20_000
SEALED = 500

#: As many really sealed people as a sample takes; the others are rows of the same shape and length, with their
#: pseudonymous contacts, some with a file on the disk or a message.
FILL = """
import os, secrets
from datetime import timedelta
from odoo.addons.pii_retention import keys
from odoo.addons.pii_retention.crypto import day_key_id

company = env.company
today = company._pii_day()
people = env["pii.subject"]._seal_many([
    {"company_id": company.id, "origin": "bench", "reference": f"s-{number}", "country_id": False,
     "start": today - timedelta(days=29),
     "values": {"operational": {"name": f"Person {number}", "street": f"Street {number}", "city": "Milano",
                                "zip": "20100", "phone": f"+39 02 4455 {number:04d}"},
                "fiscal": {"name": f"Person {number}", "street": f"Street {number}", "city": "Milano"}}}
    for number in range(sealed)])
people._ensure_partners()
cr.execute('''INSERT INTO pii_subject (uuid, origin, reference, company_id, state, deadline, deadline_rule, created_on,
                                       operational_token, fiscal_token, content_mac, name_index, phone_index)
    SELECT gen_random_uuid()::text, origin, 'n-' || n, company_id, state, deadline, deadline_rule, created_on,
           left(operational_token, -128) || md5(n || 'a') || md5(n || 'b') || md5(n || 'c') || md5(n || 'j'),
           left(fiscal_token, -64) || md5(n || 'd') || md5(n || 'e'), md5(n || 'f') || md5(n || 'g'),
           '12:' || left(md5(n || 'h'), 3), '12:' || left(md5(n || 'i'), 3)
      FROM (SELECT * FROM pii_subject WHERE id = %s) AS one, generate_series(1, %s) AS n''',
    [people[0].id, subjects - sealed])
cr.execute('''INSERT INTO res_partner (name, complete_name, pii_subject_id, company_id, active, type, lang, create_date,
                                       autopost_bills)
    SELECT 'Bench ' || reference, 'Bench ' || reference, id, company_id, true, 'contact', 'en_US', now(), 'ask'
      FROM pii_subject WHERE reference LIKE 'n-%%' ''')
store = env["ir.attachment"]._filestore()
names = []
for number in range(files):
    name = secrets.token_hex(20)
    folder = os.path.join(store, name[:2])
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as out:
        out.write(b"PIIS" + secrets.token_bytes(4200))
    names.append(f"{name[:2]}/{name}")
cr.execute('''INSERT INTO ir_attachment (name, type, res_model, res_id, company_id, store_fname, file_size, mimetype,
                                         pii_subject_id, pii_class, create_date)
    SELECT 'label.pdf', 'binary', 'pii.subject', s.id, s.company_id, f.name, 4204, 'application/pdf', s.id,
           'operational', now()
      FROM unnest(%s) WITH ORDINALITY AS f (name, n) JOIN pii_subject s ON s.reference = 'n-' || f.n''', [names])
cr.execute('''INSERT INTO mail_message (model, res_id, message_type, body, author_id, date, create_date)
    SELECT 'res.partner', id, 'comment', '<p>She called</p>', %s, now(), now()
      FROM res_partner WHERE pii_subject_id IS NOT NULL LIMIT %s''', [env.user.partner_id.id, messages])
cr.commit()
for table in ("pii_subject", "res_partner", "ir_attachment", "mail_message"):
    cr.execute(f"ANALYZE {table}")
cr.commit()
cr.execute("SELECT count(*) FROM pii_subject WHERE state = 'live'")
result = cr.fetchone()[0]
"""

TOMORROW = """
import resource, time
from datetime import timedelta
from odoo.addons.pii_retention import calendar, keys, purge, purge_due, purging

real_day = calendar.day_at
calendar.day_at = lambda moment, zone: real_day(moment, zone) + timedelta(days=1)
company, domain = env.company, env.company._pii_domain()
keyring = keys.keyring(env)
"""

#: The key alone: how long until nobody of the sample opens any more.
KEY = (
    TOMORROW
    + """
from odoo.addons.pii_retention.crypto import CryptoError
cr.execute("SELECT uuid, operational_token FROM pii_subject WHERE reference LIKE 's-%%' LIMIT 200")
sample = cr.fetchall()
def readable():
    count = 0
    for uuid, token in sample:
        try:
            keyring.open_record(domain, uuid, "operational", token)
            count += 1
        except CryptoError:
            pass
    return count
before = readable()
(key_id,) = purge_due.keys_due(env, company, company._pii_day())
start = time.perf_counter()
keyring.destroy(key_id, "deadline")
seconds = time.perf_counter() - start
result = {"before": before, "after": readable(), "seconds": seconds}
"""
)

PURGE = (
    TOMORROW
    + """
import contextlib
spent, real_step = {}, purging._step
clock = [time.perf_counter(), "due"]
def step(run, name):
    now = time.perf_counter()
    spent[clock[1]], clock[:] = now - clock[0], [now, name]
    real_step(run, name)
purging._step = step
peaks, real_forget = [], purge.forget
def forget(*args, **options):
    counts = real_forget(*args, **options)
    with open("/proc/self/statm") as state:
        peaks.append(int(state.read().split()[1]) * 4096 / 2**20)
    return counts
purge.forget = forget
def worked():
    cr.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> 0")
    total = time.process_time()
    for (pid,) in cr.fetchall():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/schedstat") as state:
            total += int(state.read().split()[0]) / 10**9
    return total
before_cpu = worked()
start = time.perf_counter()
run = purging.purge(env, company)
seconds = time.perf_counter() - start
spent[clock[1]] = time.perf_counter() - clock[0]
cpu = worked() - before_cpu
certificate = run.certificate_ids
cr.execute('''SELECT count(*) FROM pii_subject
               WHERE state = 'live'
                  OR COALESCE(operational_token, fiscal_token, content_mac, name_index) IS NOT NULL''')
(left,) = cr.fetchone()
result = {"seconds": seconds, "cpu": cpu, "steps": spent, "state": run.state, "problem": run.problem,
          "subjects": certificate.subject_count, "files": certificate.file_count, "rows": certificate.leftover_count,
          "left": left, "verification": certificate.verification, "peaks": peaks}
"""
)


def test_a_hundred_thousand_on_one_day(odoo_db):
    made = odoo_db.python(FILL, subjects=SUBJECTS, files=FILES, messages=MESSAGES, sealed=SEALED, timeout=600)
    assert made == SUBJECTS
    key = odoo_db.python(KEY)
    assert key["before"] == 200 and key["after"] == 0
    figure("purge_key_seconds_100000", key["seconds"], "s", "<=1")
    found = odoo_db.python(PURGE, timeout=600)
    assert found["state"] == "done", found["problem"]
    assert (found["subjects"], found["files"], found["left"]) == (SUBJECTS, FILES, 0)
    assert found["rows"] >= MESSAGES and found["verification"] == "passed"
    figure("purge_seconds_100000", found["seconds"], "s", "<=60")
    figure("purge_cpu_seconds_100000", found["cpu"], "s", "<=60")
    for step, seconds in found["steps"].items():
        figure(f"purge_seconds_{step}", seconds, "s")
    figure("purge_mb_first_batch", found["peaks"][0], "MB")
    figure("purge_mb_last_batch", found["peaks"][-1], "MB")
    figure("purge_mb_more_100000", found["peaks"][-1] - found["peaks"][0], "MB", "<=50")
