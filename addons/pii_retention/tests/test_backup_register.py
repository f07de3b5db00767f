import tempfile
from datetime import timedelta
from pathlib import Path

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .common import VaultCase


@tagged("post_install", "-at_install")
class TestBackupRegister(VaultCase):
    """What lies where, until when, and who hears of it when it does not go."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="pii-backups-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.register = self.env["pii.backup"].sudo()
        self.now = fields.Datetime.now()

    def backup(self, kind="database", name="one.age", **values):
        (self.folder / name).write_bytes(b"x" * 100)
        return self.register.create(
            {
                "name": name,
                "kind": kind,
                "is_own": True,
                "host": self.register._host(),
                "path": str(self.folder),
                "size": 100,
                "made_on": self.now,
                **values,
            }
        )

    def told(self, backup):
        return backup.activity_ids.filtered(lambda activity: activity.user_id == self.officer).mapped("summary")

    def test_the_policy_says_how_long(self):
        for kind, life in (
            ("database", timedelta(days=90)),
            ("files", timedelta(days=90)),
            ("keys", timedelta(hours=72)),
        ):
            backup = self.backup(kind, f"{kind}.age")
            self.assertEqual(backup.expires_on, self.now + life)
            with self.assertRaisesRegex(UserError, "the policy says so"):
                backup.expires_on = self.now + life + timedelta(seconds=1)

    def test_one_second_before_and_after(self):
        backup = self.backup("keys")
        with freeze_time(self.now + timedelta(hours=72, seconds=-1)):
            self.register._cron_check()
            self.assertEqual((backup.state, self.told(backup)), ("present", []))
        with freeze_time(self.now + timedelta(hours=72)):
            self.register._cron_check()
            self.assertEqual((backup.state, self.told(backup)), ("overdue", ["Delete an expired backup"]))
            self.register._cron_check()
            self.assertEqual(len(self.told(backup)), 1, "told twice")
            with self.assertRaisesRegex(UserError, "still there"):
                backup.with_user(self.officer).action_deleted()
            (self.folder / backup.name).unlink()
            backup.with_user(self.officer).action_deleted()
            self.assertEqual((backup.state, self.told(backup)), ("deleted", []))

    def test_what_is_gone_on_its_day_is_noted_by_itself(self):
        backup = self.backup("keys")
        (self.folder / backup.name).unlink()
        self.register._cron_check()
        self.assertEqual((backup.state, self.told(backup)), ("missing", ["A backup is not where it was put"]))
        with freeze_time(self.now + timedelta(hours=73)):
            self.register._cron_check()
            self.assertEqual((backup.state, self.told(backup)), ("deleted", []))

    def test_a_changed_file_is_noticed(self):
        backup = self.backup()
        (self.folder / backup.name).write_bytes(b"y" * 99)
        self.register._cron_check()
        self.assertEqual((backup.state, self.told(backup)), ("changed", ["A backup was changed"]))

    def test_backups_of_others_expire_too(self):
        backup = (
            self.env["pii.backup"]
            .with_user(self.officer)
            .create({"name": "Snapshot of the provider", "kind": "other", "host": "cloud", "made_on": self.now})
        )
        with freeze_time(self.now + timedelta(days=90)):
            self.register._cron_check()
            self.assertEqual(backup.state, "overdue")
            backup.action_deleted()
            self.assertEqual(backup.state, "deleted")

    def test_a_restore_test_is_asked_for(self):
        self.register.search([]).unlink()
        days = self.company._pii_figure("restore_test_days")
        backup = self.backup(made_on=self.now)
        with freeze_time(self.now + timedelta(days=days, seconds=-1)):
            self.assertFalse(self.register._untested())
        with freeze_time(self.now + timedelta(days=days)):
            fresh = self.backup(name="two.age", made_on=self.now + timedelta(days=days))
            self.register._cron_check()
            self.assertEqual(self.told(fresh), ["Restore a backup for a test: bin/restore --test"])
            fresh.with_user(self.officer).action_tested()
            self.assertFalse(self.told(fresh))
            self.assertTrue(fresh.tested_on)
        self.assertTrue(backup)

    def test_who_may(self):
        backup = self.backup()
        auditor = new_test_user(self.env, "backup_auditor", groups="pii_retention.group_auditor")
        boss = new_test_user(self.env, "backup_boss", groups="base.group_system")
        self.assertEqual(backup.with_user(auditor).name, "one.age")
        for user in (auditor, boss, self.clerk):
            with self.assertRaises(AccessError):
                backup.with_user(user).action_deleted()
        with self.assertRaises(AccessError):
            backup.with_user(boss).read(["name"])
        with self.assertRaisesRegex(UserError, "not changed by hand"):
            backup.with_user(self.officer).made_on = self.now - timedelta(days=400)
