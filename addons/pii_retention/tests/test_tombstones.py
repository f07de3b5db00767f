from datetime import date

from odoo.tests import tagged

from odoo.addons.pii_retention import keys, tombstones

from .common import CANARIES, OPERATIONAL, VaultCase


@tagged("post_install", "-at_install")
class TestTombstones(VaultCase):
    """Whoever was erased does not come back with a re-import."""

    def bury(self, uuid):
        keys.keyring(self.env).subjects.append(uuid, date.today(), "deadline")

    def assertNobody(self, subject):
        self.env.flush_all()
        self.env.cr.execute("SELECT to_jsonb(s)::text FROM pii_subject s WHERE id = %s", [subject.id])
        (row,) = self.env.cr.fetchone()
        self.assertNotIn('_token": "', row)
        self.assertFalse([value for value in CANARIES if value in row])
        self.assertEqual(subject.state, "erased")

    def test_the_uuid_says_nothing_and_is_always_the_same(self):
        domain = self.company._pii_domain()
        subject = self.seal("402-7654321-0000001")
        self.assertEqual(subject.uuid, tombstones.subject_uuid(domain, subject.origin, "402-7654321-0000001"))
        other = self.env["res.company"].create({"name": "Other"})
        self.assertNotEqual(
            subject.uuid, tombstones.subject_uuid(other._pii_domain(), subject.origin, "402-7654321-0000001")
        )

    def test_an_erased_person_whose_row_is_gone_does_not_come_back(self):
        subject = self.seal("402-7654321-0000002")
        origin = subject.origin
        self.assertFalse(self.env["pii.subject"]._is_tombstoned(self.company, origin, "402-7654321-0000002"))
        self.bury(subject.uuid)
        subject.unlink()  # as in a database restored from before the order
        self.assertTrue(self.env["pii.subject"]._is_tombstoned(self.company, origin, "402-7654321-0000002"))
        again = self.seal("402-7654321-0000002")
        self.assertNobody(again)
        self.assertEqual(again._partner().name, f"{origin.capitalize()} 402-7654321-0000002")

    def test_a_restored_row_of_an_erased_person_loses_its_data_with_the_next_delivery(self):
        subject = self.seal("402-7654321-0000003")
        self.bury(subject.uuid)
        self.seal("402-7654321-0000003", {"operational": {**OPERATIONAL, "city": "Newxtown"}})
        self.assertNobody(subject)

    def test_a_subject_with_a_random_uuid_is_buried_under_both_ids(self):
        subject = self.seal("402-7654321-0000004")
        self.env.cr.execute("UPDATE pii_subject SET uuid = gen_random_uuid()::text WHERE id = %s", [subject.id])
        subject.invalidate_recordset()
        origin = subject.origin
        ids = tombstones.ids_of(self.company._pii_domain(), subject.uuid, origin, "402-7654321-0000004")
        self.assertEqual(len(ids), 2)
        for entry in ids:
            self.bury(entry)
        self.assertTrue(self.env["pii.subject"]._is_tombstoned(self.company, origin, "402-7654321-0000004"))
        subject.unlink()
        self.assertTrue(self.env["pii.subject"]._is_tombstoned(self.company, origin, "402-7654321-0000004"))

    def test_others_of_the_same_page_are_sealed(self):
        gone = tombstones.subject_uuid(self.company._pii_domain(), "shop", "gone")
        self.bury(gone)
        vals = {"company_id": self.company.id, "origin": "shop", "country_id": False, "start": date.today()}
        values = {"operational": OPERATIONAL}
        erased, live = self.env["pii.subject"]._seal_many(
            [{**vals, "reference": name, "values": values} for name in ("gone", "stays")]
        )
        self.assertNobody(erased)
        self.assertEqual((live.state, live.held_classes), ("live", "operational"))
