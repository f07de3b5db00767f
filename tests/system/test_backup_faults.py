"""What befalls backups and restores: kills, a full disk, files that are cut short, an older register."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from support.figures import figure
from support.odoo import Database

from .test_backups import FORGET, STATES, Place, seal_persons

RESTORED = (r"is a copy", r"The access log's head stood", r"Nobody's personal data opens")
LISTED = "from odoo.service import db\nresult = db.list_dbs(True)"
FILES_OF = "SELECT name FROM pii_backup WHERE state <> 'deleted' ORDER BY name"


@pytest.fixture
def place(odoo_db: Database, tmp_path: Path) -> Place:
    seal_persons(odoo_db)
    return Place(odoo_db, tmp_path)


#: A life after the loss: who was erased does not come back, somebody new is sealed, and the others go on their day.
AFTER_LOSS = """
from odoo.exceptions import UserError
subjects = env["pii.subject"]
today = env.company._pii_day()
def seal(reference):
    values = {"operational": {"name": "New Person", "street": "New Street 1", "city": "Newtown"}}
    vals = {"company_id": env.company.id, "origin": "shop", "reference": reference, "country_id": False}
    return subjects._seal_many([{**vals, "start": today, "values": values}])
again, new = seal("order-0"), seal("order-9")
cr.commit()
result = {"again": again.state, "held": again.held_classes, "new": new.held_classes,
          "state": new.state}
"""
LATER = """
for _turn in range(2):
    env["pii.purge.run"]._cron_purge()
    cr.commit()
run = env["pii.purge.run"].search([], limit=1)
if run.state == "refused":
    from odoo.addons.pii_retention import purge_day, purging
    purge_day.confirm(run)
    cr.commit()
    run = purging.purge(env, env.company)
    cr.commit()
cr.execute("SELECT count(*) FROM pii_subject WHERE state <> 'erased' OR operational_token IS NOT NULL")
result = {"left": cr.fetchone()[0], "run": [run.state, run.problem]}
"""


def _lying(place: Place) -> list[str]:
    return sorted(path.name for folder in place.folders.values() for path in folder.iterdir())


def _killed(database: Database, arguments: tuple[object, ...], moment) -> bool:
    """Run a command and kill it (-9) as soon as ``moment()`` is true; whether it was still at work."""
    process = subprocess.Popen(
        database.command(*arguments), env=database.env, cwd=database.folder, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + 120
        while process.poll() is None and not moment() and time.monotonic() < end:
            time.sleep(0.002)
        return process.poll() is None
    finally:
        process.kill()
        process.wait()


class Filler:
    """The ``pg_restore`` of a restore into some database, stopped where it is found: what a slow machine does to it."""

    def __init__(self) -> None:
        self.pid = 0

    def is_found(self, database: Database, prefix: str) -> bool:
        """Stop the first one that has begun to work in a database whose name starts with ``prefix``."""
        working = f"""SELECT 1 FROM pg_stat_activity
                       WHERE application_name = 'pii_restore: pg_restore' AND starts_with(datname, '{prefix}')"""
        if database.place.server.psql(working):
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    line = entry.read_bytes().split(b"\0")
                    if line[0].endswith(b"pg_restore") and any(part.startswith(prefix.encode()) for part in line):
                        self.pid = int(entry.parent.name)
                        os.kill(self.pid, signal.SIGSTOP)
        return bool(self.pid)

    def kill(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


@pytest.fixture
def filler() -> Iterator[Filler]:
    found = Filler()
    yield found
    if found.pid:
        found.kill()


def test_killed_runs_leave_nothing_that_nobody_deletes(place: Place):
    kills = 0
    for kind, ending in (("database", ".half"), ("database", ".age"), ("files", ".half"), ("keys", ".half")):
        folder = place.folders[kind]
        before = set(folder.iterdir())

        def is_there(folder=folder, before=before, ending=ending):
            return any(path.name.endswith(ending) for path in set(folder.iterdir()) - before)

        kills += _killed(place.database, place.arguments(), is_there)
        time.sleep(1)  # names have seconds
    assert kills >= 3
    done = place.backup()
    assert done.returncode == 0, done.stderr
    left = [name for name in _lying(place) if name.endswith(".half")]
    assert not left
    assert sorted(place.database.psql(FILES_OF)) == _lying(place), (
        "something lies there that the register does not know"
    )
    figure("backup_kills", kills, "kills")
    figure("unregistered_backups", len(set(_lying(place)) - set(place.database.psql(FILES_OF))), "files", 0)

    # and all of it goes on its day
    place.database.ahead = timedelta(days=91)
    place.database.python("env['pii.backup']._cron_check()")
    assert not _lying(place)


def test_a_full_disk(place: Place):
    line = place.database.command(*place.arguments())
    full = subprocess.run(
        # no file may grow beyond some blocks: what a full disk says, without one
        ["/bin/sh", "-c", 'ulimit -f 100; exec "$@"', "sh", *line],
        env=place.database.env, cwd=place.database.folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert full.returncode == 1 and full.stderr.strip() and "Traceback" not in full.stderr, full.stderr
    assert not _lying(place) and not place.database.psql(FILES_OF)
    assert place.backup().returncode == 0


def test_backups_that_the_restored_register_does_not_know(place: Place):
    """A database restored from the first backup knows nothing of the second, which has to go on its day too."""
    database = place.database
    database.allow_log(*RESTORED)
    assert place.backup().returncode == 0
    first = place.newest("database")
    time.sleep(1)
    assert place.backup().returncode == 0
    new = database._beside("after", None)
    new.allow_log(*RESTORED)
    done = new.odoo("pii_restore", "--identity", place.identities["data"], "--moved", "--from-database", first)
    assert done.returncode == 0, done.stderr
    assert len(new.psql(FILES_OF)) < 6
    later = Place.__new__(Place)
    later.__dict__ = place.__dict__ | {"database": new}
    assert later.backup().returncode == 0
    assert sorted(new.psql(FILES_OF)) == _lying(place)
    new.ahead = timedelta(days=91)
    new.python("env['pii.backup']._cron_check()")
    assert not _lying(place)
    new.drop()


def test_restores_that_fail_leave_nothing(place: Place, tmp_path: Path, filler: Filler):
    database = place.database
    database.allow_log(*RESTORED)
    assert place.backup().returncode == 0
    database.python(FORGET)
    new = database._beside("new", None)
    new.allow_log(*RESTORED)
    dump, files = place.newest("database"), place.newest("files")
    broken = {}
    for path in (dump, files):
        broken[path] = tmp_path / path.name
        broken[path].write_bytes(path.read_bytes()[:-1000])

    def restore(dump: Path, files: Path, identity: str = "data") -> tuple[object, ...]:
        options = ("--identity", place.identities[identity], "--moved")
        return "pii_restore", *options, "--from-database", dump, "--from-files", files

    tried = 0
    for arguments in (
        restore(broken[dump], files),
        restore(dump, broken[files]),
        restore(dump, files, "keys"),
        restore(dump, tmp_path / "not there"),
        restore(files, dump),
    ):
        refused = new.odoo(*arguments)
        assert refused.returncode == 1 and refused.stderr.strip(), refused
        assert not database.place.names(new.name), "a database is left of a restore that failed"
        assert not new.place.filestore(new.name).exists()
        tried += 1
    figure("restore_refusals", tried, "runs")

    # killed half-way: what is there is nobody's, no server lists it, and the next attempt takes it away
    def is_filled():
        return new.name in database.place.names(new.name) and new.place.filestore(new.name).exists()

    assert _killed(new, restore(dump, files), is_filled), "it had ended already"
    assert database.place.names(new.name)
    assert new.name not in database.python(LISTED)
    done = new.odoo(*restore(dump, files))
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "People erased again: 1" in done.stdout, done.stdout
    assert new.psql(STATES)[0] == "order-0 erased"
    assert new.name in database.python(LISTED)
    taken = database.odoo("pii_post_restore", "--moved")
    assert taken.returncode == 0, taken.stderr

    # a restore test that was killed leaves a copy, which the next one removes; so does one that was killed before it
    # could say in the database what it is. PostgreSQL cuts off names after 63 bytes: the moment must stay in them.
    ending = "_restored_20200101000000"
    cut = database.name[: 63 - len(ending)]
    database.place.server.psql(f'CREATE DATABASE "{cut}{ending}" TEMPLATE template0 IS_TEMPLATE true')

    def is_copied():
        return any(name != f"{cut}{ending}" for name in database.place.names(f"{cut}_restored_"))

    tested = ("pii_restore", "--test", "--identity", place.identities["data"])
    assert _killed(database, tested, is_copied)
    tried_again = database.odoo(*tested)
    assert tried_again.returncode == 0, tried_again.stderr
    assert not database.place.names(f"{cut}_restored_")

    # ... though its pg_restore has not noticed yet that nobody feeds it
    assert _killed(database, tested, lambda: filler.is_found(database, f"{cut}_restored_"))
    assert database.place.names(f"{cut}_restored_")
    assert database.odoo(*tested).returncode == 0
    assert not database.place.names(f"{cut}_restored_")
    new.drop()


def test_a_restore_test_that_fails_is_noted(place: Place):
    database = place.database
    assert place.backup().returncode == 0
    with place.newest("files").open("r+b") as file:
        file.seek(300)
        file.write(b"changed")
    failed = database.odoo("pii_restore", "--test", "--identity", place.identities["data"])
    assert failed.returncode == 1 and "not the file that was registered" in failed.stderr, failed.stderr
    noted = database.psql("SELECT kind, failed_on IS NOT NULL, tested_on IS NULL FROM pii_backup ORDER BY id")
    assert noted == ["database|t|t", "files|t|t", "keys|f|t"], noted


def test_key_stores_that_are_not_restored(place: Place, tmp_path: Path):
    database = place.database
    database.python("env['pii.grant'].search([])")
    assert place.backup().returncode == 0
    path = place.newest("keys")
    lost = tmp_path / "lost"
    shutil.copytree(database.keys, lost)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "subjects.jsonl").write_bytes((lost / "subjects.jsonl").read_bytes())
    (tmp_path / "other" / "keystore.json").write_text(
        (lost / "keystore.json").read_text().replace('"id": "', '"id": "0')
    )
    short = tmp_path / "short" / path.name
    short.parent.mkdir()
    short.write_bytes(path.read_bytes()[:-100])
    renamed = tmp_path / "renamed.age"
    shutil.copy(path, renamed)
    target = tmp_path / "store"
    base = ("pii_restore", "--identity", place.identities["keys"], "--keys-to", target)
    tried = 0
    for arguments in (
        ("--from-keys", short),
        ("--from-keys", renamed),
        ("--from-keys", place.newest("files")),
        ("--from-keys", path, "--newest", tmp_path / "nowhere"),
        ("--from-keys", path, "--newest", tmp_path / "other"),
    ):
        refused = database.odoo(*base, *arguments)
        assert refused.returncode == 1 and refused.stderr.strip(), refused
        assert "Traceback" not in refused.stderr, refused.stderr
        assert not target.exists() or not any(target.iterdir()), "keys are left that no register knows"
        tried += 1
    database.ahead = timedelta(hours=73)
    old = database.odoo(*base, "--from-keys", path, "--hours", "9999")
    assert old.returncode == 1 and "lives 72 hours" in old.stderr, old.stderr
    database.ahead = timedelta()
    figure("key_restore_refusals", tried + 1, "runs")

    # what was torn when the backup was taken, or in what is left of the store, harms nothing; revocations come along
    with (lost / "subjects.jsonl").open("ab") as file:
        file.write(b'{"v":1,"id":"torn')
    line = b'{"v":1,"id":"grant/one","day":"2026-01-01","at":"2026-01-01T00:00:00Z","reason":"revoked"}\n'
    with (lost / "revoked.jsonl").open("ab") as file:
        file.write(line)
    done = database.odoo(*base, "--from-keys", path, "--newest", lost)
    assert done.returncode == 0, done.stderr
    assert (target / "revoked.jsonl").read_bytes().endswith(line)
    for anchor in (lost / "anchors").iterdir():
        assert (target / "anchors" / anchor.name).read_bytes() == anchor.read_bytes()


def test_a_key_store_that_is_lost_for_good(odoo_db: Database, tmp_path: Path):
    """No backup of it is left: there is a way on, and whoever was erased stays so."""
    seal_persons(odoo_db)
    odoo_db.python(FORGET)
    odoo_db.allow_log(
        r"Nobody's personal data opens", r"The access log", r"pii_retention\.alarms: ", r"The purge of company"
    )
    there = odoo_db.odoo("pii_post_restore", "--keys-are-lost")
    assert there.returncode == 1 and "nothing is lost" in there.stderr, there.stderr
    lost = tmp_path / "lost"
    shutil.move(odoo_db.keys, lost)
    shutil.copytree(lost, odoo_db.keys)
    marker = odoo_db.keys / "keystore.json"
    marker.write_text(re.sub(r'"id": "[^"]+"', f'"id": "{uuid4()}"', marker.read_text()))
    other = odoo_db.odoo("pii_post_restore", "--keys-are-lost")
    assert other.returncode == 1 and "of another database" in other.stderr, (other.stdout, other.stderr)
    shutil.rmtree(odoo_db.keys)
    odoo_db.keys.mkdir(mode=0o700)
    refused = odoo_db.odoo("pii_post_restore")
    assert refused.returncode == 1 and "--keys-are-lost" in refused.stderr, (refused.stdout, refused.stderr)
    done = odoo_db.odoo("pii_post_restore", "--keys-are-lost")
    assert done.returncode == 0, (done.stdout, done.stderr)
    after = odoo_db.python(AFTER_LOSS)
    assert (after["again"], after["held"], after["new"]) == ("erased", "", "operational"), after
    odoo_db.ahead = timedelta(days=32)
    later = odoo_db.python(LATER)
    assert not later["left"], later
    figure("lost_store_people_left", later["left"], "people", 0)
