import json
import os
import tracemalloc
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pyrage
import pysequoia
from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import files, keys, volumes
from odoo.addons.pii_retention.tests.common import FISCAL, OPERATIONAL, PERSON

from .. import packing, recipients
from .common import RequestCase, unpacked

#: A public key of RSA with 1024 bits, made for this test; its private part was thrown away.
WEAK_KEY = """\
-----BEGIN PGP PUBLIC KEY BLOCK-----

mI0EawKNCwEEAMZ4ZIf/0ik+F4POxhVBLlOhRyQ/c8Bfh/D3tZKkEpY+W8GT1EcO
MpZ02z2799F9bCwjrzHswifHhPw+ytbah2JjMSTMGpW4kFf9MYGESz+lKMddZVBX
cei7Yn0aTUAN/tPNIphF11bViRqkYIVTtmv9+zc8e1mbm0njdHNYOlK9ABEBAAG0
DHdlYWsgcnNhMTAyNIjOBBMBCgA4FiEEwSjCZcRNu1bmAOdlJW2+uUGxi6wFAmsC
jQsCGy8FCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQJW2+uUGxi6yC3wP9HjWc
9nlqfBNoJEByDMCeEaGRuO4tNjjbBEjyYy/B8ffJBQxgLqOxzuGL2YSLySelyQlU
xrQOJoSWkyitikjkzh6Bo6ejYHrgiNL0TwaIMRn1eZT0Z5cNXmh7JGdJu0P6PFb9
3dOOD2B0HuF1hHp1P1kAdxGsbJEZN/mCsvT57L+4jQRrAo0LAQQA19aCh1PtfIaf
NWGbgLpNGS+WnDbjcp2k7DMzN1+YX5wG5UjgR+hiui9+Uqym4GpgbhXs808bcsQU
dXrxjrTLz4VykHcpcFVCJCoNNU5EA7664j+g0cHnrZxsj2/HnYbrf+HHVV2QjR2Q
utrGX477k+T21eXwJhbt93RYikeY0GcAEQEAAYkBawQYAQoAIBYhBMEowmXETbtW
5gDnZSVtvrlBsYusBQJrAo0LAhsuAL8JECVtvrlBsYustCAEGQEKAB0WIQTi4VhD
fwx7ASETgfltPG9GMUi5ZAUCawKNCwAKCRBtPG9GMUi5ZOsOA/4qo71agMxtvttP
S7B6GahO/CzbD3EJlKKp+6Z8Llc1Wk7nahsiSlYIk98pXbKLkexbGRMmp1nZSzzA
2huuuKZ23oA6cVtwHHEUzx1KMUD4ZGFXF/YCkg4kDS5lFtgo8KSI5Zmb8XZzlHhc
pJNemFwBpGhXMB9kYo5mMfnf6SuYR9gMA/9qyA76jPhyz2tspzRdFNdptYzhL2v5
JeBeS9g/K9+8srCmml+AFtgJaZcFq9dqUWuHW0idN/h/lkNM1PshwKKcQWuOwjBh
Okfy88u0O+1Aq3c1txUC/laMN+RsfwHDI2nsalW23cB9X+IP8NBIDa4jOihFBpXo
8wuoK0IM6Drrvg==
=KkoB
-----END PGP PUBLIC KEY BLOCK-----
"""
CANARY_FILE = ("Label of " + PERSON["name"] + ", " + PERSON["street"]).encode()


class ReturnCase(RequestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.identity = pyrage.x25519.Identity.generate()
        cls.key = str(cls.identity.to_public())
        cls.recipient = cls.env["pii.recipient"].create(
            {
                "name": "Amazon EU SARL",
                "kind": "marketplace",
                "country_id": cls.env.ref("base.lu").id,
                "agreement": "Services agreement",
                "company_id": cls.company.id,
                "scope_ids": [(0, 0, {"purpose": "legal_request", "operational": True, "fiscal": True})],
            }
        )
        cls.recipient.action_assess()
        cls.recipient.action_activate()
        cls.env.flush_all()

    def setUp(self):
        super().setUp()
        self.env["ir.attachment"].create(
            {"name": "label.txt", "raw": CANARY_FILE, "res_model": "pii.subject", "res_id": self.subject.id}
        )

    def returned(self, key=None, **vals):
        """Return an approved return, ready to be packed by the officer."""
        request = self.register(
            kind="amazon_return", public_key=key or self.key, recipient_id=self.recipient.id, **vals
        )
        request.action_preview()
        request.action_confirm_key()
        self.decide(request)
        return request

    def sealed_file(self, part):
        return self.env["ir.attachment"].sudo().search([("res_model", "=", part._name), ("res_id", "=", part.id)])

    def content(self, part):
        """Return the encrypted file as the download sends it."""
        return files._open(self.sealed_file(part))


@tagged("post_install", "-at_install")
class TestRequestReturn(ReturnCase):
    """Amazon wants its information back: encrypted for a key that it supplies, and erased here afterwards."""

    def test_the_whole_life(self):
        request = self.returned()
        self.assertEqual(request.grant_id.user_id, self.officer)
        self.assertEqual(request.grant_id.decided_by_id, self.second)
        self.run_cron()
        self.assertEqual(request.state, "approved", "nobody is erased before the requester has the archive")
        with self.env.registry.cursor() as cr:
            cr.execute("SELECT coalesce(max(id), 0) FROM pii_disclosure")
            before = cr.fetchone()[0]
        request.action_pack()
        part = request.part_ids
        self.assertEqual((len(part), part.customer_count, part.state), (1, 3, "ready"))
        found = unpacked(pyrage.decrypt(self.content(part), [self.identity]))
        manifest = json.loads(found["manifest.json"])
        self.assertEqual((manifest["request"], manifest["count"]), (request.name, 3))
        self.assertEqual(
            {entry["reference"] for entry in manifest["customers"]}, set(self.subjects.mapped("reference"))
        )
        for subject in self.subjects:
            (folder,) = [known["folder"] for known in manifest["customers"] if known["uuid"] == subject.uuid]
            known = json.loads(found[f"{folder}/data.json"])
            self.assertEqual(known["data"], {"operational": OPERATIONAL, "fiscal": FISCAL}, "everything, by class")
        self.assertEqual([content for name, content in found.items() if "/files/" in name], [CANARY_FILE])
        self.assertFalse([name for name in found if self.bystander.reference in name], "and nothing of anybody else")
        self.assertNoCanary(self.content(part).decode("latin-1"), "the encrypted archive")
        with self.env.registry.cursor() as cr:
            cr.execute(
                "SELECT subject_uuid, outcome, document FROM pii_disclosure WHERE id > %s AND recipient_ref = %s",
                [before, self.recipient.id],
            )
            rows = cr.fetchall()
        self.assertEqual(sorted(rows), sorted((uuid, "sent", request.name) for uuid in self.subjects.mapped("uuid")))
        with self.assertRaises(UserError):
            request.action_received()  # not downloaded yet
        part.sudo().write({"downloaded_at": fields.Datetime.now(), "downloaded_by_id": self.officer.id})
        request.action_received()
        self.run_cron()
        self.assertEqual(request.state, "done")
        self.assertNothingHeld(self.subjects)
        self.assertRequestImpersonal(request)
        self.assertNoCanary(request.part_ids.sudo().read(), "the parts")

    def test_a_return_without_erasure(self):
        request = self.returned(erase_after=False)
        request.action_pack()
        request.part_ids.sudo().downloaded_at = fields.Datetime.now()
        request.action_received()
        self.run_cron()
        self.assertEqual((request.state, request.copies_state), ("done", False))
        self.assertEqual(set(self.subjects.mapped("state")), {"live"})
        self.assertEqual(set(self.outcomes(request).values()), {"answered"})

    def test_with_an_openpgp_key(self):
        owner = pysequoia.Tsk.generate("Returns <returns@example.com>")
        request = self.returned(key=str(owner.extract_certificate()))
        self.assertEqual(request.key_kind, "openpgp")
        self.assertEqual(request.key_fingerprint.replace(" ", "").lower(), owner.extract_certificate().fingerprint)
        request.action_pack()
        archive = pysequoia.decrypt(decryptor=owner.decryptor(), bytes=self.content(request.part_ids)).bytes
        self.assertIn(
            PERSON["name"],
            json.loads(next(c for n, c in unpacked(archive).items() if "data" in n))["data"]["fiscal"]["name"],
        )
        self.assertTrue(request.part_ids.name.endswith(".tar.gpg"))

    def test_another_key_does_not_open_it(self):
        request = self.returned()
        request.action_pack()
        with self.assertRaises(pyrage.DecryptError):
            pyrage.decrypt(self.content(request.part_ids), [pyrage.x25519.Identity.generate()])

    def test_keys_that_are_refused(self):
        owner = pysequoia.Tsk.generate("Returns <returns@example.com>")
        public = owner.extract_certificate()
        soon = datetime.now(UTC) + timedelta(days=2)
        expiring = str(public.set_expiration(certifier=owner.certifier(), expiration=soon))
        revoked = str(pysequoia.Cert.from_bytes(bytes(public) + bytes(public.revoke(certifier=owner.certifier()))))
        refused = {
            "private": [str(self.identity), str(owner)],
            "several": [f"{self.key}\n{pyrage.x25519.Identity.generate().to_public()}", str(public) * 2],
            "malformed": [
                "age1qqqqqq",
                "hello",
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPq",
                "x" * 200_000,
                str(public)[:400],
                "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n",
            ],
            "revoked": [revoked],
            "weak": [WEAK_KEY],
        }
        for code, texts in refused.items():
            for text in texts:
                with self.subTest(code=code, text=text[:40]), self.assertRaises(UserError) as caught:
                    self.register(kind="amazon_return", public_key=text)
                self.assertEqual(str(caught.exception), self.env["pii.request"]._key_fault(code))
                self.assertNotIn(text[40:80] or text, str(caught.exception), "no key is repeated in a message")
        self.assertEqual(recipients.parse(expiring, soon - timedelta(seconds=1)).expires.date(), soon.date())
        with self.assertRaises(recipients.RecipientError) as caught:
            recipients.parse(expiring, soon + timedelta(seconds=1))
        self.assertEqual(caught.exception.code, "expired")

    def test_a_key_that_expires_before_packing(self):
        owner = pysequoia.Tsk.generate("Returns <returns@example.com>")
        soon = datetime.now(UTC) + timedelta(hours=2)
        request = self.returned(
            key=str(owner.extract_certificate().set_expiration(certifier=owner.certifier(), expiration=soon))
        )
        with freeze_time(soon + timedelta(seconds=1)), self.assertRaises(UserError) as caught:
            request.action_pack()
        self.assertEqual(str(caught.exception), request._key_fault("expired"))

    def test_the_fingerprint_is_compared_first(self):
        request = self.register(kind="amazon_return", public_key=self.key, recipient_id=self.recipient.id)
        request.action_preview()
        with self.assertRaises(UserError) as caught:
            self.decide(request)
        self.assertIn("fingerprint", str(caught.exception))
        request.action_confirm_key()
        request.public_key = str(pyrage.x25519.Identity.generate().to_public())
        self.assertFalse(request.key_confirmed_by_id, "another key is compared anew")

    def test_a_key_swapped_in_the_database(self):
        request = self.returned()
        other = recipients.parse(str(pyrage.x25519.Identity.generate().to_public()))
        self.env.cr.execute(
            "UPDATE pii_request SET public_key = %s, key_fingerprint = %s WHERE id = %s",
            [other.key, other.fingerprint, request.id],
        )
        self.env.invalidate_all()
        with self.assertRaises(UserError) as caught:
            request.action_pack()
        self.assertIn("not what was decided", str(caught.exception))
        self.assertFalse(request.part_ids)

    def test_only_the_handler_in_person_packs(self):
        request = self.returned()
        for person, user in ((self.second, self.second), (None, self.officer), (self.clerk, self.officer)):
            with self.acting(person), self.assertRaises(AccessError):
                request.with_user(user).action_pack()
        self.assertFalse(request.part_ids)

    def test_killed_while_packing(self):
        """Each part counts once it is stored: what was in the making is made again."""
        request = self.returned()
        with patch.object(packing, "PART_BYTES", 1), patch.object(volumes, "AT_ONCE", 1):
            request.action_pack()
        self.assertEqual(len(request.part_ids), 3)
        whole = [unpacked(pyrage.decrypt(self.content(part), [self.identity])) for part in request.part_ids]
        packed = [entry["uuid"] for found in whole for entry in json.loads(found["manifest.json"])["customers"]]
        self.assertEqual(sorted(packed), sorted(self.subjects.mapped("uuid")), "each once")

    def test_an_archive_outlives_none_of_its_customers(self):
        """Whoever dies tomorrow is in an archive that dies tomorrow; the others have theirs for a week."""
        soon = self.seal("402-7777777-0000001", start=self.company._pii_day() - timedelta(days=28))
        request = self.returned(references="\n".join((self.subjects | soon).mapped("reference")))
        request.action_pack()
        first, rest = request.part_ids.sorted("number")
        self.assertEqual((first.customer_count, first.expires_on), (1, soon.deadline))
        self.assertEqual(first.sudo().subject_id.deadline, soon.deadline)
        self.assertEqual((rest.customer_count, rest.expires_on), (3, self.company._pii_day() + timedelta(days=7)))

    def test_whose_day_has_come_keeps_nobody_else_from_being_packed(self):
        over = self.seal("402-7777777-0000002", start=self.company._pii_day() - timedelta(days=29))
        request = self.returned(references="\n".join((self.subjects | over).mapped("reference")), erase_after=False)
        with freeze_time(f"{over.deadline} 12:00:00"):
            self.env.invalidate_all()
            self.assertEqual((over.state, request.unpacked_count), ("live", 3))
            with self.acting(self.second):
                request.with_user(self.second).action_give_access_again()
            self.env.flush_all()
            request.action_pack()
            self.assertEqual(request.part_ids.mapped("customer_count"), [3])
            request.part_ids.sudo().downloaded_at = fields.Datetime.now()
            request.action_received()
        self.assertEqual(request.state, "done")
        self.assertEqual(self.outcomes(request)[over.reference], "already", "nobody says that it was returned")

    def test_an_archive_with_somebody_who_was_erased_is_discarded(self):
        request = self.returned()
        request.action_pack()
        (part,) = request.part_ids
        self.carried_out(references=self.subject.reference)
        self.assertEqual((self.subject.state, part.state), ("erased", "gone"))
        self.assertFalse(self.sealed_file(part))
        self.assertEqual(request.unpacked_count, 2)
        with self.acting(self.second):
            request.with_user(self.second).action_give_access_again()
        request.action_pack()
        newer = request.part_ids - part
        self.assertEqual((newer.customer_count, newer.state), (2, "ready"))
        found = unpacked(pyrage.decrypt(self.content(newer), [self.identity]))
        self.assertFalse([name for name in found if self.subject.reference in name])

    def test_a_download_that_broke_off_is_packed_anew(self):
        request = self.returned()
        request.action_pack()
        (part,) = request.part_ids
        with self.assertRaises(UserError):
            part.with_user(self.officer).action_repack()  # it can still be downloaded
        part.sudo().downloaded_at = fields.Datetime.now()
        part.sudo()._discard()
        with self.acting(self.second), self.assertRaises(AccessError):
            part.with_user(self.second).action_repack()
        part.with_user(self.officer).action_repack()
        self.assertEqual(request.unpacked_count, 3)
        with self.assertRaises(AccessError) as caught:
            request.action_pack()
        self.assertIn("give access again", str(caught.exception))
        with self.acting(self.second):
            request.with_user(self.second).action_give_access_again()
        request.action_pack()
        self.assertEqual(len(request.part_ids), 2)
        found = unpacked(pyrage.decrypt(self.content(request.part_ids - part), [self.identity]))
        self.assertEqual(len([name for name in found if name.endswith("data.json")]), 3)

    def test_the_certificate_says_answered_of_nobody_who_died_before(self):
        request = self.returned(erase_after=False)
        self.carried_out(references=self.subject.reference)
        request.action_pack()
        request.part_ids.sudo().downloaded_at = fields.Datetime.now()
        request.action_received()
        self.assertEqual(self.outcomes(request)[self.subject.reference], "shared")
        self.assertEqual(sorted(self.outcomes(request).values()), ["answered", "answered", "shared"])

    def test_memory_does_not_grow_with_the_customers(self):
        for number in range(40):
            subject = self.seal(f"402-88888{self.tests_begun:02d}-{number:07d}")
            self.env["ir.attachment"].create(
                {"name": "f", "raw": os.urandom(100_000), "res_model": "pii.subject", "res_id": subject.id}
            )
            self.subjects |= subject
        request = self.returned()
        with patch.object(packing, "PART_BYTES", 400_000), patch.object(volumes, "AT_ONCE", 2):
            tracemalloc.start()
            try:
                request.action_pack()
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
        self.assertGreater(len(request.part_ids), 6)
        self.assertGreater(sum(request.part_ids.mapped("size")), 4_000_000)
        self.assertLess(peak, 12_000_000)
        print(f"FIGURE return_peak_memory_per_part_bytes {peak / 400_000:.1f} x")

    def test_an_archive_that_nobody_fetched_dies_on_its_day(self):
        # the key store is that of all tests of this class, and this bucket's key dies here
        self.relax(request_archive_days=9)
        request = self.returned()
        request.action_pack()
        part = request.part_ids
        days = self.company._pii_figure("request_archive_days")
        self.assertEqual(part.expires_on, self.company._pii_day() + timedelta(days=days))
        self.assertEqual(part.sudo().subject_id.deadline, part.expires_on)
        keyring, domain = keys.keyring(self.env), self.company._pii_domain()
        keyring.destroy(keyring.ensure(f"day/{domain}/{part.expires_on}"), "deadline")
        with self.assertRaises(UserError):
            self.content(part)
        with freeze_time(fields.Datetime.now() + timedelta(days=days + 1)):
            part.invalidate_recordset()
            self.assertEqual(part.state, "gone")
            self.assertEqual(request.unpacked_count, 3, "it can be packed again")

    def test_nothing_in_clear_is_left(self):
        request = self.returned()
        request.action_pack()
        self.env.flush_all()
        attachment = (
            self.env["ir.attachment"]
            .sudo()
            .search([("res_model", "=", "pii.request.part"), ("res_id", "in", request.part_ids.ids)])
        )
        self.assertTrue(attachment.pii_subject_id)
        with open(attachment._full_path(attachment.store_fname), "rb") as file:
            stored = file.read()
        self.assertNoCanary(stored.decode("latin-1"), "the filestore")
        self.assertNotIn(b"age-encryption.org", stored, "sealed once more")
        for table in ("pii_request", "pii_request_part", "pii_request_item", "pii_disclosure", "mail_message"):
            self.env.cr.execute(f"SELECT coalesce(json_agg(t), '[]')::text FROM {table} t")  # pylint: disable=sql-injection
            self.assertNoCanary(self.env.cr.fetchone()[0], table)
        with self.assertRaises(AccessError):
            attachment.with_user(self.officer).raw  # noqa: B018


@tagged("post_install", "-at_install")
class TestRequestDownload(ReturnCase, HttpCase):
    """The archive leaves once, for its handler, and is gone from here."""

    @mute_logger("odoo.http")
    def test_downloaded_once(self):
        request = self.returned()
        request.action_pack()
        part, url = request.part_ids, f"/pii/request/part/{request.part_ids.id}"
        holder = part.sudo().subject_id
        self.env.flush_all()
        self.authenticate("vault_second", "vault_second")
        self.assertEqual(self.url_open(url).status_code, 403)
        self.authenticate("vault_officer", "vault_officer")
        self.assertEqual(self.url_open(url, headers={"Sec-Fetch-Site": "cross-site"}).status_code, 403)
        answer = self.url_open(url)
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        found = unpacked(pyrage.decrypt(answer.content, [self.identity]))
        self.assertEqual(len([name for name in found if name.endswith("data.json")]), 3)
        self.env.invalidate_all()
        self.assertEqual((part.state, part.downloaded_by_id, holder.state), ("downloaded", self.officer, "erased"))
        self.assertFalse(
            self.env["ir.attachment"].sudo().search([("res_model", "=", part._name), ("res_id", "=", part.id)])
        )
        self.assertNotEqual(self.url_open(url).status_code, 200)
        request.invalidate_recordset()
        request.action_received()
        self.run_cron()
        self.assertEqual(request.state, "done")
