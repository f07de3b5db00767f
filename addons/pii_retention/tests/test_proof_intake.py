from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import keys, proof
from odoo.addons.pii_retention.crypto import parse_key_id
from odoo.addons.pii_retention.proof import registry

from .common import OPERATIONAL, PERSON
from .test_proof import ProofCase

ALARMS = "odoo.addons.pii_retention.alarms"


class IntakeCase(ProofCase):
    needs_proof = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second = new_test_user(cls.env, "vault_second_officer", groups="pii_retention.group_privacy_officer")

    @contextmanager
    def told(self, *causes):
        """Alarms are written on a connection of their own: in this block that is the test's."""
        domain = [("cause", "!=", False)]
        before = self.env["pii.alert"].search(domain)
        with self.enter_registry_test_mode(), mute_logger(ALARMS):
            yield
        self.env.invalidate_all()
        new = self.env["pii.alert"].search(domain) - before
        self.assertEqual(sorted(new.mapped("cause")), sorted(causes))
        for alert in new:
            self.assertEqual(alert.activity_ids.user_id & (self.officer | self.second), self.officer | self.second)

    def refused(self, action, *args, **kwargs):
        """Return the refusal of an intake. ``assertRaises`` would undo the alarm, not apart in a test."""
        try:
            action(*args, **kwargs)
        except UserError as error:
            return str(error)
        raise AssertionError("it was taken in")

    def assertStopped(self, code):
        found = proof.standing(self.env, self.company)
        self.assertEqual(found.code, code, self.last_found())
        self.assertIn("Check again", self.refused(self.seal, f"402-1234567-{code}"))
        self.refused(self.partner.write, {"phone": "+49 30 1111111"})
        self.refused(self.seal, "402-1234567-0000001", {"operational": {**OPERATIONAL, "city": "Elsewhere"}})
        # what comes again unchanged is no intake
        self.seal("402-1234567-0000001", start=self.day)

    def last_found(self):
        lines = self.env["pii.proof"].search([("company_id", "=", self.company.id)], limit=1).line_ids
        return {line.code: line.examples for line in lines if line.found}

    def assertReadable(self):
        with self.subject.with_user(self.clerk).reveal("label") as env:
            self.assertEqual(env["res.partner"].browse(self.partner.id).name, PERSON["name"])

    def assertTakenIn(self, reference):
        self.assertEqual(self.seal(reference).state, "live")

    def break_something(self):
        """Put something where it must not be; return the function that takes it away."""
        self.sql("UPDATE res_partner SET street = 'x' WHERE id = %s", self.partner.id)
        return lambda: self.sql("UPDATE res_partner SET street = NULL WHERE id = %s", self.partner.id)

    def press(self, officer=None):
        officer = officer or self.officer
        with self.acting(officer):
            action = self.env["pii.proof"].with_user(officer).action_check_again()
        return self.env["pii.proof"].browse(action["res_id"])

    def at(self, **delta):
        return freeze_time(self.start + timedelta(**delta))

    def forget_late_keys(self):
        """Take back keys of days to come that a moved clock has made: now no policy allows them."""
        last = self.company._pii_day() + timedelta(days=registry.LONGEST_DAYS)
        for key_id in self.keyring.list("day"):
            if parse_key_id(key_id).bucket > last.isoformat():
                self.keyring.destroy(key_id, "deadline")

    def setUp(self):
        super().setUp()
        newest = self.env["pii.proof"].search([("company_id", "=", self.company.id)], limit=1)
        self.start = newest.at
        self.day = self.subject.deadline - timedelta(days=30)
        self.addCleanup(self.forget_newest)
        self.addCleanup(self.forget_late_keys)


@tagged("post_install", "-at_install")
class TestIntake(IntakeCase):
    """No new personal data while what is due is not proven gone."""

    def test_the_first_intake_makes_the_first_proof(self):
        made = self.env["pii.proof"].search([("company_id", "=", self.company.id)])
        self.assertEqual(len(made), 1, "the class has sealed one customer")
        self.assertEqual(made.result, "clean")
        self.assertEqual(proof.standing(self.env, self.company).code, "ok")

    def test_a_proof_is_valid_to_the_second(self):
        with self.at(hours=24, seconds=-2):
            self.assertTakenIn("402-1234567-0000002")
        with self.at(hours=24, seconds=2), self.told("intake_old"):
            self.assertStopped("old")

    def test_the_figure_is_the_companys(self):
        self.company._pii_policy().proof_hours = 6
        with self.at(hours=6, seconds=-2):
            self.assertTakenIn("402-1234567-0000002")
        with self.at(hours=6, seconds=2), self.told("intake_old"):
            self.assertStopped("old")

    def test_what_was_found_stops_it_until_a_person_looks(self):
        mend = self.break_something()
        with self.told("proof_found"):
            self.env["pii.proof"]._cron_proof()
        with self.told("intake_found"):
            self.assertStopped("found")
        # what is held is still there to ship with
        self.assertReadable()
        mend()
        # gone by itself: that nothing is found any more does not say what happened
        with self.at(hours=6), self.told():
            self.env["pii.proof"]._cron_proof()
            self.assertStopped("found")
            self.env["pii.proof"].with_user(self.officer).action_check()
            self.assertStopped("found")
            self.assertEqual(self.press().result, "clean", self.last_found())
            self.assertTakenIn("402-1234567-0000003")
        with self.at(hours=12):
            self.env["pii.proof"]._cron_proof()
            self.assertTakenIn("402-1234567-0000004")

    def test_a_day_without_proof_stops_it_until_a_person_looks(self):
        with self.at(hours=30), self.told("proof_lapsed", "intake_lapsed"):
            self.env["pii.proof"]._cron_proof()
            self.assertStopped("lapsed")
        with self.at(hours=36), self.told():
            self.env["pii.proof"]._cron_proof()
            self.assertStopped("lapsed")
        with self.at(hours=36):
            self.press()
            self.assertTakenIn("402-1234567-0000003")

    def test_a_check_that_finds_something_does_not_free(self):
        self.break_something()
        with self.told("proof_found"):
            self.assertEqual(self.press().result, "found")
        with self.told("intake_found"):
            self.assertStopped("found")

    def test_nobody_else_frees(self):
        for user in (self.clerk, self.nobody, self.env.ref("base.user_admin")):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.press(user)
        # not without a browser, nor in somebody else's name
        with self.acting(None), self.assertRaises(AccessError):
            self.env["pii.proof"].with_user(self.officer).action_check_again()
        with self.acting(self.clerk), self.assertRaises(AccessError):
            self.env["pii.proof"].with_user(self.officer).action_check_again()
        action = self.env["ir.actions.server"].create(
            {
                "name": "free",
                "state": "code",
                "model_id": self.env.ref("pii_retention.model_pii_proof").id,
                "code": "model.action_check_again()",
            }
        )
        with self.acting(self.officer), self.assertRaises(AccessError):
            action.with_user(self.officer).sudo().run()

    def test_a_clock_that_was_put_back(self):
        """A proof of the future counts for nothing, and an officer who has looked need not wait until it is over."""
        with self.at(hours=-3):
            with self.told("intake_clock"):
                self.assertStopped("clock")
            self.press()
            self.assertEqual(proof.standing(self.env, self.company).code, "ok")
            self.assertTakenIn("402-1234567-0000002")

    def test_forged_and_deleted_proofs(self):
        self.sql("UPDATE pii_proof SET at = at + interval '40 hours' WHERE company_id = %s", self.company.id)
        with self.at(hours=40), self.told("intake_forged"):
            self.assertStopped("forged")

    def test_all_proofs_deleted(self):
        self.env.cr.postcommit.run()
        self.sql("DELETE FROM pii_proof WHERE company_id = %s", self.company.id)
        with self.told("intake_gone"):
            self.assertStopped("gone")
        with self.told("proof_lapsed", "intake_lapsed"):
            self.env["pii.proof"]._cron_proof()
            self.assertStopped("lapsed")

    def test_an_unusable_key_store_stops_it_too(self):
        with patch.object(keys, "keyring", side_effect=UserError("The key store is gone.")):
            self.assertEqual(proof.standing(self.env, self.company).code, "store")

    def test_refused_again_and_again_is_told_once(self):
        with self.at(hours=30):
            with self.told("intake_old"):
                for number in range(20):
                    self.refused(self.seal, f"402-1234567-00001{number}")
            with self.told():
                self.refused(self.seal, "402-1234567-0000200")
        # still there a day after it was examined
        alert = self.env["pii.alert"].search([("cause", "=", "intake_old")])
        with self.acting(self.officer):
            alert.with_user(self.officer).action_examined()
        with self.at(hours=40), self.told():
            self.refused(self.seal, "402-1234567-0000201")
        with self.at(hours=55), self.told("intake_old"):
            self.refused(self.seal, "402-1234567-0000202")
