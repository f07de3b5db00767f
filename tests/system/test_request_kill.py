"""``kill -9`` while an approved deletion is carried out: everybody in it is erased once, and certified once."""

from __future__ import annotations

from support.figures import figure

SUBJECTS, NEIGHBOURS, KILLS = 600, 60, 25

SETTING = """
from datetime import timedelta
from odoo.addons.pii_retention import channel

env["pii.policy"]._ensure_all()
company = env.company
today = company._pii_day()

def seal(name, count, days):
    return env["pii.subject"]._seal_many([
        {"company_id": company.id, "origin": "kill", "reference": f"{name}-{number}", "country_id": False,
         "start": today - timedelta(days=days + number % 5),
         "values": {"operational": {"name": f"Person {number}", "street": f"Street {number}"},
                    "fiscal": {"name": f"Person {number}"}}}
        for number in range(count)])

asked, neighbours = seal("asked", subjects, 5), seal("neighbour", neighbours_count, 5)
env["ir.attachment"].create([
    {"name": f"{subject.reference}.pdf", "raw": b"%PDF-1.4 " + subject.reference.encode() * 40,
     "res_model": "pii.subject", "res_id": subject.id} for subject in asked[:80] | neighbours[:20]])
group = env.ref("pii_retention.group_privacy_officer")
officers = env["res.users"].with_context(no_reset_password=True).create([
    {"name": name, "login": name, "group_ids": [(6, 0, [env.ref("base.group_user").id, group.id])],
     "company_id": company.id, "company_ids": [(6, 0, company.ids)]} for name in ("kill_first", "kill_second")])
first, second = officers
requests = env["pii.request"].with_user(first).create([
    {"kind": "amazon_deletion", "requester": "Amazon EU", "origin": "kill", "references": "\\n".join(refs)}
    for refs in (asked.mapped("reference"), asked[:200].mapped("reference"))])
requests.action_preview()
real = channel.caller
channel.caller = lambda: channel.Caller(channel.WEB, second.id, "0123456789abcdef", "192.0.2.7")
requests.with_user(second).action_approve()
channel.caller = real
cr.commit()
result = {"requests": requests.ids, "company": company.id}
"""

#: Each attempt is a process of its own, forked as Odoo forks those of its schedule; small steps give much to interrupt.
KILL = """
import os, random, signal, time, traceback
from odoo import SUPERUSER_ID, api, sql_db
from odoo.addons.pii_retention import filestore, purge, rotation
from odoo.addons.pii_retention_request.models import pii_request_execution as execution

execution.BATCH, purge.BATCH, rotation.BATCH, filestore._AT_ONCE = 15, 15, 10, 10
dice = random.Random(7)
_ = env.company.sudo().pii_domain
cr.commit()

def attempt(pipe):
    sql_db._Pool = sql_db._Pool_readonly = None
    env.registry._db = sql_db.db_connect(cr.dbname)
    env.registry._db_readonly = None
    with env.registry.cursor() as own:
        mine = api.Environment(own, SUPERUSER_ID, {})
        mine["pii.request"]._cron_run()
        own.commit()
        if all(state == "done" for state in mine["pii.request"].browse(ids).mapped("state")):
            os.write(pipe, b"e")

def state():
    cr.rollback()
    cr.execute('''SELECT (SELECT count(*) FROM pii_subject WHERE origin = 'kill' AND state = 'erased'),
                         (SELECT count(*) FROM pii_request_item WHERE outcome = 'erased'),
                         (SELECT count(*) FROM pii_doomed_file),
                         (SELECT COALESCE(sum(subject_count + file_count), 0) FROM pii_rotation),
                         (SELECT count(*) FROM pii_subject WHERE origin = 'kill' AND state = 'erased'
                             AND COALESCE(operational_token, fiscal_token, content_mac, name_index) IS NOT NULL)''')
    return cr.fetchone()

kills, ended, halves, seen, delay = 0, 0, 0, set(), 0.15
while kills < wanted and not ended:
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
    # not later than its share is done: a machine that gets faster meanwhile must not end the work before the last kill
    while time.monotonic() < end and state()[1] / subjects < (kills + 1) / (wanted + 1):
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    said = os.read(ours, 1000)
    os.close(ours)
    assert said in (b"", b"e"), said.decode()
    ended = said == b"e"
    kills += not ended
    now = state()
    halves += now[4]
    stuck = now in seen
    seen.add(now)
    delay = min(max(delay * (0.6 if now[1] / subjects > kills / wanted else 1.5 if stuck else 1.1), 0.05), 4.0)
result = {"kills": kills, "halves": halves, "stages": len(seen)}
"""

FINISH = """
from odoo.addons.pii_retention import certificate_seals, keys, purging
from odoo.addons.pii_retention.crypto import CryptoError

requests = env["pii.request"].browse(ids)
for _attempt in range(6):
    requests._cron_run()
    cr.commit()
    if all(request.state == "done" for request in requests):
        break
    # what a killed process has left of a rotation is finished by the purge
    purging.purge(env, env.company)
    cr.commit()
keyring, domain = keys.keyring(env), env.company._pii_domain()
asked = env["pii.subject"].search([("origin", "=", "kill"), ("reference", "like", "asked-")])
others = env["pii.subject"].search([("origin", "=", "kill"), ("reference", "like", "neighbour-")])
cr.execute("SELECT uuid, operational_token, fiscal_token FROM pii_subject WHERE id = ANY(%s)", [others.ids])
readable = sum(bool(keyring.open_record(domain, uuid, cls, token))
               for uuid, *tokens in cr.fetchall() for cls, token in zip(("operational", "fiscal"), tokens)) / 2
certificates = requests.certificate_ids
result = {
    "states": requests.mapped("state"),
    "outcomes": [[item.outcome for item in request.item_ids] for request in requests],
    "erased": len(asked.filtered(lambda subject: subject.state == "erased")),
    "certified": sum(certificates.mapped("subject_count")),
    "open": len(certificates.filtered(lambda one: one.state != "sealed")),
    "failed": len(certificates.filtered(lambda one: one.verification != "passed")),
    "faults": [fault for one in certificates for fault in certificate_seals.faults(one)],
    "tombstones": sum(keyring.subjects.contains(uuid) for uuid in asked.mapped("uuid")),
    "files": env["ir.attachment"].search_count([("pii_subject_id", "in", asked.ids)]),
    "readable": readable,
    "others": others.mapped("state"),
}
"""


def test_kills_of_a_request_lose_and_double_nothing(odoo_db):
    odoo_db.allow_log(
        r"could not obtain lock", r"terminating connection", r"connection .* closed", r"could not serialize"
    )
    told = odoo_db.python(SETTING, subjects=SUBJECTS, neighbours_count=NEIGHBOURS)
    ids = told["requests"]
    killed = odoo_db.python(KILL, ids=ids, wanted=KILLS, subjects=SUBJECTS, timeout=400)
    print(killed)
    figure("request_kills", killed["kills"], "kills", KILLS)
    figure("request_kill_stages", killed["stages"], "stages")
    figure("request_half_erased", killed["halves"], "subjects", 0)
    assert killed["kills"] == KILLS, f"the work ended before it was killed so often: {killed}"
    assert killed["halves"] == 0
    assert killed["stages"] >= 10, "the kills have to meet the work at many different points"
    found = odoo_db.python(FINISH, ids=ids)
    first, second = found["outcomes"]
    assert found["states"] == ["done", "done"], found["states"]
    # both are about 200 of them: each customer is erased by one, and shared by the other
    assert set(first) <= {"erased", "shared"} and set(second) <= {"erased", "shared"}
    assert first.count("erased") + second.count("erased") == SUBJECTS == found["erased"] == found["tombstones"]
    assert found["certified"] == SUBJECTS, "each is certified once"
    assert (found["open"], found["failed"], found["faults"], found["files"]) == (0, 0, [], 0)
    assert found["readable"] == NEIGHBOURS and set(found["others"]) == {"live"}
    figure("request_certified_once", found["certified"], "subjects", SUBJECTS)
