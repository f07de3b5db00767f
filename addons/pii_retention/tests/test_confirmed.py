from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.pii_retention import confirmed

from .test_policy import PolicyCase


@tagged("post_install", "-at_install")
class TestConfirmed(PolicyCase):
    """Limits and alert rules that no officer set as they are."""

    def setUp(self):
        super().setUp()
        self.limits, self.rules = self.env["pii.purpose.limit"].search([]), self.env["pii.alert.rule"].search([])
        for name in confirmed.NAMES.values():
            self.addCleanup(self.forget, name)
        self.env["pii.policy"]._cron_watch()
        self.assertFalse(self.told())

    def forget(self, name):
        keyring = confirmed.keys.keyring(self.env)
        keyring.anchors._path(name, "jsonl").unlink(missing_ok=True)

    def told(self):
        return self.env["pii.alert"].search([("kind", "=", "policy"), ("name", "like", "not as an officer left it")])

    def as_officer(self, records, act):
        with self.acting(self.officer):
            result = act(records.with_user(self.officer))
            self.env.flush_all()
            self.env.cr.postcommit.run()
        return result

    def test_what_changes_them_past_the_officers(self):
        server_action = {
            "name": "x",
            "state": "code",
            "model_id": self.env["ir.model"]._get_id("res.partner"),
            "code": "env['pii.alert.rule'].sudo().search([('kind', '=', 'canary')]).write({'active': False})",
        }
        action = self.env["ir.actions.server"].create(server_action)
        ways = {
            "a limit by SQL": lambda: self.by_sql("UPDATE pii_purpose_limit SET per_day = 10 ^ 6"),
            "a rule by SQL": lambda: self.by_sql("UPDATE pii_alert_rule SET active = false WHERE kind = 'canary'"),
            "a rule deleted by SQL": lambda: self.by_sql("DELETE FROM pii_alert_rule WHERE kind = 'canary'"),
            "typed code": lambda: action.with_user(self.admin).sudo().run(),
            "a module, or the shell": lambda: self.limits[0].write({"max_subjects": 10**6}),
            "an officer's typed code": lambda: self.as_officer(action, lambda own: own.sudo().run()),
        }
        noticed = 0
        for way, change in ways.items():
            with self.subTest(way=way), self.env.cr.savepoint() as savepoint:
                change()
                self.env["pii.policy"]._cron_watch()
                self.assertEqual(len(self.told()), 1)
                self.assertTrue(self.told().activity_ids.user_id & self.officer)
                noticed += 1
                self.env.flush_all()
                savepoint.rollback()
                self.env.invalidate_all()
                self.env.registry.clear_cache()
        print(f"\nFIGURE settings_changes_noticed {noticed} ways ={len(ways)}")

    def test_an_officer_changes_them(self):
        # several in one transaction, as a list is saved
        self.as_officer(self.limits, lambda limits: [limit.write({"max_subjects": 7}) for limit in limits])
        self.as_officer(self.rules[0], lambda rule: rule.write({"active": False}))
        self.as_officer(self.rules[1], lambda rule: rule.unlink())
        self.env["pii.policy"]._cron_watch()
        self.assertFalse(self.told())
        said = self.env["pii.alert"].search([("kind", "=", "policy"), ("name", "like", self.officer.name)])
        self.assertTrue(said.activity_ids.user_id & self.other, "the other officers see it")

    def test_the_guard_of_the_history_is_watched(self):
        guard = self.env["pii.alert"].search([("kind", "=", "policy"), ("name", "like", "open to changes")])
        self.assertFalse(guard)
        for statement in ("DISABLE TRIGGER pii_policy_guard_row", "DISABLE TRIGGER USER"):
            with self.subTest(statement=statement), self.env.cr.savepoint() as savepoint:
                self.by_sql(f"ALTER TABLE pii_policy_change {statement}")
                self.env["pii.policy"]._cron_watch()
                self.assertEqual(len(self.env["pii.alert"].search([("name", "like", "open to changes")])), 1)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_an_officer_does_not_launder_what_somebody_else_did(self):
        self.by_sql("UPDATE pii_alert_rule SET active = false WHERE kind = 'canary'")
        bulk = self.rules.filtered(lambda rule: rule.kind == "bulk")
        self.as_officer(bulk, lambda rule: rule.write({"threshold": 99}))
        self.env["pii.policy"]._cron_watch()
        self.assertEqual(len(self.told()), 1)
        self.told().state = "examined"
        for user in (self.admin, self.clerk):
            with self.acting(user), self.assertRaises(AccessError):
                bulk.with_user(user).sudo().action_confirm()
        with self.assertRaises(AccessError):
            bulk.with_user(self.officer).action_confirm()
        self.as_officer(bulk, lambda rules: rules.action_confirm())
        at = fields.Datetime.now()
        self.env["pii.policy"]._cron_watch()
        self.assertFalse(self.told().filtered(lambda alert: alert.state == "new" and alert.at >= at))
