from datetime import timedelta
from unittest.mock import patch

import psycopg2
from dateutil.relativedelta import relativedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import channel, keys
from odoo.addons.pii_retention.access_log import base, checking, daily, sealing, writer

from .access_log_common import AccessLogCase


@tagged("post_install", "-at_install")
class TestAccessLog(AccessLogCase):
    # === WHAT A ROW SAYS === #

    def test_a_row_says_who_what_and_through_which_door(self):
        caller = channel.Caller("web", self.clerk.id, "f00d", "192.0.2.9")
        self.env["pii.access.log"].with_user(self.clerk)._append(
            self.subject.with_user(self.clerk),
            "label",
            "refused",
            classes=("operational", "fiscal"),
            reason="print\x00 the label \ud800",
            cause="no_mfa",
            grant_ref=12,
            document="stock.picking,7",
            caller=caller,
            cr=self.cr,
        )
        row = self.env["pii.access.log"].search([], limit=1)
        self.assertEqual((row.id, row.user_id, row.company_id), (1, self.clerk, self.company))
        self.assertEqual((row.channel, row.session, row.address), ("web", "f00d", "192.0.2.9"))
        self.assertEqual((row.subject_uuid, row.reference), (self.subject.uuid, self.subject.reference))
        self.assertEqual((row.classes, row.cause, row.grant_ref), ("operational,fiscal", "no_mfa", 12))
        self.assertEqual((row.document, row.reason), ("stock.picking,7", "print the label ?"))
        self.assertFalse(row.acting_ref)
        self.assertLess(abs((row.at - fields.Datetime.now()).total_seconds()), 60)
        self.assertEqual(self.findings(), [])

    def test_the_person_is_named_not_whom_the_code_pretends_to_be(self):
        caller = channel.Caller("web", self.nobody.id, "f00d", "192.0.2.9")
        log = self.env["pii.access.log"].with_user(self.clerk)
        log._append(self.subject, "label", "refused", cause="impersonation", caller=caller, cr=self.cr)
        row = self.env["pii.access.log"].search([], limit=1)
        self.assertEqual((row.user_id, row.acting_id), (self.nobody, self.clerk))

    def test_no_subject_is_one_row(self):
        self.env["pii.access.log"]._append(self.env["pii.subject"], "incident", "empty", cr=self.cr)
        self.append(1, subjects=self.subjects)
        self.assertEqual(self.rows("id, subject_uuid")[0], (1, None))
        self.assertEqual([row[0] for row in self.rows()], [1, 2, 3, 4])
        self.assertEqual(self.findings(), [])

    def test_without_a_key_store_there_is_no_row(self):
        self.append(1)
        with patch.dict("os.environ", {keys.ENVIRONMENT: ""}), self.assertRaises(UserError):
            self.append(1)
        keyring = keys.keyring(self.env)
        chain_id = self.env["pii.log.head"].search([]).chain
        keyring.destroy(keyring.list(f"log/{chain_id}")[0], "test")
        with self.assertRaisesRegex(UserError, "log/"):
            self.append(1)
        self.assertEqual(self.rows(), [(1,)])

    # === POSTGRESQL REFUSES === #

    def test_postgresql_refuses_every_change(self):
        self.append(3)
        refused = 0
        for statement in (
            "UPDATE pii_access_log SET reason = 'x' WHERE id = 2",
            "UPDATE pii_access_log SET id = id WHERE id = 2",
            "DELETE FROM pii_access_log WHERE id = 2",
            "DELETE FROM pii_access_log",
            "TRUNCATE pii_access_log",
            "UPDATE pii_log_seal SET day = NULL",
            "DELETE FROM pii_log_seal",
            "TRUNCATE pii_log_seal",
        ):
            with (
                self.subTest(statement),
                mute_logger("odoo.sql_db"),
                self.assertRaises(psycopg2.errors.InsufficientPrivilege),
                self.cr.savepoint(),
            ):
                self.cr.execute(statement)
            refused += 1
        print(f"\nFIGURE log_statements_refused {refused} statements")

    def test_neither_does_the_orm(self):
        self.append(1)
        self.seal_days()
        for record in (self.env["pii.access.log"].search([]), self.env["pii.log.seal"].search([])):
            for act in (
                record.unlink,
                lambda record=record: record.write({"mac": "x"}),
                lambda record=record: record.create({}),
            ):
                with self.assertRaises(UserError):
                    act()

    # === SEALS AND RETENTION === #

    def test_each_day_that_has_ended_is_sealed_and_anchored(self):
        self.append(4, at=self.day(3))
        self.append(2, at=self.day(1))
        self.append(3)
        made = self.seal_days()
        days = [(seal.kind, seal.day, seal.first_row, seal.last_row, seal.row_count) for seal in made]
        self.assertEqual(
            days, [("day", self.day(3).date(), 1, 4, 4), ("day", self.day(1).date(), 5, 6, 2)], "today stays open"
        )
        self.assertEqual(self.seal_days(), [])
        anchors = keys.keyring(self.env).anchors.entries(made[0].chain)
        self.assertEqual(
            [sealing.parse_anchor(anchor.value)[:3] for anchor in anchors][1:], [(2, "day", 4), (3, "day", 6)]
        )
        self.assertEqual(self.findings(), [])

    def test_a_seal_that_was_not_anchored_is_anchored_the_next_day(self):
        self.append(2, at=self.day(2))
        daily.seal_days(base.own_env(self.cr), keys.keyring(self.env))
        self.cr.postcommit.clear()
        self.append(1, at=self.day(1))
        self.seal_days()
        chain_id = self.env["pii.log.seal"].search([], limit=1).chain
        found = sealing.anchored(keys.keyring(self.env), chain_id)
        self.assertEqual([entry[0] for entry in found if entry[1] == "day"], [2, 3])

    def test_only_whole_days_past_the_retention_are_deleted_and_the_chain_starts_behind_them(self):
        self.company._pii_policy().log_months = 13
        self.env.flush_all()
        old = self.day(0) - relativedelta(months=13, days=3)
        self.append(3, at=old)
        self.append(3, at=old + timedelta(days=1))
        self.append(2, at=self.day(0) - relativedelta(months=12))
        self.append(1)
        self.seal_days()
        before = base.now(self.cr) - relativedelta(months=self.env["pii.log.seal"]._months(self.env))
        marks = []
        while mark := daily.expire_day(base.own_env(self.cr), keys.keyring(self.env), before):
            marks.append((mark.first_row, mark.last_row, mark.row_count))
            self.cr.postcommit.run()
        self.assertEqual(marks, [(1, 3, 3), (4, 6, 3)])
        self.assertEqual([row[0] for row in self.rows()], [7, 8, 9])
        self.assertEqual(self.findings(), [])
        # the longest of all companies' policies counts
        self.company._pii_policy().log_months = 24
        self.env.flush_all()
        self.assertEqual(self.env["pii.log.seal"]._months(self.env), 24)
        # a mark that somebody else wrote lets old rows go, and is found
        self.as_owner("DELETE FROM pii_access_log WHERE id = 7")
        self.assertEqual(self.findings(), [("missing", 7, 7)])

    def test_a_row_within_the_retention_stays_though_a_mark_covers_it(self):
        self.append(2, at=self.day(30))
        self.seal_days()
        head = writer.ensure_head(base.own_env(self.cr), keys.keyring(self.env))
        env = base.own_env(self.cr)
        sealing.add(env, keys.keyring(env), head, "expired", None, 1, 2, 2, head.mac)
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(psycopg2.errors.InsufficientPrivilege),
            self.cr.savepoint(),
        ):
            self.cr.execute("DELETE FROM pii_access_log WHERE id = 1")

    def test_the_crons_seal_delete_and_verify(self):
        self.append(3, at=self.day(0) - relativedelta(months=14))
        self.append(2, at=self.day(1))
        self.append(1)
        with self.enter_registry_test_mode():
            self.env.ref("pii_retention.cron_log_daily").method_direct_trigger()
            self.env.ref("pii_retention.cron_log_verify").method_direct_trigger()
        self.assertEqual([row[0] for row in self.rows()], [4, 5, 6])
        kinds = self.env["pii.log.seal"].search([], order="id").mapped("kind")
        self.assertEqual(kinds, ["start", "day", "day", "expired"])
        check = self.env["pii.log.check"].search([], limit=1)
        self.assertEqual((check.state, check.is_full, check.row_count), ("clean", True, 3))
        with self.enter_registry_test_mode():
            self.env.ref("pii_retention.cron_log_verify").method_direct_trigger()
        check = self.env["pii.log.check"].search([], limit=1)
        self.assertEqual((check.state, check.is_full, check.row_count), ("clean", False, 1))

    # === CHECKS === #

    def test_a_check_goes_on_where_the_last_one_found_nothing(self):
        self.append(4, at=self.day(3))
        self.append(2, at=self.day(1))
        self.seal_days()
        self.append(3)
        self.assertEqual((self.check().rows, self.check().full), (9, True))
        found = self.check(since=8)
        self.assertEqual((found.rows, found.full, found.first_row), (3, False, 7))
        # fewer rows than were sealed: everything is looked at, and the row named
        self.as_owner("DELETE FROM pii_access_log WHERE id = 2")
        found = self.check(since=8)
        self.assertTrue(found.full)
        self.assertEqual([(item.kind, item.first) for item in found.findings], [("missing", 2)])

    def test_a_copy_of_the_database_goes_on_with_a_chain_of_its_own(self):
        self.append(3)
        self.env["ir.config_parameter"].set_param("database.uuid", "11111111-2222-4333-8444-555555555555")
        self.append(2)
        self.assertEqual([row[0] for row in self.rows()], [1, 2, 3, 4, 5])
        chains = self.env["pii.log.seal"].search([("kind", "=", "start")]).mapped("chain")
        self.assertEqual(len(set(chains)), 2)
        self.assertEqual(self.findings(), [])
        self.as_owner("UPDATE pii_access_log SET reason = 'x' WHERE id IN (2, 5)")
        self.assertEqual(self.findings(), [("edited", 2, 2), ("edited", 5, 5)])

    def test_a_rotten_store_is_an_error_and_not_a_verdict(self):
        self.append(1)
        with patch.dict("os.environ", {keys.ENVIRONMENT: ""}), self.assertRaises(UserError):
            self.check()

    def test_officers_hear_of_it_once_and_explain(self):
        self.append(3)
        Check = self.env["pii.log.check"]
        self.assertEqual(Check._run(cr=self.cr).state, "clean")
        self.as_owner("UPDATE pii_access_log SET reason = 'x' WHERE id = 2")
        with self.assertLogs("odoo.addons.pii_retention.models.pii_log_check", "WARNING"):
            check = Check.with_user(self.officer)._run(cr=self.cr)
        self.assertEqual((check.state, check.finding_ids.mapped("display_name")[0][:14]), ("found", "Row edited 2: "))
        self.assertIn(self.officer, check.sudo().activity_ids.user_id)
        again = Check._run(cr=self.cr)
        self.assertFalse(again.activity_ids, "told already")
        explain = (
            self.env["pii.log.explain"]
            .with_user(self.officer)
            .create({"check_id": check.id, "explanation": "A test changed it."})
        )
        explain.action_close()
        self.assertEqual((check.state, check.sudo().activity_ids.ids), ("examined", []))

    def test_who_may_check(self):
        auditor = self.env["res.users"].create(
            {
                "name": "Vault Auditor",
                "login": "vault_auditor",
                "group_ids": [(6, 0, self.env.ref("pii_retention.group_auditor").ids)],
            }
        )
        self.append(1)
        Check = self.env["pii.log.check"]
        with patch.object(checking, "check", lambda env, since=0, cr=None, real=checking.check: real(env, cr=self.cr)):
            for user in (auditor, self.officer):
                action = self.env["pii.access.log"].with_user(user).action_verify()
                check = Check.with_user(user).browse(action["res_id"])
                self.assertEqual((check.user_id, check.state, check.row_count), (user, "clean", 1))
        for user in (self.clerk, self.nobody, self.env.ref("base.user_admin")):
            with self.assertRaises(AccessError):
                Check.with_user(user).action_verify()
            with self.assertRaises(AccessError):
                self.env["pii.access.log"].with_user(user).search_count([])
            with self.assertRaises(AccessError):
                self.env["pii.log.seal"].with_user(user).search_count([])
        with self.assertRaises(AccessError):
            self.env["pii.log.explain"].with_user(auditor).create({"check_id": check.id, "explanation": "x"})

    # === SCREENS === #

    def test_rows_are_grouped_and_found_by_user_though_users_come_and_go(self):
        for user, count in ((self.clerk, 3), (self.nobody, 2)):
            with self.acting(user):
                self.append(count)
        self.env["pii.access.log"]._append(
            self.subject, "label", "refused", caller=channel.Caller("web", 987654321), cr=self.cr
        )
        log = self.env["pii.access.log"].with_user(self.officer)
        groups = log.formatted_read_group([], ["user_id"], ["__count"])
        self.assertEqual(
            {group["user_id"] and group["user_id"][0]: group["__count"] for group in groups},
            {self.clerk.id: 3, self.nobody.id: 2, False: 1},
        )
        groups = log.formatted_read_group([], ["at:day", "user_id", "purpose", "outcome"], ["__count"])
        self.assertEqual(sum(group["__count"] for group in groups), 6)
        self.assertEqual(log.search_count([("user_id", "=", self.clerk.id)]), 3)
        self.assertEqual(log.search_count([("user_id", "ilike", self.clerk.name)]), 3)
        self.assertEqual(log.search_count([("user_id", "in", [self.clerk.id, self.nobody.id])]), 5)
        self.assertEqual(log.search_count([("user_id", "!=", self.clerk.id)]), 3)
        gone = log.search([("user_ref", "=", 987654321)])
        self.assertFalse(gone.web_read({"user_id": {"fields": {"display_name": {}}}})[0]["user_id"])
        for view in ("list", "form", "graph", "pivot", "search"):
            self.assertTrue(log.get_view(view_type=view)["arch"])
