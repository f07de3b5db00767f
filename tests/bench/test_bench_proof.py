"""What the daily proof of absence costs, up to a million data subjects; nothing here is asserted about time."""

from __future__ import annotations

from support.figures import figure

SIZES = (10_000, 100_000, 1_000_000)

#: Subjects as a shop has them: those of the last 30 days are held, one in seven of the others was erased early. All but
#: a sample hold tokens of the right form and length that were never sealed: a proof does not open anything.
FILL = """
import json
from datetime import UTC, date, datetime, timedelta
from odoo.addons.pii_retention import keys

company, keyring = env.company, keys.keyring(env)
domain, today = company._pii_domain(), company._pii_day()
if not env["pii.subject"].search_count([], limit=1):
    env["pii.subject"]._seal_many([
        {"company_id": company.id, "origin": "bench", "reference": f"s-{number}", "country_id": env.ref("base.de").id,
         "start": today, "values": {"operational": {"name": "Somebody", "city": "Somewhere"}}}
        for number in range(100)])._ensure_partners()
cr.execute("SELECT count(*) FROM pii_subject")
(there,) = cr.fetchone()
for offset in range(1, 31):
    keyring.ensure(f"day/{domain}/{today + timedelta(days=offset)}")
# what each contact has whoever it is, whichever modules ask for it
cr.execute('''SELECT attname FROM pg_attribute WHERE attrelid = 'res_partner'::regclass AND attnum > 0
               AND NOT attisdropped AND attname NOT IN ('id', 'name', 'complete_name', 'pii_subject_id')''')
names = [f'"{name}"' for (name,) in cr.fetchall()]
columns, alike = ", ".join(names), ", ".join(f"p.{name}" for name in names)
cr.execute('''
    WITH made AS (
        INSERT INTO pii_subject (uuid, origin, reference, company_id, country_id, state, deadline, deadline_rule,
                                 erased_on, erased_reason, operational_token, fiscal_token, content_mac, name_index,
                                 create_date, write_date)
        SELECT gen_random_uuid()::text, 'bench', 'b-' || n, %(company)s, %(country)s,
               CASE WHEN live THEN 'live' ELSE 'erased' END, day, 'created',
               CASE WHEN live THEN NULL ELSE now() - interval '2 hours' END,
               CASE WHEN live THEN NULL ELSE 'deadline' END,
               CASE WHEN live THEN prefix || repeat(md5(n::text), 12) END,
               CASE WHEN live THEN prefix || repeat(md5((n + 1)::text), 9) END,
               CASE WHEN live THEN md5(n::text) || md5(n::text) END,
               CASE WHEN live THEN 'de-' || n %% 512 END, now(), now()
          FROM generate_series(%(first)s, %(last)s) AS n,
               LATERAL (SELECT n %% 3 = 0 AS live) AS a,
               LATERAL (SELECT CASE WHEN live THEN %(today)s::date + (1 + n %% 30) ELSE %(today)s::date - (1 + n %% 400)
                               END AS day) AS b,
               LATERAL (SELECT 'v1.day/' || %(domain)s || '/' || day || '.' AS prefix) AS c
        RETURNING id, reference, company_id)
    INSERT INTO res_partner (name, complete_name, pii_subject_id, ''' + columns + ''')
    SELECT 'Bench ' || made.reference, 'Bench ' || made.reference, made.id, ''' + alike + '''
      FROM made, (SELECT * FROM res_partner WHERE pii_subject_id IS NOT NULL ORDER BY id LIMIT 1) AS p''',
    {"company": company.id, "country": env.ref("base.de").id, "first": there + 1, "last": size, "today": today,
     "domain": domain})
cr.execute("SELECT uuid FROM pii_subject WHERE state = 'erased'")
erased = [uuid for (uuid,) in cr.fetchall()]
buried = keyring.subjects.buried(erased)
keyring.subjects.append_many((uuid, today, "deadline") for uuid in erased if uuid not in buried)
cr.commit()
cr._cnx.autocommit = True
cr.execute("ANALYZE pii_subject, res_partner")
cr._cnx.autocommit = False
cr.execute("SELECT count(*) FROM pii_subject")
result = cr.fetchone()[0]
"""

MEASURE = """
import resource, time
from odoo.addons.pii_retention import proof

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start, worked = time.perf_counter(), time.process_time()
made = proof.run(env).filtered(lambda one: one.company_id == env.company)
env.flush_all()
spent = time.perf_counter() - start
slowest = made.line_ids.sorted("seconds", reverse=True)[:5]
result = {
    "seconds": spent, "python": time.process_time() - worked,
    "mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
    "found": {line.code: line.found for line in made.line_ids if line.found},
    "looked": made.looked, "slowest": [(line.code, round(line.seconds, 2)) for line in slowest],
}
asking = time.perf_counter()
for _number in range(50):
    assert not proof.intake_refusal(env, env.company)
result["intake_ms"] = 1000 * (time.perf_counter() - asking) / 50
cr.commit()
"""


def test_the_proof_grows_with_the_data_and_no_faster(odoo_db):
    spent = {}
    for size in SIZES:
        assert odoo_db.python(FILL, size=size, timeout=1200) >= size
        found = odoo_db.python(MEASURE, timeout=1200)
        assert not found["found"], found["found"]
        assert found["looked"] > size
        name = f"1e{len(str(size)) - 1}"
        spent[size] = found["seconds"]
        print(f"\n{name}: {found['slowest']}")
        figure(f"proof_seconds_{name}", found["seconds"], "s", "<=60" if size == SIZES[-1] else None)
        figure(f"proof_python_seconds_{name}", found["python"], "s")
        figure(f"proof_mb_more_{name}", found["mb"], "MB")
        figure(f"intake_check_ms_{name}", found["intake_ms"], "ms")
    growth = (spent[SIZES[-1]] / spent[SIZES[-2]]) / (SIZES[-1] / SIZES[-2])
    figure("proof_growth_1e5_to_1e6", growth, "x", "<=1.1")
