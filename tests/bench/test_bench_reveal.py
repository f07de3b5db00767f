"""What a reveal costs beyond Odoo's own rendering, and what of that is whose; nothing here is asserted about time."""

from __future__ import annotations

import time

import pytest

from bench import workload
from support.figures import figure

COUNT = 100
ROUNDS = 41
REVEALS = 10_000
WARM_UP = 500
SECONDS = 6

BEYOND_PLAIN = (
    workload.BROWSER
    + """
def pickings(prefix):
    return env["stock.picking"].search([("sale_id.client_order_ref", "=like", prefix + " %")], order="id")

sealed, plain = pickings("sealed"), pickings("plain")
assert len(sealed) == len(plain) == count

def bare(subjects):
    "A reveal in which nothing is done."
    with subjects.reveal("label", "print the labels", "stock.report_deliveryslip"):
        pass

def times(work):
    fresh()
    html = clock(work)
    return clock.passed, clock.worked, html

def together(report, pickings):
    # a reveal reads the contacts in one statement, Odoo each delivery's by itself: a reveal of many would otherwise
    # come out faster than no reveal at all
    desk["stock.picking"].browse(pickings.ids).partner_id.mapped("name")
    return render(report, pickings)

result = {}
for size in (1, count):
    subjects = desk["pii.subject"].browse(sealed[:size].partner_id.pii_subject_id.ids)
    kinds = {
        # the same deliveries before and after, so that what else the machine does falls on both
        "unasked": lambda: together(unasked, sealed[:size]),
        "revealed": lambda: render(asked, sealed[:size]),
        "again": lambda: together(unasked, sealed[:size]),
        # deliveries to contacts without protection
        "plain": lambda: together(unasked, plain[:size]),
        # as Odoo does it
        "apart": lambda: render(unasked, sealed[:size]),
        "bare": lambda: bare(subjects),
    }
    for work in kinds.values():
        work()
    clock = Clock()
    found = []
    for number in range(rounds if size == 1 else rounds // 2):
        measured = {kind: times(work) for kind, work in kinds.items()}
        assert b"Vorname Nachname 0" in measured["revealed"][2]
        assert b"Vorname Nachname" not in measured["unasked"][2]
        both = [(measured["unasked"][part] + measured["again"][part]) / 2 for part in (0, 1)]
        found.append({"": measured["revealed"][0] - both[0], "_cpu": measured["revealed"][1] - both[1],
                      "_unasked": both[0], "_unasked_cpu": both[1],
                      "_apart": measured["apart"][0], "_apart_cpu": measured["apart"][1],
                      "_plain": measured["plain"][0], "_plain_cpu": measured["plain"][1],
                      "_bare": measured["bare"][0], "_bare_cpu": measured["bare"][1]})
    result[str(size)] = {
        **{kind: median([one[kind] for one in found]) for kind in found[0]},
        "_bare_least": min(one["_bare"] for one in found),
        # the quietest moment of either, whenever that was
        "_least": min(one[""] + one["_unasked"] for one in found) - min(one["_unasked"] for one in found),
    }
"""
)

#: Where the time of a bare reveal goes: each part's own clock, read around the function that does it.
BREAKDOWN = (
    workload.BROWSER
    + """
from odoo.addons.pii_retention import alerts, conditions, facts, gate, grants, journal, seeding
from odoo.addons.pii_retention.models import pii_subject_reveal

clock = {}

def timed(holder, name, part):
    original = getattr(holder, name)
    def measured(*args, **kwargs):
        start = time.perf_counter()
        try:
            return original(*args, **kwargs)
        finally:
            clock[part] = clock.get(part, 0) + time.perf_counter() - start
    setattr(holder, name, measured)

timed(gate, "authorise", "gate")
timed(facts, "asked", "gate_subjects")
timed(facts, "person", "gate_person")
timed(conditions, "grant_for", "gate_grants")
timed(grants, "has_seal", "gate_grants_seal")
timed(conditions, "check_limits", "gate_limits")
timed(alerts, "evaluate", "gate_alerts")
timed(journal, "append", "gate_log")
timed(pii_subject_reveal, "_open", "open")
timed(seeding, "seed_partners", "seed")

class Whole:
    @staticmethod
    def reveal(subjects):
        with subjects.reveal("label", "print the labels", "stock.report_deliveryslip"):
            pass

timed(Whole, "reveal", "reveal")

result = {}
everybody = env["pii.subject"].search([("origin", "=", "bench")], limit=count).ids
for size in (1, count):
    found = []
    for number in range(rounds):
        subjects = desk["pii.subject"].browse(everybody[:size])
        fresh()
        clock.clear()
        Whole.reveal(subjects)
        if number > 2:
            found.append(dict(clock))
    result[str(size)] = {part: median([one.get(part, 0) for one in found]) for part in found[0]}
"""
)

#: Each reveal as in a request: a connection, an environment, one customer, some of the fields.
MANY = (
    workload.BROWSER
    + """
import gc
from odoo import api

everybody = env["pii.subject"].search([("origin", "=", "bench")], limit=100).ids
cr.commit()

def once(number):
    with env.registry.cursor() as own:
        subject = api.Environment(own, user.id, {})["pii.subject"].browse(everybody[number % len(everybody)])
        with subject.reveal("label", "print the labels", "bench") as inside:
            partner = inside["pii.subject"].browse(subject.id).partner_ids
            assert partner.name.startswith("Vorname"), "not revealed"
            partner.display_name, partner.street, partner.phone
"""
)

MEMORY = (
    MANY
    + """
def megabytes():
    gc.collect()
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

for number in range(warm_up):
    once(number)
seen = [megabytes()]
speed = []
for part in range(10):
    start = time.perf_counter()
    for number in range(reveals // 10):
        once(number)
    speed.append((time.perf_counter() - start) / (reveals // 10))
    seen.append(megabytes())
result = {"seen": seen, "speed": speed}
"""
)

THROUGHPUT = (
    MANY
    + """
for number in range(50):
    once(number)
open(ready, "w").close()
while not os.path.exists(go):
    time.sleep(0.002)
done, start = 0, time.perf_counter()
while time.perf_counter() - start < seconds:
    once(done)
    done += 1
result = done / (time.perf_counter() - start)
"""
)


def _milliseconds(seconds: float) -> float:
    return 1000 * seconds


def _throughput(database, processes: int) -> list[float]:
    """Reveals a second of each of several processes that work at the same time."""
    folder = database.folder / f"throughput-{processes}"
    folder.mkdir(exist_ok=True)
    go = folder / "go"
    ready = [folder / f"ready-{number}" for number in range(processes)]
    running = [database.start(THROUGHPUT, ready=str(path), go=str(go), seconds=SECONDS) for path in ready]
    while not all(path.exists() for path in ready):
        for script in running:
            if script.process.poll() is not None:
                script.wait()
        time.sleep(0.05)
    go.touch()
    return [script.wait() for script in running]


@pytest.fixture(scope="module")
def shop(odoo_db_module):
    """A database with staff and deliveries to ship."""
    odoo_db_module.python(workload.STAFF)
    odoo_db_module.python(workload.ORDERS, count=COUNT)
    return odoo_db_module


def test_a_reveal_beyond_the_plain_rendering(shop):
    found = shop.python(BEYOND_PLAIN, count=COUNT, rounds=ROUNDS, timeout=600)
    for size, target in (("1", "<=15"), ("100", "<=60")):
        for kind, seconds in found[size].items():
            figure(f"reveal_{size}_ms{kind}", _milliseconds(seconds), "ms", None if kind else target)


def test_where_the_time_of_a_reveal_goes(shop):
    found = shop.python(BREAKDOWN, count=COUNT, rounds=ROUNDS, timeout=600)
    for size, parts in found.items():
        for part, seconds in sorted(parts.items()):
            figure(f"part_{size}_ms_{part}", _milliseconds(seconds), "ms")


def test_two_processes_reveal_at_once(shop):
    alone = _throughput(shop, 1)
    together = _throughput(shop, 2)
    figure("reveals_per_second_one_process", alone[0], "1/s")
    figure("reveals_per_second_two_processes", sum(together), "1/s")
    figure("reveal_two_processes_ratio", sum(together) / alone[0], "x")


def test_memory_over_ten_thousand_reveals(shop):
    found = shop.python(MEMORY, reveals=REVEALS, warm_up=WARM_UP, timeout=1800)
    seen, speed = found["seen"], found["speed"]
    figure("reveal_memory_mb", seen[0], "MB")
    figure("reveal_memory_growth_mb", seen[-1] - seen[0], "MB", "<=10")
    figure("reveal_memory_growth_mb_second_half", seen[-1] - seen[len(seen) // 2], "MB")
    figure("reveal_request_ms_first_1000", _milliseconds(speed[0]), "ms")
    figure("reveal_request_ms_last_1000", _milliseconds(speed[-1]), "ms")
