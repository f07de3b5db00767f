from datetime import timedelta
from unittest.mock import patch

from psycopg2.errors import InsufficientPrivilege

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import channel, keys, policies
from odoo.addons.pii_retention.figures import CATALOGUE
from odoo.addons.pii_retention.models.pii_policy_force import KINDS

from .common import VaultCase

REASON = "carrier claims of the Nordic warehouse"


class PolicyCase(VaultCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy = cls.company._pii_policy()
        cls.other = new_test_user(cls.env, "policy_other", groups="pii_retention.group_privacy_officer")
        cls.admin = new_test_user(cls.env, "policy_admin", groups="base.group_system")

    def ask(self, name, value, user=None, reason=REASON):
        user = user or self.officer
        with self.acting(user):
            return self.policy.with_user(user)._ask(name, value, reason)

    def approve_as(self, user, change):
        with self.acting(user):
            change.with_user(user).action_approve()

    def by_sql(self, query, *args):
        self.env.flush_all()
        self.env.cr.execute(query, args)
        self.env.invalidate_all()
        self.env.registry.clear_cache()

    def history(self, name):
        return self.env["pii.policy.change"].search([("figure", "=", name)], order="id")


@tagged("post_install", "-at_install")
class TestPolicyChange(PolicyCase):
    """Tightened by one, loosened by two, and never past them."""

    def test_the_catalogue_covers_every_column(self):
        columns = {
            name for name, field in self.policy._fields.items() if field.store and field.type in KINDS and name != "id"
        }
        self.assertFalse(columns - CATALOGUE.keys(), "each figure says which way is stricter")
        built_in = {name for name, figure in CATALOGUE.items() if figure.direction == "fixed"}
        missing = CATALOGUE.keys() - columns - built_in
        self.assertLessEqual(missing, {"reprint_days"}, "only what an addon that is not installed brings")

    def test_the_defaults_are_the_strict_ones(self):
        fresh = self.env["res.company"].create({"name": "Fresh"})
        for name, value in fresh._pii_policy()._written().items():
            if CATALOGUE[name].strict is not None:
                self.assertEqual(value, CATALOGUE[name].strict, name)

    def test_tightening_counts_at_once(self):
        for user in (self.officer, self.admin):
            days = self.company._pii_figure("retention_days")
            change = self.ask("retention_days", days - 1, user, reason=None)
            self.assertEqual((change.state, change.kind), ("applied", "tightened"))
            self.assertTrue(change.is_genuine)
            self.assertEqual(change.requested_by_id, user)
            self.assertEqual(self.company._pii_figure("retention_days"), days - 1)
        self.assertEqual(self.history("retention_days").mapped("after"), ["29", "28"])

    def test_writing_tightens_and_keeps_history(self):
        self.policy.with_user(self.admin).write({"retention_days": 20, "reason_words": 4})
        self.assertEqual(self.company._pii_figure("retention_days"), 20)
        self.assertEqual(self.history("reason_words").mapped("after"), ["4"])

    def test_two_officers_loosen(self):
        change = self.ask("backup_days", 120)
        self.assertEqual((change.state, change.kind), ("requested", "loosened"))
        self.assertEqual(self.company._pii_figure("backup_days"), 90)
        self.assertEqual(change.sudo().activity_ids.user_id, self.other)
        self.approve_as(self.other, change)
        self.assertEqual(self.company._pii_figure("backup_days"), 120)
        self.assertEqual(self.policy.backup_days, 120)
        self.assertFalse(change.sudo().activity_ids)
        self.assertTrue(change.is_genuine)

    def test_nobody_loosens_alone(self):
        change = self.ask("backup_days", 120)
        with self.assertRaises(UserError):
            self.approve_as(self.officer, change)
        for user in (self.admin, self.clerk, self.nobody):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.approve_as(user, change)
        attempts = ((None, self.other), (self.officer, self.other), (self.admin, self.other))
        for person, user in attempts:
            with self.subTest(person=person), self.acting(person), self.assertRaises(AccessError):
                change.with_user(user).sudo().action_approve()
        with patch.object(channel, "caller", lambda: channel.Caller(channel.RPC)), self.assertRaises(AccessError):
            change.with_user(self.other).action_approve()
        self.assertEqual(change.state, "requested")
        self.assertEqual(self.company._pii_figure("backup_days"), 90)

    def test_no_door_loosens(self):
        for policy in (self.policy, self.policy.sudo(), self.policy.with_user(self.officer)):
            with self.assertRaises(UserError):
                policy.write({"backup_days": 91})
        with self.acting(self.officer):
            loaded = self.policy.with_user(self.officer).load([".id", "backup_days"], [[str(self.policy.id), "91"]])
        self.assertTrue(loaded["messages"])
        code = f"env['pii.policy'].sudo().browse({self.policy.id}).write({{'backup_days': 91}})"
        action = self.env["ir.actions.server"].create(
            {"name": "x", "model_id": self.env.ref("base.model_res_partner").id, "state": "code", "code": code}
        )
        with self.assertRaises(UserError), mute_logger("odoo.addons.base.models.ir_actions"):
            action.run()
        self.assertEqual(self.company._pii_figure("backup_days"), 90)

    def test_code_cannot_ask_or_agree(self):
        change = self.ask("backup_days", 120)
        for person, code in (
            (self.other, f"env['pii.policy.change'].browse({change.id}).action_approve()"),
            (self.officer, f"env['pii.policy'].browse({self.policy.id})._ask('review_hours', 48, '{REASON}')"),
        ):
            action = self.env["ir.actions.server"].create(
                {"name": "x", "model_id": self.env.ref("base.model_res_partner").id, "state": "code", "code": code}
            )
            with self.acting(person), self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_actions"):
                action.with_user(person).sudo().run()
        self.assertEqual(change.state, "requested")

    def test_the_figures_in_memory_cannot_be_written(self):
        with self.assertRaises(TypeError):
            self.env["pii.policy"]._figures(self.company.id)["backup_days"] = 900
        rules = self.env["pii.alert.rule"]._rules()
        with self.assertRaises(TypeError):
            rules[0]["threshold"] = 10**9

    def test_sql_does_not_loosen(self):
        self.by_sql("UPDATE pii_policy SET backup_days = 900, mfa_required = false, retention_anchor = 'delivery'")
        figures = self.env["pii.policy"]._figures(self.company.id)
        self.assertEqual(figures["backup_days"], 90)
        self.assertEqual(figures["retention_anchor"], "shipment")
        self.assertFalse(figures["mfa_required"], "two officers had agreed on that")
        line = self.env["pii.policy.figure"].search([("policy_id", "=", self.policy.id), ("name", "=", "backup_days")])
        self.assertEqual((line.mark, line.in_force, line.written), ("ignored", "90 days", "900 days"))
        self.env["pii.policy"]._cron_watch()
        self.env["pii.policy"]._cron_watch()
        alerts = self.env["pii.alert"].search([("kind", "=", "policy"), ("company_id", "=", self.company.id)])
        self.assertEqual(len(alerts), 2, "one for each figure, once")
        self.assertIn(self.officer, alerts.activity_ids.user_id)

    def test_a_tightened_figure_is_not_loosened_by_sql(self):
        self.ask("retention_days", 10)
        self.by_sql("UPDATE pii_policy SET retention_days = 30")
        self.assertEqual(self.company._pii_figure("retention_days"), 10)

    def test_a_forged_change_does_not_count(self):
        self.by_sql(
            """INSERT INTO pii_policy_change (company_id, figure, topic, kind, before, after, reason, state, number,
                    requested_by_id, requested_at, approved_by_id, approved_at, in_force_from, seal)
               VALUES (%s, 'backup_days', 'retention', 'loosened', '90', '900', 'forged by hand', 'applied', 99, %s,
                    now(), %s, now(), now(), repeat('a', 64))""",
            self.company.id,
            self.officer.id,
            self.other.id,
        )
        self.by_sql("UPDATE pii_policy SET backup_days = 900")
        self.assertEqual(self.company._pii_figure("backup_days"), 90)
        self.assertFalse(self.history("backup_days").is_genuine)

    def test_a_request_written_in_anothers_name_is_not_approved(self):
        change = self.ask("backup_days", 120)
        self.by_sql("UPDATE pii_policy_change SET requested_by_id = %s WHERE id = %s", self.other.id, change.id)
        with self.assertRaises(UserError):
            self.approve_as(self.officer, change)
        self.by_sql("UPDATE pii_policy_change SET requested_by_id = %s WHERE id = %s", self.officer.id, change.id)
        self.by_sql("UPDATE pii_policy_change SET after = '365' WHERE id = %s", change.id)
        with self.assertRaises(UserError):
            self.approve_as(self.other, change)

    def test_an_automation_does_not_change_what_is_decided(self):
        """Other code runs while the decision is written; what is sealed is what the officer has read."""
        change = self.ask("backup_days", 120)
        real = type(change).write

        def write(records, vals):
            return real(records, {**vals, "after": "3650"} if vals.get("state") == "applied" else vals)

        with patch.object(type(change), "write", write), self.assertRaises(UserError), self.env.cr.savepoint():
            self.approve_as(self.other, change)
        self.assertEqual(self.company._pii_figure("backup_days"), 90)

    def test_history_stays(self):
        self.approve_as(self.other, self.ask("backup_days", 120))
        change = self.history("backup_days")
        for act in (
            lambda: change.with_user(self.officer).write({"reason": "another one"}),
            lambda: change.sudo().unlink(),
            lambda: change.with_user(self.admin).unlink(),
            lambda: self.policy.sudo().unlink(),
        ):
            with self.assertRaises(AccessError):
                act()
        for query in (
            "UPDATE pii_policy_change SET reason = 'another'",
            "UPDATE pii_policy_change SET after = '1'",
            "DELETE FROM pii_policy_change",
            "TRUNCATE pii_policy_change CASCADE",
        ):
            with self.subTest(query=query), mute_logger("odoo.sql_db"):
                with self.assertRaises(InsufficientPrivilege), self.env.cr.savepoint():
                    self.env.cr.execute(query)

    def test_bounds_hold_for_everybody(self):
        for name, value in (
            ("retention_days", 31),
            ("log_months", 11),
            ("password_length", 11),
            ("amazon_notice_hours", 25),
            ("scan_days", 31),
            ("notice_copies_days", 91),
        ):
            with self.subTest(name=name), self.assertRaises(ValidationError):
                self.ask(name, value)
        self.by_sql("UPDATE pii_policy SET scan_days = 31")
        self.assertEqual(self.company._pii_figure("scan_days"), 30)

    def test_a_loosening_needs_a_reason_and_a_second_officer(self):
        for reason in (None, "", "work", "mail anna@example.com about it"):
            with self.subTest(reason=reason), self.assertRaises(ValidationError):
                self.ask("backup_days", 120, reason=reason)
        self.other.active = False
        with self.assertRaises(UserError):
            self.ask("backup_days", 120)
        with self.assertRaises(AccessError):
            self.ask("backup_days", 120, self.admin)

    def test_refused_and_taken_back(self):
        change = self.ask("backup_days", 120)
        with self.assertRaises(UserError):
            self.ask("backup_days", 110)
        with self.acting(self.other):
            change.with_user(self.other).action_refuse()
        with self.assertRaises(UserError):
            self.approve_as(self.other, change)
        change = self.ask("backup_days", 110)
        with self.acting(self.other), self.assertRaises(UserError):
            change.with_user(self.other).action_withdraw()
        with self.acting(self.officer):
            change.with_user(self.officer).action_withdraw()
        self.assertEqual(self.history("backup_days").mapped("state"), ["refused", "withdrawn"])
        self.assertEqual(self.company._pii_figure("backup_days"), 90)

    def test_what_changed_meanwhile_is_asked_anew(self):
        change = self.ask("backup_days", 120)
        self.ask("backup_days", 60, self.other)
        with self.assertRaises(UserError):
            self.approve_as(self.other, change)

    def test_without_keys_the_strict_defaults_bind(self):
        self.approve_as(self.other, self.ask("backup_days", 120))
        self.env.registry.clear_cache()

        def broken(env):
            raise UserError("The key store is away.")

        with patch.object(keys, "keyring", broken):
            self.assertEqual(self.company._pii_figure("backup_days"), 90)
            self.assertTrue(self.company._pii_figure("mfa_required"))
        self.assertEqual(self.company._pii_figure("backup_days"), 120, "nothing of that stays in memory")

    def test_the_past_is_known(self):
        before = fields.Datetime.now() - timedelta(days=1)
        self.ask("retention_days", 20)
        self.approve_as(self.other, self.ask("retention_days", 25))
        at = self.env["pii.policy"]._figure_at
        self.assertEqual(at(self.company, "retention_days", before), 30)
        self.assertEqual(at(self.company, "retention_days", fields.Datetime.now()), 25)
        self.assertEqual(at(self.company, "scan_days", before), 30)

    def test_time_zones(self):
        """A day that ends earlier is stricter; a zone that ends it later takes two officers."""
        self.by_sql("UPDATE pii_policy SET tz = 'Europe/Rome'")
        self.assertEqual(self.company._pii_figure("tz"), "Europe/Rome")
        self.assertEqual(self.ask("tz", "Asia/Tokyo").state, "applied")
        self.assertEqual(self.ask("tz", "Europe/Rome").state, "requested")
        self.by_sql("UPDATE pii_policy SET tz = 'America/New_York'")
        self.assertEqual(self.company._pii_figure("tz"), "Asia/Tokyo")

    def test_companies_apart(self):
        second = self.env["res.company"].create({"name": "Second"})
        change = self.ask("backup_days", 120)
        self.approve_as(self.other, change)
        self.assertEqual(second._pii_figure("backup_days"), 90)
        with self.acting(self.officer), self.assertRaises(AccessError):
            second._pii_policy().with_user(self.officer)._ask("backup_days", 120, REASON)

    def test_who_sees_what(self):
        auditor = new_test_user(self.env, "policy_auditor", groups="pii_retention.group_auditor")
        self.ask("retention_days", 20)
        for user in (self.officer, auditor, self.admin):
            lines = self.env["pii.policy.figure"].with_user(user).search([])
            self.assertTrue(lines.mapped("in_force"))
            self.assertTrue(self.env["pii.policy.change"].with_user(user).search([]).mapped("display_name"))
        for user in (self.clerk, self.nobody):
            for model in ("pii.policy", "pii.policy.figure", "pii.policy.change", "pii.policy.ask"):
                with self.subTest(user=user.login, model=model), self.assertRaises(AccessError):
                    self.env[model].with_user(user).search([])
        with self.assertRaises(AccessError):
            self.ask("retention_days", 10, auditor)

    def test_the_dialog(self):
        line = self.env["pii.policy.figure"].search([("policy_id", "=", self.policy.id), ("name", "=", "backup_days")])
        self.assertEqual(line.action_change()["res_model"], "pii.policy.ask")
        asks = self.env["pii.policy.ask"].with_user(self.officer)
        for number, effect in ((60, "tightens"), (120, "loosens"), (90, "same")):
            self.assertEqual(asks.new({"line_id": line.id, "number": number}).effect, effect)
        scan = self.env["pii.policy.figure"].search([("policy_id", "=", self.policy.id), ("name", "=", "scan_days")])
        self.assertEqual(asks.new({"line_id": scan.id, "number": 31}).effect, "impossible")
        with self.acting(self.officer):
            asks.create({"line_id": line.id, "number": 120, "reason": REASON}).action_change()
        self.assertTrue(line.is_open)
        found = self.env["pii.policy.figure"].search([("is_open", "=", True)])
        self.assertIn(line, found)
        self.approve_as(self.other, self.history("backup_days"))
        line.invalidate_recordset()
        self.assertEqual(line.mark, "looser")
        self.assertIn(line, self.env["pii.policy.figure"].search([("mark", "=", "looser")]))
        with self.acting(self.officer):
            asks.create({"line_id": line.id, "number": 60}).action_change()
        line.invalidate_recordset()
        self.assertEqual(line.mark, "stricter")
        self.assertEqual(len(line.change_ids), 2)

    def test_numbers_have_no_gaps(self):
        for days in (29, 28, 27):
            self.ask("retention_days", days)
        numbers = self.env["pii.policy.change"].search([("company_id", "=", self.company.id)]).mapped("number")
        self.assertEqual(sorted(numbers), list(range(1, len(numbers) + 1)))
        self.assertEqual(policies.next_number(self.company), len(numbers) + 1)


@tagged("post_install", "-at_install")
class TestPolicyAnchors(PolicyCase):
    """What is kept beside the keys outlives each test: a class, and a key store, of its own."""

    def test_an_older_change_does_not_come_back(self):
        """A loosening that was undone stays undone when the row that undid it is removed."""
        self.approve_as(self.other, self.ask("backup_days", 120))
        self.ask("backup_days", 60)
        self.env.flush_all()
        self.env.cr.postcommit.run()
        last = self.history("backup_days")[-1]
        self.by_sql("ALTER TABLE pii_policy_change DISABLE TRIGGER pii_policy_guard_row")
        self.by_sql("DELETE FROM pii_policy_change WHERE id = %s", last.id)
        self.by_sql("UPDATE pii_policy SET backup_days = 120")
        self.assertEqual(self.company._pii_figure("backup_days"), 90)
        self.env["pii.policy"]._cron_watch()
        names = self.env["pii.alert"].search([("kind", "=", "policy")]).mapped("name")
        self.assertIn("Changes of the policy are gone from the database", names)
