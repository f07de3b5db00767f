from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.pii_retention import proof

from .test_proof import ProofCase


@tagged("post_install", "-at_install")
class TestProofSeal(ProofCase):
    """A proof counts when it is the newest one that was made, and says what was found then."""

    def test_a_forged_proof_does_not_count(self):
        self.sql("UPDATE pii_subject SET state = 'erased' WHERE id = %s", self.subject.id)
        made = self.prove()
        self.assertTrue(made.is_genuine)
        forgeries = (
            "UPDATE pii_proof_line SET found = 0 WHERE proof_id = %s",
            "UPDATE pii_proof SET blocks = NULL WHERE id = %s",
            "UPDATE pii_proof SET found = 0 WHERE id = %s",
            "UPDATE pii_proof SET person = 'officer' WHERE id = %s",
            "UPDATE pii_proof SET at = at + interval '1 second' WHERE id = %s",
            "UPDATE pii_proof SET number = number + 1 WHERE id = %s",
            "UPDATE pii_proof SET seal = NULL WHERE id = %s",
            "UPDATE pii_proof SET seal = repeat('0', 64) WHERE id = %s",
            "DELETE FROM pii_proof_line WHERE proof_id = %s AND found > 0",
        )
        refused = 0
        for forgery in forgeries:
            with self.subTest(forgery=forgery), self.env.cr.savepoint() as savepoint:
                self.sql(forgery, made.id)
                self.assertFalse(made.is_genuine)
                self.assertEqual(proof.standing(self.env, self.company).code, "forged")
                refused += 1
                savepoint.rollback()
                self.env.invalidate_all()
        print(f"\nFIGURE proof_forgeries_refused {refused} forgeries ={len(forgeries)}")
        self.assertEqual(proof.standing(self.env, self.company).code, "found")

    def test_a_proof_cannot_be_deleted_in_favour_of_an_older_one(self):
        clean = self.prove()
        self.addCleanup(self.forget_newest)
        self.env.cr.postcommit.run()
        self.sql("UPDATE pii_subject SET state = 'erased' WHERE id = %s", self.subject.id)
        with freeze_time(fields.Datetime.now() + timedelta(minutes=1)):
            red = self.prove()
            self.env.cr.postcommit.run()
            self.assertEqual(proof.standing(self.env, self.company).code, "found")
            self.sql("DELETE FROM pii_proof WHERE id = %s", red.id)
            self.assertTrue(clean.is_genuine)
            self.assertEqual(proof.standing(self.env, self.company).code, "gone")
            self.sql("DELETE FROM pii_proof WHERE company_id = %s", self.company.id)
            self.assertEqual(proof.standing(self.env, self.company).code, "gone")

    def test_which_is_newer_says_no_clock(self):
        """A clean proof of a time when the clock was ahead does not outlive one that found something since."""
        self.addCleanup(self.forget_newest)
        now = fields.Datetime.now()
        with freeze_time(now + timedelta(minutes=30)):
            ahead = self.prove()
            self.env.cr.postcommit.run()
        self.sql("UPDATE pii_subject SET state = 'erased' WHERE id = %s", self.subject.id)
        with freeze_time(now + timedelta(minutes=5)):
            red = self.prove()
            self.env.cr.postcommit.run()
            found = proof.standing(self.env, self.company)
            self.assertEqual((found.proof_id, found.code), (red.id, "found"))
            self.assertTrue(red.is_newest)
            self.sql("DELETE FROM pii_proof WHERE id = %s", red.id)
            self.assertTrue(ahead.is_genuine)
            self.assertEqual(proof.standing(self.env, self.company).code, "gone")

    def test_two_proofs_of_one_second(self):
        self.addCleanup(self.forget_newest)
        with freeze_time(fields.Datetime.now()):
            clean = self.prove()
            self.env.cr.postcommit.run()
            self.sql("UPDATE pii_subject SET state = 'erased' WHERE id = %s", self.subject.id)
            red = self.prove()
            self.env.cr.postcommit.run()
            self.assertEqual(red.number, clean.number + 1)
            self.sql("DELETE FROM pii_proof WHERE id = %s", red.id)
            self.assertEqual(proof.standing(self.env, self.company).code, "gone")

    # === WHO MAY === #

    def test_officers_and_auditors_ask_for_a_proof(self):
        Proof = self.env["pii.proof"]
        with self.acting(self.officer):
            action = Proof.with_user(self.officer).action_check()
        self.assertEqual(Proof.browse(action["res_id"]).user_id, self.officer)
        for user in (self.clerk, self.nobody, self.env.ref("base.user_admin")):
            with self.subTest(user=user.login), self.acting(user), self.assertRaises(AccessError):
                Proof.with_user(user).action_check()
        with self.assertRaises(AccessError):
            Proof.with_user(self.officer).create({"company_id": self.company.id, "at": fields.Datetime.now()})
        with self.assertRaises(AccessError):
            Proof.with_user(self.officer).search([], limit=1).write({"blocks": False})
        with self.assertRaises(AccessError):
            Proof.with_user(self.officer).search([], limit=1).unlink()
