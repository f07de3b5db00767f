import threading
from unittest.mock import patch

import psycopg2

from odoo import SUPERUSER_ID, api
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import keys
from odoo.addons.pii_retention.access_log import checking, writer

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

    def test_writers_side_by_side_make_one_chain_without_gaps(self):
        before, threads, each = self.last(), 4, 25
        errors = []
        subject, keyring = self.subject, keys.keyring(self.env)
        said = (self.clerk.id, self.company.id, subject.uuid, subject.reference, None, "label", None, "server")

        def work():
            try:
                for _number in range(each):
                    with self.env.registry.cursor() as business:
                        env = api.Environment(business, SUPERUSER_ID, {})
                        business.execute("SELECT 1")
                        with writer.cursor(env) as cr:
                            writer.append(cr, keyring, [(*said, None, None, "opened", None, None, None, None)])
            except Exception as error:  # noqa: BLE001
                errors.append(error)

        workers = [threading.Thread(target=work) for _number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(errors, [])
        self.assertEqual(self.last(), before + threads * each)
        with self.env.registry.cursor() as cr:
            cr.execute(
                """SELECT count(*), count(DISTINCT mac), bool_and(previous_mac = before OR before IS NULL)
                     FROM (SELECT mac, previous_mac, lag(mac) OVER (ORDER BY id) AS before
                             FROM pii_access_log WHERE id > %s) AS rows""",
                [before],
            )
            self.assertEqual(cr.fetchone(), (threads * each, threads * each, True))
            found = checking.check(api.Environment(cr, SUPERUSER_ID, {}))
            self.assertFalse([item for item in found.findings if item.last > before])
        print(f"\nFIGURE log_rows_by_writers_side_by_side {threads * each} rows")

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
