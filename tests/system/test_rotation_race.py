"""Sealing and purging while a day changes to its next key, in processes side by side: nobody is lost, nobody stays."""

from __future__ import annotations

import time

from support.figures import figure

NEIGHBOURS = 30
WRITERS = 2
SECONDS = 14
#: Seconds more that a slow machine may take until everybody has done something.
PATIENCE = 120

SETTING = """
from odoo.addons.pii_retention import purge

today = env.company._pii_day()
def seal(name, number):
    return {"company_id": env.company.id, "origin": "race", "reference": f"{name}-{number}", "country_id": False,
            "start": today, "values": {"operational": {"name": f"Person {number}"}, "fiscal": {"name": f"P {number}"}}}
subjects = env["pii.subject"]._seal_many([seal("first", number) for number in range(neighbours)])
env["ir.attachment"].create([{"name": "a.pdf", "raw": b"%PDF-1.4", "res_model": "pii.subject", "res_id": one.id}
                             for one in subjects[:10]])
result = subjects.ids
"""

#: Imports on and on into the same day, attaches files, corrects; transactions are held open for a moment.
WRITE = """
import random, time
import psycopg2
dice = random.Random(writer)
today = env.company._pii_day()
until, made, retried = time.monotonic() + seconds, 0, 0
print("ready", flush=True)
while time.monotonic() < until or (made < 4 and time.monotonic() < until + patience):
    try:
        one = env["pii.subject"]._seal_many([{
            "company_id": env.company.id, "origin": "race", "reference": f"writer-{writer}-{made}", "country_id": False,
            "start": today, "values": {"operational": {"name": f"Person {made}"}, "fiscal": {"name": f"P {made}"}}}])
        time.sleep(dice.choice((0, 0.05, 0.1, 2.5)))  # some for longer than a rotation takes
        env["ir.attachment"].create({"name": "b.pdf", "raw": b"%PDF-1.4", "res_model": "pii.subject", "res_id": one.id})
        known = env["pii.subject"].browse(dice.choice(ids)).sudo()
        if known.state == "live":
            known._correct({"operational": {"phone": f"+39 {made}"}})
        cr.commit()
        made += 1
    except (psycopg2.errors.SerializationFailure, psycopg2.errors.DeadlockDetected):
        cr.rollback()
        env.invalidate_all()
        retried += 1
result = {"made": made, "retried": retried}
"""

#: Erases one after the other, each with a new key for the day.
ROTATE = """
import time
from odoo.addons.pii_retention import keys, purge, purging
until, gone, keyring = time.monotonic() + seconds, 0, keys.keyring(env)
certificates = env["pii.certificate"]
for subject_id in ids[:20]:
    if time.monotonic() > until and gone > 1:
        break
    certificates |= purge.erase_early(env, env["pii.subject"].browse(subject_id), "data_subject", f"R{gone}")
    gone += 1
result = {"gone": gone, "sealed": len(certificates.filtered(lambda one: one.state == "sealed"))}
"""

CHECK = """
from odoo.addons.pii_retention import files, keys, purging
from odoo.addons.pii_retention.crypto import CryptoError
purging.purge(env, env.company)  # finishes what was put off
keyring, domain = keys.keyring(env), env.company._pii_domain()
cr.execute("SELECT id, uuid, operational_token, fiscal_token FROM pii_subject WHERE state = 'live' AND origin = 'race'")
lost, read, under = 0, 0, set()
for subject_id, uuid, *tokens in cr.fetchall():
    for cls, column in zip(("operational", "fiscal"), tokens):
        for token in column.split("\\n"):
            try:
                keyring.open_record(domain, uuid, cls, token)
                read += 1
                under.add(keyring.key_id_of(token))
            except CryptoError as error:
                lost += 1
subjects = env["pii.subject"].search([("state", "=", "live"), ("origin", "=", "race")])
lost_files = 0
for file in subjects._files():
    try:
        files._open(file)
    except Exception:
        lost_files += 1
alive = keyring.list(f"day/{domain}")
result = {"lost": lost, "read": read, "lost files": lost_files, "files": len(subjects._files()), "under": len(under),
          "alive": len(alive),
          "open rotations": env["pii.rotation"].search_count([("state", "in", ("queued", "running"))]),
          "open certificates": env["pii.certificate"].search_count([("state", "=", "open")])}
"""


def test_nobody_is_lost_while_the_day_changes_its_key(odoo_db):
    odoo_db.allow_log(r"could not serialize access", r"bad query", r"deadlock detected", r"could not obtain lock")
    ids = odoo_db.python(SETTING, neighbours=NEIGHBOURS)
    writers = [
        odoo_db.start(WRITE, writer=writer, seconds=SECONDS, patience=PATIENCE, ids=ids) for writer in range(WRITERS)
    ]
    deadline = time.monotonic() + 90
    while not all(b"ready" in writer.output.read_bytes() for writer in writers) and time.monotonic() < deadline:
        time.sleep(0.1)
    erased = odoo_db.python(ROTATE, seconds=SECONDS, ids=ids)
    written = [writer.wait() for writer in writers]
    found = odoo_db.python(CHECK)
    print(erased, written, found)
    assert erased["gone"] > 1 and all(one["made"] > 3 for one in written), "nothing met"
    assert (found["lost"], found["lost files"]) == (0, 0), found
    assert (found["open rotations"], found["open certificates"]) == (0, 0), found
    assert found["alive"] == found["under"] == 1, "one key of the day is left, and everybody is under it"
    figure("rotations_beside_writers", erased["gone"], "rotations")
    figure("sealed_beside_rotations", sum(one["made"] for one in written), "subjects")
    figure("lost_beside_rotations", found["lost"] + found["lost files"], "values", 0)
