"""Erasing people: at once, from everything, and for good."""

import os
from datetime import date, timedelta

from odoo.tests import tagged

from odoo.addons.pii_retention import files, keys, purge, rotation
from odoo.addons.pii_retention.crypto import KeyDestroyed, day_key_id
from odoo.addons.pii_retention.tests.common import FISCAL, OPERATIONAL, VaultCase

SEALED = ("operational_token", "fiscal_token", "quarantine_token", "content_mac", "name_index", "email_index")


@tagged("post_install", "-at_install")
class TestErasure(VaultCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keyring = keys.keyring(cls.env)
        cls.domain = cls.company._pii_domain()

    def on_day(self, days, count=3):
        """Return subjects of a day of their own, each with a file, and the key of that day."""
        start = date.today() - timedelta(days=days)
        subjects = self.env["pii.subject"].concat(
            *(self.seal(f"402-{days:07d}-{number:07d}", start=start) for number in range(count))
        )
        for subject in subjects:
            self.file_of(subject)
        return subjects.sudo(), day_key_id(self.domain, subjects[0].deadline)

    def file_of(self, subject, content=b"%PDF-1.4 a label of Zyxwanna Quorvelli"):
        return self.env["ir.attachment"].create(
            {"name": "label.pdf", "raw": content, "res_model": "res.partner", "res_id": subject._partner().id}
        )

    def row(self, subject):
        self.env.flush_all()
        self.env.cr.execute("SELECT to_jsonb(s) FROM pii_subject s WHERE id = %s", [subject.id])
        return self.env.cr.fetchone()[0]

    def readable(self, subject):
        """Return what a fulfilment clerk sees of the subject's name on a label."""
        partner = subject._partner()
        with subject.with_user(self.clerk).reveal("label") as env:
            return env["res.partner"].browse(partner.id).name

    def test_forget_leaves_nothing_but_the_pseudonym(self):
        subjects, _key = self.on_day(1)
        gone, stays = subjects[0], subjects[1]
        attachment = gone._files()
        path = attachment._full_path(attachment.store_fname)
        counts = purge.forget(self.env, gone.ids, "data_subject")
        self.assertEqual((counts.subjects, counts.files), (1, 1))
        row = self.row(gone)
        self.assertFalse([name for name in SEALED if row[name]])
        self.assertEqual((row["state"], row["erased_reason"]), ("erased", "data_subject"))
        self.assertTrue(self.keyring.subjects.contains(gone.uuid))
        self.assertFalse(attachment.exists())
        with self.enter_registry_test_mode():
            self.env.cr.postcommit.run()
        self.assertFalse(os.path.exists(path) or os.path.exists(path + ".gone"))
        self.assertEqual(gone._partner().name, gone._pseudonym())
        self.assertEqual(self.readable(gone), gone._pseudonym())
        self.assertFalse(self.keyring.subjects.contains(stays.uuid))
        self.assertEqual(self.readable(stays), OPERATIONAL["name"])

    def test_forget_twice_changes_nothing(self):
        subjects, _key = self.on_day(2, 1)
        purge.forget(self.env, subjects.ids, "cancelled")
        before = self.row(subjects)
        again = purge.forget(self.env, subjects.ids, "data_subject")
        self.assertEqual((again.subjects, again.files), (0, 0))
        self.assertEqual(self.row(subjects), before)

    def test_early_erasure_reaches_old_dumps_and_spares_the_neighbours(self):
        subjects, key_id = self.on_day(3)
        gone, stays = subjects[0], subjects[1:]
        stays[0]._partner().write({"phone": "+49 30 55555555"})
        self.env.flush_all()
        dumped = self.row(gone)["operational_token"]
        content = {stay.id: files._open(stay._files()) for stay in stays}
        certificate = purge.erase_early(self.env, gone, "amazon_deletion", "REQ/7")
        self.assertTrue(self.keyring.destroyed(key_id))
        with self.assertRaises(KeyDestroyed):
            self.keyring.open_record(self.domain, gone.uuid, "operational", dumped)
        for stay in stays:
            self.assertEqual(self.readable(stay), OPERATIONAL["name"])
            self.assertEqual(self.keyring.key_id_of(self.row(stay)["fiscal_token"]), f"{key_id}/2")
            self.assertEqual(files._open(stay._files()), content[stay.id])
            self.assertIn(stay, self.found(FISCAL["name"]))
        with stays[0].with_user(self.clerk).reveal("label") as env:
            self.assertEqual(env["res.partner"].browse(stays[0]._partner().id).phone, "+49 30 55555555")
        self.assertEqual((certificate.kind, certificate.state, certificate.subject_count), ("request", "sealed", 1))
        self.assertEqual((certificate.key_ids, certificate.verification), (key_id, "passed"))
        self.assertEqual(gone.certificate_id, certificate)

    def found(self, name):
        from odoo.addons.pii_retention import blind_index, indexing

        found = self.env["pii.subject"]
        for key_id in self.keyring.list(f"day/{self.domain}"):
            wanted = blind_index.wanted_entries("name", name, [None, "DE"], indexing.mac_of(self.keyring, key_id))
            for entry in wanted:
                self.env.cr.execute("SELECT id FROM pii_subject WHERE name_index LIKE %s", [f"%{entry}%"])
                found |= found.browse(row[0] for row in self.env.cr.fetchall())
        return found

    def test_a_delivery_after_the_rotation_is_known_as_unchanged(self):
        subjects, key_id = self.on_day(4, 2)
        purge.erase_early(self.env, subjects[0], "cancelled")
        before = self.row(subjects[1])
        self.seal(subjects[1].reference, start=date.today() - timedelta(days=4))
        self.assertEqual(self.row(subjects[1]), before)

    def test_a_rotation_that_was_interrupted_goes_on(self):
        subjects, key_id = self.on_day(5)
        purge.forget(self.env, subjects[0].ids, "cancelled")
        rotation.queue(self.env, key_id, "cancelled")
        self.keyring.create_successor(key_id)  # and then the process was killed
        self.assertEqual(self.readable(subjects[1]), OPERATIONAL["name"])
        self.assertTrue(rotation.run(self.env, key_id))
        self.assertEqual(self.readable(subjects[1]), OPERATIONAL["name"])
        self.assertTrue(self.keyring.destroyed(key_id))
        self.assertTrue(rotation.run(self.env, key_id), "done already")
