import os
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.pii_retention import binding, keys

from .common import VaultCase


@tagged("post_install", "-at_install")
class TestBinding(VaultCase):
    """Keys serve one database; a copy of it is a foreign environment."""

    def setUp(self):
        super().setUp()
        self.keyring = keys.keyring(self.env)
        self.domain = self.company._pii_domain()
        self.addCleanup(binding.forget)

    def give_to(self, place, environment="test"):
        """Let the key store say that the keys serve another database."""
        theirs = binding.Owner(place, environment, binding.MOVED, actor="other/web/2")
        self.keyring.anchors.append(binding.PREFIX + self.domain, theirs.value)
        binding.forget()

    def take_back(self):
        return binding.take_over(self.env, self.keyring, "test", keys.actor())

    def test_the_first_database_owns_its_keys(self):
        found = binding.owner(self.keyring, self.domain)
        self.assertEqual(found.place, binding.place_of(self.env))
        self.assertIsNone(binding.foreign(self.env, self.keyring, "test"))

    def test_a_foreign_database_neither_seals_nor_opens(self):
        token = keys.seal_secret(self.company, "refresh token", "Atzr|very-secret")
        cluster, number = binding.place_of(self.env).split(":")
        tried = 0
        for place in (f"{cluster}:{int(number) + 1}", f"7{cluster}:{number}"):
            self.give_to(place)
            for attempt in (
                lambda: keys.open_secret(self.company, "refresh token", token),
                lambda: keys.seal_secret(self.company, "refresh token", "other"),
                lambda: self.seal("402-0000000-0000001"),
                lambda: self.subject.with_user(self.clerk).reveal("label").__enter__(),
                lambda: self.env["pii.subject"]._is_tombstoned(self.company, "shop", "x"),
            ):
                with self.assertRaisesRegex(UserError, "is a copy"):
                    attempt()
                tried += 1
            self.assertIn("store", [finding.code for finding in keys.self_check(self.env)])
            self.take_back()
            self.assertEqual(keys.open_secret(self.company, "refresh token", token), "Atzr|very-secret")
        print("FIGURE foreign_database_refusals", tried, "attempts")

    def test_taking_over_is_remembered_with_who_said_so(self):
        self.give_to("1:2")
        companies = len(binding.domains(self.env))
        self.assertEqual(self.take_back(), 1)
        self.assertEqual(self.take_back(), 0)
        found = binding.owner(self.keyring, self.domain)
        self.assertEqual((found.place, found.how, found.environment), (binding.place_of(self.env), "moved", "test"))
        self.assertEqual(found.actor, keys.actor())
        self.assertEqual(len(binding.domains(self.env)), companies)

    def test_a_new_company_gets_an_owner(self):
        other = self.env["res.company"].create({"name": "Second"})
        binding.forget()
        keys.keyring(self.env)
        found = binding.owner(self.keyring, other._pii_domain())
        self.assertEqual((found.place, found.how), (binding.place_of(self.env), binding.FIRST))

    def test_a_production_database_does_not_start_as_staging(self):
        parameters = self.env["ir.config_parameter"].sudo()
        self.assertEqual(parameters.get_param(binding.REMEMBERED), "test")
        with patch.dict(os.environ, {"PII_ENVIRONMENT": "staging"}):
            with self.assertRaisesRegex(UserError, "was used as “test”"):
                keys.keyring(self.env)
            # who edits the database away from what it remembers still meets what the key store remembers
            parameters.set_param(binding.REMEMBERED, "staging")
            with self.assertRaisesRegex(UserError, "calls itself “test”"):
                keys.keyring(self.env)
        parameters.set_param(binding.REMEMBERED, "test")
        keys.keyring(self.env)

    def test_who_decides_that_the_original_has_moved(self):
        auditor = new_test_user(self.env, "binding_auditor", groups="pii_retention.group_auditor")
        boss = new_test_user(self.env, "binding_boss", groups="base.group_system")
        own = self.env["pii.takeover"].with_user(self.officer).create({})
        self.assertEqual((own.state, own.explanation), ("own", False))
        self.give_to("1:2")
        wizard = self.env["pii.takeover"].with_user(self.officer).create({})
        self.assertEqual((wizard.state, wizard.decided_by), ("foreign", "other/web/2"))
        self.assertIn("is a copy", wizard.explanation)
        tried = 0
        for person, user in ((None, self.officer), (self.clerk, self.officer), (auditor, auditor), (boss, boss)):
            with self.acting(person), self.assertRaises(AccessError):
                wizard.with_user(user).action_take_over()
            tried += 1
        code = self.env["ir.actions.server"].create(
            {
                "name": "typed",
                "model_id": self.env["ir.model"]._get("pii.takeover").id,
                "state": "code",
                "code": f"env['pii.takeover'].browse({wizard.id}).action_take_over()",
            }
        )
        with self.acting(self.officer), self.assertRaises(AccessError):
            code.with_user(self.officer).sudo(False).run()
        self.assertEqual(binding.owner(self.keyring, self.domain).place, "1:2")
        self.take_back()
        print("FIGURE takeover_refusals", tried + 1, "attempts")
