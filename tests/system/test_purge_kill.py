"""``kill -9`` at random moments of a purge: it leaves what an undisturbed one leaves, once, and nobody half erased."""

from __future__ import annotations

from support.figures import figure

SUBJECTS = 2000
NEIGHBOURS = 120
KILLS = 50

#: Two companies with the same customers: the purge of one is killed again and again, that of the other is left alone.
#: Tomorrow is their day; a later day of each has lost somebody early and waits for its next key.
SETTING = """
from datetime import timedelta
from odoo.addons.pii_retention import purge

other = env["res.company"].create({"name": "Undisturbed"})
env["pii.policy"]._ensure_all()
for company in (env.company, other):
    today = company._pii_day()
    def seal(name, count, days):
        return env["pii.subject"]._seal_many([
            {"company_id": company.id, "origin": "kill", "reference": f"{name}-{number}", "country_id": False,
             "start": today - timedelta(days=days),
             "values": {"operational": {"name": f"Person {number}", "street": f"Street {number}"},
                        "fiscal": {"name": f"Person {number}"}}}
            for number in range(count)])
    due, neighbours = seal("due", subjects, 29), seal("neighbour", neighbours_count, 9)
    partners = due[:200]._ensure_partners()
    env["ir.attachment"].create([
        {"name": f"{subject.reference}.pdf", "raw": b"%PDF-1.4 " + subject.reference.encode() * 40,
         "res_model": "pii.subject", "res_id": subject.id}
        for subject in due | neighbours[:40]])
    for partner in partners:
        partner.message_post(body="She called and asks for another day", message_type="comment")
    cr.commit()
    purge.forget(env, neighbours[0].ids, "cancelled")
    cr.commit()
result = {"killed": env.company.id, "undisturbed": other.id}
"""

#: Goes before a script: it is tomorrow, and the work is done in small steps so that there is much to interrupt.
TOMORROW = """
from datetime import timedelta
from odoo.addons.pii_retention import calendar, filestore, purge, purge_due, purging, rotation

real_day = calendar.day_at
calendar.day_at = lambda moment, zone: real_day(moment, zone) + timedelta(days=1)
purge.BATCH, rotation.BATCH, filestore._AT_ONCE = 10, 5, 10
"""

#: A child is forked for each attempt, as Odoo forks the processes of its schedule.
KILL = (
    TOMORROW
    + """
import os, random, signal, time, traceback
from odoo import SUPERUSER_ID, api, sql_db

dice = random.Random(50 + begun)
company = env["res.company"].browse(company_id)
_ = company.sudo().pii_domain
cr.commit()

def attempt(pipe):
    # connections of its own: those that were made before the fork are the parent's
    sql_db._Pool = sql_db._Pool_readonly = None
    env.registry._db = sql_db.db_connect(cr.dbname)
    env.registry._db_readonly = None
    with env.registry.cursor() as own:
        mine = api.Environment(own, SUPERUSER_ID, {})
        while True:  # the database may not have noticed yet that the process before is dead
            run = purging.purge(mine, mine["res.company"].browse(company_id))
            if run or not purge_due.due(mine, mine["res.company"].browse(company_id)):
                os.write(pipe, b"e")
                return
            time.sleep(0.01)

def state():
    cr.rollback()
    cr.execute('''SELECT (SELECT count(*) FROM pii_subject WHERE company_id = %(c)s AND state = 'erased'),
                         (SELECT count(*) FROM pii_doomed_file),
                         (SELECT COALESCE(sum(subject_count + file_count), 0) FROM pii_rotation
                           WHERE company_id = %(c)s),
                         (SELECT max(state || ' ' || step) FROM pii_purge_run
                           WHERE company_id = %(c)s AND state <> 'done'),
                         (SELECT count(*) FROM pii_certificate WHERE company_id = %(c)s AND state = 'sealed'),
                         (SELECT count(*) FROM pii_purge_run WHERE company_id = %(c)s AND state = 'done'),
                         (SELECT count(*) FROM pii_subject WHERE company_id = %(c)s AND state = 'erased'
                             AND COALESCE(operational_token, fiscal_token, content_mac, name_index) IS NOT NULL),
                         (SELECT count(*) FROM pii_subject s JOIN ir_attachment a ON a.pii_subject_id = s.id
                           WHERE s.company_id = %(c)s AND s.state = 'erased')''', {"c": company_id})
    return cr.fetchone()

def done(now):
    return (now[0] + now[2]) / (subjects + neighbours)

kills, ended, halves, seen, steps = 0, 0, 0, set(), {}
delay = 0.15
while begun + kills < until and not ended:
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            attempt(theirs)
        except BaseException:
            os.write(theirs, traceback.format_exc()[-900:].encode())
        os._exit(0)
    os.close(theirs)
    end = time.monotonic() + dice.uniform(0.2, 1.8) * delay
    # not later than its share is done: a machine that gets faster meanwhile must not end the purge before the last kill
    while time.monotonic() < end and done(state()) < (begun + kills + 1) / (wanted + 1):
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    said = os.read(ours, 1000)
    os.close(ours)
    assert said in (b"", b"e"), said.decode()
    ended = said == b"e"
    kills += not ended
    now = state()
    # nobody is half erased: whoever is erased holds nothing any more
    halves += now[6] + now[7]
    stuck = now in seen
    seen.add(now)
    steps[now[3]] = steps.get(now[3], 0) + 1
    # spread the kills over the whole purge: later where nothing was done, sooner where it runs ahead
    ahead = done(now) > (begun + kills) / wanted
    delay = min(max(delay * (0.6 if ahead else 1.5 if stuck else 1.1), 0.05), 4.0)
result = {"kills": kills, "halves": halves, "stages": len(seen), "steps": steps, "ended": ended}
"""
)

FINISH = (
    TOMORROW
    + """
company = env["res.company"].browse(company_id)
for _attempt in range(5):
    run = purging.purge(env, company)
    if run.state == "done" and not purge_due.due(env, company):
        break
result = run.read(["state", "problem"])
"""
)

CHECK = """
import os
from odoo.addons.pii_retention import certificate_seals, keys
from odoo.addons.pii_retention.crypto import CryptoError

company = env["res.company"].browse(company_id)
keyring, domain = keys.keyring(env), company._pii_domain()
def one(sql):
    cr.execute(sql, {"c": company_id})
    return cr.fetchone()
due = "company_id = %(c)s AND reference LIKE 'due-%%'"
result = {
    "erased": one(f"SELECT count(*) FROM pii_subject WHERE {due} AND state = 'erased' AND erased_reason = 'deadline'"),
    "sealed left": one(f"SELECT count(*) FROM pii_subject WHERE {due} AND COALESCE(operational_token, fiscal_token, "
                       "quarantine_token, content_mac, name_index, email_index, phone_index) IS NOT NULL"),
    "files": one("SELECT count(*) FROM ir_attachment a JOIN pii_subject s ON s.id = a.pii_subject_id "
                 "WHERE s.company_id = %(c)s"),
    "notes": one("SELECT count(*) FROM pii_doomed_file"),
    "messages": one("SELECT count(*) FROM mail_message m JOIN res_partner p ON p.id = m.res_id "
                    "WHERE m.model = 'res.partner' AND p.pii_subject_id IS NOT NULL AND p.company_id = %(c)s"),
    "partners": one("SELECT count(*), min(name) FROM res_partner "
                    "WHERE company_id = %(c)s AND pii_subject_id IS NOT NULL"),
    "keys": sorted(key_id.replace(domain, "") for key_id in keyring.list(f"day/{domain}")),
    "rotations": one("SELECT count(*), min(state), sum(subject_count) >= 119, sum(file_count) >= 39, "
                     "sum(damaged_count) FROM pii_rotation WHERE company_id = %(c)s"),
    "certificates": [],
}
cr.execute("SELECT uuid, state FROM pii_subject WHERE company_id = %s", [company_id])
rows = cr.fetchall()
result["tombstones"] = sum(keyring.subjects.contains(uuid) for uuid, state in rows if state == "erased")
result["living tombstones"] = sum(keyring.subjects.contains(uuid) for uuid, state in rows if state == "live")
for certificate in env["pii.certificate"].search([("company_id", "=", company_id)], order="kind"):
    result["certificates"].append([certificate.kind, certificate.reason, certificate.state, certificate.verification,
        certificate.subject_count, certificate.file_count, certificate.leftover_count,
        [key_id.replace(domain, "") for key_id in (certificate.key_ids or "").split()],
        certificate_seals.faults(certificate)])
# who stays is readable, with all that is sealed for him
subjects = env["pii.subject"].search([("company_id", "=", company_id), ("state", "=", "live")])
cr.execute("SELECT uuid, operational_token, fiscal_token FROM pii_subject WHERE id = ANY(%s)", [subjects.ids])
result["readable"] = sum(
    bool(keyring.open_record(domain, uuid, cls, token))
    for uuid, *tokens in cr.fetchall() for cls, token in zip(("operational", "fiscal"), tokens)) / 2
from odoo.addons.pii_retention import files
result["readable files"] = sum(files._open(file).startswith(b"%PDF") for file in subjects._files())
# copies that a killed transaction has written and never committed are Odoo's to collect, once a day
env["ir.attachment"]._gc_file_store()
store = env["ir.attachment"]._filestore()
names = {os.path.relpath(os.path.join(folder, name), store) for folder, _d, found in os.walk(store) for name in found
         if "checklist" not in folder}
cr.execute("SELECT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL")
sealed = set()
for name in names - {row[0] for row in cr.fetchall()}:
    with open(os.path.join(store, name), "rb") as file:
        if file.read(4) == b"PIIS":
            sealed.add(name)
result["orphans on disk"] = len(sealed)
"""


def killed_often(odoo_db, wanted: int, **setting) -> dict:
    """Kill a purge ``wanted`` times; every ten kills the server starts anew, as it does after a crash."""
    told = {"kills": 0, "halves": 0, "stages": 0, "steps": {}}
    while told["kills"] < wanted:
        some = odoo_db.python(
            KILL, begun=told["kills"], until=min(told["kills"] + 10, wanted), wanted=wanted, **setting
        )
        for name in ("kills", "halves", "stages"):
            told[name] += some[name]
        told["steps"] |= some["steps"]
        if some["ended"]:
            break
    print(told)
    return told


def test_fifty_kills_leave_what_an_undisturbed_purge_leaves(odoo_db):
    companies = odoo_db.python(SETTING, subjects=SUBJECTS, neighbours_count=NEIGHBOURS)
    killed, undisturbed = companies["killed"], companies["undisturbed"]
    odoo_db.allow_log(r"could not obtain lock", r"terminating connection", r"connection .* closed")
    told = killed_often(odoo_db, company_id=killed, wanted=KILLS, subjects=SUBJECTS, neighbours=NEIGHBOURS)
    figure("purge_kills", told["kills"], "kills", KILLS)
    figure("purge_kill_stages", told["stages"], "stages")
    figure("purge_kill_steps", len(told["steps"]), "steps")
    figure("purge_half_erased", told["halves"], "subjects", 0)
    assert told["kills"] == KILLS, f"the purge ended before it was killed so often: {told}"
    assert told["halves"] == 0
    assert told["stages"] >= 20, "the kills have to meet the purge at many different points"
    for company in (killed, undisturbed):
        (run,) = odoo_db.python(FINISH, company_id=company)
        assert run["state"] == "done", run
    found, expected = (odoo_db.python(CHECK, company_id=company) for company in (killed, undisturbed))
    assert expected["erased"] == [SUBJECTS] and expected["sealed left"] == [0] and expected["files"] == [39]
    assert expected["orphans on disk"] == 0 and expected["living tombstones"] == 0
    assert expected["tombstones"] == SUBJECTS + 1 and expected["readable"] == NEIGHBOURS - 1
    assert expected["readable files"] == 39
    assert [one[0] for one in expected["certificates"]] == ["deadline", "early"]
    assert [one[3] for one in expected["certificates"]] == ["passed", "passed"]
    assert [one[8] for one in expected["certificates"]] == [[], []]
    assert found == expected
    figure("purge_kill_certificates", len(found["certificates"]), "certificates", len(expected["certificates"]))
