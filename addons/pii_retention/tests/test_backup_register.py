import fcntl
import tempfile
from datetime import timedelta
from pathlib import Path

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.pii_retention.backups import names, upkeep

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
            with self.acting(self.officer), self.assertRaisesRegex(UserError, "still there"):
                backup.with_user(self.officer).action_deleted()
            (self.folder / backup.name).unlink()
            with self.acting(self.officer):
                backup.with_user(self.officer).action_deleted()
            self.assertEqual((backup.state, self.told(backup)), ("deleted", []))
            self.assertEqual(backup.deleted_by_id, self.officer)

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
            with self.acting(self.officer):
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
            with self.acting(self.officer):
                fresh.with_user(self.officer).action_tested()
            self.assertFalse(self.told(fresh))
            self.assertTrue(fresh.tested_on)
        self.assertTrue(backup)

    def test_who_may(self):
        backup = self.backup()
        auditor = new_test_user(self.env, "backup_auditor", groups="pii_retention.group_auditor")
        boss = new_test_user(self.env, "backup_boss", groups="base.group_system")
        self.assertEqual(backup.with_user(auditor).name, "one.age")
        tried = 0
        for person, user in ((auditor, auditor), (boss, boss), (None, self.officer), (self.clerk, self.officer)):
            for work in ("action_deleted", "action_tested"):
                with self.acting(person), self.assertRaises(AccessError):
                    getattr(backup.with_user(user), work)()
                tried += 1
        code = self.env["ir.actions.server"].create(
            {
                "name": "typed",
                "model_id": self.env["ir.model"]._get("pii.backup").id,
                "state": "code",
                "code": f"env['pii.backup'].browse({backup.id}).action_tested()",
            }
        )
        with self.acting(self.officer), self.assertRaises(AccessError):
            code.with_user(self.officer).sudo(False).run()
        print("FIGURE backup_words_refused", tried + 1, "attempts")
        with self.assertRaises(AccessError):
            backup.with_user(boss).read(["name"])
        # over RPC no view keeps a field from being written
        values = {
            "made_on": self.now - timedelta(days=400),
            "host": "elsewhere",
            "state": "deleted",
            "tested_on": self.now,
            "is_own": False,
            "sha256": "0" * 64,
        }
        other = self.env["pii.backup"].with_user(self.officer).create({"name": "snapshot", "made_on": self.now})
        for name, value in values.items():
            with self.assertRaisesRegex(UserError, "not changed by hand"):
                backup.with_user(self.officer)[name] = value
            if name not in ("made_on", "host"):
                with self.assertRaisesRegex(UserError, "not changed by hand"):
                    other[name] = value
                with self.assertRaisesRegex(UserError, "not changed by hand"):
                    other.create({"name": "forged", name: value})
        with self.assertRaisesRegex(UserError, "in the future"):
            other.made_on = self.now + timedelta(days=30)
        other.host = "cloud"

    # === FILES === #

    def named(self, taken, kind="database", label=None, content=b"x" * 100):
        """A file as bin/backup leaves it."""
        name = names.Name(label or self.env.cr.dbname, taken.replace(microsecond=0), kind)
        (self.folder / str(name)).write_bytes(content)
        return str(name)

    def test_own_backups_go_on_their_day_without_another_run(self):
        later = timedelta(seconds=1)
        for kind, life in (("database", timedelta(days=90)), ("keys", timedelta(hours=72))):
            name = self.named(self.now, kind)
            backup = self.backup(kind, name)
            with freeze_time(self.now.replace(microsecond=0) + life - later):
                self.register._cron_check()
                self.assertTrue((self.folder / name).exists())
            with freeze_time(self.now.replace(microsecond=0) + life + later):
                self.register._cron_check()
                self.assertFalse((self.folder / name).exists())
                self.assertEqual(backup.state, "deleted")
                self.assertNotIn("Delete an expired backup", self.told(backup))

    def test_a_row_makes_no_other_file_disappear(self):
        """Whoever writes to the database says in a row where a backup lies; that row deletes nothing but backups."""
        key = self.folder / "day~one.key"
        key.write_bytes(b"k" * 100)
        fresh = self.named(self.now)
        old = self.now - timedelta(days=400)
        inner = self.folder / "inner"
        inner.mkdir()
        rows = self.register
        for name, folder in ((key.name, self.folder), ("../" + key.name, inner), (fresh, self.folder)):
            rows |= self.register.create(
                {
                    "name": name,
                    "kind": "database",
                    "is_own": True,
                    "host": self.register._host(),
                    "path": str(folder),
                    "made_on": old,
                }
            )
        self.assertTrue(all(row.expires_on < self.now for row in rows))
        self.assertEqual(upkeep.delete_expired(self.register), [])
        self.register._cron_check()
        self.assertTrue(key.exists() and (self.folder / fresh).exists())
        print("FIGURE backup_rows_that_delete_nothing", len(rows), "rows")

    def test_what_the_register_does_not_know_is_found(self):
        """A killed run, or a database that was restored, left backups that nobody would ever delete."""
        label = self.env.cr.dbname
        known = self.backup("database", self.named(self.now - timedelta(days=1)))
        lost = self.named(self.now - timedelta(days=80))
        renamed = self.backup("files", self.named(self.now, "files", "before"))
        of_old_name = self.named(self.now - timedelta(days=2), "files", "before")
        others = self.named(self.now - timedelta(days=80), label="another")
        keys_of = self.named(self.now - timedelta(hours=2), "keys", "0a1b2c3d")
        (self.folder / "notes.txt").write_text("mine")
        self.assertEqual(upkeep.adopt(self.register, [self.folder], {label, "0a1b2c3d"}), 3)
        self.assertEqual(upkeep.adopt(self.register, [self.folder], {label, "0a1b2c3d"}), 0)
        found = self.register.search([("path", "=", str(self.folder))]) - known - renamed
        self.assertEqual(set(found.mapped("name")), {lost, of_old_name, keys_of})
        row = found.filtered(lambda backup: backup.name == lost)
        self.assertEqual((row.kind, row.size, row.is_own), ("database", 100, True))
        with freeze_time(self.now + timedelta(days=11)):
            self.register._cron_check()
        self.assertFalse((self.folder / lost).exists())
        self.assertTrue((self.folder / others).exists())

    def test_what_a_killed_run_left_half_goes(self):
        label = self.env.cr.dbname
        half = self.folder / names.half_of(self.named(self.now))
        mine = self.folder / names.half_of(self.named(self.now, label="another"))
        other = self.folder / ".notes.half"
        for path in (half, mine, other):
            path.write_bytes(b"half")
        with half.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # somebody is writing it
            upkeep.adopt(self.register, [self.folder], {label})
            self.assertTrue(half.exists())
        upkeep.adopt(self.register, [self.folder], {label})
        self.assertEqual([half.exists(), mine.exists(), other.exists()], [False, True, True])

    def test_a_tightened_policy_counts_for_what_is_there(self):
        backup = self.backup(made_on=self.now - timedelta(days=20))
        self.company._pii_policy().sudo().backup_days = 10
        self.register._cron_check()
        self.assertEqual((backup.state, backup.expires_on), ("overdue", backup.made_on + timedelta(days=10)))
        self.assertEqual(self.told(backup), ["Delete an expired backup"])

    def test_a_failed_restore_test_is_told(self):
        backup = self.backup()
        backup._record_failure("The backup does not open.")
        self.assertEqual(self.told(backup), ["A backup could not be restored for a test"])
        self.assertFalse(backup.tested_on)
        self.register._cron_check()
        self.assertEqual(len(self.told(backup)), 1)
        backup._record_test("Restored and loaded.")
        self.assertEqual((self.told(backup), backup.failed_on), ([], False))

    def test_no_backup_at_all_is_told(self):
        self.register.search([]).unlink()
        self.assertFalse(self.register._last_of_none(), "nobody has begun")
        backup = self.backup()
        (self.folder / backup.name).unlink()
        with freeze_time(self.now + timedelta(days=91)):
            self.register._cron_check()
            self.assertEqual(backup.state, "deleted")
            self.register._cron_check()
            self.assertEqual(self.told(backup), ["No backup of the database is kept: take one"])
            self.backup(name="new.age", made_on=self.now + timedelta(days=91))
            self.register._cron_check()
            self.assertFalse(self.told(backup))
