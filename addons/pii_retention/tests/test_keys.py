"""The configuration of the keys, what production refuses, and what happens to customers' data when keys fail."""

import errno
import os
import secrets
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import patch

import psycopg2

from odoo.exceptions import UserError
from odoo.sql_db import connection_info_for
from odoo.tests import tagged
from odoo.tools import config, mute_logger

from odoo.addons.pii_retention import binding, grants, key_settings, keys

from .common import OPERATIONAL, VaultCase


class KeysCase(VaultCase):
    """Each test has a folder, and says what the environment says about keys."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="pii-keys-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.store = Path(os.environ[keys.ENVIRONMENT])
        self.parameters = self.env["ir.config_parameter"].sudo()
        # a loosened figure counts with the store that it was agreed with only, and these tests change the store
        factor = patch.object(type(self.env["res.users"]), "_mfa_type", lambda _self: "totp")
        factor.start()
        self.addCleanup(factor.stop)

    @contextmanager
    def configured(self, **options):
        """Set ``PII_<OPTION>`` for the block; a value of None unsets it."""
        names = {f"PII_{name.upper()}": value for name, value in options.items()}
        with patch.dict(os.environ, {name: str(value) for name, value in names.items() if value is not None}):
            for name, value in names.items():
                if value is None:
                    os.environ.pop(name, None)
            yield

    def master(self, name="TEST_MASTER_KEY"):
        """Put a new master key into the environment for this test and return how it is named."""
        patcher = patch.dict(os.environ, {name: secrets.token_hex(32)})
        patcher.start()
        self.addCleanup(patcher.stop)
        return f"env:{name}"

    def forget_store(self):
        """As a database that never used a key store."""
        self.parameters.set_param(keys.STORE_ID, False)
        self.parameters.set_param(binding.REMEMBERED, False)

    def seal_grants(self):
        """Seal the clerk's grants with the store that is configured now: they count with the store they belong to."""
        for grant in self.env["pii.grant"].search([("user_id", "=", self.clerk.id), ("state", "=", "approved")]):
            grants.seal(grant, grant._terms())

    @staticmethod
    def quiet():
        """The access log says that it could not reach its anchors, which is so."""
        return mute_logger("odoo.addons.pii_retention.access_log.writer")

    def open(self, subject):
        """Open the subject's data as the clerk and return the name."""
        partner = subject._partner()
        with subject.with_user(self.clerk).reveal("label") as env:
            return env["res.partner"].browse(partner.id).name

    def codes(self, severity=None):
        return {finding.code for finding in keys.self_check(self.env) if severity in (None, finding.severity)}


@tagged("post_install", "-at_install")
class TestKeyConfiguration(KeysCase):
    def test_production_refuses_keys_without_a_master_key(self):
        with self.configured(environment="production"):
            with self.assertRaisesRegex(UserError, "master_key = file:/path"):
                keys.keyring(self.env)
            self.assertIn("no_master_key", self.codes("error"))
            with self.assertRaisesRegex(UserError, "Configure a master key"), self.env.cr.savepoint():
                self.seal("production-1")
            self.assertFalse(self.env["pii.subject"].search([("reference", "=", "production-1")]))
        self.assertIn("no_master_key", self.codes("info"))

    def test_production_is_what_an_instance_is_unless_it_says_otherwise(self):
        with patch.dict(config.options, {"test_enable": False}), self.configured(environment=None):
            with patch.object(key_settings, "_section", return_value={}):
                self.assertTrue(key_settings.settings().production)
            with patch.object(key_settings, "_section", return_value={"environment": "demo"}):
                self.assertFalse(key_settings.settings().production)

    def test_production_works_with_a_master_key_and_wraps_what_it_makes(self):
        self.forget_store()
        with self.configured(
            environment="production", key_store=self.folder / "store", master_key=self.master(), backup_paths="/nowhere"
        ):
            subject = self.seal("production-2")
            self.assertTrue(subject.operational_token)
            label, entries = keys.inventory(self.env)
            self.assertTrue(label.startswith("aes256gcm:"))
            self.assertEqual({entry.label for entry in entries}, {label})
            self.assertEqual(self.codes(), {"master_key_in_environment"})

    def test_places_that_are_refused(self):
        cluster = self.folder / "pgdata"
        (cluster / "base").mkdir(parents=True)
        (cluster / "PG_VERSION").write_text("15\n")
        backups = self.folder / "backups"
        backups.mkdir()
        self.forget_store()
        tried = 0
        for store, options in (
            (Path(config["data_dir"]) / "keys", {}),
            (Path(config["data_dir"]) / "filestore" / self.env.cr.dbname / "keys", {}),
            (backups / "keys", {"backup_paths": f"/elsewhere, {backups}"}),
            (cluster / "base" / "keys", {}),
        ):
            for environment in ("test", "production"):
                with (
                    self.configured(key_store=store, environment=environment, master_key=self.master(), **options),
                    self.assertRaisesRegex(UserError, "must not share a tree"),
                ):
                    keys.keyring(self.env)
                self.assertFalse(store.exists())
                tried += 1
        master = backups / "master.key"
        master.write_text(secrets.token_hex(32))
        master.chmod(0o600)
        for spec, options in (
            (f"file:{master}", {"backup_paths": backups}),
            (f"file:{self.folder / 'store' / 'master.key'}", {}),
        ):
            with (
                self.configured(key_store=self.folder / "store", master_key=spec, **options),
                self.assertRaisesRegex(UserError, "master key's file must not share a tree"),
            ):
                keys.keyring(self.env)
            tried += 1
        print("FIGURE key_places_refused", tried, "places")

    def test_a_master_key_above_the_store_is_pointed_out(self):
        self.forget_store()
        master = self.folder / "master.key"
        master.write_text(secrets.token_hex(32))
        master.chmod(0o600)
        with self.configured(key_store=self.folder / "store", master_key=f"file:{master}"):
            self.assertIn("master_key_beside_store", self.codes("warning"))

    def test_options_that_cannot_be_meant(self):
        for options in (
            {"environment": "prod"},
            {"key_cache_seconds": "soon"},
            {"key_cache_seconds": "-1"},
            {"backup_paths": "relative"},
            {"key_store_shares_cluster": "perhaps"},
            {"key_store_dsn": "dbname=keys"},
            {"master_key": "Zx9-a-pasted-secret"},
            {"master_key": "file:relative"},
            {"master_key": "env:NOT_SET_ANYWHERE"},
        ):
            with self.configured(**options), self.assertRaises(UserError) as caught:
                keys.keyring(self.env)
            self.assertNotIn("Zx9", str(caught.exception))
            with self.configured(**options):
                self.assertTrue(self.codes("error"))

    def test_the_section_of_the_configuration_file(self):
        path = self.folder / "odoo.conf"
        path.write_text(
            f"[options]\nworkers = 0\n[pii_retention]\nkey_store = {self.folder / 'store'}\nmaster_key = env:X\n"
            "master_key_previous = none env:Y\nbackup_paths = /a,\n  /b\nkey_cache_seconds = 5\nmasterkey = x\n"
        )
        with patch.dict(config.options, {"config": str(path)}), self.configured(key_store=None, environment="test"):
            found = key_settings.settings()
            self.assertEqual(found.path, str(self.folder / "store"))
            self.assertEqual((found.master_key, found.previous), ("env:X", ("none", "env:Y")))
            self.assertEqual((found.backup_paths, found.cache_seconds), (("/a", "/b"), 5.0))
            self.assertEqual(found.unknown, ("masterkey",))
            with self.configured(master_key="env:Z"):
                self.assertEqual(key_settings.settings().master_key, "env:Z")
            path.write_text(path.read_text().replace("env:X", "env:Changed"))
            self.assertEqual(key_settings.settings().master_key, "env:Changed")

    def test_another_store_is_refused(self):
        with self.configured(key_store=self.folder / "other"):
            with self.assertRaisesRegex(UserError, "holds no key store"):
                keys.keyring(self.env)  # not made by itself: this database knows a store already
            self.assertFalse((self.folder / "other").exists())
            self.forget_store()
            keys.keyring(self.env)
            self.parameters.set_param(keys.STORE_ID, "00000000-0000-4000-8000-000000000000")
            with self.assertRaisesRegex(UserError, "not the one that this database was sealed with"):
                keys.keyring(self.env)
            self.assertIn("store", self.codes("error"))

    def test_loose_permissions_are_refused_and_reported(self):
        self.assertNotIn("error", {finding.severity for finding in keys.self_check(self.env)})
        self.store.chmod(0o755)
        try:
            self.assertIn("store", self.codes("error"))
            self.assertTrue(any("0700" in finding.text for finding in keys.self_check(self.env)))
        finally:
            self.store.chmod(0o700)

    def test_changing_the_master_key_step_by_step(self):
        old, new = self.master("OLD_MASTER"), self.master("NEW_MASTER")
        self.forget_store()
        place = {"key_store": self.folder / "store"}
        with self.configured(**place):
            subject = self.seal("change-1")
            self.seal_grants()
        with self.configured(**place, master_key=old):
            self.assertIn("old_wrapping", self.codes("warning"))
            self.assertTrue(keys.rewrap(self.env).finished)
            self.assertNotIn("old_wrapping", self.codes())
        with self.configured(**place, master_key=new):
            self.assertRaisesRegex(UserError, "wrapped with the master key", self.open, subject)
            self.assertIn("store", self.codes("error"))
            self.assertFalse(keys.rewrap(self.env).finished)
        with self.configured(**place, master_key=new, master_key_previous=old):
            self.assertEqual(self.open(subject), OPERATIONAL["name"])
            self.assertTrue(keys.rewrap(self.env).finished)
            self.assertIn("previous_master_key", self.codes("warning"))
        with self.configured(**place, master_key=new):
            self.assertEqual(self.open(subject), OPERATIONAL["name"])
            self.assertEqual(self.codes("warning"), set())

    def test_the_log_of_operations_says_who(self):
        self.forget_store()
        with self.configured(key_store=self.folder / "store"):
            self.seal("who-1")
            line = keys.operations(self.env, 1)[0]
        self.assertEqual((line.operation, line.outcome), ("create", "done"))
        self.assertRegex(line.actor, rf"/web/{self.clerk.id}$")


@tagged("post_install", "-at_install")
class TestKeysFail(KeysCase):
    """A clear refusal, and nothing half-written."""

    def setUp(self):
        super().setUp()
        self.forget_store()
        patcher = patch.dict(os.environ, {keys.ENVIRONMENT: str(self.folder / "store")})
        patcher.start()
        self.addCleanup(patcher.stop)
        self.held = self.seal("fails-0")
        self.seal_grants()

    def assertNothingSealed(self, text, reference="fails-1"):
        before = self.env["pii.subject"].search_count([])
        with self.assertRaisesRegex(UserError, text) as caught, self.env.cr.savepoint():
            self.seal(reference)
        self.assertNoCanary(caught.exception, "the error")
        self.assertEqual(self.env["pii.subject"].search_count([]), before)
        self.assertFalse(self.env["pii.subject"].search([("reference", "=", reference)]))

    def key_files(self):
        return sorted((self.folder / "store" / "keys").iterdir())

    def test_a_store_that_disappears_and_comes_back(self):
        self.assertEqual(self.open(self.held), OPERATIONAL["name"])
        os.rename(self.folder / "store", self.folder / "unmounted")
        self.assertNothingSealed("mount its volume|is gone")
        with self.assertRaisesRegex(UserError, "mount its volume|is gone"):
            self.open(self.held)
        self.assertFalse((self.folder / "store").exists())
        os.rename(self.folder / "unmounted", self.folder / "store")
        self.assertEqual(self.open(self.held), OPERATIONAL["name"])
        self.seal("fails-2")

    def test_a_full_disk(self):
        def write(fd, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        other = self.env["res.company"].create({"name": "Another One"})
        before = self.key_files()
        with patch("odoo.addons.pii_retention.crypto.posix.os.write", write):
            with self.assertRaisesRegex(UserError, "no space left"), self.env.cr.savepoint():
                self.seal("fails-1", company_id=other.id)
        self.assertFalse(self.env["pii.subject"].search([("reference", "=", "fails-1")]))
        self.assertEqual(self.key_files(), before)
        self.assertTrue(self.seal("fails-1", company_id=other.id).operational_token)

    def test_a_key_file_cut_short(self):
        (path,) = [path for path in self.key_files() if path.name.startswith("day~")]
        whole = path.read_bytes()
        keys.keyring(self.env).forget()
        for size in (0, 1, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:size])
            key_id = path.name.removesuffix(".key").replace("~", "/")
            with self.assertRaisesRegex(UserError, f"{key_id}.*(truncated|damaged)"):
                self.open(self.held)
            self.assertNothingSealed(f"{key_id}.*(truncated|damaged)")
        path.write_bytes(whole)
        self.assertEqual(self.open(self.held), OPERATIONAL["name"])

    def test_the_wrong_key(self):
        """A store restored from another installation: right id, other key."""
        (path,) = [path for path in self.key_files() if path.name.startswith("day~")]
        key_id = path.name.removesuffix(".key").replace("~", "/")
        whole = path.read_bytes()
        path.unlink()
        keys.keyring(self.env).forget()
        with self.assertRaisesRegex(UserError, f"{key_id}.*is not in the key store"):
            self.open(self.held)
        keys.keyring(self.env).create(key_id)
        with self.assertRaisesRegex(UserError, f"{key_id}.*is not the key that sealed"):
            self.open(self.held)
        path.write_bytes(whole)
        keys.keyring(self.env).forget()
        self.assertEqual(self.open(self.held), OPERATIONAL["name"])


@tagged("post_install", "-at_install")
class TestKeyDatabase(KeysCase):
    """Keys in a second database, as several nodes share it."""

    def setUp(self):
        super().setUp()
        self.forget_store()
        self.database = f"{self.env.cr.dbname}_keys{os.getpid()}"[:63]
        self.admin('CREATE DATABASE "{}"')
        # not WITH (FORCE), which refuses while an automatic vacuum is in the database
        self.addCleanup(self.admin, 'DROP DATABASE "{}"')
        self.addCleanup(
            self.admin,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND usename = current_user",
        )
        self.master_key = self.master()

    def admin(self, statement):
        with closing(psycopg2.connect(self.dsn("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement.format(self.database))

    @staticmethod
    def dsn(database):
        _name, info = connection_info_for(database)
        info = {name: value for name, value in info.items() if name in ("host", "port", "user", "password") and value}
        return psycopg2.extensions.make_dsn(dbname=database, **info)

    def options(self, **more):
        return {"key_store": None, "key_store_dsn": self.dsn(self.database), "master_key": self.master_key} | more

    def test_sealing_and_opening(self):
        with self.configured(**self.options()):
            subject = self.seal("database-1")
            self.seal_grants()
            self.assertEqual(self.open(subject), OPERATIONAL["name"])
            self.assertEqual(self.codes("error"), set())
            self.assertRegex(keys.operations(self.env, 5)[0].actor, rf"/web/{self.clerk.id}$")
            with closing(psycopg2.connect(self.dsn(self.database))) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pii_keys.key")
                self.assertGreaterEqual(cursor.fetchone()[0], 1)
        with (
            self.configured(**self.options(master_key="none")),
            self.assertRaisesRegex(UserError, "have to be wrapped"),
        ):
            keys.keyring(self.env)

    def test_odoos_own_database_is_refused(self):
        with self.configured(**self.options(key_store_dsn=self.dsn(self.env.cr.dbname))):
            with self.assertRaisesRegex(UserError, "Odoo's own database"):
                keys.keyring(self.env)
            self.env.cr.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'pii_keys'")
            self.assertFalse(self.env.cr.fetchone())

    def test_the_same_cluster_is_refused_in_production(self):
        with self.configured(**self.options(environment="production")):
            with self.assertRaisesRegex(UserError, "key_store_shares_cluster = True"):
                keys.keyring(self.env)
        self.parameters.set_param(binding.REMEMBERED, False)
        with self.configured(**self.options(environment="production", key_store_shares_cluster="True")):
            keys.keyring(self.env)
            self.assertIn("shared_cluster", self.codes("warning"))

    def test_a_database_that_goes_away(self):
        with self.configured(**self.options(key_cache_seconds=0)):
            subject = self.seal("database-2")
            self.seal_grants()
            self.admin('ALTER DATABASE "{}" ALLOW_CONNECTIONS false')
            with closing(psycopg2.connect(self.dsn("postgres"))) as connection, connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s", [self.database]
                )
            with self.assertRaisesRegex(UserError, "cannot be reached|connection was lost"), self.quiet():
                self.open(subject)
            with self.assertRaises(UserError), self.quiet(), self.env.cr.savepoint():
                self.seal("database-3")
            self.assertFalse(self.env["pii.subject"].search([("reference", "=", "database-3")]))
            self.admin('ALTER DATABASE "{}" ALLOW_CONNECTIONS true')
            self.assertEqual(self.open(subject), OPERATIONAL["name"])
