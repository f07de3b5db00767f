from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from odoo.addons.pii_retention import transactions

from ..models import pii_request_execution as execution
from .test_request_return import ReturnCase


@tagged("post_install", "-at_install")
class TestRequestWithdrawal(ReturnCase):
    """A decision that was wrong can be stopped; what was done stays done, and is said."""

    def withdraw(self, request, user=None):
        user = user or self.officer
        with self.acting(user):
            request.with_user(user).action_withdraw()
        self.env.flush_all()

    def test_before_the_work_began(self):
        request = self.register()
        request.action_preview()
        with self.assertRaises(UserError):
            self.withdraw(request)
        self.decide(request)
        with self.assertRaises(UserError) as caught:
            self.withdraw(request)
        self.assertIn("grounds", str(caught.exception))
        request.decision_note = "The notice named another seller"
        with self.assertRaises(AccessError):
            self.withdraw(request, self.clerk)
        self.withdraw(request)
        self.assertEqual((request.state, request.withdrawn_by_id), ("withdrawn", self.officer))
        self.run_cron()
        self.assertEqual(set(self.subjects.mapped("state")), {"live"})
        html, _kind = self.env["ir.actions.report"]._render_qweb_html(
            "pii_retention_request.report_request", request.ids
        )
        self.assertIn(b"withdrawn", html)
        for action in (request.action_approve, request.action_preview, request.action_withdraw):
            with self.assertRaises(UserError):
                action()

    def test_half_way(self):
        request = self.register()
        request.action_preview()
        self.decide(request)
        request.decision_note = "The notice named another seller"
        done = []

        def stop(env, *args, **kwargs):
            env.flush_all()
            if not done and request.erased_by_count:
                done.append(request.erased_by_count)
                self.withdraw(request)
            return 1.0

        with patch.object(execution, "BATCH", 1), patch.object(transactions, "commit", stop):
            self.run_cron()
        self.assertEqual((request.state, done), ("withdrawn", [1]))
        self.assertEqual(sorted(self.subjects.mapped("state")), ["erased", "live", "live"])
        self.assertEqual((request.erased_by_count, request.left_count, len(request.certificate_ids)), (1, 2, 1))
        self.run_cron()
        self.assertEqual(sorted(self.subjects.mapped("state")), ["erased", "live", "live"])

    def test_a_return_is_stopped_with_its_access_and_its_archives(self):
        request = self.returned()
        request.action_pack()
        part = request.part_ids
        request.decision_note = "The key was another one than the requester's"
        self.withdraw(request)
        self.assertEqual((part.state, request.grant_id.state), ("gone", "revoked"))
        self.assertFalse(self.sealed_file(part))
        with self.assertRaises(UserError):
            request.action_pack()
        self.assertEqual(set(self.subjects.mapped("state")), {"live"})

    def test_a_forged_request_has_a_way_out(self):
        request = self.register()
        request.action_preview()
        self.decide(request)
        self.env.cr.execute("UPDATE pii_request SET kind = 'merchant_leaves' WHERE id = %s", [request.id])
        self.env.invalidate_all()
        self.run_cron()
        self.assertTrue(request.activity_search(["pii_retention_request.activity_failed"]))
        request.decision_note = "Written past the decision; registered anew"
        self.withdraw(request)
        self.assertFalse(request.activity_search(["pii_retention_request.activity_failed"]))

    def test_another_handler(self):
        """Who is reminded of an erasure may change; who hands data out was decided about."""
        request = self.register()
        request.action_preview()
        self.decide(request)
        request.user_id = self.second
        self.run_cron()
        self.assertEqual(request.state, "done")
        request = self.returned(references=self.bystander.reference)
        with self.assertRaises(UserError) as caught:
            request.user_id = self.second
        self.assertIn("Withdraw", str(caught.exception))
