"""The purge with its keys in a database of their own: killed again and again, it leaves what it leaves undisturbed."""

from __future__ import annotations

import base64
import os

import pytest

from support.figures import figure

from .. import test_purge_kill as killing
from .cluster import KeyCluster

SUBJECTS = 800
NEIGHBOURS = 60
KILLS = 15


def test_kills_with_the_keys_in_a_database(
    odoo_db, keys_cluster: KeyCluster, database: str, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PII_KEY_STORE_DSN", dsn)
    monkeypatch.setenv("PII_MASTER_KEY", "env:PURGE_MASTER_KEY")
    monkeypatch.setenv("PURGE_MASTER_KEY", base64.b64encode(os.urandom(32)).decode())
    companies = odoo_db.python(killing.SETTING, subjects=SUBJECTS, neighbours_count=NEIGHBOURS)
    with keys_cluster.cursor(database) as cursor:
        cursor.execute("SELECT count(*) FROM pii_keys.key")
        assert cursor.fetchone()[0] > 2, "the keys are somewhere else"
    assert not any(odoo_db.keys.iterdir())
    killed, undisturbed = companies["killed"], companies["undisturbed"]
    odoo_db.allow_log(r"could not obtain lock", r"terminating connection", r"connection .* closed")
    told = killing.killed_often(odoo_db, company_id=killed, wanted=KILLS, subjects=SUBJECTS, neighbours=NEIGHBOURS)
    figure("key_database_purge_kills", told["kills"], "kills", KILLS)
    figure("key_database_purge_half_erased", told["halves"], "subjects", 0)
    assert told["kills"] == KILLS and told["halves"] == 0, told
    for company in (killed, undisturbed):
        (run,) = odoo_db.python(killing.FINISH, company_id=company)
        assert run["state"] == "done", run
    found, expected = (odoo_db.python(killing.CHECK, company_id=company) for company in (killed, undisturbed))
    assert expected["erased"] == [SUBJECTS] and expected["sealed left"] == [0]
    assert expected["tombstones"] == SUBJECTS + 1 and expected["readable"] == NEIGHBOURS - 1
    assert [one[3] for one in expected["certificates"]] == ["passed", "passed"]
    assert [one[8] for one in expected["certificates"]] == [[], []]
    assert found == expected
