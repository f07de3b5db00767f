import os
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from unittest.mock import patch

from odoo.addons.pii_retention import keys
from odoo.addons.pii_retention.access_log import base, checking, daily, writer

from .common import VaultCase


class AccessLogCase(VaultCase):
    """An empty log of its own, written on the test's connection and rolled back with it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.subjects = cls.subject | cls.seal("402-1234567-0000002") | cls.seal("402-1234567-0000003")
        cls.env.flush_all()
        # what was committed by reveals of other classes makes way, within this transaction
        cls.cr.execute("ALTER TABLE pii_access_log DISABLE TRIGGER USER; ALTER TABLE pii_log_seal DISABLE TRIGGER USER")
        cls.cr.execute("DELETE FROM pii_access_log; DELETE FROM pii_log_seal; DELETE FROM pii_log_head")
        cls.cr.execute("ALTER TABLE pii_access_log ENABLE TRIGGER USER; ALTER TABLE pii_log_seal ENABLE TRIGGER USER")

    def setUp(self):
        super().setUp()
        self.startPatcher(patch.dict(writer._written, clear=True))
        # as at the commit that a test does not make
        self.cr.postcommit.clear()
        # what a test anchors beside the keys is not rolled back
        self.addCleanup(shutil.rmtree, os.path.join(os.environ[keys.ENVIRONMENT], "anchors"), ignore_errors=True)

    def append(self, count=1, at=None, subjects=None, outcome="opened", commit=True, **said):
        """Append ``count`` rows for one subject, or one row for each of ``subjects``, as if it were ``at``."""
        log = self.env["pii.access.log"]
        real = writer.ensure_head
        moments = (at + timedelta(seconds=number) for number in range(count)) if at else None
        for _number in range(count):
            now = next(moments) if moments else None

            def ensure_head(env, keyring, now=now):
                head = real(env, keyring)
                return replace(head, now=now) if now else head

            with patch.object(writer, "ensure_head", ensure_head):
                log._append(subjects or self.subject, "label", outcome, cr=self.cr, **said)
        if commit:
            self.cr.postcommit.run()

    def seal_days(self):
        made = daily.seal_days(base.own_env(self.cr), keys.keyring(self.env))
        self.cr.postcommit.run()
        return made

    def check(self, since=0):
        return checking.check(self.env, since=since, cr=self.cr)

    def findings(self, since=0):
        return [(found.kind, found.first, found.last) for found in self.check(since).findings]

    def rows(self, columns="id"):
        self.cr.execute(f"SELECT {columns} FROM pii_access_log ORDER BY id")
        return self.cr.fetchall()

    def day(self, days_ago, hour=12):
        today = datetime.combine(base.now(self.cr).date(), datetime.min.time())
        return today - timedelta(days=days_ago) + timedelta(hours=hour)

    def as_owner(self, statement, parameters=None, table="pii_access_log"):
        """Run a statement as the owner of the table can: with the triggers switched off around it."""
        off, on = {
            "pii_access_log": (
                "ALTER TABLE pii_access_log DISABLE TRIGGER USER",
                "ALTER TABLE pii_access_log ENABLE TRIGGER USER",
            ),
            "pii_log_seal": (
                "ALTER TABLE pii_log_seal DISABLE TRIGGER USER",
                "ALTER TABLE pii_log_seal ENABLE TRIGGER USER",
            ),
        }[table]
        self.cr.execute(off)
        self.cr.execute(statement, parameters)
        self.cr.execute(on)
