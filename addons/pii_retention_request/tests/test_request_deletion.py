import contextlib
from datetime import timedelta
from unittest.mock import patch

import psycopg2

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from odoo.addons.pii_retention import keys
from odoo.addons.pii_retention.tests.common import PERSON

from ..models import pii_request_execution as execution
from .common import RequestCase


class Killed(BaseException):
    """The end of the process, as far as a test can play it."""


@tagged("post_install", "-at_install")
class TestRequestDeletion(RequestCase):
    """Amazon's notice to delete, from its arrival to its certificate."""

    def test_the_whole_life(self):
        request = self.register()
        self.assertEqual(request.state, "draft")
        self.assertTrue(request.name.startswith("REQ/"))
        self.assertEqual(request.legal_basis, "amazon_notice")
        self.assertTrue(request.activity_search(["pii_retention_request.activity_decide"]))
        request.action_preview()
        self.assertEqual((request.found_count, request.live_count, request.held_count), (3, 3, 0))
        self.assertFalse(request.unknown_text)
        self.decide(request)
        self.assertEqual((request.state, request.decided_by_id), ("approved", self.second))
        self.run_cron()
        self.assertEqual(request.state, "done")
        self.assertNothingHeld(self.subjects)
        self.assertEqual(set(self.outcomes(request).values()), {"erased"})
        self.assertEqual((request.erased_by_count, request.left_count, request.progress), (3, 0, 100.0))
        self.assertEqual(len(request.certificate_ids), 1)
        self.assertEqual(self.bystander.state, "live", "somebody else's data stays")
        partner = self.bystander._partner()
        with self.acting(self.clerk), self.bystander.with_user(self.clerk).reveal("invoice") as env:
            self.assertEqual(partner.with_env(env).name, PERSON["name"])
        self.assertFalse(request.activity_search(["pii_retention_request.activity_decide"]))
        self.assertTrue(request.activity_search(["pii_retention_request.activity_copies"]))
        self.assertRequestImpersonal(request)

    def test_an_empty_scope_is_refused(self):
        for vals in ({"references": "  , "}, {"references": False, "origin": False}):
            with self.assertRaises(UserError) as caught:
                self.register(**vals).action_preview()
            self.assertIn("whom the request is about", str(caught.exception))

    def test_a_period_is_counted_in_the_companys_days(self):
        self.company._pii_policy().tz = "Pacific/Kiritimati"
        today = self.company._pii_day()
        request = self.register(origin="shop", date_from=today, date_to=today)
        request.action_preview()
        self.assertEqual(request.found_count, 5)
        request = self.register(origin="shop", date_from=today - timedelta(days=3), date_to=today - timedelta(days=1))
        request.action_preview()
        self.assertEqual(request.found_count, 0)

    def test_unknown_orders_are_named_and_stop_it(self):
        request = self.register(references=f"{self.subject.reference}, 999-0000000-1234567")
        request.action_preview()
        self.assertEqual(request.unknown_text, "Order 999-0000000-1234567")
        with self.assertRaises(UserError) as caught:
            request.action_approve()
        self.assertIn("999-0000000-1234567", str(caught.exception))
        request.action_confirm_unknown()
        request.action_approve()
        self.run_cron()
        self.assertEqual(request.state, "done")
        self.assertNothingHeld(self.subject)

    def test_unknown_accounts_are_named_and_stop_it(self):
        request = self.register(account_refs="A2UNKNOWNSELLER\nA3OTHER", references=self.subject.reference)
        request.action_preview()
        self.assertEqual(request.unknown_text.splitlines(), ["Account A2UNKNOWNSELLER", "Account A3OTHER"])
        self.assertEqual(request.live_count, 0, "nobody is erased for an account that is not known")
        with self.assertRaises(UserError):
            self.decide(request)
        self.assertEqual(request.state, "previewed")

    def test_an_unknown_channel_is_named_and_stops_it(self):
        """A typing error would find nobody, and certify that everybody was erased."""
        request = self.register(origin="shpo")
        request.action_preview()
        self.assertEqual((request.unknown_text, request.live_count), ("Channel shpo", 0))
        self.decision_refused(request)

    def test_a_busy_customer_keeps_no_other_request_from_going_on(self):
        first, later = self.register(), self.register(references=self.bystander.reference)
        for request in (first, later):
            request.action_preview()
            self.decide(request)
        erase = execution._erase

        def busy(request, subjects):
            if request == first.sudo():
                raise psycopg2.errors.SerializationFailure("could not serialize access")
            erase(request, subjects)

        with patch.object(execution, "_erase", busy):
            self.run_cron()
        self.assertNotEqual(first.state, "done")
        self.assertEqual((later.state, self.bystander.state), ("done", "erased"))
        self.run_cron()
        self.assertEqual(first.state, "done")
        self.assertNothingHeld(self.subjects)

    def test_a_changed_scope_takes_preview_and_confirmation_back(self):
        request = self.register(references="999-0000000-1234567")
        request.action_preview()
        request.action_confirm_unknown()
        request.references = "999-0000000-7654321"
        self.assertEqual((request.state, request.unknown_confirmed_by_id.id), ("draft", False))
        request.action_preview()
        self.decision_refused(request)

    def decision_refused(self, request):
        with self.assertRaises(UserError):
            self.decide(request)

    def test_overlapping_requests_do_nothing_twice(self):
        first = self.register()
        first.action_preview()
        later = self.register(references="\n".join((self.subjects[:2] | self.bystander).mapped("reference")))
        later.action_preview()
        self.assertEqual(later.overlap_ids, first, "the second names the first")
        self.decide(first)
        self.decide(later)
        erased = []
        erase = execution._erase

        def counting(request, subjects):
            erased.extend(subjects.ids)
            erase(request, subjects)

        with patch.object(execution, "_erase", counting):
            self.run_cron()
        self.assertEqual(sorted(erased), sorted((self.subjects | self.bystander).ids), "each once")
        self.assertEqual((first.state, later.state), ("done", "done"))
        self.assertEqual(
            self.outcomes(later),
            {**dict.fromkeys(self.subjects[:2].mapped("reference"), "shared"), self.bystander.reference: "erased"},
        )
        self.assertLessEqual(set(first.certificate_ids.ids), set(later.certificate_ids.ids), "the result is shared")
        third = self.register()
        third.action_preview()
        self.assertEqual((third.live_count, set(self.outcomes(third).values())), (0, {"shared"}))
        self.assertIn(first, third.item_ids.other_id)

    def test_interrupted_between_batches(self):
        """What was committed stays, what was not is done again, and the outcome is that of an undisturbed run."""
        request = self.register()
        request.action_preview()
        self.decide(request)
        erase = execution._erase
        calls = []

        def dying(request, subjects):
            erase(request, subjects)
            calls.append(subjects)
            if len(calls) == 2:
                raise Killed

        with patch.object(execution, "BATCH", 1), patch.object(execution, "_erase", dying):
            # assertRaises would roll back what the work has committed
            with contextlib.suppress(Killed):
                self.run_cron()
        self.assertEqual(len(calls), 2)
        self.assertEqual(request.state, "running")
        self.env.invalidate_all()
        # the second erasure was committed, its note in the request was not
        self.assertEqual(sorted(self.outcomes(request).values()), ["erased", "pending", "pending"])
        with patch.object(execution, "BATCH", 1):
            self.run_cron()
        self.assertEqual(request.state, "done")
        self.assertEqual(set(self.outcomes(request).values()), {"erased"})
        self.assertEqual(request.erased_by_count, 3)
        self.assertEqual(len(request.certificate_ids), 3)
        self.assertNothingHeld(self.subjects)

    def test_refused_with_grounds(self):
        request = self.register()
        with self.assertRaises(UserError):
            request.action_refuse()
        request.decision_note = "Not from Amazon: the sender could not be verified"
        request.action_refuse()
        self.assertEqual(request.state, "refused")
        self.run_cron()
        self.assertEqual(set(self.subjects.mapped("state")), {"live"})

    def test_bad_input(self):
        with self.assertRaises(ValidationError):
            self.register(received_at=fields.Datetime.now() + timedelta(hours=1))
        with self.assertRaises(ValidationError):
            self.register(requester="jane@marketplace.example.com")
        with self.assertRaises(ValidationError):
            self.register(kind="data_subject")
        request = self.register()
        with self.assertRaises(UserError):
            self.decide(request)  # nobody decides blindly
        request.action_preview()
        self.decide(request)
        with self.assertRaises(UserError):
            request.references = self.bystander.reference
        with self.assertRaises(UserError):
            request.unlink()

    def test_a_missing_key_store_is_reported_and_loses_nothing(self):
        request = self.register()
        request.action_preview()
        self.decide(request)

        def away(env):
            raise UserError("The key store is away.")

        with patch.object(keys, "keyring", away):
            self.run_cron()
        self.assertEqual(request.state, "approved")
        self.assertEqual(set(self.subjects.mapped("state")), {"live"})
        self.assertTrue(request.activity_search(["pii_retention_request.activity_failed"]))
        self.run_cron()
        self.assertEqual(request.state, "done")
        self.assertFalse(request.activity_search(["pii_retention_request.activity_failed"]))

    def test_who_reads_what(self):
        request = self.register()
        self.assertTrue(request.with_user(self.auditor).read(["name", "state"]))
        for user in (self.clerk, self.nobody, self.env.ref("base.user_admin")):
            if user.has_group("pii_retention.group_privacy_officer"):
                continue
            with self.assertRaises(AccessError):
                request.with_user(user).read(["name"])
        with self.assertRaises(AccessError):
            request.with_user(self.auditor).action_preview()

    def test_the_certificate_prints_without_personal_data(self):
        request = self.carried_out()
        report = self.env["ir.actions.report"].with_user(self.officer)
        html, _kind = report._render_qweb_html("pii_retention_request.report_request", request.ids)
        text = html.decode() if isinstance(html, bytes) else str(html)
        self.assertIn(request.name, text)
        self.assertIn("verified on printing", text)
        self.assertNoCanary(text, "the certificate")


@tagged("post_install", "-at_install")
class TestMerchantLeaves(RequestCase):
    def test_the_whole_company_leaves(self):
        request = self.register(kind="merchant_leaves", requester="Seller", legal_basis="authorisation_end")
        request.action_preview()
        self.assertEqual(request.live_count, 5)
        self.assertTrue(request.needs_second)
        self.decide(request)
        late = self.seal("402-1234567-0000010")
        self.run_cron()
        self.assertEqual(request.state, "done")
        self.assertNothingHeld(self.subjects | self.bystander | late)
        domain = self.company._pii_domain()
        self.assertEqual(keys.keyring(self.env).list(f"day/{domain}"), [])

    def test_another_company_keeps_its_keys(self):
        other = self.env["res.company"].create({"name": "Other Shop"})
        known = self.seal("402-9999999-0000001", company_id=other.id)
        request = self.register(kind="merchant_leaves")
        request.action_preview()
        self.decide(request)
        self.run_cron()
        self.assertEqual(known.state, "live")
        self.assertTrue(keys.keyring(self.env).list(f"day/{other._pii_domain()}"))
