"""The state file: restarts, kills, a second reader, a second sandbox."""

import random
import sqlite3
import subprocess
import sys
import threading
import time

import httpx
import pytest
from sandbox_box import LONG_AGO, REPO


def test_everything_survives_a_restart(own):
    box = own("state.sqlite", "--seed", "5")
    box.control("POST", "time", {"advance": 86400})
    box.control("POST", "throttle", {"operation": "searchOrders", "rate": 0.0001, "burst": 2})
    box.generate(5)
    refresh = box.control("PUT", "sellers/A2OTHER", {})["refresh_token"]
    box.fault("getOrder", "error_500", after=3)
    token = box.token()
    first = box.search(maxResultsPerPage="3").json()
    orders, journal, faults = (box.control("GET", name) for name in ("orders", "journal", "faults"))
    assert box.stop() == ""

    box.start()
    assert [box.control("GET", name) for name in ("orders", "journal", "faults")] == [orders, journal, faults]
    # the clock was read twice to move it, and is said in milliseconds
    assert box.control("GET", "time")["offset"] == pytest.approx(86400, abs=0.01)
    query = {"maxResultsPerPage": "3", "paginationToken": first["pagination"]["nextToken"]}
    rest = box.search(**query)
    assert rest.status_code == 200 and len(rest.json()["orders"]) == 2
    assert box.search().status_code == 429
    assert box.token() == token and box.lwa(refresh_token=refresh).status_code == 200
    assert box.control("POST", "reset")["seed"] == 5


def test_kill_9_at_random_moments_loses_nothing_that_was_answered(own):
    box = own("state.sqlite")
    kills, known = 4, []
    rng = random.Random(1)
    for _kill in range(kills):
        done = threading.Event()

        def write(done=done):
            try:
                while not done.is_set():
                    known.extend(box.generate(2))
            except httpx.HTTPError:
                pass

        writer = threading.Thread(target=write)
        writer.start()
        # however busy the machine is, something was answered before
        before, until = len(known), time.monotonic() + 30
        while len(known) == before and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(rng.random() * 0.3)
        box.process.kill()
        box.process.wait()
        done.set()
        writer.join()
        box.client.close()
        box.start()
    stored = {order["orderId"] for order in box.control("GET", "orders")}
    assert set(known) <= stored and len(known) == len(set(known)) > kills
    print(f"FIGURE sandbox_kills_survived {kills} kills")


def test_a_second_process_may_read_the_file(own, tmp_path):
    box = own("state.sqlite")
    script = (
        "import sqlite3, sys; c = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True);"
        "print(c.execute('SELECT COUNT(*) FROM orders').fetchone()[0])"
    )
    for expected in (3, 6):
        box.generate(3)
        command = [sys.executable, "-c", script, str(tmp_path / "state.sqlite")]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"{expected}\n"
    box.kill()
    reader = sqlite3.connect(f"file:{tmp_path / 'state.sqlite'}?mode=ro", uri=True)
    assert reader.execute("SELECT COUNT(*) FROM orders").fetchone() == (6,)
    reader.close()


def run(*arguments):
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=20)


def test_a_second_sandbox_on_the_same_file_or_port_says_so(own, tmp_path):
    box = own("state.sqlite")
    same_file = run("--state", str(tmp_path / "state.sqlite"))
    assert same_file.returncode == 1 and same_file.stderr.startswith("Another sandbox is running on ")
    port = box.url.rpartition(":")[2]
    same_port = run("--port", port)
    assert same_port.returncode == 1 and "Address already in use" in same_port.stderr
    for bad in (same_file, same_port):
        assert bad.stderr.count("\n") == 1 and bad.stdout == ""
    box.kill()
    box.start()


def test_a_file_that_is_no_database_and_a_folder_that_is_not_there(tmp_path):
    (tmp_path / "junk").write_text("not a database, but long enough to be looked at " * 50)
    for path in (tmp_path / "junk", tmp_path / "nowhere" / "state.sqlite"):
        bad = run("--state", str(path))
        assert bad.returncode == 1 and bad.stderr.count("\n") == 1


def test_in_memory_without_a_state_file(own):
    box = own(None)
    box.generate(1)
    assert box.search(lastUpdatedAfter=LONG_AGO).status_code == 200
    assert box.stop() == ""
