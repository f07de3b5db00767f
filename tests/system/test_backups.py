"""``bin/backup`` and ``bin/restore`` on a real database: apart, encrypted, registered, tested, deleted, restored."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pyrage
import pytest
from canary import Scanner, make_canaries

from house import REPO
from support.figures import figure
from support.odoo import Database

SEAL = """
subjects = env["pii.subject"]._seal_many([
    {"company_id": env.company.id, "origin": "shop", "reference": f"order-{number}",
     "country_id": env.ref("base.it").id, "start": env.company._pii_day(),
     "values": {"operational": {name: person[name] for name in ("name", "street", "city")}}}
    for number, person in enumerate(persons)
])
env["ir.attachment"].create({
    "name": "letter.txt", "raw": persons[0]["street"].encode(), "res_model": "res.partner",
    "res_id": subjects[0]._partner().id,
})
result = subjects.ids
"""
FORGET = """
from odoo.addons.pii_retention import purge
purge.erase_early(env, env["pii.subject"].search([("reference", "=", "order-0")]), "data_subject")
"""
SEAL_NEW = """
new = env["pii.subject"]._seal_many([
    {"company_id": env.company.id, "origin": "shop", "reference": "order-9", "country_id": False,
     "start": env.company._pii_day(), "values": {"operational": {"name": "New Person", "city": "Newtown"}}}
])
result = [new.state, new.held_classes]
"""
STATES = "SELECT reference || ' ' || state FROM pii_subject ORDER BY reference"
REGISTER = "SELECT kind, state, encrypted, tested_on IS NOT NULL, name FROM pii_backup ORDER BY id"


class Place:
    """A database, three folders and the pairs of keys whose secret parts are elsewhere."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folders = {name: folder / name for name in ("database", "files", "keys")}
        self.identities = {}
        for name in ("data", "keys"):
            pair = pyrage.x25519.Identity.generate()
            self.identities[name] = folder / f"{name}.identity"
            self.identities[name].touch(mode=0o600)
            self.identities[name].write_text(f"{pair}\n")
            setattr(self, name, str(pair.to_public()))
        for path in self.folders.values():
            path.mkdir(mode=0o700)

    def arguments(self, *more: object, **folders: Path) -> tuple[object, ...]:
        """Command and options of a backup of everything."""
        targets = self.folders | folders
        return (
            "pii_backup",
            *(part for name, path in targets.items() for part in (f"--{name}-to", path)),
            *("--recipient", self.data, "--keys-recipient", self.keys, *more),
        )

    def backup(self, *more: str, **folders: Path) -> subprocess.CompletedProcess[str]:
        return self.database.odoo(*self.arguments(*more, **folders))

    def newest(self, kind: str) -> Path:
        return max(self.folders[kind].iterdir())


def seal_persons(database: Database) -> None:
    """Three planted people and a file."""
    persons = [{field: canary.value for field, canary in person.items()} for person in make_canaries(seed=5, n=3)]
    database.python(SEAL, persons=persons)


@pytest.fixture
def place(odoo_db: Database, tmp_path: Path) -> Place:
    seal_persons(odoo_db)
    return Place(odoo_db, tmp_path)


def test_a_backup_and_what_comes_of_it(place: Place, tmp_path: Path):
    database = place.database
    database.allow_log(r"is a copy", r"The access log's head stood", r"Nobody's personal data opens")
    wrong = [
        place.backup(keys=place.folders["database"]),
        place.backup(files=database.data_dir / "backups"),
        place.backup(keys=database.keys),
        place.backup("--keys-recipient", place.data),
        place.backup("--recipient", "age1nonsense"),
    ]
    for refused in wrong:
        assert refused.returncode == 1 and refused.stderr.strip(), refused
    assert not any(any(path.iterdir()) for path in place.folders.values())
    figure("backup_refusals", len(wrong), "runs")

    done = place.backup()
    assert done.returncode == 0, done.stderr
    rows = [row.split("|") for row in database.psql(REGISTER)]
    assert [row[:4] for row in rows] == [[kind, "present", "t", "f"] for kind in ("database", "files", "keys")], rows
    # nothing that lies there says anything, and no key opens another part
    keys = {path.read_bytes() for path in (database.keys / "keys").iterdir()}
    assert keys
    scanner = Scanner([canary for person in make_canaries(seed=5, n=3) for canary in person.values()])
    for path in place.folders.values():
        scanner.scan_tree(path, path.name)
        for file in path.iterdir():
            assert not any(key in file.read_bytes() for key in keys)
            assert b"age-encryption.org/v1" in file.read_bytes()[:40] and file.stat().st_mode & 0o077 == 0
    assert not scanner.report.findings
    refused = database.odoo("pii_restore", "--test", "--identity", place.identities["keys"])
    assert refused.returncode == 1 and "does not open" in refused.stderr, refused.stderr

    tested = database.odoo("pii_restore", "--test", "--identity", place.identities["data"])
    assert tested.returncode == 0 and "Restored and loaded" in tested.stdout, tested.stderr
    assert [row.split("|")[3] for row in database.psql(REGISTER)] == ["t", "t", "f"]
    assert not database.place.names(f"{database.name}_restored"), "the restored copy was not removed"

    # somebody is erased after the backup; a restored database knows it before anybody logs in
    database.python(FORGET)
    new = database._beside("again", None)
    new.allow_log(r"is a copy", r"The access log's head stood", r"Nobody's personal data opens")
    restored = new.odoo(
        "pii_restore", "--identity", place.identities["data"], "--moved",
        "--from-database", place.newest("database"), "--from-files", place.newest("files"),
    )  # fmt: skip
    assert restored.returncode == 0, restored.stderr
    assert "People erased again: 1" in restored.stdout, restored.stdout
    assert new.psql(STATES) == ["order-0 erased", "order-1 live", "order-2 live"]
    twice = new.odoo("pii_restore", "--identity", place.identities["data"], "--from-database", place.newest("database"))
    assert twice.returncode == 1 and new.psql(STATES)[0] == "order-0 erased", "a database was overwritten"
    new.drop()
    assert database.odoo("pii_post_restore", "--moved").returncode == 0

    # three days on the keys have to be gone, and the next run takes them away; without one, the daily work does
    database.ahead = timedelta(hours=73)
    first = place.newest("keys")
    done = place.backup()
    assert done.returncode == 0, done.stderr
    states = [row.split("|")[:2] for row in database.psql(REGISTER)]
    assert states.count(["keys", "deleted"]) == 1 and states.count(["database", "present"]) == 2, states
    assert not first.exists() and len(list(place.folders["keys"].iterdir())) == 1
    database.ahead = timedelta(hours=73 + 73)
    database.python("env['pii.backup']._cron_check()")
    assert not list(place.folders["keys"].iterdir())
    database.ahead = timedelta(days=90 + 4)
    database.python("env['pii.backup']._cron_check()")
    assert not [path for folder in place.folders.values() for path in folder.iterdir()]
    assert {row.split("|")[1] for row in database.psql(REGISTER)} == {"deleted"}
    figure("expired_backups_left", sum(len(list(folder.iterdir())) for folder in place.folders.values()), "files", 0)


def test_a_lost_key_store(place: Place, tmp_path: Path):
    database = place.database
    assert place.backup().returncode == 0
    database.python(FORGET)  # destroys a key and writes registers that the backup lacks
    lost = tmp_path / "lost"
    shutil.copytree(database.keys, lost)
    target = tmp_path / "store"
    command = ("pii_restore", "--identity", place.identities["keys"], "--from-keys", place.newest("keys"))

    database.ahead = timedelta(hours=73)
    old = database.odoo(*command, "--keys-to", target)
    assert old.returncode == 1 and "73 hours old" in old.stderr, old.stderr
    database.ahead = timedelta()
    whole = database.odoo(*command, "--keys-to", database.keys)
    assert whole.returncode == 1 and "not empty" in whole.stderr

    done = database.odoo(*command, "--keys-to", target, "--newest", lost)
    assert done.returncode == 0, done.stderr
    alive = {path.name for path in (lost / "keys").iterdir()}
    assert {path.name for path in (target / "keys").iterdir()} <= alive, "a destroyed key came back"
    assert (target / "subjects.jsonl").read_text().count("\n") == (lost / "subjects.jsonl").read_text().count("\n")

    # with nothing newer at hand, the database says what it knows
    bare = tmp_path / "bare"
    assert database.odoo(*command, "--keys-to", bare).returncode == 0
    came_back = {path.name for path in (bare / "keys").iterdir()} - alive
    assert came_back, "the test shows nothing: no key was destroyed since the backup"
    database.keys = bare
    database.config = database.write_config(database.folder / "odoo.conf")
    database.allow_log(r"older than what this database has seen", r"The access log")
    refused = database.odoo("pii_post_restore")
    assert refused.returncode == 1 and "--older-ledger" in refused.stderr, (refused.stdout, refused.stderr)
    done = database.odoo("pii_post_restore", "--older-ledger")
    assert done.returncode == 0, done.stderr
    assert not came_back & {path.name for path in (bare / "keys").iterdir()}, "a destroyed key is still there"
    # the day's next key, which the backup lacks, is not taken for a day that has come: whoever orders now is sealed
    assert database.python(SEAL_NEW) == ["live", "operational"]
    database.keys = target


def test_the_commands_of_the_readme_find_their_odoo(place: Place):
    """``bin/backup`` runs with the Odoo that it is told of, and takes the addons path from the configuration."""
    database = place.database
    env = database.env | {"ODOO_PYTHON": str(database.place.python)}
    line = [sys.executable, REPO / "bin" / "backup", "-c", database.config, "-d", database.name]
    line += ["--database-to", place.folders["database"], "--recipient", place.data]
    done = subprocess.run(list(map(os.fspath, line)), env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert place.newest("database").name.endswith(".database.age")


def test_invented_people(place: Place, tmp_path: Path):
    """A neutralized copy is filled with people who never were, and works."""
    copy = place.database.clone("invented", tmp_path / "staging-keys")
    options = {"environment": "staging"}
    copy.config = copy.place.config(copy.folder / "odoo.conf", copy.name, copy.keys, options, logfile=copy.log)
    copy.allow_log(r"Nobody's personal data opens")  # until it is neutralized
    try:
        refused = copy.odoo("pii_pseudonymise")
        assert refused.returncode == 1 and "not neutralized" in refused.stderr, refused.stderr
        assert copy.odoo("neutralize").returncode == 0
        done = copy.odoo("pii_pseudonymise", "--seed", "7")
        assert done.returncode == 0 and "3 people were invented" in done.stdout, done.stderr
        found = copy.python(
            """
            from odoo.addons.pii_retention import keys
            keyring = keys.keyring(env)
            result = []
            for subject in env["pii.subject"].search([], order="reference"):
                domain = subject.company_id.pii_domain
                token = subject.operational_token
                result.append([subject.state, keyring.open_record(domain, subject.uuid, "operational", token)])
            """
        )
        assert [state for state, _values in found] == ["live"] * 3
        assert all(values["name"] and values["street"] and values["email"] for _state, values in found)
        canaries = [canary for person in make_canaries(seed=5, n=3) for canary in person.values()]
        real = {canary.value for canary in canaries}
        assert not real & {value for _state, values in found for value in values.values()}
        scanner = Scanner(canaries)
        scanner.scan_file(copy.dump(tmp_path / "copy.sql"), "dump")
        scanner.scan_tree(copy.data_dir, "data", exclude=copy.stock_files())
        assert not scanner.report.findings
        figure("invented_people", len(found), "people")
        figure("invented_canary_hits", len(scanner.report.findings), "places", 0)
    finally:
        copy.drop()
