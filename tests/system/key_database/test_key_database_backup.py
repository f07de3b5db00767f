"""A key store in a database, backed up and brought back: what was destroyed since stays dead."""

from __future__ import annotations

import base64
import os
import subprocess
from datetime import timedelta
from pathlib import Path

from support.figures import figure
from support.odoo import Database

from ..test_backups import FORGET, Place, seal_persons
from .cluster import KeyCluster

LIVE = "SELECT key_id FROM pii_keys.key ORDER BY 1"
BURIED = "SELECT id FROM pii_keys.tombstone UNION ALL SELECT id FROM pii_keys.subject ORDER BY 1"


def _rows(cluster: KeyCluster, name: str, sql: str) -> list[str]:
    with cluster.cursor(name) as cursor:
        cursor.execute(sql)
        return [row[0] for row in cursor.fetchall()]


def test_a_lost_key_database(odoo_db: Database, keys_cluster: KeyCluster, tmp_path: Path):
    first = keys_cluster.make()
    master = tmp_path / "master.key"
    master.touch(mode=0o600)
    master.write_bytes(base64.b64encode(os.urandom(32)))

    def use(name: str) -> None:
        options = {"key_store": "", "key_store_dsn": keys_cluster.dsn(name), "master_key": f"file:{master}"}
        path = odoo_db.folder / "odoo.conf"
        odoo_db.config = odoo_db.place.config(path, odoo_db.name, odoo_db.keys, options, logfile=odoo_db.log)

    use(first)
    seal_persons(odoo_db)
    place = Place(odoo_db, tmp_path)
    done = place.backup()
    assert done.returncode == 0, done.stderr
    before = _rows(keys_cluster, first, LIVE)
    odoo_db.python(FORGET)
    alive, buried = _rows(keys_cluster, first, LIVE), _rows(keys_cluster, first, BURIED)
    dead = set(before) - set(alive)
    assert dead, "the test shows nothing: no key was destroyed since the backup"

    path = place.newest("keys")
    command = ("pii_restore", "--identity", place.identities["keys"], "--from-keys")
    short = tmp_path / "short" / path.name
    short.parent.mkdir()
    short.write_bytes(path.read_bytes()[:-100])
    second = keys_cluster.make()
    whole = odoo_db.odoo(*command, path, "--keys-to", keys_cluster.dsn(first))
    assert whole.returncode == 1 and "never replaced" in whole.stderr, whole.stderr
    half = odoo_db.odoo(*command, short, "--keys-to", keys_cluster.dsn(second))
    assert half.returncode == 1, half.stdout
    assert not _rows(keys_cluster, second, "SELECT 1 FROM pg_namespace WHERE nspname = 'pii_keys'")
    odoo_db.ahead = timedelta(hours=73)
    old = odoo_db.odoo(*command, path, "--keys-to", keys_cluster.dsn(second))
    assert old.returncode == 1 and "73 hours old" in old.stderr, old.stderr
    odoo_db.ahead = timedelta()

    done = odoo_db.odoo(*command, path, "--keys-to", keys_cluster.dsn(second), "--newest", keys_cluster.dsn(first))
    assert done.returncode == 0, done.stderr
    assert not dead & set(_rows(keys_cluster, second, LIVE)), "a destroyed key came back"
    assert _rows(keys_cluster, second, BURIED) == buried
    use(second)
    after = odoo_db.odoo("pii_post_restore")
    assert after.returncode == 0, after.stderr

    # with nothing newer at hand, the database says what it knows
    third = keys_cluster.make()
    done = odoo_db.odoo(*command, path, "--keys-to", keys_cluster.dsn(third))
    assert done.returncode == 0 and "--older-ledger" in done.stdout, done.stderr
    assert dead <= set(_rows(keys_cluster, third, LIVE))
    use(third)
    odoo_db.allow_log(r"older than what this database has seen", r"The access log")
    after = odoo_db.odoo("pii_post_restore", "--older-ledger")
    assert after.returncode == 0, after.stderr
    left = dead & set(_rows(keys_cluster, third, LIVE))
    assert not left
    figure("key_database_restores", 2, "restores")
    figure("key_database_dead_keys_back", len(left), "keys", 0)


def test_a_password_is_on_no_command_line(tmp_path: Path):
    """``pg_dump`` gets the DSN of the key database without its password, which every user of the machine could read."""
    from pii_retention.backups import key_database

    place, environment = key_database.command_line("postgresql://odoo:s3cret-Word@localhost:5432/keys?sslmode=disable")
    assert "s3cret-Word" not in place and "sslmode=disable" in place and "user=odoo" in place
    shown = subprocess.run(["/bin/sh", "-c", "echo $PGPASSWORD"], env=environment, capture_output=True, check=True)
    assert shown.stdout == b"s3cret-Word\n"
