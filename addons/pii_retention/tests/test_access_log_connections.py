from unittest.mock import patch

import psycopg2

from odoo import SUPERUSER_ID, api
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import keys
from odoo.addons.pii_retention.access_log import writer

from .common import VaultCase


@tagged("post_install", "-at_install")
class TestAccessLogConnections(VaultCase):
    """Rows on connections of their own: these are committed, as in production."""

    def setUp(self):
        super().setUp()
        # which store is the database's was noted by the test, and never committed
        opened = keys.keyring(self.env)
        self.startPatcher(patch.object(keys, "keyring", lambda env: opened))

    def last(self):
        with self.env.registry.cursor() as cr:
            cr.execute("SELECT number FROM pii_log_head")
            return (cr.fetchone() or (0,))[0]

    def test_rows_survive_a_rollback(self):
        before = self.last()
        with self.env.registry.cursor() as business:
            env = api.Environment(business, SUPERUSER_ID, {})
            env["pii.access.log"]._append(self.subject, "label", "refused", cause="no_grant")
            business.rollback()
        self.assertEqual(self.last(), before + 1)
        self.assertEqual(self.logged()[-1][0], "refused")

    def test_a_read_only_caller_is_logged(self):
        before = self.last()
        with self.env.registry.cursor() as business:
            business.execute("SET TRANSACTION READ ONLY")
            env = api.Environment(business, SUPERUSER_ID, {})
            with (
                mute_logger("odoo.sql_db"),
                self.assertRaises(psycopg2.errors.ReadOnlySqlTransaction),
                business.savepoint(),
            ):
                business.execute("UPDATE pii_log_head SET number = number")
            env["pii.access.log"]._append(self.subject, "label", "opened")
        self.assertEqual(self.last(), before + 1)

    def test_nothing_is_left_of_a_row_that_could_not_be_written(self):
        before = self.last()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(psycopg2.Error),
            patch.object(writer, "_INSERT", "INSERT INTO pii_access_log (id) VALUES %s"),
        ):
            self.env["pii.access.log"]._append(self.subject, "label", "opened")
        self.assertEqual(self.last(), before)

    def test_many_subjects_are_one_transaction(self):
        subjects = self.env["pii.subject"].concat(*(self.seal(f"402-8888888-{n:07}") for n in range(20)))
        self.env.flush_all()
        before, commits = self.last(), []
        real = writer.cursor

        def counting(env):
            commits.append(env)
            return real(env)

        with patch.object(writer, "cursor", counting):
            self.env["pii.access.log"]._append(subjects, "label", "opened")
        self.assertEqual((self.last(), len(commits)), (before + 20, 1))
