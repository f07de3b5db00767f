"""A catch-up of 2,000 orders, polling, a database of 200,000 orders, and two workers: ratios measured in one run."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from system import scenario

from bench import workload
from bench.orders_script import BARE, IMPORT, MULTIPLY, POLL
from support.figures import figure

ORDERS = 2000
LARGE = 200_000
SAMPLE = 300
"""Orders that are imported into the small and into the large database."""
ROUNDS = 3
PAIR = 600
"""Orders of each of the two accounts."""
SECOND = "A2SECONDSELLER"
SE = "A2NODRKZP88ZB9"
MARKETPLACES = [*scenario.MARKETPLACES, SE]


def _next_day(sandbox, count: int, seed: int, **options) -> None:
    """Orders of a new day: they lie after the moment up to which everything is read, as at Amazon."""
    sandbox.control("POST", "time", {"advance": 86400})
    now = datetime.fromisoformat(sandbox.control("GET", "time")["now"])
    sandbox.generate(
        MARKETPLACES,
        count,
        case="fbm_unshipped",
        seed=seed,
        live=False,
        created_from=(now - timedelta(hours=20)).isoformat(),
        created_to=(now - timedelta(hours=1)).isoformat(),
        **options,
    )


def _ready(database, sandbox) -> None:
    scenario.unthrottled(sandbox)
    sandbox.generate(MARKETPLACES, 40, case="fbm_unshipped", seed=1, live=False)
    scenario.connect(database, sandbox, marketplaces=MARKETPLACES)
    # every SKU of the market is known before anything is measured
    _next_day(sandbox, 400, seed=2)
    scenario.add_products(database, sandbox)
    database.python(IMPORT, timeout=600)


def _poll(database, size: str) -> None:
    for turn, poll in database.python(POLL, wanted=100).items():
        assert poll["read"] == 100 and not poll["written"], poll
        figure(f"poll_100_{turn}_db_ms_{size}", poll["db_ms"], "ms", "<=30")
        figure(f"poll_100_{turn}_statements_{size}", poll["statements"], "statements")


def test_a_catch_up_of_2000_orders(odoo_db, sandbox):
    _ready(odoo_db, sandbox)
    _next_day(sandbox, ORDERS, seed=10)
    scenario.add_products(odoo_db, sandbox)
    done = odoo_db.python(IMPORT, timeout=900)
    bare = odoo_db.python(BARE, people=workload.people(sandbox), last=done["last"], timeout=900)
    assert done["orders"] == bare["orders"] == ORDERS
    figure("catch_up_ms_per_order", 1000 * done["seconds"] / ORDERS, "ms")
    figure("catch_up_bare_ms_per_order", 1000 * bare["seconds"] / ORDERS, "ms")
    figure("catch_up_ratio", done["seconds"] / bare["seconds"], "x", "<=1.15")
    figure("catch_up_peak_over_idle", done["peak"] - done["idle"], "MB", "<=150")


def test_polling_and_a_large_database(odoo_db, sandbox):
    _ready(odoo_db, sandbox)
    _next_day(sandbox, ORDERS - 440, seed=20)
    scenario.add_products(odoo_db, sandbox)
    odoo_db.python(IMPORT, timeout=900)
    _poll(odoo_db, "small")
    times = {}
    for size in ("small", "large"):
        if size == "large":
            for statement in odoo_db.python(MULTIPLY, wanted=LARGE):
                odoo_db.psql(f"SET session_replication_role = replica; {statement}", superuser=True)
            odoo_db.psql("ANALYZE")
            figure("large_orders", int(odoo_db.psql("SELECT count(*) FROM spapi_order")[0]), "orders", LARGE)
        found = []
        for number in range(ROUNDS):
            _next_day(sandbox, SAMPLE, seed=100 + number + 10 * (size == "large"))
            scenario.add_products(odoo_db, sandbox)
            done = odoo_db.python(IMPORT, timeout=600)
            assert done["orders"] == SAMPLE, done
            found.append(done["seconds"])
        times[size] = sorted(found)[ROUNDS // 2]
        figure(f"{size}_ms_per_order", 1000 * times[size] / SAMPLE, "ms")
    figure("large_ratio", times["large"] / times["small"], "x", "<=1.2")
    _poll(odoo_db, "large")


def test_two_workers_import_two_accounts(odoo_db, sandbox):
    _ready(odoo_db, sandbox)
    sandbox.control("PUT", f"sellers/{SECOND}", {"refresh_token": f"Atzr|sandbox-{SECOND}", "region": "eu"})
    second = {"name": "Second", "seller_id": SECOND, "refresh_token": f"Atzr|sandbox-{SECOND}"}
    scenario.connect(odoo_db, sandbox, marketplaces=MARKETPLACES, **second)
    spent = {}
    for workers in (1, 2):
        _next_day(sandbox, PAIR, seed=40 + workers)
        _next_day(sandbox, PAIR, seed=50 + workers, seller=SECOND)
        scenario.add_products(odoo_db, sandbox)
        go = odoo_db.folder / f"go-{workers}"
        scripts = [odoo_db.start(IMPORT, go=str(go), part=part, parts=workers) for part in range(workers)]
        waiting = [odoo_db.folder / f"{go.name}.{part}" for part in range(workers)]
        while not all(path.exists() for path in waiting):
            time.sleep(0.05)
        go.touch()
        done = [script.wait(600) for script in scripts]
        assert sum(one["orders"] for one in done) == 2 * PAIR, done
        spent[workers] = max(one["end"] for one in done) - min(one["begin"] for one in done)
    figure("one_worker_s", spent[1], "s")
    figure("two_workers_s", spent[2], "s")
    figure("two_workers_speed_up", spent[1] / spent[2], "x", ">=1.7")
