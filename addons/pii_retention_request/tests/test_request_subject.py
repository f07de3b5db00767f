import io
import json
import zipfile
from uuid import uuid4

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import disclosures, lookup
from odoo.addons.pii_retention.tests.common import FISCAL, OPERATIONAL, PERSON

from .. import seals
from .common import RequestCase


class SubjectCase(RequestCase):
    def asked(self, right, subjects=None, approve=True):
        request = self.register(
            kind="data_subject",
            right=right,
            requester="The customer of the order",
            subject_ids=[Command.set((subjects or self.subject).ids)],
            identity_method="order_message",
        )
        request.action_preview()
        with self.acting(self.officer):
            request.action_confirm_identity()
        if approve:
            self.decide(request)
        return request


@tagged("post_install", "-at_install")
class TestRequestSubject(SubjectCase):
    """A person wants to see, correct or lose what is held: found by an exact value, answered, erased."""

    def test_found_by_exact_value_and_erased(self):
        wanted = self.env["pii.grant"].create(
            {
                "user_id": self.officer.id,
                "requested_by_id": self.officer.id,
                "purpose": "legal_request",
                "reason": "find the person of a request",
            }
        )
        with self.acting(self.second):
            wanted.with_user(self.second).action_approve()
        with self.acting(self.officer):
            found = lookup.find(
                self.env(user=self.officer), "email", PERSON["email"], "legal_request", "a customer asks for erasure"
            )
        self.assertIn(self.subject, found)
        request = self.asked("erase", subjects=found)
        self.assertEqual(request.legal_basis, "gdpr_17")
        self.run_cron()
        self.assertEqual(request.state, "done")
        self.assertNothingHeld(found)
        self.assertRequestImpersonal(request)
        with self.acting(self.officer):
            self.assertFalse(
                lookup.find(self.env(user=self.officer), "email", PERSON["email"], "legal_request", "is it all gone")
            )

    def test_nobody_chosen(self):
        request = self.register(kind="data_subject", right="erase", origin="shop")
        with self.assertRaises(UserError):
            request.action_preview()

    def test_customers_of_another_company(self):
        other = self.env["res.company"].create({"name": "Other Shop"})
        stranger = self.seal("402-9999999-0000001", company_id=other.id)
        with self.assertRaises(UserError):
            self.register(kind="data_subject", right="erase", subject_ids=[Command.set(stranger.ids)])

    def test_rectified_on_the_card(self):
        request = self.asked("rectify")
        self.assertEqual(request._pii_subjects(), self.subject)
        purposes = {found["code"]: found for found in self.subject.with_user(self.officer).pii_purposes()}
        self.assertTrue(purposes["legal_request"]["granted"])
        with self.assertRaises(UserError) as caught:
            request.action_answered()
        self.assertIn("Nothing was corrected", str(caught.exception))
        self.subject._correct({"operational": {"street": "Neue Strasse 1"}})
        request.action_answered()
        self.assertEqual((request.state, self.outcomes(request)), ("done", {self.subject.reference: "answered"}))
        self.assertEqual(self.subject.state, "live")

    def test_a_scan_attached_to_the_request_is_sealed(self):
        request = self.asked("access", approve=False)
        attachment = self.env["ir.attachment"].create(
            {"name": "letter.txt", "raw": PERSON["street"].encode(), "res_model": request._name, "res_id": request.id}
        )
        self.assertEqual(attachment.pii_subject_id, self.subject)

    def test_who_asks_is_checked_first(self):
        for right in ("access", "rectify", "erase"):
            request = self.register(kind="data_subject", right=right, subject_ids=[Command.set(self.subject.ids)])
            request.action_preview()
            with self.subTest(right=right), self.assertRaises(UserError) as caught:
                self.decide(request)
            self.assertIn("who asks", str(caught.exception))
            with self.assertRaises(UserError):
                request.action_confirm_identity()  # how, nobody has said
            request.identity_method = "order_facts"
            with self.acting(self.clerk), self.assertRaises(AccessError):
                request.with_user(self.clerk).sudo().action_confirm_identity()
            request.action_confirm_identity()
            self.assertEqual((request.state, request.identity_checked_by_id), ("previewed", self.officer))
            request.identity_method = "mandate"
            self.assertFalse(request.identity_checked_by_id, "another proof is confirmed anew")
            request.action_confirm_identity()
            request.subject_ids = [Command.link(self.bystander.id)]
            self.assertFalse(request.identity_checked_by_id, "it proved who one customer is, not the other")
        with self.assertRaises(AccessError):
            request.write({"identity_checked_by_id": self.second.id})
        request = self.asked("access")
        self.env.cr.execute("UPDATE pii_request SET identity_method = 'mandate' WHERE id = %s", [request.id])
        self.env.invalidate_all()
        self.assertFalse(seals.is_genuine(request))

    def test_answered_needs_a_copy(self):
        request = self.asked("access")
        with self.assertRaises(UserError) as caught:
            request.action_answered()
        self.assertIn("No copy was made", str(caught.exception))
        self.assertEqual(request.state, "approved")

    def test_nothing_is_held_is_an_answer(self):
        self.subject.sudo().write(self.subject._erased_columns())
        request = self.asked("access")
        request.action_answered()
        self.assertEqual((request.state, self.outcomes(request)), ("done", {self.subject.reference: "already"}))

    def test_answered_needs_its_decision(self):
        request = self.asked("access", approve=False)
        with self.assertRaises(UserError):
            request.action_answered()


@tagged("post_install", "-at_install")
class TestRequestCopy(SubjectCase, HttpCase):
    """The copy is made for the handler, at that moment, and kept nowhere."""

    def test_a_machine_readable_copy(self):
        request = self.asked("access")
        self.env.flush_all()
        self.authenticate("vault_officer", "vault_officer")
        answer = self.url_open(f"/pii/request/{request.id}/copy/json")
        self.assertEqual(answer.status_code, 200, answer.text[:500])
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        (known,) = answer.json()["customers"]
        self.assertEqual(known["data"], {"operational": OPERATIONAL, "fiscal": FISCAL})
        self.assertEqual(known["reference"], self.subject.reference)
        rows = self.env["pii.disclosure"].search([("document", "=", f"{request.name} json")])
        self.assertEqual(rows.mapped("outcome"), ["sent"])
        self.assertIn(("opened", "legal_request", self.officer.id), self.logged())
        self.assertRequestImpersonal(request)
        self.assertFalse(
            self.env["ir.attachment"].sudo().search([("res_model", "=", request._name), ("res_id", "=", request.id)])
        )

    def test_with_its_files_and_who_got_the_data(self):
        """All of it: data, sealed files, recipients; then it is answered."""
        self.env["ir.attachment"].create(
            {"name": "label.txt", "raw": b"to " + PERSON["street"].encode(), "res_model": "pii.subject",
             "res_id": self.subject.id}
        )  # fmt: skip
        disclosures.append(
            self.env, self.env["pii.recipient"].new({"name": "Parcels Ltd"}), self.subject, "sent",
            transfer=str(uuid4()), purpose="label", document="WH/OUT/1", classes=("operational",),
        )  # fmt: skip
        request = self.asked("access")
        self.env.flush_all()
        self.authenticate("vault_officer", "vault_officer")
        answer = self.url_open(f"/pii/request/{request.id}/copy/zip")
        self.assertEqual((answer.status_code, answer.headers["Content-Type"]), (200, "application/zip"))
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            found = {name: archive.read(name) for name in archive.namelist()}
        known = json.loads(found.pop("data.json"))
        self.assertEqual(known["customers"][0]["data"], {"operational": OPERATIONAL, "fiscal": FISCAL})
        self.assertEqual(list(found.values()), [b"to " + PERSON["street"].encode()])
        self.assertEqual(known["customers"][0]["files"][0]["path"], next(iter(found)))
        self.assertEqual([row["recipient"] for row in known["disclosed_to"]], ["Parcels Ltd"])
        self.env.invalidate_all()
        self.assertEqual(request.copy_made_by_id, self.officer)
        request.action_answered()
        self.assertEqual((request.state, self.outcomes(request)), ("done", {self.subject.reference: "answered"}))

    @mute_logger("odoo.http")
    def test_of_a_customer_with_more_orders_than_open_at_once(self):
        self.env["pii.purpose.limit"]._of_purpose("legal_request").sudo().max_subjects = 2
        request = self.asked("access", subjects=self.subjects)
        self.env.flush_all()
        self.authenticate("vault_officer", "vault_officer")
        answer = self.url_open(f"/pii/request/{request.id}/copy/json")
        self.assertEqual((answer.status_code, len(answer.json()["customers"])), (200, 3))
        again = self.url_open(f"/pii/request/{request.id}/copy/zip")
        self.assertEqual(again.status_code, 403)
        self.assertIn("give access again", again.text)
        self.env.invalidate_all()
        with self.acting(self.second):
            request.with_user(self.second).action_give_access_again()
        self.env.flush_all()
        self.assertEqual(self.url_open(f"/pii/request/{request.id}/copy/zip").status_code, 200)

    def test_a_copy_to_read(self):
        request = self.asked("access")
        self.env.flush_all()
        self.authenticate("vault_officer", "vault_officer")
        answer = self.url_open(f"/pii/request/{request.id}/copy/pdf", timeout=60)
        self.assertEqual(answer.status_code, 200, answer.text[:500])
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertTrue(answer.content)

    @mute_logger("odoo.http")
    def test_the_doors(self):
        request = self.asked("access")
        waiting = self.asked("access", approve=False)
        erasing = self.asked("erase")
        self.env.flush_all()
        for login, target, form in (
            ("vault_second", request, "json"),  # approved it, does not handle it
            ("vault_clerk", request, "json"),
            ("vault_auditor", request, "json"),
            ("vault_officer", waiting, "json"),  # nobody has decided
            ("vault_officer", erasing, "json"),  # nothing to hand out
            ("vault_officer", request, "xml"),
        ):
            self.authenticate(login, login)
            answer = self.url_open(f"/pii/request/{target.id}/copy/{form}")
            with self.subTest(login=login, target=target.name, form=form):
                self.assertNotEqual(answer.status_code, 200)
                self.assertNoCanary(answer.text, "an error")
        self.authenticate("vault_officer", "vault_officer")
        answer = self.url_open(f"/pii/request/{request.id}/copy/json", headers={"Sec-Fetch-Site": "cross-site"})
        self.assertEqual(answer.status_code, 403)
        # the page of the report, asked for by its address, shows nobody
        answer = self.url_open(f"/report/html/pii_retention_request.report_copy/{request.id}")
        self.assertNoCanary(answer.text, "the report outside of a reveal")
