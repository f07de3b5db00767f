import os
from datetime import date, timedelta
from pathlib import Path

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from odoo.addons.pii_retention import certificates, keys, ledger_repair, replay, tombstones

from .common import VaultCase


@tagged("post_install", "-at_install")
class TestReplay(VaultCase):
    """The ledger of erased people, applied to a database that a backup brought back."""

    def setUp(self):
        super().setUp()
        self.keyring = keys.keyring(self.env)
        self.ledger = Path(os.environ[keys.ENVIRONMENT]) / "subjects.jsonl"
        before = self.ledger.read_bytes()
        # what is buried in one test is not rolled back with it
        self.addCleanup(self.ledger.write_bytes, before)
        replay.run(self.env)

    def bury(self, *subjects, reason="deadline"):
        for subject in subjects:
            self.keyring.subjects.append(subject.uuid, date.today(), reason)

    def test_who_is_in_the_ledger_is_erased_and_certified(self):
        gone, stays = self.seal("402-0000000-0000011"), self.seal("402-0000000-0000012")
        self.bury(gone)
        self.assertTrue(replay.is_due(self.env))
        counts = replay.run(self.env)
        self.assertEqual((counts.read, counts.erased, len(counts.certificates)), (1, 1, 1))
        self.assertEqual((gone.state, gone.erased_reason), ("erased", "restored"))
        self.assertFalse(gone.held_classes)
        self.assertEqual(gone.certificate_id.kind, "restore")
        self.assertEqual(stays.state, "live")
        self.assertFalse(replay.is_due(self.env))
        self.assertEqual(replay.run(self.env), replay.Counts())

    def test_who_a_purge_was_just_erasing_counts_for_that_purge(self):
        """Killed between the tombstones and the rows: after a restart it is no restore that erases them."""
        due, early = self.seal("402-0000000-0000013"), self.seal("402-0000000-0000014")
        run = self.env["pii.purge.run"].create(
            {"company_id": self.company.id, "day": due.sudo().deadline, "step": "keys"}
        )
        certificate = certificates.begin(self.env, self.company, "deadline", reason="deadline", run=run)
        early.sudo().deadline += timedelta(days=1)
        self.bury(due, early)
        counts = replay.run(self.env)
        self.assertEqual((counts.read, counts.erased, len(counts.certificates)), (2, 2, 1))
        self.assertEqual((due.sudo().erased_reason, due.sudo().certificate_id), ("deadline", certificate))
        self.assertEqual((early.sudo().erased_reason, run.subject_count), ("restored", 1))

    def test_an_early_erasure_that_was_interrupted_counts_for_its_certificate(self):
        mine, other = self.seal("402-0000000-0000017"), self.seal("402-0000000-0000018")
        key_id = self.keyring.key_id_of(mine.sudo().operational_token)
        certificate = certificates.begin(
            self.env, self.company, "request", reason="data_subject", request_ref="REQ/0001"
        )
        self.bury(mine, reason="data_subject")
        self.bury(other)
        replay.run(self.env)
        self.assertEqual((mine.sudo().erased_reason, mine.sudo().certificate_id), ("data_subject", certificate))
        self.assertEqual(other.sudo().erased_reason, "restored")
        self.assertTrue(self.env["pii.rotation"].search([("key_id", "=", key_id)]), "dumps have to lose them as well")

    def test_nobody_of_the_ledger_opens_before_it_is_applied(self):
        """A database may be set back under a running server: until the next replay the rows are there again."""
        gone, stays = self.seal("402-0000000-0000015"), self.seal("402-0000000-0000016")
        partner = stays._partner()
        key_id = self.keyring.key_id_of(gone.sudo().operational_token)
        self.bury(gone)
        self.assertEqual(gone.state, "live")
        self.assertFalse(self.keyring.destroyed(key_id))
        with self.assertRaisesRegex(AccessError, "a backup has brought it back"):
            gone.with_user(self.clerk).reveal("invoice").__enter__()
        with self.assertRaisesRegex(AccessError, "0000015"):
            (gone | stays).with_user(self.clerk).reveal("invoice").__enter__()
        with stays.with_user(self.clerk).reveal("invoice") as env:
            self.assertTrue(env["res.partner"].browse(partner.id).street)

    def test_the_neighbours_of_an_early_erasure_stay_readable(self):
        gone, stays = self.seal("402-0000000-0000021"), self.seal("402-0000000-0000022")
        key_id = self.keyring.key_id_of(gone.sudo().operational_token)
        self.bury(gone)
        replay.run(self.env)
        # other copies of the database hold the person too: their key goes, its neighbours get another one
        self.assertTrue(self.keyring.destroyed(key_id))
        self.assertEqual(gone.certificate_id.state, "sealed")
        partner = stays._partner()
        with stays.with_user(self.clerk).reveal("invoice") as env:
            self.assertTrue(env["res.partner"].browse(partner.id).street)

    def test_nothing_to_do_costs_next_to_nothing(self):
        for number in range(50):
            self.keyring.subjects.append(f"00000000-0000-4000-8000-{number:012d}", date.today(), "deadline")
        self.assertEqual(replay.run(self.env).read, 50)
        with self.assertQueryCount(10):
            self.assertFalse(replay.is_due(self.env))
            self.assertEqual(replay.run(self.env).read, 0)

    def test_an_older_ledger_is_refused_and_written_again(self):
        older = self.ledger.read_bytes()
        gone = self.seal("402-0000000-0000031")
        self.bury(gone)
        replay.run(self.env)
        self.ledger.write_bytes(older)
        with self.assertRaisesRegex(UserError, "--older-ledger"):
            replay.run(self.env)
        # grown again since: still not the one that was seen
        self.keyring.subjects.append("00000000-0000-4000-8000-999999999999", date.today(), "deadline")
        with self.assertRaisesRegex(UserError, "--older-ledger"):
            replay.run(self.env)
        written, _destroyed = ledger_repair.rewrite(self.env)
        self.assertGreaterEqual(written, 1)
        self.assertTrue(self.keyring.subjects.contains(gone.uuid))
        self.assertEqual(replay.run(self.env), replay.Counts())

    def test_destroyed_keys_of_certificates_are_destroyed_again(self):
        gone = self.seal("402-0000000-0000041")
        self.bury(gone)
        replay.run(self.env)
        certified = ledger_repair._certified_keys(self.env)
        self.assertTrue(set((gone.certificate_id.key_ids or "").split()) <= set(certified))
        self.assertTrue(all(self.keyring.destroyed(key_id) for key_id in certified))

    def test_a_missing_ledger_is_no_empty_one(self):
        content = self.ledger.read_bytes()
        self.ledger.unlink()
        try:
            with self.assertRaisesRegex(UserError, "ledger subjects.jsonl is gone"):
                replay.run(self.env)
            with self.assertRaisesRegex(UserError, "ledger subjects.jsonl is gone"):
                self.seal("402-0000000-0000051")
        finally:
            self.ledger.touch(mode=0o600)
            self.ledger.write_bytes(content)

    def test_a_subject_of_another_company_is_certified_there(self):
        other = self.env["res.company"].create({"name": "Other"})
        ids = [self.seal("402-0000000-0000061"), self.seal("402-0000000-0000062")]
        self.env["pii.subject"]._seal_many(
            [
                {
                    "company_id": other.id,
                    "origin": "shop",
                    "reference": "402-0000000-0000063",
                    "country_id": False,
                    "start": date.today(),
                    "values": {"operational": {"city": "Kwylburgh"}},
                }
            ]
        )
        theirs = self.env["pii.subject"].search([("company_id", "=", other.id)])
        self.assertEqual(theirs.uuid, tombstones.subject_uuid(other._pii_domain(), "shop", theirs.reference))
        self.bury(*ids, theirs)
        counts = replay.run(self.env)
        self.assertEqual((counts.erased, len(counts.certificates)), (3, 2))
        self.assertEqual(theirs.certificate_id.company_id, other)
